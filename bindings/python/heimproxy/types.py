"""Between Python's values and PostgreSQL's texts."""

import datetime
import decimal
import ipaddress
import json
import re
import uuid

_INTERVAL = re.compile(
    r"(?:(?P<years>-?\d+) years? ?)?(?:(?P<mons>-?\d+) mons? ?)?(?:(?P<days>-?\d+) days? ?)?"
    r"(?:(?P<sign>[-+]?)(?P<h>\d+):(?P<m>\d+):(?P<s>\d+(?:\.\d+)?))?$"
)


def _interval(text):
    """A timedelta; months have no length: such an interval stays a text."""
    found = _INTERVAL.match(text)
    if not found or found["years"] or found["mons"]:
        return text
    clock = datetime.timedelta(
        hours=int(found["h"] or 0), minutes=int(found["m"] or 0), seconds=float(found["s"] or 0)
    )
    return datetime.timedelta(days=int(found["days"] or 0)) + (
        -clock if found["sign"] == "-" else clock
    )


def _moment(convert):
    """What Python's calendar cannot hold (infinity, years BC, 24:00) stays a text."""

    def converted(text):
        try:
            return convert(text)
        except ValueError:
            return text

    return converted


def _array(convert):
    """{1,NULL,"a b"}, also nested."""

    def read(text):
        at = text.index("{")  # behind explicit bounds, if there are any
        items, _ = _read_array(text, at, convert)
        return items

    return read


def _read_array(text, at, convert):
    items = []
    at += 1
    while text[at] != "}":
        if text[at] == ",":
            at += 1
        elif text[at] == "{":
            inner, at = _read_array(text, at, convert)
            items.append(inner)
        else:
            item, quoted, at = _read_item(text, at)
            items.append(None if item == "NULL" and not quoted else convert(item))
    return items, at + 1


def _read_item(text, at):
    if text[at] != '"':
        end = at
        while text[end] not in ",}":
            end += 1
        return text[at:end], False, end
    out = []
    at += 1
    while text[at] != '"':
        at += text[at] == "\\"
        out.append(text[at])
        at += 1
    return "".join(out), True, at + 1


def _bool(text):
    return text == "t"


def _bytes(text):
    return bytes.fromhex(text[2:])


# By pg_type's oid, beside those that the extension makes itself: bool, integers, floats, bytea.
CONVERTERS = {
    1700: decimal.Decimal,
    1082: _moment(datetime.date.fromisoformat),
    1083: _moment(datetime.time.fromisoformat),
    1266: _moment(datetime.time.fromisoformat),
    1114: _moment(datetime.datetime.fromisoformat),
    1184: _moment(datetime.datetime.fromisoformat),
    1186: _interval,
    2950: uuid.UUID,
    114: json.loads,
    3802: json.loads,
    869: ipaddress.ip_interface,
    650: ipaddress.ip_network,
}
_ARRAYS = {1000: _bool, 1001: _bytes, 1005: int, 1007: int, 1016: int, 1028: int, 1021: float,
           1022: float, 1009: str, 1015: str, 1014: str, 1002: str,
           1231: 1700, 1182: 1082, 1183: 1083, 1115: 1114, 1185: 1184, 1187: 1186, 2951: 2950,
           199: 114, 3807: 3802, 1041: 869, 651: 650}
CONVERTERS.update(
    {oid: _array(CONVERTERS.get(item, item)) for oid, item in _ARRAYS.items()}
)


class Json:
    """A value to be sent as JSON."""

    def __init__(self, value):
        self.value = value


def _array_item(value):
    if value is None:
        return "NULL"
    if isinstance(value, (list, tuple)):
        return _array_text(value)
    sent = parameter(value)[0]
    if isinstance(sent, bytes):
        sent = "\\x" + sent.hex()
    return '"' + sent.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _array_text(values):
    return "{" + ",".join(map(_array_item, values)) + "}"


# Of int and float themselves: an enumeration's or numpy's text is another.
def _int(value):
    text = int.__repr__(value)
    if -(2**31) <= value < 2**31:
        return text, 23
    return text, 20 if -(2**63) <= value < 2**63 else 1700


def _interval_text(value):
    return f"{value.days} days {value.seconds} seconds {value.microseconds} microseconds"


# The first that fits counts: bool is an int, datetime is a date.
_DUMPERS = (
    (str, lambda value: (value, 0)),
    (bool, lambda value: ("t" if value else "f", 16)),
    (int, _int),
    (float, lambda value: (float.__repr__(value), 701)),
    ((bytes, bytearray, memoryview), lambda value: (bytes(value), 17)),
    (decimal.Decimal, lambda value: (str(value), 1700)),
    (datetime.datetime, lambda value: (value.isoformat(" "), 1184 if value.tzinfo else 1114)),
    (datetime.date, lambda value: (value.isoformat(), 1082)),
    (datetime.time, lambda value: (value.isoformat(), 1266 if value.tzinfo else 1083)),
    (datetime.timedelta, lambda value: (_interval_text(value), 1186)),
    (uuid.UUID, lambda value: (str(value), 2950)),
    (Json, lambda value: (json.dumps(value.value), 114)),
    (dict, lambda value: (json.dumps(value), 114)),
    ((list, tuple), lambda value: (_array_text(value), 0)),
)


def parameter(value):
    """(text or bytes or None, oid); oid 0: the server decides."""
    if value is None:
        return None, 0
    for kind, dump in _DUMPERS:
        if isinstance(value, kind):
            return dump(value)
    return str(value), 0


_PLACE = re.compile(r"%(?:%|s|\((\w+)\)s)|(%)")


def numbered(sql, parameters):
    """`%s` or `%(name)s` become $1, $2, ...; the values in that order."""
    named = isinstance(parameters, dict)
    order, values = {}, []

    def place(found):
        if found[0] == "%%":
            return "%"
        if found[2]:
            raise ValueError("a % that is no parameter is written %%")
        name = found[1]
        if named != (name is not None):
            raise ValueError("parameters are either all named or all in order")
        if not named:
            values.append(parameters[len(values)])
            return f"${len(values)}"
        if name not in order:
            values.append(parameters[name])
            order[name] = len(values)
        return f"${order[name]}"

    text = _PLACE.sub(place, sql)
    if not named and len(values) != len(parameters):
        raise ValueError(f"{len(parameters)} values for {len(values)} parameters")
    return text, [parameter(value) for value in values]


class TypeObject:
    """PEP 249: compares equal to the type codes that it stands for."""

    def __init__(self, *oids):
        self.oids = frozenset(oids)

    def __eq__(self, other):
        return other in self.oids if isinstance(other, int) else self is other

    __hash__ = None


STRING = TypeObject(18, 19, 25, 1042, 1043)
BINARY = TypeObject(17)
NUMBER = TypeObject(20, 21, 23, 700, 701, 1700)
DATETIME = TypeObject(1082, 1083, 1114, 1184, 1186, 1266)
ROWID = TypeObject(26)
