"""Broken, hostile and slow clients: they get an error and are closed; everyone else goes on."""

import os
import random
import socket
import struct
import time

import pytest
from conftest import connect
from harness import wire
from harness.process import poll

ROUNDS = 2000 if os.environ.get("E2E_SIZE") == "full" else 300


@pytest.fixture
def trusting(make_proxy):
    """No password, one short login time-out, a small pool."""
    return make_proxy(
        {
            "auth": {"type": "trust"},
            "proxy": {"pool_size": 3},
            "timeouts": {"client_login_timeout": "2s"},
        }
    )


@pytest.fixture
def bystander(trusting, database):
    """A client that must not notice anything: it works before, during and after."""
    with connect(trusting, database) as conn:
        conn.execute("create table notes (i int)")
        conn.execute("insert into notes values (1)")
        yield lambda: conn.execute(
            "select count(*) from notes where i = %s", (1,), prepare=True
        ).fetchone() == (1,)


BEFORE_LOGIN = {
    "length 0": b"\0\0\0\0",
    "length 7": b"\0\0\0\7\0\3\0\0",
    "negative length": b"\xff\xff\xff\xff\0\3\0\0",
    "length of 1 GiB": b"\x40\0\0\0\0\3\0\0",
    "length of 20,000": struct.pack("!ii", 20_000, wire.V3_0) + b"a" * 19_992,
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "protocol 2": struct.pack("!ii", 296, 2 << 16) + b"\0" * 288,
    "protocol 4": wire.startup_packet(4 << 16, user="app"),
    "no user": wire.startup_packet(database="postgres"),
    "nothing terminated": struct.pack("!ii", 12, wire.V3_0) + b"user",
    "odd number of strings": struct.pack("!ii", 14, wire.V3_0) + b"user\0\0",
    "cancel with a short key": struct.pack("!ii", 8, wire.CANCEL_REQUEST),
    "cancel for nobody": struct.pack("!iiii", 16, wire.CANCEL_REQUEST, 12345, 6789),
    "query instead of startup": wire.query("select 1"),
    "a password first": wire.message("p", b"secret\0"),
    "random": random.Random(1).randbytes(4000),
}


@pytest.mark.parametrize("name", BEFORE_LOGIN)
def test_before_login(name, trusting, bystander):
    with wire.Wire(trusting) as probe:
        probe.send(BEFORE_LOGIN[name])
        assert bystander()
        answer = probe.closed(10)
    assert answer == b"" or answer[:1] in (b"E", b"N", b"v"), answer[:100]
    assert bystander()


AFTER_LOGIN = {
    "unknown type": (wire.message("z", b"x"), "08P01"),
    "a byte of zero": (b"\0\0\0\0\0", "08P01"),
    "length 0": (b"Q\0\0\0\0", "08P01"),
    "length 3": (b"Q\0\0\0\3", "08P01"),
    "negative length": (b"Q\xff\xff\xff\xff", "08P01"),
    "length of 2 GiB": (b"Q\x7f\xff\xff\xff", "08P01"),
    "oversized sync": (b"S\0\x10\0\0" + b"x" * 100, "08P01"),
    "a server's message": (wire.message("D", b"") + wire.message("Z", b"I"), "08P01"),
    "a password": (wire.message("p", b"x\0"), "08P01"),
    "query without end": (wire.message("Q", b"select 1"), "08P01"),
    "empty query body": (wire.message("Q"), "08P01"),
    "bind cut short": (wire.message("B", b"\0\0\0") + wire.SYNC, "26000"),
    "bind with too many values": (wire.message("B", b"\0\0\0\0\x7f\xff") + wire.SYNC, "26000"),
    "execute without rows": (wire.message("E", b"\0") + wire.SYNC, "08P01"),
    "describe of what": (wire.message("D", b"X\0") + wire.SYNC, "08P01"),
    "close of nothing": (wire.message("C", b"") + wire.SYNC, "08P01"),
    "parse of nothing": (wire.message("P", b"") + wire.SYNC, "08P01"),
    "bind of an unknown statement": (wire.bind(name="nope") + wire.SYNC, "26000"),
    "execute of an unknown portal": (wire.execute("nope") + wire.SYNC, "34000"),
    "startup again": (wire.startup_packet(user="app", database="x"), "08P01"),
}


@pytest.mark.parametrize("name", AFTER_LOGIN)
def test_after_login(name, trusting, bystander, database):
    """The offender gets an ErrorResponse with a fitting SQLSTATE, and is closed or ready again."""
    data, sqlstate = AFTER_LOGIN[name]
    with wire.Wire(trusting) as probe:
        probe.login("app", database)
        assert probe.values("select 1") == ["1"]
        probe.send(data)
        probe.sock.settimeout(10)
        seen = []
        try:
            while not seen or seen[-1][0] != "Z":
                seen.append(probe.receive())
        except (wire.Closed, ConnectionResetError):
            pass
        errors = [wire.error_fields(body) for kind, body in seen if kind == "E"]
        assert errors and errors[0]["C"] == sqlstate, seen
        if seen[-1][0] == "Z":
            assert probe.values("select 2") == ["2"]
    assert bystander()


