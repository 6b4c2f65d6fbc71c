"""The SHOW console and its commands, through both protocols."""

import threading
import time

import psycopg
import pytest
from conftest import connect
from harness.process import poll
from test_pool import backends

# PgBouncer's columns, in its order; ours may stand between or behind.
COLUMNS = {
    "POOLS": "database user cl_active cl_waiting sv_active sv_idle sv_used sv_tested sv_login"
    " maxwait maxwait_us"
    " pool_mode",
    "CLIENTS": "type user database state addr port local_addr local_port connect_time"
    " request_time wait wait_us"
    " close_needed ptr link remote_pid tls application_name",
    "SERVERS": "type user database state addr port local_addr local_port connect_time"
    " request_time wait wait_us"
    " close_needed ptr link remote_pid tls application_name",
    "STATS": "database total_xact_count total_query_count total_received total_sent total_xact_time"
    " total_query_time total_wait_time avg_xact_count avg_query_count avg_recv avg_sent"
    " avg_xact_time"
    " avg_query_time avg_wait_time",
    "LISTS": "list items",
    "CONFIG": "key value default changeable",
    "DATABASES": "name host port database force_user pool_size reserve_pool pool_mode"
    " max_connections"
    " current_connections paused disabled",
    "USERS": "name pool_mode",
    "VERSION": "version",
    "MEM": "name size used free memtotal",
}


@pytest.mark.parametrize("dbname", ["heimproxy", "pgbouncer"])
@pytest.mark.parametrize("what", COLUMNS)
def test_columns(what, dbname, proxy, database):
    """The same rows through the simple protocol (psql) and the extended one (psycopg 3)."""
    with connect(proxy, database) as busy, busy.transaction():
        busy.execute("select 1")
        simple = proxy.console(f"SHOW {what}", dbname=dbname)
        with connect(proxy, dbname, "admin") as conn:
            extended = conn.execute(f"SHOW {what}")
            names = [column.name for column in extended.description]
            rows = extended.fetchall()
            binary = conn.cursor(binary=True).execute(f"SHOW {what}").fetchall()
    assert rows and len(binary) == len(rows)
    wanted = (
        COLUMNS[what]
        .replace(
            "reserve_pool ",
            "reserve_pool_size " if "reserve_pool_size" in names else "reserve_pool ",
        )
        .split()
    )
    assert [name for name in names if name in wanted] == wanted
    assert simple and list(simple[0]) == names


def test_what_is_shown_is_true(make_proxy, server, database):
    proxy = make_proxy({"proxy": {"pool_size": 2}})
    held = [
        connect(proxy, database, autocommit=False, application_name=f"held {n}") for n in range(2)
    ]
    pids = {str(conn.execute("select pg_backend_pid()").fetchone()[0]) for conn in held}
    late = connect(proxy, database)
    thread = threading.Thread(target=late.execute, args=("select 1",))
    thread.start()

    def pool():
        return next(row for row in proxy.console("SHOW POOLS") if row["database"] == database)

    poll(lambda: pool()["cl_waiting"] == "1", 10, "one client in line")
    row = pool()
    assert (row["cl_active"], row["sv_active"], row["sv_idle"], row["pool_mode"]) == (
        "2",
        "2",
        "0",
        "transaction",
    )
    clients = [c for c in proxy.console("SHOW CLIENTS") if c["database"] == database]
    assert {c["application_name"] for c in clients} >= {"held 0", "held 1"}
    assert sorted(c["state"] for c in clients) == ["active", "active", "waiting"]
    assert {
        s["remote_pid"] for s in proxy.console("SHOW SERVERS") if s["database"] == database
    } == pids
    for conn in held:
        conn.commit()
    thread.join()
    poll(lambda: pool()["sv_active"] == "0" and pool()["cl_waiting"] == "0", 10, "all quiet")
    for conn in held + [late]:
        conn.close()
    poll(
        lambda: not [c for c in proxy.console("SHOW CLIENTS") if c["database"] == database],
        10,
        "all gone",
    )


def test_stats_count(make_proxy, database):
    proxy = make_proxy()

    def total(name):
        rows = [row for row in proxy.console("SHOW STATS") if row["database"] == database]
        return int(rows[0][name]) if rows else 0

    # A Parse of its own would be one more transaction.
    with connect(proxy, database, prepare_threshold=None) as conn:
        conn.execute("select 1")
        queries, transactions = total("total_query_count"), total("total_xact_count")
        for _ in range(10):
            conn.execute("select 1")
        with conn.transaction():
            conn.execute("select 1")
            conn.execute("select 2")
        poll(lambda: total("total_xact_count") - transactions == 11, 5, "eleven transactions")
        assert total("total_query_count") - queries == 14  # begin and commit are queries too
        assert total("total_received") > 0 and total("total_sent") > 0


def test_who_may(proxy, database):
    """admin_users all, stats_users SHOW only, others not even in."""
    assert proxy.console("SHOW VERSION", "other", "other-secret")
    with pytest.raises(RuntimeError):
        proxy.console("PAUSE", "other", "other-secret")
    for dbname in ("heimproxy", "pgbouncer"):
        with pytest.raises(psycopg.OperationalError):
            connect(proxy, dbname, "app")
        with pytest.raises(psycopg.OperationalError):
            connect(proxy, dbname, "admin", password="wrong")


