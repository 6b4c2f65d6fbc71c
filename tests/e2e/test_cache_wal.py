"""Writes that go straight to PostgreSQL: the cache hears of them from the log.

An answer that was given from the cache would be the same for an hour: who sees what was written
past the proxy was told of it.
"""

import asyncio
import contextlib
import itertools
import signal
import time

import asyncpg
import psycopg
import pytest
from conftest import FULL, SUPERUSER, USERS, connect
from harness.cluster import kill
from harness.heimproxy import node
from harness.process import poll
from caching import counts
from test_cache import CacheChecker
from test_cluster import own, until  # noqa: F401
from test_failover import promote
from freshness.checker import setup_sql

READS = 200_000 if FULL else 5_000
WATCH = {"user": "app", "password": USERS["app"], "slow_start": "0s"}
CACHE = {"enabled": True, "follow": "wal"}
FOLLOW = {"proxy": {"pool_mode": "auto"}, "monitor": WATCH, "cache": CACHE}
PUBLISH = "create publication heimproxy for all tables"
SHOP = """
create table items (id int primary key, name text);
insert into items values (1, 'one'), (2, 'two');
create table lines (id int primary key, item int references items on delete cascade, count int);
insert into lines values (1, 1, 10), (2, 2, 20);
create view many as select * from lines where count > 15;
create table log (id serial primary key, what text);
create function note() returns trigger language plpgsql as
  $$ begin insert into log (what) values (new.name); return new; end $$;
create trigger noted after insert on items for each row execute function note();
create table whole (id int, part int, v text, primary key (id, part)) partition by list (part);
create table whole_1 partition of whole for values in (1);
create table whole_2 partition of whole for values in (2) partition by range (id);
create table whole_2_a partition of whole_2 for values from (0) to (100);
insert into whole values (1, 1, 'a'), (2, 2, 'b');
create table parent (id int primary key, v text);
create table child (more int, primary key (id)) inherits (parent);
insert into child values (1, 'c', 7);
create materialized view sums as select sum(count) as total from lines;
create unique index on sums (total);
create function word() returns text stable language sql as $$ select 'hello'::text $$;
create type mood as enum ('good', 'bad');
create table moods (id int primary key, m mood);
insert into moods values (1, 'good');
"""


def fill(server, database):
    with connect(server, database, SUPERUSER) as chief:
        chief.execute(PUBLISH)
    with connect(server, database) as direct:
        direct.execute(SHOP)


@pytest.fixture
def shop(database, server):
    fill(server, database)
    with connect(server, database) as direct:
        yield direct


@pytest.fixture
def proxy(make_proxy, shop):
    return make_proxy(FOLLOW)


def state(proxy, database):
    return counts(proxy).get(f"follow.{database}.state", "")


def followed(proxy, client, database, seconds=30):
    """Until answers are kept, and writes past the proxy are heard of."""

    def hit():
        before = counts(proxy)
        client.execute("select count(*) from log").fetchone()
        client.execute("select count(*) from log").fetchone()
        after = counts(proxy)
        return after["hits"] > before["hits"] and state(proxy, database) == "in step"

    with contextlib.suppress(TimeoutError):
        return poll(hit, seconds, "an answer from the cache")
    raise AssertionError(counts(proxy))


def kept(proxy, client, read):
    """The answer, once it comes from the cache."""

    def hit():
        before = counts(proxy)["hits"]
        rows = client.execute(read).fetchall()
        return counts(proxy)["hits"] > before and rows

    return poll(hit, 20, f"{read} from the cache")


