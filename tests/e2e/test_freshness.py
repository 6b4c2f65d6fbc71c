"""Reads on standbys: where they go, and that none of them misses what was committed before it."""

import asyncio
import time

import asyncpg
import psycopg
import pytest
from conftest import FULL, USERS, connect
from freshness import checker
from freshness.cases import CASES
from harness.cluster import MONITOR, MONITOR_PASSWORD, Cluster
from harness.heimproxy import node
from harness.process import poll

pytestmark = pytest.mark.xdist_group("cluster")

READS = 200_000 if FULL else 12_000
WATCH = {"user": MONITOR, "password": MONITOR_PASSWORD}


def furnish(group):
    """A database for the tests, with a function that tells which node it runs on."""
    group.primary.sql("create database fresh owner app")
    group.primary.sql(
        "create function port_here() returns text stable language sql as"
        " $$ select current_setting('port') $$", "fresh")
    return group.caught_up()


@pytest.fixture(scope="module")
def cluster(server_template, tmp_path_factory):
    """A primary, a standby and one that is half a second behind."""
    made = Cluster(tmp_path_factory.mktemp("freshness"), server_template)
    made.add_standby()
    made.add_standby(recovery_min_apply_delay="500ms")
    yield furnish(made)
    made.remove()


@pytest.fixture(scope="module")
def late(server_template, tmp_path_factory):
    """A primary and a standby that is three seconds behind."""
    made = Cluster(tmp_path_factory.mktemp("late"), server_template)
    made.add_standby(recovery_min_apply_delay="3s")
    yield furnish(made)
    made.remove()


def proxy_before(make_proxy, group, **tables):
    """Splits reads from writes; its console answers once it knows all nodes."""
    names = [f"n{number}" for number in range(len(group.servers))]
    nodes = [node(server, "auto", name=name) for name, server in zip(names, group.servers)]
    proxy = make_proxy({"proxy": {"pool_mode": "auto"}, "monitor": WATCH,
                        "routing": {"reads": "standby"}, "nodes": nodes, **tables})

    def known():
        rows = {row["name"]: row for row in proxy.console("show nodes")}
        roles = [rows[name]["role"] for name in names if name in rows]
        return roles == ["primary"] + ["standby"] * (len(names) - 1)

    poll(known, 20, "the proxy to know its nodes")
    return proxy


def port_of(cursor, table):
    """The node that serves a read of the table."""
    return cursor.execute(f"select port_here() from {table} limit 1").fetchone()[0]


def settles(cursor, table, port, seconds=20):
    """Until reads of the table go to the node with this port."""
    poll(lambda: port_of(cursor, table) == str(port), seconds, f"reads of {table} on {port}")


def test_reads_go_to_standbys_and_writes_do_not(make_proxy, cluster):
    proxy = proxy_before(make_proxy, cluster)
    primary = str(cluster.primary.port)
    with connect(proxy, "fresh") as session:
        session.execute("create table split (v int); insert into split values (1)")
        poll(lambda: port_of(session, "split") != primary, 20, "a read on a standby")
        session.execute("insert into split values (2)")
        assert session.execute("select count(*) from split").fetchone() == (2,)
        with session.transaction():
            assert port_of(session, "split") == primary
        session.execute("begin read only")
        poll_port = port_of(session, "split")
        session.execute("commit")
        assert poll_port in {str(server.port) for server in cluster.servers}
        rows = proxy.console("show routes")
        assert any(row["node"] != "n0" and int(row["statements"]) > 0 for row in rows)
        session.execute("drop table split")


# A standby that waits before it replays such a commit has its lock already: reads wait as well.
LOCKED = {"truncate", "truncate cascade", "materialized view", "ALTER TABLE ... DROP COLUMN",
          "CREATE OR REPLACE VIEW"}


def answer(session, read):
    """The only value, as text; of a table that is not there yet, nothing."""
    try:
        return str(session.execute(read).fetchone()[0])
    except psycopg.errors.UndefinedTable:
        return None


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_what_a_write_reaches(make_proxy, late, case):
    """Each would be stale if only the tables that the text names counted: `any` shows that."""
    name, setup, write, read, wanted = case
    proxy = proxy_before(make_proxy, late)
    with connect(proxy, "fresh") as writer, connect(proxy, "fresh") as reader:
        reader.execute("set heimproxy.freshness = 'any'")
        writer.execute("create schema if not exists c; set search_path = c")
        reader.execute("set search_path = c")
        try:
            writer.execute(setup)
            late.caught_up()
            poll(lambda: answer(reader, read) != wanted, 10, "the old value")
            writer.execute(write)
            reader.execute("set heimproxy.freshness = 'strict'")
            assert answer(reader, read) == wanted
            if name in LOCKED:
                return
            reader.execute("set heimproxy.freshness = 'any'")
            poll(lambda: answer(reader, read) != wanted, 2.5, "a stale answer")
            reader.execute("set heimproxy.freshness = 'strict'")
            assert answer(reader, read) == wanted
        finally:
            writer.execute("drop schema c cascade")


