"""Every limit in time, with its error and what it leaves behind."""

import time

import psycopg
import pytest
from conftest import connect
from harness import wire
from harness.heimproxy import node
from harness.process import poll
from harness.relay import FaultRelay


class Took:
    """with Took(1, 8): the block takes between one and eight seconds."""

    def __init__(self, least, most):
        self.least, self.most = least, most

    def __enter__(self):
        self.begin = time.monotonic()

    def __exit__(self, kind, *_):
        took = time.monotonic() - self.begin
        assert kind or self.least <= took <= self.most, f"took {took:.2f} s"


def test_query_wait_timeout(make_proxy, database):
    proxy = make_proxy({"proxy": {"pool_size": 1}, "timeouts": {"query_wait_timeout": "1s"}})
    with connect(proxy, database, autocommit=False) as holder, connect(proxy, database) as second:
        holder.execute("select 1")
        with Took(0.9, 8), pytest.raises(psycopg.Error, match="query_wait_timeout"):
            second.execute("select 2")
        assert holder.execute("select 3").fetchone() == (3,)
        holder.commit()
    with connect(proxy, database) as third:
        assert third.execute("select 4").fetchone() == (4,)


def test_idle_transaction_timeout(make_proxy, database):
    """The client is closed, its work is undone, its server connection serves the next."""
    proxy = make_proxy({"proxy": {"pool_size": 1}, "timeouts": {"idle_transaction_timeout": "1s"}})
    with connect(proxy, database) as setup:
        setup.execute("create table t (i int)")
        pid = setup.execute("select pg_backend_pid()").fetchone()
    conn = connect(proxy, database, autocommit=False)
    conn.execute("insert into t values (1)")
    with connect(proxy, database) as after:
        with Took(0.5, 8):
            assert after.execute("select count(*) from t").fetchone() == (0,)
        assert after.execute("select pg_backend_pid()").fetchone() == pid
    with pytest.raises(psycopg.Error):
        conn.execute("select 1")
    conn.close()


def test_a_busy_transaction_is_not_idle(make_proxy, database):
    proxy = make_proxy({"timeouts": {"idle_transaction_timeout": "1s"}})
    with connect(proxy, database) as conn, conn.transaction():
        conn.execute("select pg_sleep(2)")
        assert conn.execute("select 1").fetchone() == (1,)


def test_query_timeout(make_proxy, database):
    proxy = make_proxy({"proxy": {"pool_size": 1}, "timeouts": {"query_timeout": "1s"}})
    with connect(proxy, database) as conn:
        with Took(0.9, 8), pytest.raises(psycopg.Error):
            conn.execute("select pg_sleep(30)")
    with connect(proxy, database) as conn, Took(0, 8):
        assert conn.execute("select 1").fetchone() == (1,)