def test_mistakes(proxy):
    with connect(proxy, "heimproxy", "admin") as conn:
        for wrong in (
            "SHOW NOTHING",
            "DROP TABLE x",
            "PAUSE nowhere at all",
            "PAUSE nowhere",
            "KILL nowhere",
            "select * from pg_class",
        ):
            with pytest.raises(psycopg.Error) as caught:
                conn.execute(wrong)
            assert caught.value.sqlstate[:2] in ("42", "0A", "3D")
        assert conn.execute("SHOW VERSION").fetchone()[0].startswith("heimproxy")


def test_pause_and_resume(make_proxy, database):
    """PAUSE waits for what runs, then nothing new starts until RESUME; no client is lost."""
    proxy = make_proxy()
    with connect(proxy, database) as conn, connect(proxy, database) as running:
        conn.execute("select 1")
        sleeping = threading.Thread(target=running.execute, args=("select pg_sleep(1)",))
        sleeping.start()
        begin = time.monotonic()
        poll(
            lambda: any(s["state"] == "active" for s in proxy.console("SHOW SERVERS")),
            5,
            "the sleep to begin",
        )
        proxy.console(f"PAUSE {database}")
        assert time.monotonic() - begin > 0.5, "PAUSE did not wait for the running query"
        sleeping.join()
        answers = []
        waiting = threading.Thread(
            target=lambda: answers.append(conn.execute("select 2").fetchone())
        )
        waiting.start()
        waiting.join(0.7)
        assert waiting.is_alive() and not answers
        proxy.console(f"RESUME {database}")
        waiting.join(10)
        assert answers == [(2,)]


def test_pause_holds_pools_to_come(make_proxy, database):
    """Another user's first connection to a paused database waits as well."""
    proxy = make_proxy()
    with connect(proxy, database) as conn:
        conn.execute("select 1")
    proxy.console(f"PAUSE {database}")
    answers = []

    def first():
        with connect(proxy, database, "other", password="other-secret") as conn:
            answers.append(conn.execute("select current_user").fetchone())

    waiting = threading.Thread(target=first)
    waiting.start()
    waiting.join(0.7)
    assert waiting.is_alive() and not answers
    proxy.console(f"RESUME {database}")
    waiting.join(10)
    assert answers == [("other",)]


def test_pause_all(make_proxy, make_database, server):
    proxy, names = make_proxy(), [make_database(), make_database()]
    held = [connect(proxy, name) for name in names]
    for conn in held:
        conn.execute("select 1")
    proxy.console("PAUSE")
    answers = []
    threads = [
        threading.Thread(target=lambda c=conn: answers.append(c.execute("select 1").fetchone()))
        for conn in held
    ]
    [t.start() for t in threads]
    threads[0].join(0.5)
    assert not answers
    proxy.console("RESUME")
    [t.join(10) for t in threads]
    assert answers == [(1,), (1,)]
    [conn.close() for conn in held]


def test_reconnect(make_proxy, server, database):
    """Server connections are replaced as they come free; a transaction keeps its own to the end."""
    proxy = make_proxy({"proxy": {"pool_size": 2}})
    with connect(proxy, database) as conn:
        with conn.transaction():
            old = conn.execute("select pg_backend_pid()").fetchone()[0]
            proxy.console(f"RECONNECT {database}")
            assert conn.execute("select pg_backend_pid()").fetchone()[0] == old
        poll(lambda: old not in backends(server, database), 10, "the old server connection closed")
        assert conn.execute("select pg_backend_pid()").fetchone()[0] != old
        proxy.console(f"RECONNECT {database}")
        proxy.console(f"WAIT_CLOSE {database}")


def test_kill_and_resume(make_proxy, server, database):
    """KILL drops the clients and servers of a database at once, and others' not."""
    proxy = make_proxy()
    with connect(proxy, database, autocommit=False) as conn, connect(proxy, "postgres") as other:
        conn.execute("select 1")
        proxy.console(f"KILL {database}")
        with pytest.raises(psycopg.Error):
            conn.execute("select 2")
        poll(lambda: not backends(server, database), 10, "server connections closed")
        assert other.execute("select 3").fetchone() == (3,)
    proxy.console(f"RESUME {database}")
    with connect(proxy, database) as conn:
        assert conn.execute("select 4").fetchone() == (4,)


def test_reload(make_proxy, server, database):
    """RELOAD reads the file again: a new pool_size holds without a restart or a lost client."""
    proxy = make_proxy({"proxy": {"pool_size": 1}})
    with connect(proxy, database, autocommit=False) as one, connect(proxy, database) as two:
        one.execute("select 1")
        table = {**proxy.config["proxy"], "pool_size": 2}
        proxy.write_config(proxy=table)
        proxy.console("RELOAD")
        assert two.execute("select 2").fetchone() == (2,)
        one.rollback()
    # A broken file is refused with its reason; what was in force stays in force.
    proxy.path.write_text("[proxy]\npool_sise = 3\n")
    with pytest.raises(RuntimeError):
        proxy.console("RELOAD")
    with connect(proxy, database) as conn:
        assert conn.execute("select 3").fetchone() == (3,)


def test_shutdown(make_proxy, database):
    proxy = make_proxy()
    with connect(proxy, database) as conn:
        conn.execute("select 1")
        process = proxy.process
        try:
            proxy.console("SHUTDOWN")
        except RuntimeError:
            pass  # it may be gone before it can say so
        assert process.wait(20) == 0
        proxy.process = None
