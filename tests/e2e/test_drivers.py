"""Unchanged drivers: what a workload sees through heimproxy equals what it sees directly."""

import difflib

import pytest
from conftest import connect, libpq_env, run_program
from harness import paths

HERE = paths.ROOT / "tests/e2e"
DRIVERS = paths.BUILD / "drivers"
PYTHON = DRIVERS / "python/bin/python"
PROGRAMS = {
    "psycopg3": [PYTHON, HERE / "python/psycopg3_client.py"],
    "psycopg2": [PYTHON, HERE / "python/psycopg2_client.py"],
    "asyncpg": [PYTHON, HERE / "python/asyncpg_client.py"],
    "sqlalchemy": [PYTHON, HERE / "python/sqlalchemy_client.py"],
    "node-postgres": ["node", HERE / "node/client.js"],
    "pgx": [DRIVERS / "go/client"],
    "jdbc": [
        "java",
        "-cp",
        f"{DRIVERS / 'java'}/*:{DRIVERS / 'java'}",
        "-XX:+UseSerialGC",
        "Client",
    ],
}


def transcript(driver, target, dbname, mode, tls):
    env = libpq_env(
        target,
        dbname,
        E2E_MODE=mode,
        PGSSLMODE="verify-full",
        PGSSLROOTCERT=str(tls.ca),
        PGHOST="localhost",
        NODE_PATH=str(DRIVERS / "node/node_modules"),
    )
    return run_program(PROGRAMS[driver], env).splitlines()


def compare(driver, proxy, server, make_database, mode, tls):
    direct = transcript(driver, server, make_database(), mode, tls)
    proxied = transcript(driver, proxy, make_database(), mode, tls)
    assert direct
    difference = list(difflib.unified_diff(direct, proxied, "direct", "proxied", lineterm="", n=1))
    assert not difference, "\n".join(line[:300] for line in difference[:60])


@pytest.mark.parametrize("mode", ["auto", "transaction"])
@pytest.mark.parametrize("driver", PROGRAMS)
def test_shared_servers(driver, mode, server, make_proxy, make_database, tls, lookup_auth):
    """More clients than the 4 server connections, TLS and SCRAM on both sides, secrets by
    auth_query.
    """
    proxy = make_proxy(
        {
            "proxy": {"pool_size": 4, "pool_mode": mode},
            "client_tls": {"mode": "require"},
            "server_tls": {"mode": "require"},
            "auth": lookup_auth,
        }
    )
    compare(driver, proxy, server, make_database, "transaction", tls)


@pytest.mark.parametrize("driver", PROGRAMS)
def test_session_mode(driver, server, make_proxy, make_database, tls):
    """What needs a server of one's own: LISTEN, temporary tables, SET."""
    proxy = make_proxy({"proxy": {"pool_mode": "session"}})
    compare(driver, proxy, server, make_database, "session", tls)


@pytest.mark.parametrize("script", ["select-only", "simple-update", "tpcb-like"])
@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
def test_pgbench(protocol, script, proxy, server, database):
    """Every protocol of pgbench, every built-in script; TPC-B's books balance afterwards."""
    pgbench = paths.pg_bin("pgbench")
    env = libpq_env(server, database)
    run_program([pgbench, "-i", "-q", "-s", "2"], env)
    env = libpq_env(proxy, database, PGSSLMODE="require")
    out = run_program(
        [pgbench, "-n", "-b", script, "-M", protocol, "-c", "20", "-j", "2", "-t", "40"], env, 60
    )
    assert "number of transactions actually processed: 800/800" in out
    assert "number of failed transactions: 0" in out
    with connect(server, database) as conn:
        sums = conn.execute(
            "select (select sum(abalance) from pgbench_accounts), (select count(*) from"
            " pgbench_history), coalesce((select sum(delta) from pgbench_history), 0)"
        ).fetchone()
    wrote = script != "select-only"
    assert sums[1] == (800 if wrote else 0)
    assert sums[0] == sums[2]


def test_pgbench_connects_anew(proxy, server, database):
    """A connection per transaction (-C)."""
    env = libpq_env(server, database)
    run_program([paths.pg_bin("pgbench"), "-i", "-q", "-s", "1"], env)
    env = libpq_env(proxy, database)
    out = run_program([paths.pg_bin("pgbench"), "-n", "-S", "-C", "-c", "8", "-t", "20"], env)
    assert "number of transactions actually processed: 160/160" in out


PSQL_SCRIPT = r"""
\set ON_ERROR_STOP off
create table t (id int primary key, v text);
insert into t select i, 'v' || i from generate_series(1, 1000) i;
\d t
select * from t where id < 5 order by id;
\copy t to 'psql.copy'
begin; delete from t; select count(*) from t; rollback;
select count(*) from t;
select 1/0;
\set AUTOCOMMIT off
update t set v = 'x' where id = 1;
savepoint a;
insert into t values (1, 'clash');
rollback to a;
commit;
\set AUTOCOMMIT on
truncate t;
\copy t from 'psql.copy'
select count(*), sum(id) from t;
select id from t order by id \gdesc
\set FETCH_COUNT 100
select count(*) from (select * from t) s;
select id from t order by id;
\unset FETCH_COUNT
select 'a' as x \; select 'b' as y;
do $$ begin raise notice 'a notice'; end $$;
\dt
vacuum t;
explain (costs off) select * from t where id = 1;
"""


def test_psql(proxy, server, make_database, tmp_path):
    """psql's own commands, \\copy, cursors, errors: same output, same messages."""
    import subprocess

    outputs = []
    for target in (server, proxy):
        env = libpq_env(target, make_database(), PGSSLMODE="require")
        done = subprocess.run(
            [paths.pg_bin("psql"), "-X", "-a"],
            input=PSQL_SCRIPT,
            env=env,
            cwd=tmp_path,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
        )
        outputs.append(done.stdout.splitlines())
    assert len(outputs[0]) > 100
    difference = list(difflib.unified_diff(*outputs, "direct", "proxied", lineterm="", n=1))
    assert not difference, "\n".join(difference[:60])
