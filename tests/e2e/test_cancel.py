"""Cancel requests reach the query they are meant for, or nothing."""

import os
import threading

import psycopg
import pytest
from conftest import connect, once_asleep
from harness import wire
from harness.process import poll
from test_pool import waiting

FULL = os.environ.get("E2E_SIZE") == "full"
CANCELS = 20_000 if FULL else 3_000


def test_cancel_storm(make_proxy, database):
    """Thousands of cancels against queries that are just ending, on servers that change hands
    each time.
    """
    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"pool_size": 4}})
    stop, sent, hit = threading.Event(), [0], [0]
    failures, keys = [], []

    def target(number):
        """Short queries; a cancel may hit them or come too late."""
        with wire.Wire(proxy) as conn:
            conn.login("app", database)
            keys.append((conn.pid, conn.secret))
            while not stop.is_set():
                for kind, body in conn.ask("select pg_sleep(0.001)"):
                    if kind == "E":
                        code = wire.error_fields(body)["C"]
                        hit[0] += code == "57014"
                        if code != "57014":
                            failures.append(("target", wire.error_fields(body)))

    def victim(number):
        """The same servers, and nobody ever cancels these."""
        with connect(proxy, database) as conn:
            count = 0
            while not stop.is_set():
                try:
                    assert (
                        conn.execute("select %s::int, pg_sleep(0.0005)", (count,)).fetchone()[0]
                        == count
                    )
                    count += 1
                except psycopg.Error as error:
                    failures.append(("victim", error.sqlstate, str(error)))
                    return
            if count < 20:
                failures.append(("victim", "starved", count))

    def storm(number):
        while sent[0] < CANCELS:
            for pid, secret in keys:
                wire.cancel(proxy, pid, secret)
                sent[0] += 1

    workers = [threading.Thread(target=target, args=(n,)) for n in range(6)]
    workers += [threading.Thread(target=victim, args=(n,)) for n in range(6)]
    [t.start() for t in workers]
    poll(lambda: len(keys) == 6, 30, "the targets logged in")
    storms = [threading.Thread(target=storm, args=(n,)) for n in range(3)]
    [t.start() for t in storms]
    [t.join() for t in storms]
    stop.set()
    [t.join() for t in workers]
    assert not failures, failures[:5]
    assert sent[0] >= CANCELS
    assert hit[0] > 0, "no cancel reached anything: the test would not see a stray one"


def test_cancel_while_waiting(make_proxy, database):
    """A query that still stands in line is cancelled without a server."""
    proxy = make_proxy({"proxy": {"pool_size": 1}})
    with connect(proxy, database, autocommit=False) as holder, connect(proxy, database) as late:
        holder.execute("select 1")

        def act():
            poll(lambda: waiting(proxy, database) == 1, 20, "the query in line")
            late.cancel()

        thread = threading.Thread(target=act)
        thread.start()
        with pytest.raises(psycopg.Error) as caught:
            late.execute("select 2")
        assert caught.value.sqlstate == "57014"
        thread.join()
        assert holder.execute("select 3").fetchone() == (3,)
        holder.commit()
        assert late.execute("select 4").fetchone() == (4,)


def test_wrong_key(make_proxy, server, database):
    """Keys that were never given out do nothing, and are answered as any other: with silence."""
    proxy = make_proxy()
    with connect(proxy, database) as conn:
        pid = conn.info.backend_pid

        def act():
            for secret in (b"\0\0\0\0", b"\xff\xff\xff\xff", b"abcdefgh", b"x" * 256):
                wire.cancel(proxy, pid, secret)

        thread = once_asleep(server, database, act)
        assert conn.execute("select pg_sleep(2)").fetchone()
        thread.join()


def test_cancel_over_tls(make_proxy, server, database):
    """libpq's encrypted cancel, with client_tls = require."""
    proxy = make_proxy({"client_tls": {"mode": "require"}})
    with connect(proxy, database, sslmode="require") as conn:
        thread = once_asleep(server, database, getattr(conn, "cancel_safe", conn.cancel))
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute("select pg_sleep(30)")
        thread.join()
        assert conn.execute("select 1").fetchone() == (1,)


def test_protocol_3_2_keys(make_proxy, server, database):
    """Protocol 3.2: a longer key, which cancels too; a key cut short does not."""
    proxy = make_proxy({"auth": {"type": "trust"}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database, version=wire.V3_2)
        assert len(conn.secret) > 4
        for key, cancelled in ((conn.secret[:-1], False), (conn.secret, True)):
            conn.send(wire.query(f"select pg_sleep({30 if cancelled else 2})"))
            once_asleep(server, database, lambda: wire.cancel(proxy, conn.pid, key)).join()
            answer = conn.until("Z")
            codes = [wire.error_fields(body)["C"] for kind, body in answer if kind == "E"]
            assert codes == (["57014"] if cancelled else [])
