"""From PostgreSQL's texts to Python's values."""

import datetime
import decimal
import ipaddress
import json
import re
import uuid
from typing import Any, Callable, Dict, Optional, Union

from . import errors
from .types import Multirange, Range

Converter = Callable[[str], Any]
Converters = Dict[int, Converter]

_INTERVAL = re.compile(
    r"(?:(?P<years>-?\d+) years? ?)?(?:(?P<mons>-?\d+) mons? ?)?(?:(?P<days>-?\d+) days? ?)?"
    r"(?:(?P<sign>[-+]?)(?P<h>\d+):(?P<m>\d+):(?P<s>\d+)(?:\.(?P<fraction>\d+))?)?$"
)


def interval(text: str) -> Union[str, datetime.timedelta]:
    """A timedelta; months have no length: such an interval stays a text."""
    found = _INTERVAL.match(text)
    if not found or found["years"] or found["mons"]:
        return text
    clock = datetime.timedelta(
        hours=int(found["h"] or 0),
        minutes=int(found["m"] or 0),
        seconds=int(found["s"] or 0),
        microseconds=int((found["fraction"] or "").ljust(6, "0")),
    )
    return datetime.timedelta(days=int(found["days"] or 0)) + (
        -clock if found["sign"] == "-" else clock
    )


def _moment(convert: Converter) -> Converter:
    """Infinity, years BC and beyond 9999, 24:00: Python's calendar has none of them."""

    def converted(text: str) -> Any:
        try:
            return convert(text)
        except ValueError:
            why = f"Python has no value for {text!r}; select it as text (::text)"
            raise errors.DataError(why) from None

    return converted


def _inet(text: str) -> Any:
    return ipaddress.ip_interface(text) if "/" in text else ipaddress.ip_address(text)


def _vector(text: str) -> "list[int]":
    """The catalog's int2vector and oidvector."""
    return [int(number) for number in text.split()]


# ---- what has parts: one reader of quoted texts for all of them ---------------------------------


def _item(text: str, at: int, ends: str) -> "tuple[Optional[str], int]":
    """The text up to one of `ends`, without its quotes; None: there was nothing. Where it ends."""
    out, quoted = [], False
    inside = False
    while inside or text[at] not in ends:
        if text[at] == '"' and inside and text[at + 1] == '"':
            at += 1
            out.append('"')
        elif text[at] == '"':
            inside, quoted = not inside, True
        else:
            at += text[at] == "\\"
            out.append(text[at])
        at += 1
    return ("".join(out) if out or quoted else None), at


def array(convert: Converter) -> Converter:
    """{1,NULL,"a b"}, also nested."""

    def read(text: str) -> Any:
        # Behind explicit bounds, if there are any.
        return _read_array(text, text.index("{"), convert)[0]

    return read


def _read_array(text: str, at: int, convert: Converter) -> "tuple[list[Any], int]":
    items: "list[Any]" = []
    at += 1
    while text[at] != "}":
        if text[at] == ",":
            at += 1
        elif text[at] == "{":
            inner, at = _read_array(text, at, convert)
            items.append(inner)
        else:
            is_null = text.startswith("NULL", at) and text[at + 4] in ",}"
            item, at = _item(text, at, ",}")
            items.append(None if is_null else convert(item or ""))
    return items, at + 1


def record(text: str) -> "tuple[Optional[str], ...]":
    """(1,"a b",): the fields say no types; they stay texts."""
    fields, at = [], 0
    while text[at] != ")":
        field, at = _item(text, at + 1, ",)")
        fields.append(field)
    return tuple(fields) if len(text) > 2 else ()


def _range_at(text: str, at: int, convert: Converter) -> "tuple[Range[Any], int]":
    if text.startswith("empty", at):
        return Range(empty=True), at + len("empty")
    lower, comma = _item(text, at + 1, ",")
    upper, end = _item(text, comma + 1, ")]")
    low = None if lower is None else convert(lower)
    high = None if upper is None else convert(upper)
    return Range(low, high, text[at] + text[end]), end + 1


def range_of(convert: Converter) -> Converter:
    return lambda text: _range_at(text, 0, convert)[0]


def multirange_of(convert: Converter) -> Converter:
    def read(text: str) -> Multirange:
        ranges, at = Multirange(), 1
        while text[at] != "}":
            found, at = _range_at(text, at + (text[at] == ","), convert)
            ranges.append(found)
        return ranges

    return read


# ---- by pg_type's oid ---------------------------------------------------------------------------

_date = _moment(datetime.date.fromisoformat)
_timestamp = _moment(datetime.datetime.fromisoformat)
_time = _moment(datetime.time.fromisoformat)

# Beside those that the extension makes itself: bool, integers, floats, bytea.
CONVERTERS: Converters = {
    1700: decimal.Decimal,
    1082: _date,
    1083: _time,
    1266: _time,
    1114: _timestamp,
    1184: _timestamp,
    1186: interval,
    2950: uuid.UUID,
    114: json.loads,
    3802: json.loads,
    869: _inet,
    650: ipaddress.ip_network,
    2249: record,
    22: _vector,
    30: _vector,
}
# Of a range and its multirange: what converts the bounds.
_BOUNDS: "dict[tuple[int, int], Converter]" = {
    (3904, 4451): int, (3926, 4536): int, (3906, 4532): decimal.Decimal, (3908, 4533): _timestamp,
    (3910, 4534): _timestamp, (3912, 4535): _date,
}
for (_range, _multirange), _bound in _BOUNDS.items():
    CONVERTERS[_range] = range_of(_bound)
    CONVERTERS[_multirange] = multirange_of(_bound)

# Those that the extension makes, and texts.
_ITEMS: Converters = {
    16: lambda text: text == "t",
    17: lambda text: bytes.fromhex(text[2:]),
    21: int, 23: int, 20: int, 26: int, 700: float, 701: float,
    **dict.fromkeys([18, 19, 25, 142, 600, 790, 829, 1042, 1043, 1560, 1562], str),
}
# An array's type by its items'.
ARRAYS = {
    16: 1000, 17: 1001, 18: 1002, 19: 1003, 21: 1005, 23: 1007, 25: 1009, 20: 1016, 26: 1028,
    114: 199, 142: 143, 600: 1017, 650: 651, 700: 1021, 701: 1022, 790: 791, 829: 1040, 869: 1041,
    1042: 1014, 1043: 1015, 1082: 1182, 1083: 1183, 1114: 1115, 1184: 1185, 1186: 1187, 1266: 1270,
    1560: 1561, 1562: 1563, 1700: 1231, 2249: 2287, 2950: 2951, 3802: 3807, 3904: 3905, 3906: 3907,
    3908: 3909, 3910: 3911, 3912: 3913, 3926: 3927, 4451: 6150, 4532: 6151, 4533: 6152, 4534: 6153,
    4535: 6155, 4536: 6157,
}
CONVERTERS.update({
    oid: array(CONVERTERS.get(item) or _ITEMS[item]) for item, oid in ARRAYS.items()
})
