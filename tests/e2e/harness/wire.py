"""Protocol v3 by hand, for what no driver would send."""

import socket
import ssl
import struct

V3_0, V3_2 = 196608, 196610
SSL_REQUEST, CANCEL_REQUEST, GSSENC_REQUEST = 80877103, 80877102, 80877104


class Closed(Exception):
    """The peer closed the connection."""


def startup_packet(version=V3_0, **parameters):
    body = b"".join(k.encode() + b"\0" + v.encode() + b"\0" for k, v in parameters.items()) + b"\0"
    return struct.pack("!ii", 8 + len(body), version) + body


def message(kind, body=b""):
    return kind.encode() + struct.pack("!i", 4 + len(body)) + body


def query(sql):
    return message("Q", sql.encode() + b"\0")


def parse(name, sql):
    return message("P", name.encode() + b"\0" + sql.encode() + b"\0" + struct.pack("!h", 0))


def bind(portal="", name="", values=()):
    body = portal.encode() + b"\0" + name.encode() + b"\0" + struct.pack("!hh", 0, len(values))
    for value in values:
        body += struct.pack("!i", len(value)) + value
    return message("B", body + struct.pack("!h", 0))


def describe(kind, name=""):
    return message("D", kind.encode() + name.encode() + b"\0")


def execute(portal="", rows=0):
    return message("E", portal.encode() + b"\0" + struct.pack("!i", rows))


SYNC, FLUSH, TERMINATE = message("S"), message("H"), message("X")


def error_fields(body):
    """{letter: text} of an ErrorResponse or NoticeResponse."""
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def cancel(target, pid, secret):
    """Sends one CancelRequest and waits for the close, as libpq does."""
    with socket.create_connection((target.host, target.port), 20) as sock:
        sock.sendall(struct.pack("!iii", 12 + len(secret), CANCEL_REQUEST, pid) + secret)
        try:
            sock.recv(1)
        except ConnectionResetError:
            pass


class Wire:
    """One connection; every read has a deadline of `timeout` seconds."""

    def __init__(self, target, timeout=20, family=None):
        self.target = target
        self.sock = socket.create_connection((target.host, target.port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.parameters, self.pid, self.secret = {}, 0, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def start_tls(self, ask=True):
        if ask:
            self.send(struct.pack("!ii", 8, SSL_REQUEST))
            assert self.sock.recv(1) == b"S"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["postgresql"])
        self.sock = context.wrap_socket(self.sock)
        return self

    def send(self, *parts):
        self.sock.sendall(b"".join(parts))

    def read(self, count):
        while len(self.buffer) < count:
            data = self.sock.recv(1 << 16)
            if not data:
                raise Closed
            self.buffer += data
        result, self.buffer = self.buffer[:count], self.buffer[count:]
        return result

    def receive(self):
        """(kind, body) of the next message."""
        kind, length = struct.unpack("!ci", self.read(5))
        return kind.decode(), self.read(length - 4)

    def until(self, *kinds):
        """All messages up to the first of `kinds`, that one included."""
        seen = []
        while True:
            seen.append(self.receive())
            if seen[-1][0] in kinds:
                return seen

    def login(self, user="app", database="postgres", password=None, version=V3_0, **parameters):
        """Trust or a cleartext password."""
        self.send(startup_packet(version, user=user, database=database, **parameters))
        while True:
            kind, body = self.receive()
            if kind == "E":
                raise RuntimeError(error_fields(body))
            if kind == "R" and body[:4] == b"\0\0\0\3":
                self.send(message("p", password.encode() + b"\0"))
            elif kind == "S":
                name, value, _ = body.split(b"\0")
                self.parameters[name.decode()] = value.decode()
            elif kind == "K":
                self.pid, self.secret = struct.unpack("!i", body[:4])[0], body[4:]
            elif kind == "Z":
                return self

    def ask(self, sql):
        """The messages that answer a simple query."""
        self.send(query(sql))
        return self.until("Z")

    def values(self, sql):
        """First column of each row, as text; an error raises."""
        rows = []
        for kind, body in self.ask(sql):
            if kind == "E":
                raise RuntimeError(error_fields(body))
            if kind == "D":
                length = struct.unpack("!i", body[2:6])[0]
                rows.append(None if length < 0 else body[6 : 6 + length].decode())
        return rows

    def closed(self, seconds=20):
        """What came until the peer closed; raises when it does not in time."""
        self.sock.settimeout(seconds)
        data = self.buffer
        try:
            while chunk := self.sock.recv(1 << 16):
                data += chunk
        except ConnectionResetError:
            pass
        return data
