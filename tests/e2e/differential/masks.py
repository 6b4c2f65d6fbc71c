"""What two runs may differ in, and nothing else. Every exception is a row of ALLOWED."""

import re
import struct

# Objects made by a run get the next number there is; those of the system are below.
FIRST_OWN_OID = 16384
OWN = struct.pack("!i", FIRST_OWN_OID)
# In a binary array its length stands before it.
_TEMPORARY = re.compile(rb"(?:\0\0\0[\x09-\x19])?(pg_(?:toast_)?temp_)\d+")

ALLOWED = {
    "BackendKeyData": "process id and secret: present, not compared",
    "startup ParameterStatus": "compared as a set: their order is the server's own business",
    "NotificationResponse": "process id of the sender is not compared",
    "RowDescription, ParameterDescription": "object ids made by the run itself are all one",
    "pg_settings.source": "of settings in the startup packet: 'session' instead of 'client',"
    " on a server that was opened for somebody else; sessions do not ask for the source of these",
    "startup NoticeResponse": "settings are set behind the greeting: their notices are not told",
    "startup errors": "options that are no settings are refused before the login, in other words;"
    " DateStyle is not given twice, whose second value would complete the first",
    "pg_prepared_statements.statement": "of a PREPARE among several statements its own text, not"
    " that of all, once it has moved to another server",
    "pg_temp_N": "the number of a backend's temporary schema is not compared",
}


def _fields(body):
    """RowDescription: the ids of tables and types that the run made, made one."""
    out, at = bytearray(body), 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        at = body.index(b"\0", at) + 1
        for place in (at, at + 6):
            if int.from_bytes(body[place : place + 4], "big") >= FIRST_OWN_OID:
                out[place : place + 4] = OWN
        at += 18
    return bytes(out)


def _types(body):
    count = struct.unpack("!h", body[:2])[0]
    types = [min(oid, FIRST_OWN_OID) for oid in struct.unpack(f"!{count}I", body[2:])]
    return body[:2] + struct.pack(f"!{count}I", *types)


def columns(body):
    """The values of a DataRow; None is NULL."""
    at, values = 2, []
    for _ in range(struct.unpack("!h", body[:2])[0]):
        (size,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        values.append(None if size < 0 else body[at : at + size])
        at += max(size, 0)
    return values


def _row(body):
    out = body[:2]
    for value in columns(body):
        value = None if value is None else _TEMPORARY.sub(rb"\1N", value)
        out += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return out


def masked(kind, body):
    """The body with what ALLOWED names taken out."""
    if kind == "K":
        return b""
    if kind == "A":
        return b"\0\0\0\0" + body[4:]
    if kind == "T":
        return _fields(body)
    if kind == "t":
        return _types(body)
    if b"temp_" in body and kind in "DEN":
        return _row(body) if kind == "D" else _TEMPORARY.sub(rb"\1N", body)
    return body


def without_origin(kind, body):
    """masked, and an error or notice has no file, line and routine: a proxy that answers itself has
    none of PostgreSQL's. Only when asked for (--no-origin).
    """
    body = masked(kind, body)
    if kind not in "EN":
        return body
    parts = [part for part in body.split(b"\0") if part and part[:1] not in b"FLR"]
    return b"\0".join(parts) + b"\0\0"


def startup(messages):
    """The answer to a startup packet, ParameterStatus sorted."""
    messages = [message for message in messages if message[0] != "N"]
    settings = sorted(message for message in messages if message[0] == "S")
    others = [message for message in messages if message[0] != "S"]
    ready = [others.pop()] if others and others[-1][0] == "Z" else []
    return others + settings + ready


def chosen(options):
    """The mask that the options ask for."""
    return without_origin if options.no_origin else masked