WRITES = {
    "insert": ("select count(*) from items", "insert into items values (3, 'three')"),
    "update": ("select name from items where id = 1", "update items set name = 'x' where id = 1"),
    "delete": ("select count(*) from lines", "delete from lines where id = 2"),
    "truncate": ("select count(*) from lines", "truncate lines"),
    "cascade": ("select count(*) from lines", "delete from items where id = 1"),
    "truncate cascade": ("select count(*) from lines", "truncate items cascade"),
    "trigger": ("select count(*) from log", "insert into items values (9, 'nine')"),
    "view": ("select count(*) from many", "insert into lines values (3, 1, 99)"),
    "partition": ("select * from whole order by id", "update whole_1 set v = 'z'"),
    "leaf": ("select * from whole order by id", "update whole_2_a set v = 'z'"),
    "root": ("select * from whole_1", "update whole set v = 'y'"),
    "child": ("select * from parent", "update child set v = 'z'"),
    "moved": ("select count(*) from whole_1", "update whole set part = 1 where part = 2"),
    "block": ("select name from items where id = 2",
              "begin; savepoint a; update items set name = 'q' where id = 2; release a; commit"),
    "refresh": ("select total from sums", "insert into lines values (7, 1, 1);"
                "refresh materialized view sums"),
    "refresh concurrently": ("select total from sums", "insert into lines values (7, 1, 1);"
                             "refresh materialized view concurrently sums"),
}
DEFINITIONS = {
    "column": ("select * from items order by id",
               "alter table items add column more int default 7"),
    "rename column": ("select * from items order by id", "alter table items rename name to title"),
    "drop": ("select count(*) from log", "drop table log cascade"),
    "rename": ("select name from items where id = 1",
               "begin; alter table items rename to things; create table items as"
               " select 1 as id, 'other'::text as name; commit"),
    "view": ("select count(*) from many",
             "create or replace view many as select * from lines where count > 5"),
    "function": ("select word() from items where id = 1",
                 "create or replace function word() returns text stable language sql as"
                 " $$ select 'bye'::text $$"),
    "type": ("select m from moods", "alter type mood rename value 'good' to 'fine'"),
    "attach": ("select count(*) from whole",
               "create table whole_3 (id int, part int, v text, primary key (id, part));"
               "insert into whole_3 values (5, 3, 'new');"
               "alter table whole attach partition whole_3 for values in (3)"),
    "new partition": ("select count(*) from whole",
                      "begin; create table whole_4 partition of whole for values in (4);"
                      "insert into whole_4 values (6, 4, 'new'); commit"),
    "detach": ("select count(*) from whole", "alter table whole detach partition whole_1"),
    "revoke": ("select name from items where id = 1", "revoke select on items from app"),
    "security": ("select count(*) from items",
                 "alter table items enable row level security;"
                 "alter table items force row level security"),
    "schema": ("select word() from items where id = 1", "alter schema public rename to elsewhere;"
               "create schema public"),
}


def outcome(session, read):
    """Rows, names and the like; or the error."""
    try:
        cursor = psycopg.ClientCursor(session)
        rows = cursor.execute(read).fetchall()
        return [column.name for column in cursor.description], rows
    except psycopg.Error as error:
        return error.sqlstate


@pytest.mark.parametrize("cases", [WRITES, DEFINITIONS], ids=["rows", "definitions"])
def test_what_is_written_past_the_proxy_is_seen(proxy, database, server, shop, cases):
    with connect(proxy, database) as reader, connect(server, database, SUPERUSER) as chief:
        followed(proxy, reader, database)
        for what, (read, write) in cases.items():
            print(what)
            before = outcome(shop, read)
            poll(lambda: outcome(reader, read) == before, 10, f"{what}: a new beginning")
            assert [tuple(row) for row in kept(proxy, reader, read)] == before[1], what
            chief.execute(write)
            after = outcome(shop, read)
            assert after != before, f"{what} is a change"
            poll(lambda: outcome(reader, read) == after, 10, f"{what} to be heard of")
            chief.execute("drop schema if exists elsewhere cascade; drop schema public cascade;"
                          "create schema public; grant all on schema public to public")
            shop.execute(SHOP)


@pytest.mark.parametrize("write, read", [
    ("update items set name = '{}' where id = 1", "select name from items where id = 1"),
    ("create or replace function word() returns text stable language sql as"
     " $$ select '{}'::text $$", "select word() from items where id = 1"),
], ids=["rows", "definitions"])
def test_how_soon_it_is_seen(proxy, database, shop, write, read):
    """Figures, and that each write is seen at all."""
    took = []
    with connect(proxy, database) as reader:
        followed(proxy, reader, database)
        for number in range(300 if FULL else 30):
            deadline = time.monotonic() + 10
            while reader.execute(read).fetchone() == (str(number),):
                assert time.monotonic() < deadline
            reader.execute(read)
            shop.execute(write.format(number))
            begin = time.monotonic()
            while reader.execute(read).fetchone() != (str(number),):
                assert time.monotonic() < begin + 10, counts(proxy)
            took.append((time.monotonic() - begin) * 1000)
    took.sort()
    shown = {at: round(took[int(len(took) * at / 100)], 2) for at in (50, 90, 99)}
    print(f"seen after ms: {shown}, at most {took[-1]:.2f}")


