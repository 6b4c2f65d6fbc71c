"""Many clients, large messages: memory stays bounded."""

import os
import struct
import threading
import time

import pytest
from conftest import connect
from harness import wire
from harness.crowd import Crowd, raise_fd_limit

SANITIZED = bool(os.environ.get("E2E_SANITIZED"))
FULL = os.environ.get("E2E_SIZE") == "full"


@pytest.mark.heavy
@pytest.mark.xdist_group("heavy")
def test_ten_thousand_clients(make_proxy, server, database):
    """10,000 idle and 1,000 active clients on 20 server connections, no error, 6 KiB an idle
    client.
    """
    idle, active, each = (1000, 200, 5) if SANITIZED else (10_000, 1000, 40 if FULL else 10)
    if not raise_fd_limit(idle + active + 500):
        pytest.fail("the limit of open files is too low and cannot be raised: ulimit -n 12000")
    proxy = make_proxy(
        {
            "auth": {"type": "trust"},
            "client_tls": {"mode": "disable"},
            "log": {"connections": False, "disconnections": False},
            "proxy": {"pool_size": 20, "max_client_conn": 12_000, "listen_backlog": 1024},
        },
        nofile=idle + active + 500,
    )
    with Crowd(proxy, "app", database) as crowd:
        busy = crowd.join(active)
        crowd.ask(busy, "select 1", 1)  # everything has had its first touch
        before = proxy.rss_kib()
        sleepers = crowd.join(idle)
        per_client = (proxy.rss_kib() - before) / idle
        print(f"{per_client:.2f} KiB an idle client")
        begin = time.monotonic()
        crowd.ask(busy, "select repeat('x', 100)", each)
        print(f"{active * each / (time.monotonic() - begin):.0f} queries/s")
        errors = [error for member in busy for error in member.errors]
        assert not errors, errors[:3]
        assert all(len(member.latencies) == each + 1 for member in busy)
        rows = server.sql(f"select count(*) from pg_stat_activity where datname = '{database}'")
        assert int(rows[0][0]) <= 20
        crowd.ask(sleepers[:: max(1, idle // 500)], "select 2", 1)  # they are alive
        if not SANITIZED:
            assert per_client <= 6


@pytest.mark.heavy
@pytest.mark.xdist_group("heavy")
@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "tls"])
def test_a_row_of_200_megabytes(encrypted, make_proxy, database):
    """One DataRow of 200 MB streams through; the proxy grows by no more than a few."""
    size = 200_000_000
    proxy = make_proxy(
        {"auth": {"type": "trust"}, "server_tls": {"mode": "require" if encrypted else "disable"}}
    )
    with wire.Wire(proxy, timeout=120) as conn:
        if encrypted:
            conn.start_tls()
        conn.login("app", database)
        conn.ask("select 1")
        before, peak = proxy.rss_kib(), 0
        conn.send(wire.query(f"select repeat('x', {size})"))
        assert conn.receive()[0] == "T"
        kind, length = struct.unpack("!ci", conn.read(5))
        assert kind == b"D" and length == size + 10
        left = length - 4 - len(conn.buffer)
        conn.buffer = b""
        while left > 0:
            data = conn.sock.recv(min(left, 1 << 20))
            assert data
            left -= len(data)
            if left % 16 == 0:
                peak = max(peak, proxy.rss_kib())
        assert conn.until("Z")[-1] == ("Z", b"I")
        peak = max(peak, proxy.rss_kib())
    if not SANITIZED:
        assert peak - before < 16_000, f"{peak - before} KiB"


@pytest.mark.heavy
@pytest.mark.xdist_group("heavy")
def test_a_bind_of_200_megabytes(make_proxy, database):
    """The other direction: one Bind, its value counted by the server."""
    size = 200_000_000
    proxy = make_proxy({"auth": {"type": "trust"}, "server_tls": {"mode": "disable"}})
    with wire.Wire(proxy, timeout=120) as conn:
        conn.login("app", database)
        conn.ask("select 1")
        before = proxy.rss_kib()
        head = b"\0s\0" + struct.pack("!hhhi", 1, 1, 1, size)  # binary: nothing to convert
        conn.send(wire.parse("s", "select length($1::bytea)"))
        conn.send(b"B" + struct.pack("!i", 4 + len(head) + size + 2) + head)
        block, peak = b"\0" * 1_000_000, 0
        for _ in range(size // len(block)):
            conn.send(block)
            peak = max(peak, proxy.rss_kib())
        conn.send(struct.pack("!h", 0), wire.execute(), wire.SYNC)
        rows = [body[6:] for kind, body in conn.until("Z") if kind == "D"]
        assert rows == [str(size).encode()]
    if not SANITIZED:
        assert peak - before < 16_000, f"{peak - before} KiB"


@pytest.mark.heavy
@pytest.mark.xdist_group("heavy")
def test_copy_both_ways(make_proxy, database):
    """COPY of 100 MB in and out, while others work."""
    size = 100_000_000
    proxy = make_proxy({"proxy": {"pool_size": 3}})
    with connect(proxy, database) as conn, connect(proxy, database) as other:
        conn.execute("create unlogged table t (v text)")
        before = proxy.rss_kib()
        line = b"y" * 9_999 + b"\n"
        with conn.cursor().copy("copy t from stdin") as copy:
            for number in range(size // len(line)):
                copy.write(line)
                if number % 2000 == 0:
                    assert other.execute("select 1").fetchone() == (1,)
        total = 0
        with conn.cursor().copy("copy t to stdout") as copy:
            for block in copy:
                total += len(block)
        assert total == size
        if not SANITIZED:
            assert proxy.rss_kib() - before < 20_000


def test_a_million_rows(make_proxy, database):
    proxy = make_proxy()
    with connect(proxy, database) as conn:
        total = sum(
            row[0]
            for row in conn.cursor().stream("select i from generate_series(1, 300000) i", size=1000)
        )
        assert total == 300_000 * 300_001 // 2


def test_slow_and_fast_readers(make_proxy, database):
    """A client that reads slowly holds its own server only; twenty others are quick."""
    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"workers": 1, "pool_size": 4}})
    with wire.Wire(proxy) as slow:
        slow.login("app", database)
        slow.send(wire.query("select repeat('x', 1000) from generate_series(1, 100000)"))
        threads, failures = [], []

        def quick():
            try:
                with connect(proxy, database) as conn:
                    for i in range(20):
                        assert conn.execute("select %s::int", (i,)).fetchone() == (i,)
            except BaseException as error:
                failures.append(repr(error))

        begin = time.monotonic()
        threads = [threading.Thread(target=quick) for _ in range(20)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        assert not failures and time.monotonic() - begin < 20
        rows = sum(kind == "D" for kind, _ in slow.until("Z"))
        assert rows == 100_000
