"""All at once: two proxies whose caches are in step, a primary with standbys, every way to write
a table, and reads held against what was acknowledged before them.
"""

import asyncio
import signal

import asyncpg
import pytest
from conftest import FULL, USERS
from freshness.checker import Register
from harness.cluster import MONITOR, MONITOR_PASSWORD, Cluster
from harness.heimproxy import node
from harness.process import poll
from test_cache_fleet import (  # noqa: F401
    FleetChecker, connect, counts, hits, in_step, make_redis, warm)

pytestmark = pytest.mark.xdist_group("cluster")

READS = 1_000_000 if FULL else 20_000
READERS, WRITERS = 8, 4

# What is read is {t} alone: one row, `v`, the number of the write that changed it last.
SETUP = {
    "update": "",
    "block": "",
    "truncate": "",
    "copy": "",
    "columns": "",
    "trigger": "create table {t}_feed (n bigint);"
               "create function {t}_feeds() returns trigger language plpgsql as"
               " $$ begin update {t} set v = new.n where id = 1; return new; end $$;"
               "create trigger feeds after insert on {t}_feed for each row"
               " execute function {t}_feeds();",
    "function": "create function {t}_put(n bigint) returns void language plpgsql as"
                " $$ begin execute format('update %I set v = %s', '{t}', n); end $$;",
    "cascade": "create table {t}_parent (v bigint primary key);"
               "insert into {t}_parent values (0);"
               "alter table {t} add foreign key (v) references {t}_parent on update cascade;",
    "view": "alter table {t} rename to {t}_under;"
            "create view {t} as select 1 as id, 0::bigint as v;",
    "part": "drop table {t};"
            "create table {t} (id int, v bigint) partition by list (id);"
            "create table {t}_one partition of {t} for values in (1);"
            "insert into {t} values (1, 0);",
}


async def update(session, t, n):
    await session.execute(f"update {t} set v = $1 where id = 1", n)


async def block(session, t, n):
    async with session.transaction():
        await session.execute(f"select v from {t} where id = 1 for update")
        await session.execute(f"update {t} set v = $1 where id = 1", n)


async def truncate(session, t, n):
    await session.execute(f"begin; truncate {t}; insert into {t} values (1, {n}); commit")


async def copy(session, t, n):
    async with session.transaction():
        await session.execute(f"delete from {t}")
        await session.copy_records_to_table(t, records=[(1, n)])


async def columns(session, t, n):
    async with session.transaction():
        await session.execute(f"alter table {t} drop column if exists more")
        await session.execute(f"alter table {t} add column more int default {n % 7}")
        await session.execute(f"update {t} set v = {n}")


async def trigger(session, t, n):
    await session.execute(f"insert into {t}_feed values ({n})")


async def function(session, t, n):
    await session.execute(f"select {t}_put({n})")


async def cascade(session, t, n):
    await session.execute(f"update {t}_parent set v = {n}")


async def view(session, t, n):
    await session.execute(f"create or replace view {t} as select 1 as id, {n}::bigint as v")


async def part(session, t, n):
    await session.execute(f"update {t}_one set v = {n}")


WAYS = {way.__name__: way for way in (
    update, block, truncate, copy, columns, trigger, function, cascade, view, part)}


# What these change is anything, for all that is known: nothing that was kept before is believed.
SWEEPS = {"columns", "view", "function", "trigger"}


class Mixed(FleetChecker):
    """A hot and a cold table for each way, but where that would leave nothing to be kept."""

    def __init__(self):
        super().__init__()
        self.hot = [Register(f"hot_{way}") for way in WAYS if way not in SWEEPS]
        self.cold = [Register(f"cold_{way}") for way in WAYS]

    def setup_sql(self):
        made = ""
        for name in self.names():
            more = SETUP[name.split("_")[1]].format(t=name)
            made += (f"create table {name} (id int primary key, v bigint);"
                     f"insert into {name} values (1, 0);{more}")
        return made

    async def slow_writer(self, session):
        while not self.done:
            for register in self.cold:
                await self.note(register, session)
                await asyncio.sleep(0.5)

    async def note(self, register, session):
        await register.write(session, WAYS[register.name.split("_")[1]])
        self.when[register.name, register.acknowledged] = register.written
        self.counts.writes += 1


