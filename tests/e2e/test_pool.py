"""Who gets a server connection, and what becomes of it."""

import threading
import time

import psycopg
import pytest
from conftest import connect
from harness import wire
from harness.process import poll


def backends(server, dbname, user="app"):
    """Pids of a user's server processes in a database."""
    rows = server.sql(
        f"select pid from pg_stat_activity where datname = '{dbname}' and usename = '{user}'"
    )
    return {int(row[0]) for row in rows}


def hammer(proxy, jobs, seconds):
    """Runs `jobs`, [(database, user)], each a client in transactions; returns how many each
    finished.
    """
    stop, counts, failures = threading.Event(), [0] * len(jobs), []

    def work(number, dbname, user):
        try:
            with connect(proxy, dbname, user, autocommit=False) as conn:
                while not stop.is_set():
                    conn.execute("select pg_sleep(0.002)")
                    conn.commit()
                    counts[number] += 1
        except psycopg.Error as error:
            failures.append(str(error))

    threads = [threading.Thread(target=work, args=(n, *job)) for n, job in enumerate(jobs)]
    [t.start() for t in threads]
    yield  # the caller watches meanwhile
    time.sleep(seconds)
    stop.set()
    [t.join() for t in threads]
    assert not failures, failures[:3]
    yield counts


def most_seen(server, condition, seconds):
    """The largest number of server processes that ever matched, as the server itself counts."""
    most, deadline = 0, time.monotonic() + seconds
    with connect(server, "postgres", "postgres") as conn:
        while time.monotonic() < deadline:
            query = (
                f"select count(*) from pg_stat_activity where {condition}"
                " and backend_type = 'client backend'"
            )
            most = max(most, conn.execute(query).fetchone()[0])
    return most


@pytest.mark.parametrize(
    "limits, users, expected",
    [
        ({"pool_size": 5}, ["app"], 5),
        ({"pool_size": 5, "max_db_connections": 7}, ["app", "other"], 7),
        ({"pool_size": 5, "reserve_pool_size": 2}, ["app"], 7),
        ({"pool_size": 1}, ["app"], 1),
    ],
    ids=["pool_size", "max_db_connections", "reserve_pool_size", "one"],
)
def test_limits_are_exact(limits, users, expected, make_proxy, server, database):
    """30 clients on two workers: never more than the limit, and all of it is used."""
    proxy = make_proxy(
        {"proxy": {"workers": 2, **limits}, "timeouts": {"reserve_pool_timeout": "100ms"}}
    )
    run = hammer(proxy, [(database, users[n % len(users)]) for n in range(30)], 0)
    next(run)
    most = most_seen(server, f"datname = '{database}'", 3)
    counts = next(run)
    # The reserve opens only while somebody waits for longer than its time.
    assert limits["pool_size"] <= most <= expected
    assert most == expected or "reserve_pool_size" in limits
    assert min(counts) > 0


def test_max_user_connections(make_proxy, server, make_database):
    """Over all databases of the user."""
    names = [make_database() for _ in range(3)]
    proxy = make_proxy({"proxy": {"pool_size": 4, "max_user_connections": 6}})
    run = hammer(proxy, [(names[n % 3], "app") for n in range(24)], 1)
    next(run)
    places = ", ".join(f"'{name}'" for name in names)
    most = most_seen(server, f"datname in ({places}) and usename = 'app'", 3)
    counts = next(run)
    assert most <= 6
    assert min(counts) > 0, "a database starves"


@pytest.mark.in_process
def test_min_pool_size(make_proxy, server, database):
    """Kept open from the first client on, even when nobody asks."""
    proxy = make_proxy({"databases": [{"name": database, "min_pool_size": 3}]})
    with connect(proxy, database) as conn:
        conn.execute("select 1")
    poll(lambda: len(backends(server, database)) == 3, 20, "three server connections")


@pytest.mark.in_process
def test_max_client_conn(make_proxy, database):
    proxy = make_proxy({"proxy": {"max_client_conn": 3}})
    held = [connect(proxy, database) for _ in range(3)]
    with pytest.raises(psycopg.OperationalError, match="too many clients"):
        connect(proxy, database)
    held.pop().close()

    def again():
        try:
            return connect(proxy, database)
        except psycopg.OperationalError:
            return None

    held.append(poll(again, 10, "a place for another client"))
    [conn.close() for conn in held]


