"""The pid a client is told: its server's in session mode, one of its own in shared modes."""

import threading

import psycopg
import pytest
from conftest import connect, once_asleep
from harness.process import poll
from test_pool import waiting


@pytest.fixture
def by_session(make_proxy):
    return make_proxy({"proxy": {"pool_mode": "session"}})


def notify_pids(conn, count=3):
    """Pids that notifications of its own carry, and one that a function sent."""
    conn.execute("listen mine")
    pids = set()
    for number in range(count):
        conn.execute(["notify mine", "select pg_notify('mine', 'text')"][number % 2])
        pids |= {note.pid for note in conn.notifies(timeout=10, stop_after=1)}
    return pids


def test_session_mode_tells_the_servers_pid(by_session, database):
    """Of every client, whatever it asks for at its login, and behind one that left."""
    for options in ({}, {"application_name": "one"}, {"options": "-c work_mem=1MB"}, {}):
        with connect(by_session, database, **options) as conn, connect(by_session, database) as two:
            for each in (conn, two):
                pid = each.info.backend_pid
                assert each.execute("select pg_backend_pid()").fetchone() == (pid,)
            assert conn.info.backend_pid != two.info.backend_pid


def test_pid_in_pg_locks(by_session, database):
    with connect(by_session, database) as conn, connect(by_session, database) as other:
        conn.execute("select pg_advisory_lock(4711)")
        held = "select pid from pg_locks where locktype = 'advisory' and objid = 4711"
        assert other.execute(held).fetchall() == [(conn.info.backend_pid,)]
        sql = "select application_name from pg_stat_activity a join pg_locks l using (pid) where "
        conn.execute("set application_name = 'holder'")
        rows = other.execute(sql + "pid = %s", (conn.info.backend_pid,)).fetchall()
        assert set(rows) == {("holder",)}


@pytest.mark.parametrize("mode", ["session", "auto"])
def test_own_notifications(mode, make_proxy, database):
    """LISTEN and NOTIFY of one client: the pid it knows itself by."""
    proxy = make_proxy({"proxy": {"pool_mode": mode}})
    with connect(proxy, database) as conn, connect(proxy, database) as other:
        assert notify_pids(conn) == {conn.info.backend_pid}
        (sender,) = other.execute("select pg_backend_pid()").fetchone()
        other.execute("notify mine")
        (note,) = conn.notifies(timeout=10, stop_after=1)
        assert note.pid != conn.info.backend_pid
        assert note.pid == sender or mode == "auto"


@pytest.mark.parametrize("mode", ["session", "auto", "transaction"])
def test_cancel_by_pid(mode, make_proxy, server, database):
    """On two workers, the request comes to either."""
    proxy = make_proxy({"proxy": {"pool_mode": mode, "workers": 2}})
    with connect(proxy, database) as conn:
        for _ in range(4):
            thread = once_asleep(server, database, conn.cancel)
            with pytest.raises(psycopg.errors.QueryCanceled):
                conn.execute("select pg_sleep(30)")
            thread.join()
            assert conn.execute("select 1").fetchone() == (1,)


def test_session_mode_login_waits(make_proxy, database):
    """More logins than servers: they wait, visibly, and have the server when it comes free."""
    proxy = make_proxy({"proxy": {"pool_mode": "session", "pool_size": 1}})
    pids = []

    def late():
        with connect(proxy, database) as conn:
            (pid,) = conn.execute("select pg_backend_pid()").fetchone()
            pids.append((conn.info.backend_pid, pid))

    with connect(proxy, database) as conn:
        pid = conn.info.backend_pid
        conn.execute("select 1")
        thread = threading.Thread(target=late)
        thread.start()
        poll(lambda: waiting(proxy, database) == 1, 20, "the login in line")
        assert not pids
    thread.join()
    assert pids == [(pid, pid)]


def test_session_mode_login_waits_in_vain(make_proxy, database):
    config = {"pool_mode": "session", "pool_size": 1}
    proxy = make_proxy({"proxy": config, "timeouts": {"query_wait_timeout": "1s"}})
    with connect(proxy, database) as conn:
        with pytest.raises(psycopg.OperationalError, match="query_wait_timeout"):
            connect(proxy, database)
        assert conn.execute("select 1").fetchone() == (1,)


def test_replication_pid(by_session, server, database):
    """A walsender is told as what it is."""
    with connect(by_session, database, replication="database") as conn:
        rows = server.sql("select pid from pg_stat_activity where backend_type = 'walsender'")
        assert conn.info.backend_pid in {int(row[0]) for row in rows}


def test_pid_is_listed(by_session, database):
    """The console shows what the client was told."""
    with connect(by_session, database) as conn:
        pids = {int(row["remote_pid"]) for row in by_session.console("SHOW CLIENTS")}
        assert conn.info.backend_pid in pids