def test_an_event_trigger_tells_of_definitions(proxy, database, server, shop):
    """Beside what is seen by looking: both are counted."""
    with connect(server, database, SUPERUSER) as chief:
        chief.execute(
            "create function heimproxy_ddl() returns event_trigger language plpgsql as"
            " $$ begin perform pg_logical_emit_message(true, 'heimproxy.ddl', tg_tag); end $$;"
            "create event trigger heimproxy_ddl on ddl_command_end"
            " execute function heimproxy_ddl()")
    changes = f"follow.{database}.object_changes"
    with connect(proxy, database) as reader:
        followed(proxy, reader, database)
        poll(lambda: state(proxy, database) == "in step", 10, "the definitions of before")
        before = counts(proxy)[changes]
        shop.execute("comment on table items is 'nothing that counts'")
        poll(lambda: counts(proxy)[changes] == before + 1, 10, "the message")
        shop.execute("alter table items add column more int default 7")
        poll(lambda: counts(proxy)[changes] >= before + 3, 10, "the message and the sums")


def test_copy_and_a_large_transaction(proxy, database, shop):
    """Larger than what a server decodes in memory: it comes in parts before its end."""
    read = "select count(*) from items"
    with connect(proxy, database) as reader:
        followed(proxy, reader, database)
        kept(proxy, reader, read)
        with shop.cursor() as cursor, cursor.copy("copy items from stdin") as copy:
            for number in range(10, 20):
                copy.write_row((number, "copied"))
        poll(lambda: reader.execute(read).fetchone() == (12,), 10, "COPY to be heard of")
        kept(proxy, reader, read)
        with shop.transaction():
            shop.execute("alter table items disable trigger user")
            shop.execute("insert into items select i, repeat('x', 500)"
                         " from generate_series(1000, 150000) i")
            # Nobody is told of it before it is committed.
            assert reader.execute(read).fetchone() == (12,)
        poll(lambda: reader.execute(read).fetchone() == (149_013,), 30, "all of it")


def test_prepared_transactions(make_server, make_proxy, make_database):
    server = make_server(max_prepared_transactions=10)
    database = make_database(server)
    fill(server, database)
    proxy = make_proxy(FOLLOW, on=server)
    read = "select name from items where id = 1"
    with connect(proxy, database) as reader, connect(server, database) as direct:
        followed(proxy, reader, database)
        kept(proxy, reader, read)
        direct.execute("begin; update items set name = 'later'; prepare transaction 'one'")
        for _ in range(20):
            assert reader.execute(read).fetchone() == ("one",)
        direct.execute("commit prepared 'one'")
        poll(lambda: reader.execute(read).fetchone() == ("later",), 10, "it to be heard of")


def test_a_commit_that_others_do_not_see_yet(make_server, make_proxy, make_database):
    """It waits for a standby that is not there: in the log it stands already. What is read
    meanwhile is right, and is void once the commit is seen."""
    server = make_server()
    database = make_database(server)
    fill(server, database)
    proxy = make_proxy(FOLLOW, on=server)
    read = "select name from items where id = 1"
    with connect(proxy, database) as reader, connect(server, database) as direct:
        followed(proxy, reader, database)
        server.sql("alter system set synchronous_standby_names = 'nobody'")
        server.sql("select pg_reload_conf()")
        poll(lambda: server.sql("show synchronous_standby_names") == [["nobody"]], 10, "it")
        asyncio.run(write_that_waits(server, database, direct, reader, read))
        poll(lambda: reader.execute(read).fetchone() == ("late",), 10, "it to be heard of")


async def write_that_waits(server, database, other, reader, read):
    writer = await asyncpg.connect(host=server.host, port=server.port, user="app",
                                   password=USERS["app"], database=database)
    task = asyncio.ensure_future(writer.execute("update items set name = 'late' where id = 1"))
    asked = "select count(*) from pg_stat_activity where wait_event = 'SyncRep'"
    while not other.execute(asked).fetchone()[0]:
        await asyncio.sleep(0.01)
    # The stream has it by now; nobody else does.
    for _ in range(50):
        assert reader.execute(read).fetchone() == ("one",)
        await asyncio.sleep(0.002)
    server.sql("alter system reset synchronous_standby_names")
    server.sql("select pg_reload_conf()")
    await task
    await writer.close()