@pytest.mark.in_process
def test_first_come_first_served(make_proxy, database):
    """The line is one for both workers, in the order of arrival."""
    proxy = make_proxy({"proxy": {"pool_size": 1, "workers": 2}})
    with connect(proxy, database, autocommit=False) as holder:
        holder.execute("create table arrivals (place serial, client int)")
        holder.commit()
        holder.execute("select 1")
        clients = [connect(proxy, database) for _ in range(12)]
        threads = []
        for number, client in enumerate(clients):
            insert = "insert into arrivals (client) values (%s)"
            threads.append(threading.Thread(target=client.execute, args=(insert, (number,))))
            threads[-1].start()
            poll(lambda: waiting(proxy, database) == number + 1, 20, f"client {number} in line")
        holder.commit()
        [t.join() for t in threads]
        order = [row[0] for row in holder.execute("select client from arrivals order by place")]
        holder.commit()
        [client.close() for client in clients]
    assert order == list(range(12))


def waiting(proxy, dbname):
    return sum(
        int(row["cl_waiting"]) for row in proxy.console("SHOW POOLS") if row["database"] == dbname
    )


def test_nobody_starves(make_proxy, database):
    proxy = make_proxy({"proxy": {"pool_size": 3, "workers": 2}})
    run = hammer(proxy, [(database, "app")] * 24, 3)
    next(run)
    counts = next(run)
    assert min(counts) * 3 > sum(counts) / len(counts), counts


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_vanishes_inside_a_transaction(how, make_proxy, server, database):
    """It costs a rollback; the server connection lives on, and nothing of the transaction does."""
    import socket
    import struct

    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"pool_size": 1}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        conn.ask("create table t (i int)")
        pid = conn.values("select pg_backend_pid()")
        conn.ask("begin")
        conn.ask("insert into t values (1)")
        if how == "reset":
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with connect(proxy, database) as after:
        assert after.execute("select count(*) from t").fetchone() == (0,)
        assert [str(after.execute("select pg_backend_pid()").fetchone()[0])] == pid


def test_a_client_that_vanishes_inside_a_query(make_proxy, server, database):
    """The query is cancelled or ends; its server serves the next client, in time."""
    proxy = make_proxy(
        {
            "auth": {"type": "trust"},
            "proxy": {"pool_size": 1},
            "timeouts": {"abandon_timeout": "2s"},
        }
    )
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        conn.send(wire.query("select pg_sleep(60)"))
        poll(lambda: len(backends(server, database)) == 1, 10, "the query at the server")
    begin = time.monotonic()
    with connect(proxy, database) as after:
        assert after.execute("select 1").fetchone() == (1,)
    assert time.monotonic() - begin < 20


def test_a_client_that_vanishes_inside_copy(make_proxy, server, database):
    """COPY IN broken off: not a row of it stays, and the server connection is clean afterwards."""
    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"pool_size": 1}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        conn.ask("create table t (i int)")
        conn.send(wire.query("copy t from stdin"))
        conn.until("G")
        conn.send(wire.message("d", b"1\n2\n3\n"))
    with connect(proxy, database) as after:
        assert after.execute("select count(*) from t").fetchone() == (0,)
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        conn.send(wire.query("copy (select * from generate_series(1, 1000000)) to stdout"))
        conn.until("d")
    with connect(proxy, database) as after:
        assert after.execute("select count(*) from t").fetchone() == (0,)