def test_out_of_order(trusting, bystander, database):
    """COPY data outside COPY is dropped, as PostgreSQL does; Sync and Flush alone are harmless."""
    with wire.Wire(trusting) as probe:
        probe.login("app", database)
        probe.send(wire.FLUSH, wire.SYNC, wire.SYNC)
        assert [kind for kind, _ in probe.until("Z") + probe.until("Z")] == ["Z", "Z"]
        probe.send(wire.message("d", b"1\n"), wire.message("c"), wire.query("select 3"))
        assert ("Z", b"I") == probe.until("Z")[-1]
        probe.send(wire.execute(), wire.parse("", "select 4"), wire.SYNC)
        assert [kind for kind, _ in probe.until("Z")] == ["E", "Z"]
        assert probe.values("select 5") == ["5"]
    assert bystander()


@pytest.mark.parametrize("phase", ["before", "after", "inside"])
def test_random_frames(phase, trusting, bystander, database):
    """Seeded noise: well-formed headers with random bodies, cut and shuffled real messages."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    rng = random.Random(seed)
    real = [
        wire.query("select 1"),
        wire.parse("a", "select $1::int"),
        wire.bind("", "a", [b"1"]),
        wire.describe("S", "a"),
        wire.execute(),
        wire.SYNC,
        wire.FLUSH,
        wire.message("C", b"Sa\0"),
        wire.query("begin"),
        wire.message("d", b"1\n"),
        wire.message("c"),
        wire.message("f", b"x\0"),
        wire.query("copy (select 1) to stdout"),
        wire.message("F", b"\0" * 10),
        wire.TERMINATE,
    ]

    def noise():
        kind = rng.randrange(4)
        if kind == 0:
            return rng.randbytes(rng.randrange(1, 200))
        if kind == 1:
            return wire.message(chr(rng.randrange(32, 127)), rng.randbytes(rng.randrange(60)))
        data = rng.choice(real)
        return data[: rng.randrange(1, len(data))] if kind == 2 else data

    for number in range(ROUNDS):
        with wire.Wire(trusting) as probe:
            if phase != "before":
                probe.login("app", database)
            if phase == "inside":
                probe.ask("begin")
            try:
                for _ in range(rng.randrange(1, 8)):
                    probe.send(noise())
            except (BrokenPipeError, ConnectionResetError):
                pass  # already judged
        if number % 50 == 0:
            assert bystander(), seed
    assert bystander(), seed


def test_slow_loris(trusting, bystander, database):
    """Startup packets that come a byte at a time are cut off; meanwhile a login is still quick."""
    packet = wire.startup_packet(user="app", database=database)
    probes = [wire.Wire(trusting) for _ in range(50)]
    begin = time.monotonic()
    open_probes = set(probes)
    sent = 0
    while open_probes and time.monotonic() - begin < 15:
        for probe in list(open_probes):
            try:
                if sent < len(packet) - 1:
                    probe.send(packet[sent : sent + 1])
                probe.sock.setblocking(False)
                try:
                    if probe.sock.recv(4096) == b"":
                        open_probes.discard(probe)
                except BlockingIOError:
                    pass
                probe.sock.setblocking(True)
            except OSError:
                open_probes.discard(probe)
        sent += 1
        login = time.monotonic()
        with connect(trusting, database) as conn:
            conn.execute("select 1")
        assert time.monotonic() - login < 5
        time.sleep(0.1)
    assert not open_probes, f"{len(open_probes)} of 50 are still open"
    assert time.monotonic() - begin >= 1.5, "closed before their time"
    assert bystander()
    for probe in probes:
        probe.sock.close()


def test_half_closed(trusting, bystander, database):
    """A client that shuts its sending side gets its answer, then the end."""
    with wire.Wire(trusting) as probe:
        probe.login("app", database)
        probe.send(wire.query("select 'the answer'"))
        probe.sock.shutdown(socket.SHUT_WR)
        probe.closed(10)  # with or without the answer, but closed
    with wire.Wire(trusting) as probe:
        probe.sock.shutdown(socket.SHUT_WR)
        probe.closed(10)
    assert bystander()


def test_a_reader_that_stops_reading(trusting, bystander, database):
    """A large result nobody takes is not collected in memory, and holds up nobody else."""
    before = trusting.rss_kib()
    with wire.Wire(trusting) as probe:
        probe.login("app", database)
        probe.send(wire.query("select repeat('x', 1000) from generate_series(1, 200000)"))  # 200 MB
        deadline = time.monotonic() + 2
        while time.monotonic() < deadline:
            assert bystander()
            time.sleep(0.05)
        if not os.environ.get("E2E_SANITIZED"):
            assert trusting.rss_kib() - before < 20_000
    assert bystander()


def test_nothing_is_left(trusting, bystander, database):
    """After all of that, descriptors and sessions are back where they were."""
    fds = trusting.fds()
    probes = [wire.Wire(trusting) for _ in range(100)]
    for probe in probes[:50]:
        probe.login("app", database)
    for probe in probes[:25]:
        probe.send(b"Q\0\0")
    for probe in probes:
        probe.sock.close()
    poll(lambda: trusting.fds() <= fds + 3, 20, "descriptors given back")  # up to pool_size servers
    assert len(trusting.console("SHOW CLIENTS")) == 2  # the bystander and the console itself
    assert bystander()