def slots(server):
    return int(server.sql("select count(*) from pg_replication_slots")[0][0])


def kill_streams(server, database):
    return int(server.sql(
        "select count(pg_terminate_backend(pid)) from pg_stat_replication"
        f" where pid in (select pid from pg_stat_activity where datname = '{database}')")[0][0])


def test_the_stream_is_lost(proxy, database, server, shop):
    """Nothing is served until another is in step, and nothing of before then."""
    read = "select name from items where id = 1"
    with connect(proxy, database) as reader:
        followed(proxy, reader, database)
        for number in range(3):
            kept(proxy, reader, read)
            assert kill_streams(server, database) >= 1
            poll(lambda: "bypassed" in state(proxy, database), 10, "the loss")
            shop.execute("update items set name = %s where id = 1", (f"new {number}",))
            if "bypassed" in state(proxy, database):  # it was not followed when that was written
                assert reader.execute(read).fetchone() == (f"new {number}",)
            poll(lambda: reader.execute(read).fetchone() == (f"new {number}",), 10, "the write")
            followed(proxy, reader, database)
            assert reader.execute(read).fetchone() == (f"new {number}",)
    assert "terminating connection" in proxy.log()


def test_no_slot_is_left_behind(proxy, database, server, shop):
    with connect(proxy, database) as reader:
        followed(proxy, reader, database)
        mine = f"select count(*) from pg_replication_slots where database = '{database}'"
        assert server.sql(mine) == [["1"]]
        proxy.process.signal(signal.SIGKILL)
    proxy.process.popen.wait()
    proxy.process = None
    poll(lambda: server.sql(mine) == [["0"]], 10, "the slot to go")


@pytest.mark.parametrize("trouble, words", [
    ({"wal_level": "replica"}, "wal_level is replica"),
    ({"max_replication_slots": "0"}, "replication slots"),
    ({"publication": "other"}, "there is no publication other"),
    ({"user": "other"}, "replication role"),
])
def test_where_it_cannot_be_followed(make_server, make_proxy, make_database, trouble, words):
    """It says why, and answers come from the servers."""
    settings = {key: value for key, value in trouble.items() if key not in ("publication", "user")}
    server = make_server(**settings)
    database = make_database(server)
    fill(server, database)
    user = trouble.get("user", "app")
    proxy = make_proxy({**FOLLOW, "monitor": {"user": user, "password": USERS[user]},
                        "cache": {**CACHE, "publication": trouble.get("publication", "heimproxy")}},
                       on=server)
    read = "select name from items where id = 1"
    with connect(proxy, database) as reader, connect(server, database) as direct:

        def told():
            reader.execute(read)
            return words in str(state(proxy, database))

        with contextlib.suppress(TimeoutError):
            poll(told, 10, words)
        assert words in state(proxy, database)
        for number in range(5):
            direct.execute("update items set name = %s where id = 1", (str(number),))
            assert reader.execute(read).fetchone() == (str(number),)
        assert counts(proxy)["hits"] == 0
    said = [line.split(": ", 1)[1] for line in proxy.log().splitlines() if "not heard of" in line]
    assert all(one != next_one for one, next_one in itertools.pairwise(said)), said


def test_without_a_stream_the_ttl_may_do(make_server, make_proxy, make_database):
    server = make_server(wal_level="replica")
    database = make_database(server)
    fill(server, database)
    proxy = make_proxy({**FOLLOW, "cache": {**CACHE, "on_loss": "ttl"}}, on=server)
    read = "select name from items where id = 1"
    with connect(proxy, database) as reader, connect(server, database) as direct:
        kept(proxy, reader, read)
        direct.execute("update items set name = 'unheard' where id = 1")
        assert reader.execute(read).fetchone() == ("one",)
        poll(lambda: "ttl alone: wal_level is replica" in state(proxy, database), 10, "the words")