def test_copy_fail(make_proxy, server, database):
    """CopyFail is the client's right; the connection is ready again."""
    proxy = make_proxy({"auth": {"type": "trust"}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        conn.ask("create table t (i int)")
        conn.send(wire.query("copy t from stdin"))
        conn.until("G")
        conn.send(wire.message("d", b"1\n"), wire.message("f", b"no more\0"))
        answer = conn.until("Z")
        assert [wire.error_fields(body)["C"] for kind, body in answer if kind == "E"] == ["57014"]
        assert conn.values("select count(*) from t") == ["0"]


def test_transaction_mode_shares(make_proxy, server, database):
    """Twenty clients that take turns need one server connection; a transaction keeps its own."""
    proxy = make_proxy({"proxy": {"workers": 1}})
    clients = [connect(proxy, database) for _ in range(20)]
    pids = {client.execute("select pg_backend_pid()").fetchone()[0] for client in clients}
    assert len(pids) == 1
    with clients[0].transaction(), clients[1].transaction():
        mine = {clients[0].execute("select pg_backend_pid()").fetchone()[0] for _ in range(5)}
        theirs = {clients[1].execute("select pg_backend_pid()").fetchone()[0] for _ in range(5)}
        assert len(mine) == len(theirs) == 1 and mine != theirs
    [client.close() for client in clients]


def test_session_mode_keeps_and_cleans(make_proxy, database):
    """A client keeps its server; the next one finds nothing of it."""
    proxy = make_proxy({"proxy": {"pool_mode": "session", "pool_size": 1}})
    with connect(proxy, database) as first:
        pid = first.execute("select pg_backend_pid()").fetchone()
        first.execute("create temp table mine (i int)")
        first.execute("set work_mem = '12345kB'")
        first.execute("select pg_advisory_lock(42)")
        first.execute("prepare p as select 1")
        assert first.execute("select pg_backend_pid()").fetchone() == pid
    with connect(proxy, database) as second:
        assert second.execute("select pg_backend_pid()").fetchone() == pid
        assert second.execute("show work_mem").fetchone() != ("12345kB",)
        assert second.execute("select to_regclass('pg_temp.mine')").fetchone() == (None,)
        assert second.execute(
            "select count(*) from pg_locks where locktype = 'advisory'"
        ).fetchone() == (0,)
        assert second.execute("select count(*) from pg_prepared_statements").fetchone() == (0,)


def test_statement_mode_refuses_transactions(make_proxy, database):
    proxy = make_proxy({"proxy": {"pool_mode": "statement"}})
    with connect(proxy, database) as conn:
        assert conn.execute("select 1").fetchone() == (1,)
        with pytest.raises(psycopg.Error):
            conn.execute("begin")
            conn.execute("select 1")


def test_pool_mode_per_database_and_user(make_proxy, database):
    proxy = make_proxy(
        {
            "databases": [
                {"name": "by_session", "dbname": database, "pool_mode": "session"},
                {"name": "by_transaction", "dbname": database},
            ],
            "users": [{"name": "other", "pool_mode": "session"}],
        }
    )
    for dbname, user, kept in (
        ("by_session", "app", True),
        ("by_transaction", "app", False),
        ("by_transaction", "other", True),
    ):
        with connect(proxy, dbname, user) as one, connect(proxy, dbname, user) as two:
            pids = {conn.execute("select pg_backend_pid()").fetchone() for conn in (one, two)}
            assert len(pids) == (2 if kept else 1), (dbname, user)


def test_server_lifetime_and_idle_timeout(make_proxy, server, database):
    proxy = make_proxy({"timeouts": {"server_idle_timeout": "1s"}})
    with connect(proxy, database) as conn:
        conn.execute("select 1")
        assert len(backends(server, database)) == 1
        poll(lambda: not backends(server, database), 20, "the idle server connection closed")
        assert conn.execute("select 1").fetchone() == (1,)
    proxy = make_proxy({"timeouts": {"server_lifetime": "1s"}})
    with connect(proxy, database) as conn:
        first = conn.execute("select pg_backend_pid()").fetchone()
        poll(
            lambda: conn.execute("select pg_backend_pid()").fetchone() != first,
            20,
            "a younger server",
        )


def test_a_killed_server_connection(make_proxy, server, database):
    """An idle client does not notice; one inside a transaction is told, once, and goes on or is
    closed.
    """
    proxy = make_proxy({"proxy": {"pool_size": 1}})
    with connect(proxy, database) as conn:
        pid = conn.execute("select pg_backend_pid()").fetchone()[0]
        server.sql(f"select pg_terminate_backend({pid}, 5000)")
        poll(
            lambda: not [r for r in proxy.console("SHOW SERVERS") if r["remote_pid"] == str(pid)],
            20,
            "the proxy to notice",
        )
        assert conn.execute("select 1").fetchone() == (1,)
        pid = conn.execute("select pg_backend_pid()").fetchone()[0]
        with pytest.raises(psycopg.Error) as caught:
            with conn.transaction():
                conn.execute("select 1")
                server.sql(f"select pg_terminate_backend({pid}, 5000)")
                conn.execute("select 2")
        assert caught.value.sqlstate in ("57P01", "08006", None)
    with connect(proxy, database) as conn:
        assert conn.execute("select 1").fetchone() == (1,)