def dsn(proxy):
    return {"host": proxy.host, "port": proxy.port, "user": "app", "password": USERS["app"],
            "database": "fresh"}


class Sessions:
    """asyncpg sessions that close."""

    def __init__(self):
        self.open = []

    async def one(self, proxy):
        self.open.append(await asyncpg.connect(**dsn(proxy)))
        return self.open[-1]

    async def close(self):
        for session in self.open:
            await session.close()


def run(proxies, cluster, scenario, setting=None, seed=1):
    """What `scenario(checker, sessions)` makes of it."""

    async def main():
        check, sessions = checker.Checker(cluster.primary.port, seed=seed), Sessions()
        try:
            first = await sessions.one(proxies[0])
            await first.execute(checker.setup_sql(check.names()))
            cluster.caught_up()
            readers, writers = await scenario(check, sessions)
            if setting:
                for session in sessions.open:
                    await session.execute(setting)
            begin = time.monotonic()
            counts = await check.run(readers, writers)
            print(f"{counts.text()}, {time.monotonic() - begin:.0f} s")
            return counts
        finally:
            await sessions.close()

    return asyncio.run(main())


def strict(proxies):
    async def scenario(check, sessions):
        readers = [check.reader(await sessions.one(proxies[0]), READS) for _ in range(8)]
        writers = [check.writer(await sessions.one(proxies[0])) for _ in range(3)]
        return readers, [*writers, check.slow_writer(await sessions.one(proxies[0]))]

    return scenario


def test_strict(make_proxy, cluster):
    """Writers and readers on different sessions of one proxy."""
    proxies = [proxy_before(make_proxy, cluster)]
    counts = run(proxies, cluster, strict(proxies))
    assert not counts.errors and not counts.stale, counts.text() + str(counts.stale[:5])
    # How many depends on how soon a busy machine's standbys have replayed; the long run says.
    assert counts.standby_share() >= (0.8 if FULL else 0.1), counts.text()


SLOW_PROBES = """
create schema slow;
create function slow.pg_is_in_recovery() returns bool language sql stable as
  $$ select pg_sleep(0.02) is null or pg_catalog.pg_is_in_recovery() $$;
grant usage on schema slow to heim_monitor;
alter role heim_monitor set search_path = slow, pg_catalog;
"""


def test_probes_alone_use_up_the_budget(make_proxy, cluster):
    """Probes that leave no time for another question say where the WAL is, too."""
    cluster.primary.sql(SLOW_PROBES, "postgres")
    cluster.caught_up()
    try:
        proxy = proxy_before(make_proxy, cluster)
        with connect(proxy, "fresh") as session:
            session.execute("create table unsampled (v int)")
            for number in range(3):
                session.execute("insert into unsampled values (%s)", (number,))
                poll(lambda: port_of(session, "unsampled") != str(cluster.primary.port), 20,
                     "a read on a standby")
            session.execute("drop table unsampled")
    finally:
        cluster.primary.sql("alter role heim_monitor reset search_path; drop schema slow cascade",
                            "postgres")


def test_without_the_ledger_reads_are_stale(make_proxy, cluster):
    """The checker finds what there is to find."""
    proxies = [proxy_before(make_proxy, cluster)]
    counts = run(proxies, cluster, strict(proxies), "set heimproxy.freshness = 'any'")
    assert not counts.errors and counts.stale, counts.text()


def test_session(make_proxy, cluster):
    """A session sees its own commits, and two proxies know nothing of each other."""
    proxies = [proxy_before(make_proxy, cluster) for _ in range(2)]

    async def scenario(check, sessions):
        return [check.own(await sessions.one(proxies[i % 2]), READS) for i in range(8)], []

    counts = run(proxies, cluster, scenario, "set heimproxy.freshness = 'session'")
    assert not counts.errors and not counts.stale, counts.text() + str(counts.stale[:5])
    assert counts.by_port.get(str(cluster.primary.port), 0) < counts.reads


def test_group_across_proxies(make_proxy, cluster):
    """What one session committed through one proxy, another sees through another, by a token."""
    proxies = [proxy_before(make_proxy, cluster) for _ in range(2)]

    async def scenario(check, sessions):
        pairs = [(await sessions.one(proxies[i % 2]), await sessions.one(proxies[1 - i % 2]))
                 for i in range(6)]
        return [check.carrier(one, other, READS) for one, other in pairs], []

    counts = run(proxies, cluster, scenario, "set heimproxy.freshness = 'session'")
    assert not counts.errors and not counts.stale, counts.text() + str(counts.stale[:5])


def test_bad_settings(make_proxy, cluster):
    proxy = proxy_before(make_proxy, cluster)
    with connect(proxy, "fresh") as session:
        for setting in ("route = 'nowhere'", "freshness = 'sometimes'", "min_lsn = 'x'"):
            with pytest.raises(psycopg.Error) as caught:
                session.execute(f"set heimproxy.{setting}")
            assert caught.value.sqlstate == "22023"
        session.execute("set heimproxy.route = 'primary'")
        assert session.execute("show heimproxy.route").fetchone() == ("primary",)
        assert "/" in session.execute("show heimproxy.lsn").fetchone()[0]