@pytest.fixture(scope="module")
def cluster(server_template, tmp_path_factory):
    """A primary, a standby, and one that is half a second behind."""
    made = Cluster(tmp_path_factory.mktemp("cached"), server_template)
    made.add_standby()
    made.add_standby(recovery_min_apply_delay="500ms")
    yield made.caught_up()
    made.remove()


@pytest.fixture
def made(cluster):
    """The tables, new, in a database of their own."""
    checker = Mixed()
    cluster.primary.sql("create database cached owner app")
    with connect(cluster.primary, "cached") as direct:
        direct.execute(checker.setup_sql())
        direct.execute("create table items (id int primary key, name text);"
                       "insert into items values (1, 'one')")
    cluster.caught_up()
    yield checker
    cluster.primary.sql("drop database cached with (force)")


def pair(make_proxy, cluster, redis, coherence):
    nodes = [node(server, "auto", name=f"n{number}")
             for number, server in enumerate(cluster.servers)]
    watch = {"user": MONITOR, "password": MONITOR_PASSWORD}
    made = [make_proxy({
        "proxy": {"pool_mode": "auto"}, "monitor": watch, "nodes": nodes,
        "routing": {"reads": "standby"},
        "cache": {"enabled": True},
        "cache.redis": {"servers": [f"{redis.host}:{redis.port}"], "namespace": "shop",
                        "coherence": coherence},
    }) for _ in range(2)]
    in_step(*made)
    for proxy in made:
        with connect(proxy, "cached") as client:
            warm(proxy, client)
    return made


def check(checker, proxies, trouble=None):
    """Readers and writers at both."""

    async def session(number):
        target = proxies[number % 2]
        return await asyncpg.connect(host=target.host, port=target.port, user="app",
                                     password=USERS["app"], database="cached")

    async def main():
        readers = [checker.reader(await session(i), READS) for i in range(READERS)]
        writers = [checker.writer(await session(i), 0.02) for i in range(WRITERS)]
        writers.append(checker.slow_writer(await session(1)))
        if trouble:
            writers.append(trouble())
        return await checker.run(readers, writers)

    before = hits(proxies)
    found = asyncio.run(main())
    ages = sorted(checker.ages) or [0]
    kept = hits(proxies) - before
    print(f"{found.reads} reads, {found.writes} writes, {kept} hits, {len(checker.ages)} behind,"
          f" at most {1000 * ages[-1]:.2f} ms")
    assert not found.errors, (found.errors, [proxy.log()[-5000:] for proxy in proxies])
    assert not found.stale, found.stale[:5]
    assert kept > found.reads / 10
    return found


@pytest.mark.parametrize("coherence", ["push", "strict"])
def test_no_answer_is_older_than_it_may_be(make_proxy, make_redis, cluster, made, coherence):
    proxies = pair(make_proxy, cluster, make_redis(), coherence)
    check(made, proxies)
    assert coherence == "push" or not made.ages, sorted(made.ages)[-5:]


def test_nor_where_another_proxy_is_killed(make_proxy, make_redis, cluster, made):
    """Strict, with a third proxy that writes, and is killed again and again."""
    redis = make_redis()
    proxies = pair(make_proxy, cluster, redis, "strict")
    [third, _] = pair(make_proxy, cluster, redis, "strict")

    async def trouble():
        number = 0
        while not made.done:
            # What it had under way may have been anything, where it did not know the catalog: then
            # nothing is given out for a minute.
            await asyncio.sleep(90 if FULL else 0.5)
            session = await asyncpg.connect(host=third.host, port=third.port, user="app",
                                            password=USERS["app"], database="cached")
            for _ in range(20):
                number += 1
                await session.execute(f"update items set name = 'n{number}'")
            third.stop(signal.SIGKILL)
            session.terminate()
            third.start()  # not from another thread: it would die with that
            if not FULL and number > 80:
                made.done = True

    check(made, proxies, trouble)
    assert not made.ages, sorted(made.ages)[-5:]
    poll(lambda: counts(third)["fleet"] == "in step", 30, "the third to be in step")
