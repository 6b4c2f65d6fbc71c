"""From Python's values to PostgreSQL's texts."""

import datetime
import decimal
import enum
import functools
import ipaddress
import json
import re
import uuid
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple, Union

from .loading import ARRAYS
from .types import Json, Jsonb, Multirange, Range

# A text, or bytes in binary, or NULL; and its type's oid, 0: the server decides.
Sent = Tuple[Union[str, bytes, None], int]

_INT4, _INT8, _NUMERIC = 23, 20, 1700


# Of int and float themselves: an enumeration's or numpy's text is another.
def _int(value: int) -> Sent:
    text = int.__repr__(value)
    if -(2**31) <= value < 2**31:
        return text, _INT4
    return text, _INT8 if -(2**63) <= value < 2**63 else _NUMERIC


def _interval(value: datetime.timedelta) -> Sent:
    return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds", 1186


def _text(value: Any) -> str:
    """Of a part of something."""
    sent = parameter(value)[0]
    return "\\x" + sent.hex() if isinstance(sent, bytes) else sent or ""


def _quoted(value: Any) -> str:
    return '"' + _text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _leaves(values: Sequence[Any]) -> "set[int]":
    oids: "set[int]" = set()
    for value in values:
        if isinstance(value, list):
            oids |= _leaves(value)
        elif value is not None:
            oids.add(parameter(value)[1])
    return oids


def _array_text(values: Sequence[Any]) -> str:
    def item(value: Any) -> str:
        if isinstance(value, list) and not isinstance(value, Multirange):
            return _array_text(value)
        return "NULL" if value is None else _quoted(value)

    return "{" + ",".join(map(item, values)) + "}"


def _array(values: Sequence[Any]) -> Sent:
    """Of a type if its items have one."""
    oids = _leaves(values)
    if len(oids) > 1 and oids <= {_INT4, _INT8, _NUMERIC}:
        oids = {_NUMERIC if _NUMERIC in oids else _INT8}
    return _array_text(values), ARRAYS.get(oids.pop(), 0) if len(oids) == 1 else 0


def _record(values: Sequence[Any]) -> Sent:
    return "(" + ",".join("" if value is None else _quoted(value) for value in values) + ")", 0


def _range_text(value: "Range[Any]") -> str:
    if value.empty:
        return "empty"
    low, high = ("" if v is None else _quoted(v) for v in (value.lower, value.upper))
    return f"{value.bounds[0]}{low},{high}{value.bounds[1]}"


_Dump = Callable[[Any], Sent]
# The first that fits counts: bool is an int, datetime is a date.
_DUMPERS: "tuple[tuple[Any, _Dump], ...]" = (
    (str, lambda value: (value, 0)),
    (bool, lambda value: ("t" if value else "f", 16)),
    (int, _int),
    (float, lambda value: (float.__repr__(value), 701)),
    ((bytes, bytearray, memoryview), lambda value: (bytes(value), 17)),
    (decimal.Decimal, lambda value: (str(value), _NUMERIC)),
    (datetime.datetime, lambda value: (value.isoformat(" "), 1184 if value.tzinfo else 1114)),
    (datetime.date, lambda value: (value.isoformat(), 1082)),
    (datetime.time, lambda value: (value.isoformat(), 1266 if value.tzinfo else 1083)),
    (datetime.timedelta, _interval),
    (uuid.UUID, lambda value: (str(value), 2950)),
    (Jsonb, lambda value: (json.dumps(value.value), 3802)),
    (Json, lambda value: (json.dumps(value.value), 114)),
    (dict, lambda value: (json.dumps(value), 0)),
    (Range, lambda value: (_range_text(value), 0)),
    (Multirange, lambda value: ("{" + ",".join(map(_range_text, value)) + "}", 0)),
    (list, _array),
    (tuple, _record),
    ((ipaddress.IPv4Network, ipaddress.IPv6Network), lambda value: (str(value), 650)),
    ((ipaddress.IPv4Address, ipaddress.IPv6Address), lambda value: (str(value), 869)),
    (enum.Enum, lambda value: (value.name, 0)),
)


# Those that are no class of one's own need no search.
_EXACT: "dict[type, _Dump]" = {
    kind: dump
    for kinds, dump in _DUMPERS
    for kind in (kinds if isinstance(kinds, tuple) else (kinds,))
    if kind is not enum.Enum
}


def parameter(value: Any) -> Sent:
    if value is None:
        return None, 0
    exact = _EXACT.get(type(value))
    if exact is not None:
        return exact(value)
    for kind, dump in _DUMPERS:
        if isinstance(value, kind):
            return dump(value)
    return str(value), 0


_PLACE = re.compile(r"%(?:%|s|\(([^)]+)\)s)|(%)")


def _places(sql: str) -> "tuple[str, tuple[Optional[str], ...]]":
    """`%s` or `%(name)s` become $1, $2, ...; what stands for each: a name, or None."""
    numbers: "dict[Any, int]" = {}
    names: "list[Optional[str]]" = []

    def place(found: "re.Match[str]") -> str:
        if found[0] == "%%":
            return "%"
        if found[2]:
            raise ValueError("a % that is no parameter is written %%")
        key = found[1] or len(names)
        if key not in numbers:
            names.append(found[1])
            numbers[key] = len(names)
        return f"${numbers[key]}"

    text = _PLACE.sub(place, sql)
    if None in names and any(names):
        raise ValueError("parameters are either all named or all in order")
    return text, tuple(names)


# Programs have few texts; those that are made anew each time are long.
_kept_places = functools.lru_cache(1024)(_places)


def numbered(
    sql: str, parameters: Union[Sequence[Any], Mapping[str, Any]]
) -> "tuple[str, list[Sent]]":
    """The text with $1, $2, ..., and the values in that order."""
    text, places = _kept_places(sql) if len(sql) < 4096 else _places(sql)
    if isinstance(parameters, dict) or isinstance(parameters, Mapping):
        if None in places:
            raise ValueError("parameters are either all named or all in order")
        return text, [parameter(parameters[name]) for name in places if name]
    if places and places[0] is not None:
        raise ValueError("parameters are either all named or all in order")
    if len(places) != len(parameters):
        raise ValueError(f"{len(parameters)} values for {len(places)} parameters")
    return text, [parameter(value) for value in parameters]