def test_a_standby_is_promoted(make_proxy, own):  # noqa: F811
    """The new primary is followed; standbys are read that have what was heard of."""
    cluster = own(2)
    old, new = cluster.primary, cluster.standbys[0]
    old.sql("alter role heim_monitor replication; create database shop owner app")
    old.sql("grant all on schema public to public", dbname="shop")
    fill(old, "shop")
    cluster.caught_up()
    nodes = [node(each, "auto", name=f"n{i}") for i, each in enumerate(cluster.servers)]
    proxy = make_proxy({**FOLLOW, "nodes": nodes,
                        "monitor": {"user": "heim_monitor", "password": "monitor-secret"}})
    until(proxy, "n0", role="primary", condition="serving")
    until(proxy, "n1", role="standby", condition="serving")
    read = "select name from items where id = 1"
    with connect(proxy, "shop") as reader:
        followed(proxy, reader, "shop")
        with connect(old, "shop") as direct:
            for number in range(30):
                direct.execute("update items set name = %s where id = 1", (f"old {number}",))
                poll(lambda: reader.execute(read).fetchone() == (f"old {number}",), 10, "it")
        cluster.caught_up()
        kill(old)
        promote(new)
        until(proxy, "n1", 10, role="primary", timeline="2", condition="serving")
        with connect(new, "shop") as direct:
            direct.execute("update items set name = 'promoted' where id = 1")
        assert outcome_of(proxy, read) == [("promoted",)]
    with connect(proxy, "shop") as reader:
        followed(proxy, reader, "shop")
        kept(proxy, reader, read)
        with connect(new, "shop") as direct:
            direct.execute("update items set name = 'again' where id = 1")
        poll(lambda: reader.execute(read).fetchone() == ("again",), 10, "the new one's")
    assert slots(new) == 1


def outcome_of(proxy, read):
    """By a session of its own."""
    with connect(proxy, "shop") as session:
        return session.execute(read).fetchall()


class TimedChecker(CacheChecker):
    """Notes how long ago what was read had been overtaken."""

    def __init__(self, seed):
        super().__init__(seed)
        self.ages, self.times = [], {}

    async def read(self, session, register, expected, quiet_since=1.0):
        begin = time.monotonic()
        [row] = await session.fetch(f"select v from {register.name} where id = $1", 1)
        self.counts.reads += 1
        if row["v"] >= expected:
            return
        self.ages.append(begin - self.times[register.name, row["v"] + 1])


def test_staleness_stays_within_its_bound(proxy, database, server, shop):
    """Writers go straight to the server: nothing is older than follow_lag, whatever the load."""
    made = TimedChecker(0)
    for register in made.hot + made.cold:
        note(made, register)
    behind = []

    async def session(target):
        return await asyncpg.connect(host=target.host, port=target.port, user="app",
                                     password=USERS["app"], database=database)

    async def watch():
        while not made.done:
            value = (await asyncio.to_thread(counts, proxy))[f"follow.{database}.rows_behind_ms"]
            behind.append(value)
            await asyncio.sleep(0.1)

    async def main():
        await (await session(server)).execute(setup_sql(made.names()))
        readers = [made.reader(await session(proxy), READS) for _ in range(6)]
        writers = [made.writer(await session(server), 0.02) for _ in range(2)]
        writers.append(made.slow_writer(await session(server)))
        return await made.run(readers, [*writers, watch()])

    with connect(proxy, database) as reader:
        followed(proxy, reader, database)
    before = counts(proxy)
    found = asyncio.run(main())
    after = counts(proxy)
    ages = sorted(age * 1000 for age in made.ages)
    shown = {at: round(ages[int(len(ages) * at / 100)], 2) for at in (50, 99)} if ages else {}
    print(f"{found.text()}; {after['hits'] - before['hits']} hits; {len(ages)} reads older than"
          f" acknowledged, by ms {shown}, at most {max(ages, default=0):.2f};"
          f" exported bound {sorted(behind)}")
    assert not found.errors, found.errors
    assert max(ages, default=0) <= 1000
    assert after["hits"] - before["hits"] > found.reads / 20
    assert state(proxy, database) == "in step"


def note(made, register):
    """Has the times of its writes kept."""
    write = register.write

    async def timed(session, how):
        await write(session, how)
        made.times[register.name, register.acknowledged] = time.monotonic()

    register.write = timed