def test_client_idle_timeout(make_proxy, database):
    proxy = make_proxy({"auth": {"type": "trust"}, "timeouts": {"client_idle_timeout": "1s"}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        with Took(0.9, 8):
            conn.closed()


@pytest.mark.parametrize(
    "sent",
    [b"", b"\0\0", wire.startup_packet(user="app", database="x")],
    ids=["nothing", "two bytes", "no password"],
)
def test_client_login_timeout(sent, make_proxy):
    proxy = make_proxy({"timeouts": {"client_login_timeout": "1s"}})
    with wire.Wire(proxy) as conn:
        conn.send(sent)
        with Took(0.8, 8):
            conn.closed()


def test_server_connect_timeout(make_proxy, server, database):
    """A server that takes the connection and says nothing: an error in time, not silence."""
    with FaultRelay((server.host, server.port)) as relay:
        relay.black_hole = True
        proxy = make_proxy(
            {
                "nodes": [node(relay)],
                "auth": {"type": "trust"},
                "timeouts": {"server_connect_timeout": "1s", "query_wait_timeout": "4s"},
            }
        )
        with Took(0.5, 15), pytest.raises((RuntimeError, wire.Closed)):
            with wire.Wire(proxy) as conn:
                conn.login("app", database)
                conn.values("select 1")
        relay.black_hole = False

        def works():
            try:
                with wire.Wire(proxy) as conn:
                    return conn.login("app", database).values("select 1") == ["1"]
            except (RuntimeError, wire.Closed, OSError):
                return False

        poll(works, 40, "the server to be used again")


def test_no_server_at_all(make_proxy, database):
    """Nobody listens there: the client is told so, as a FATAL error with a reason."""
    proxy = make_proxy(
        {
            "auth": {"type": "trust"},
            "nodes": [{"host": "127.0.0.1", "port": 19999}],
            "timeouts": {"query_wait_timeout": "2s", "server_connect_timeout": "1s"},
        }
    )
    with Took(0, 10), wire.Wire(proxy) as conn:
        conn.send(wire.startup_packet(user="app", database=database))
        seen = conn.until("E", "Z")
        if seen[-1][0] == "Z":
            seen = conn.ask("select 1")
        errors = [wire.error_fields(body) for kind, body in seen if kind == "E"]
        assert errors and errors[0]["C"][:2] in ("08", "57", "53"), seen


def test_server_login_retry_recovers(make_proxy, make_server, make_database):
    """The server restarts under the proxy: new clients are served again soon."""
    own = make_server()
    dbname = make_database(own)
    proxy = make_proxy(
        {"timeouts": {"server_login_retry": "1s", "query_wait_timeout": "20s"}}, on=own
    )
    with connect(proxy, dbname) as conn:
        assert conn.execute("select 1").fetchone() == (1,)
    own.restart()

    def works():
        try:
            with connect(proxy, dbname) as conn:
                return conn.execute("select 1").fetchone() == (1,)
        except psycopg.Error:
            return False

    with Took(0, 20):
        poll(works, 20, "the restarted server to be used")


def test_a_stalled_server_does_not_stall_the_others(make_proxy, server, make_database):
    """One database behind a relay that stalls, one without."""
    slow, fast = make_database(), make_database()
    with FaultRelay((server.host, server.port)) as relay:
        proxy = make_proxy({"nodes": [node(relay)], "proxy": {"workers": 1}})
        quick = make_proxy({"proxy": {"workers": 1}})
        with connect(proxy, slow) as conn:
            conn.execute("select 1")
            relay.stalled = True
            with wire.Wire(proxy) as probe:  # the proxy itself still answers at once
                probe.send(wire.struct.pack("!ii", 8, wire.SSL_REQUEST))
                probe.sock.settimeout(2)
                assert probe.sock.recv(1) in (b"S", b"N")
            with Took(0, 5), connect(quick, fast) as other:
                other.execute("select 1")
            relay.stalled = False
            assert conn.execute("select 2").fetchone() == (2,)


@pytest.mark.parametrize("cut", [1, 100, 400, 600, 900, 2000, 5000])
def test_tcp_resets_from_the_server(cut, make_proxy, server, database):
    """A reset after so many bytes: each query is answered right or fails, and then all is well."""
    with FaultRelay((server.host, server.port)) as relay:
        retry = {"server_login_retry": "100ms", "query_wait_timeout": "5s"}
        proxy = make_proxy({"nodes": [node(relay)], "proxy": {"pool_size": 2}, "timeouts": retry})
        relay.reset_after = cut
        failed = False
        try:
            with connect(proxy, database) as conn:
                for number in range(200):
                    row = conn.execute("select %s::int, repeat('x', 50)", (number,)).fetchone()
                    assert row == (number, "x" * 50)
        except psycopg.Error:
            failed = True
        assert failed, "the reset was not felt: the test tests nothing"
        relay.reset_after = None
        poll(lambda: usable(proxy, database), 20, "the server to be used again")


def test_resets_while_idle(make_proxy, server, database):
    """Server connections that die unused cost no client an error, once that is known."""
    with FaultRelay((server.host, server.port)) as relay:
        proxy = make_proxy({"nodes": [node(relay)]})
        with connect(proxy, database) as conn:
            for number in range(3):
                assert conn.execute("select %s::int", (number,)).fetchone() == (number,)
                relay.reset_all()
                poll(lambda: not proxy.console("SHOW SERVERS"), 10, "the proxy to notice")


def usable(proxy, dbname):
    try:
        with connect(proxy, dbname) as conn:
            return conn.execute("select 1").fetchone() == (1,)
    except psycopg.Error:
        return False
