"""Replication-protocol connections in session mode."""

import signal
import subprocess

import psycopg
import pytest
from conftest import connect, libpq_env
from harness.paths import pg_bin
from harness.process import Process, poll


@pytest.fixture
def by_session(make_proxy):
    return make_proxy({"proxy": {"pool_mode": "session"}})


def where_it_stands(backup, proxy, server):
    """What everybody who takes part in a base backup says of it."""
    told = [backup.log_path.read_text()]
    told += [f"{what}: {proxy.console(what)}" for what in ("show clients", "show servers")]
    with connect(server, "postgres") as conn:
        for view in ("pg_stat_activity", "pg_stat_replication", "pg_replication_slots"):
            told += [view, *(str(row) for row in conn.execute(f"table {view}"))]
    return "\n".join([*told, proxy.log(), server.process.log()[-20000:]])


def test_pg_basebackup(make_proxy, make_server, tmp_path):
    """A whole base backup with its WAL stream: two walsenders through the proxy; pg_verifybackup
    agrees. Of a server of its own: the shared one has the databases of all tests by then.
    """
    server = make_server()
    server.sql("create table t as select i, repeat('x', 100) from generate_series(1, 100000) i")
    proxy = make_proxy({"proxy": {"pool_mode": "session"}}, on=server)
    target, log = tmp_path / "backup", tmp_path / "pg_basebackup.log"
    argv = [pg_bin("pg_basebackup"), "-D", target, "-X", "stream", "-c", "fast", "--no-sync", "-v"]
    backup = Process(argv, log, env=libpq_env(proxy, "replication", PGSSLMODE="require"))
    try:
        poll(lambda: not backup.running(), 120, "the end of the base backup")
    except TimeoutError as late:
        raise AssertionError(where_it_stands(backup, proxy, server)) from late
    finally:
        backup.stop(signal.SIGKILL)
    assert backup.popen.returncode == 0, log.read_text()
    done = subprocess.run(
        [pg_bin("pg_verifybackup"), target], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_pg_recvlogical(by_session, server, tmp_path, database):
    """Logical decoding: changes made through the proxy arrive through the proxy."""
    env = libpq_env(by_session, database)
    recv = [pg_bin("pg_recvlogical"), "-d", database, "-S", f"slot_{database}"]
    done = subprocess.run(
        [*recv, "--create-slot", "-P", "test_decoding"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    output = tmp_path / "changes"
    output.touch()
    stream = Process(
        [*recv, "--start", "-f", str(output), "--fsync-interval=0", "-s", "1"],
        tmp_path / "log",
        env=env,
    )
    try:
        with connect(by_session, database) as conn:
            conn.execute("create table t (i int)")
            conn.execute("insert into t values (42)")
        poll(lambda: "INSERT: i[integer]:42" in output.read_text(), 30, "the insert in the stream")
    finally:
        stream.stop(2)
    poll(
        lambda: server.sql(
            f"select active from pg_replication_slots where slot_name = 'slot_{database}'"
        )
        == [["f"]],
        20,
        "the slot released",
    )
    server.sql(f"select pg_drop_replication_slot('slot_{database}')")


def test_not_in_transaction_mode(make_proxy, database):
    """Either refused with a reason or given a server of its own; ordinary clients never meet a
    walsender.
    """
    proxy = make_proxy({"proxy": {"pool_size": 2}})
    try:
        with psycopg.connect(
            host=proxy.host,
            port=proxy.port,
            user="app",
            password="app-secret",
            dbname=database,
            replication="database",
            autocommit=True,
            cursor_factory=psycopg.ClientCursor,
        ) as conn:
            assert conn.execute("IDENTIFY_SYSTEM").fetchone()[3] == database
    except psycopg.OperationalError as error:
        assert "replication" in str(error)
    with connect(proxy, database) as conn:
        for _ in range(5):
            assert conn.execute(
                "select count(*) from pg_stat_activity where pid = pg_backend_pid()"
                " and backend_type = 'client backend'"
            ).fetchone() == (1,)
