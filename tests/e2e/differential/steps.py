"""What a session sends: plain data that can be written to a file, read by people, and encoded.

A message is a list: its letter, then its fields (`["Q", "select 1"]`). `["wait", ...]` is not sent:
the client reads on before it goes on, until the answer to a Flush is complete ("flush") or the
server has asked for COPY data ("copy"). Values of Bind and FunctionCall are hexadecimal, or None.
"""

import json
import struct
from dataclasses import dataclass, field

from harness import wire

ENDS_WITH_READY = "QSF"


@dataclass
class Session:
    """One client from its startup packet to its end: `terminate` says so, `abort` just leaves."""

    number: int
    startup: dict
    steps: list = field(default_factory=list)  # lists of messages
    ending: str = "terminate"

    def to_json(self):
        return json.dumps(vars(self), indent=1)


def from_json(text):
    return Session(**json.loads(text))


def _codes(codes):
    return struct.pack("!h", len(codes)) + b"".join(struct.pack("!h", code) for code in codes)


def _values(values):
    out = struct.pack("!h", len(values))
    for value in values:
        data = None if value is None else bytes.fromhex(value)
        out += struct.pack("!i", -1) if data is None else struct.pack("!i", len(data)) + data
    return out


def _text(text):
    return text.encode() + b"\0"


def _parse(name, sql, types=()):
    types = struct.pack("!h", len(types)) + b"".join(struct.pack("!i", one) for one in types)
    return _text(name) + _text(sql) + types


def _bind(portal, name, formats, values, results):
    return _text(portal) + _text(name) + _codes(formats) + _values(values) + _codes(results)


BODIES = {
    "Q": _text,
    "P": _parse,
    "B": _bind,
    "D": lambda kind, name: kind.encode() + _text(name),
    "C": lambda kind, name: kind.encode() + _text(name),
    "E": lambda portal, rows=0: _text(portal) + struct.pack("!i", rows),
    "S": lambda: b"",
    "H": lambda: b"",
    "d": str.encode,
    "c": lambda: b"",
    "f": _text,
    "F": lambda oid, formats, values, result: struct.pack("!i", oid)
    + _codes(formats)
    + _values(values)
    + struct.pack("!h", result),
}


def encoded(message):
    return wire.message(message[0], BODIES[message[0]](*message[1:]))


def parts(step):
    """What to send at once, and what to wait for then: ("Z", ReadyForQuery of the whole step),
    ("flush", answers since the last wait) or ("copy", 0).
    """
    data, answers, ready = b"", 0, 0
    for message in step:
        if message[0] == "wait":
            yield data, (message[1], answers)
            data, answers = b"", 0
            continue
        data += encoded(message)
        answers += message[0] in "PBDEC"
        ready += message[0] in ENDS_WITH_READY
    yield data, ("Z", ready)


# For people

NAMES = {
    "P": "Parse",
    "B": "Bind",
    "D": "Describe",
    "C": "Close",
    "E": "Execute",
    "S": "Sync",
    "H": "Flush",
    "d": "CopyData",
    "c": "CopyDone",
    "f": "CopyFail",
    "F": "FunctionCall",
    "wait": "(wait)",
}


def _shown(value):
    if value is None:
        return "NULL"
    data = bytes.fromhex(value)
    return repr(data.decode()) if data.isascii() and data.decode().isprintable() else f"x{value}"


def readable(step):
    """One line a message."""
    lines = []
    for kind, *fields in step:
        if kind == "Q":
            lines.append(f"Query {fields[0]}")
        elif kind == "B":
            portal, name, formats, values, results = fields
            values = ", ".join(map(_shown, values))
            lines.append(f"Bind {portal!r} <- {name!r} ({values}) formats {formats} {results}")
        else:
            lines.append(f"{NAMES[kind]} " + " ".join(map(repr, fields)))
    return lines
