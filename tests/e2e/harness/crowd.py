"""Thousands of clients in one thread: sockets that log in, sit idle, or ask one query after
another.
"""

import resource
import selectors
import socket
import time

from . import wire

_READY = b"Z\0\0\0\5"


def raise_fd_limit(wanted):
    """True if this process may hold so many descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return True
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    except (ValueError, PermissionError):
        return False
    return True


class Member:
    """One client. `left` queries are still to be asked; `latencies` in seconds."""

    def __init__(self, sock):
        self.sock, self.left, self.asked, self.tail = sock, 0, 0.0, b""
        self.latencies, self.errors = [], []


class Crowd:
    """Logs in without a password (trust) or not at all."""

    def __init__(self, target, user="app", database="postgres", seconds=120):
        self.target, self.seconds = target, seconds
        self._hello = wire.startup_packet(user=user, database=database)
        self.members = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members:
            member.sock.close()

    def join(self, count, batch=200):
        """`count` more members, logged in."""
        joined = []
        while len(joined) < count:
            fresh = [self._connect() for _ in range(min(batch, count - len(joined)))]
            self._run(fresh)
            joined += fresh
        self.members += joined
        return joined

    def _connect(self):
        sock = socket.create_connection((self.target.host, self.target.port), 30)
        sock.setblocking(False)
        member = Member(sock)
        sock.send(self._hello)
        return member

    def ask(self, members, sql, times):
        """Every member asks `sql` so many times, each waiting for its own answer."""
        packet = wire.query(sql)
        for member in members:
            member.left = times
            self._next(member, packet)
        self._run(members, packet)

    def _next(self, member, packet):
        member.left -= 1
        member.asked = time.monotonic()
        member.sock.send(packet)

    def _run(self, members, packet=None):
        """Until each of them has had its last ReadyForQuery."""
        deadline = time.monotonic() + self.seconds
        open_members = set(members)
        with selectors.DefaultSelector() as selector:
            for member in members:
                selector.register(member.sock, selectors.EVENT_READ, member)
            while open_members:
                if time.monotonic() > deadline:
                    raise TimeoutError(
                        f"{len(open_members)} of {len(members)} clients have no answer"
                    )
                for key, _ in selector.select(1):
                    if self._read(key.data, packet):
                        selector.unregister(key.fileobj)
                        open_members.discard(key.data)

    def _read(self, member, packet):
        """True if the member is done."""
        data = member.sock.recv(1 << 16)
        if not data:
            raise RuntimeError(f"closed by the proxy: {member.tail!r}")
        member.tail += data
        if member.tail[-6:-1] != _READY:
            return False
        if member.tail[:1] == b"E":
            member.errors.append(member.tail)
        member.tail = b""
        if packet is None:
            return True
        member.latencies.append(time.monotonic() - member.asked)
        if member.left == 0:
            return True
        self._next(member, packet)
        return False
