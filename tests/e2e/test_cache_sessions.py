"""Who is answered from the cache: sessions in transaction blocks, with scopes, hints, settings and
rules of their own. Writes past the proxy (`shop`) show where an answer comes from."""

import asyncio

import asyncpg
import psycopg
import pytest
from caching import CACHE, counts, proxy, shop, warm  # noqa: F401
from conftest import FULL, USERS, connect
from freshness.checker import Checker, setup_sql
from harness import wire

READS = 300_000 if FULL else 10_000
NAME = "select name from items where id = 1"


def name_of(client, sql=NAME):
    return client.execute(sql).fetchone()[0]


@pytest.fixture
def client(proxy, database, shop):
    """Its cache has items' first name, which is another one by now."""
    with connect(proxy, database) as made:
        warm(proxy, made)
        assert name_of(made) == "one"
        shop.execute("update items set name = 'changed' where id = 1")
        assert name_of(made) == "one"
        yield made


@pytest.fixture
def other(proxy, database, client):
    with connect(proxy, database) as made:
        yield made


# ---- transaction blocks


def test_a_block_is_answered(client, shop):
    with client.transaction():
        assert name_of(client) == "one"
        # What it asks first of all in a block is kept, too.
        assert name_of(client, "select name from items where id = 2") == "two"
    shop.execute("update items set name = 'changed' where id = 2")
    with client.transaction():
        assert name_of(client, "select name from items where id = 2") == "two"
        assert name_of(client) == "one"
    assert name_of(client) == "one"


@pytest.mark.parametrize("first", [
    "update lines set count = 0",
    "insert into log values ('x')",
    "select touch()",
    "select name from items where id = 2 for update",
    "lock table log",
    "savepoint s",
    "set local work_mem = '1MB'",
    "set transaction isolation level repeatable read",
    "create temp table items as select 1 as id, 'changed' as name",
    "declare c cursor for select 1",
    "do $$ begin end $$",
    "select pg_advisory_xact_lock(7)",
    "prepare p as select 1",
])
def test_a_block_that_does_more_than_read(client, first):
    with client.transaction(force_rollback=True):
        assert name_of(client) == "one"
        client.execute(first)
        assert name_of(client).startswith("changed")


def test_a_block_sees_what_others_committed(client, other):
    with client.transaction():
        assert name_of(client) == "one"
        other.execute("update items set name = 'heard' where id = 1")
        assert name_of(client) == "heard"


@pytest.mark.parametrize("level", ["repeatable read", "serializable", "repeatable read read only"])
def test_a_snapshot_is_one(client, other, shop, level):
    assert name_of(client, "select count(*) from lines") == 2
    client.execute(f"begin isolation level {level}")
    assert name_of(client, "select name from items where id = 2") == "two"
    other.execute("delete from lines")
    assert name_of(other, "select count(*) from lines") == 0
    assert name_of(client, "select count(*) from lines") == 2
    client.execute("commit")
    assert name_of(client, "select count(*) from lines") == 0


@pytest.mark.parametrize("level, kept", [("repeatable read", True), ("serializable", False)])
def test_a_default_of_the_database(make_proxy, database, shop, level, kept):
    shop.execute(f"alter database \"{database}\" set default_transaction_isolation = '{level}'")
    proxy = make_proxy(CACHE)
    with connect(proxy, database) as one, connect(proxy, database) as two:
        if kept:
            warm(proxy, one)
        for _ in range(3):
            assert name_of(two, "select count(*) from lines") == 2
        with one.transaction():
            assert name_of(one) == "one"
            two.execute("delete from lines")
            assert name_of(two, "select count(*) from lines") == 0
            assert name_of(one, "select count(*) from lines") == 2
    assert kept == (counts(proxy)["hits"] > 0)


def test_a_block_that_failed(client):
    with pytest.raises(psycopg.errors.InFailedSqlTransaction), client.transaction():
        assert name_of(client) == "one"
        with pytest.raises(psycopg.errors.DivisionByZero):
            client.execute("select 1 / (count(*) - count(*)) from items")
        name_of(client)
    assert name_of(client) == "one"


def test_temporary_tables_are_the_sessions_own(client):
    client.execute("create temp table items as select 1 as id, 'mine' as name")
    with client.transaction():
        assert name_of(client) == "mine"
        assert name_of(client) == "mine"


class Blocks(Checker):
    """Reads in blocks of several, and in blocks that write in between."""

    async def read(self, session, register, expected, quiet_since=1.0):
        sql = "select v from {} where id = $1"
        async with session.transaction(readonly=self.random.random() < 0.3):
            [row] = await session.fetch(sql.format(register.name), 1)
            second = self.pick()
            behind = second.acknowledged
            [then] = await session.fetch(sql.format(second.name), 1)
        for name, asked, got in ((register.name, expected, row), (second.name, behind, then)):
            self.counts.reads += 1
            if got["v"] < asked:
                self.counts.stale.append((name, asked, got["v"]))


def test_no_read_in_a_block_misses_what_was_acknowledged(proxy, database, shop):
    made = Blocks(0)

    async def session():
        return await asyncpg.connect(host=proxy.host, port=proxy.port, user="app",
                                     password=USERS["app"], database=database)

    async def main():
        readers = [made.reader(await session(), READS) for _ in range(6)]
        writers = [made.writer(await session()) for _ in range(2)]
        return await made.run(readers, [*writers, made.slow_writer(await session())])

    with connect(proxy, database) as first:
        first.execute(setup_sql(made.names()))
        warm(proxy, first)  # behind the DDL, which the catalog is read again for
    before = counts(proxy)["hits"]
    found = asyncio.run(main())
    hits = counts(proxy)["hits"] - before
    print(f"{found.text()}; {hits} hits")
    assert not found.errors and not found.stale, found.text() + str(found.stale[:5])
    assert hits > found.reads / 10


# ---- what is asked for


def test_hints(client):
    assert name_of(client, f"/*+ cache=off */ {NAME}") == "changed"
    assert name_of(client, f"/*+ cache=60s */ {NAME}") == "one"
    assert name_of(client, f"select /*+ freshness=any */ {NAME[7:]}") == "one"
    assert name_of(client, f"/*+ cache=1ms */ {NAME}") == "changed"
    assert name_of(client) == "changed"


def asks_as(proxy, database, options):
    """The name that another session with these startup options is told."""
    said = " ".join(f"-c heimproxy.{option}" for option in options.split())
    with connect(proxy, database, options=said) as session:
        return name_of(session)


def test_settings(client, proxy, database):
    for option, seen in (("cache=1h", "one"), ("cache=on", "one"), ("cache=off", "changed")):
        assert asks_as(proxy, database, option) == seen
    with pytest.raises(psycopg.OperationalError, match="on, off or a duration"):
        asks_as(proxy, database, "cache=maybe")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="heimproxy.cache"):
        client.execute("set heimproxy.cache = 'maybe'")
    client.execute("set heimproxy.cache = off")
    assert name_of(client) == name_of(client) == "changed"
    assert asks_as(proxy, database, "cache=1ms") == "changed"


def test_scopes(client, other, proxy, database):
    """What was committed through the proxy is missed by who does not care, and by nobody else."""
    other.execute("update items set name = 'heard' where id = 1")
    for scope in ("any", "session", "bounded:1h"):
        assert asks_as(proxy, database, f"freshness={scope}") == "one"
    with connect(proxy, database, options="-c heimproxy.freshness=session") as own:
        own.execute("update items set name = 'own' where id = 1")
        assert name_of(own) == "own"
    assert name_of(client) == "own"


def test_a_group_sees_its_own(client, proxy, database):
    options = {"options": "-c heimproxy.freshness=group -c heimproxy.group=us"}
    with connect(proxy, database, **options) as one, connect(proxy, database, **options) as two:
        assert [name_of(one), name_of(two)] == ["one"] * 2
        two.execute("update items set name = 'ours' where id = 1")
        assert [name_of(one), name_of(two)] == ["ours"] * 2


@pytest.mark.parametrize("sql", [
    "SELECT name FROM items WHERE id = 1",
    "select name /* of it */ from items -- all\n where id=1;",
    "  select\n\tname from Items where ID =1  ",
])
def test_one_answer_for_all_spellings(client, sql):
    assert name_of(client, sql) == "one"


@pytest.mark.parametrize("sql, column", [
    ('select name as "Name" from items where id = 1', "Name"),
    ("select name as Name from items where id = 1", "name"),
    ("select 'A' || name from items where id = 1", "?column?"),
    ("select 'a' || name from items where id = 1", "?column?"),
])
def test_what_is_spelled_otherwise(client, shop, sql, column):
    for _ in range(2):
        cursor = client.execute(sql)
        assert cursor.description[0].name == column
        assert cursor.fetchone() == shop.execute(sql).fetchone()


def test_rules(make_proxy, database, shop):
    shop.execute("create table secrets (owner text, what text); insert into secrets values"
                 " ('app', 'a'), ('other', 'o'); alter table secrets enable row level security;"
                 "create policy own on secrets using (owner = current_user);"
                 "grant select on secrets to public; alter table secrets force row level security;"
                 "grant select on items to public")
    proxy = make_proxy({**CACHE, "rules": [
        {"table": ["secrets"], "cache_row_security": True},
        {"user": ["other"], "cache": False},
        {"regex": "from many", "cache_ttl": "1ms"}]})
    secrets = "select what from secrets"
    with connect(proxy, database) as one, connect(proxy, database, "other") as two:
        warm(proxy, one)
        for _ in range(2):
            assert [name_of(one, secrets), name_of(two, secrets)] == ["a", "o"]
            assert [name_of(one), name_of(two)] == ["one", "one"]
        count = "select count(*) from many"
        assert name_of(one, count) == 1
        shop.execute("update secrets set what = what || '!'; update items set name = 'changed';"
                     "delete from lines")
        assert [name_of(one, secrets), name_of(two, secrets)] == ["a", "o"]
        assert [name_of(one), name_of(two)] == ["one", "changed"]
        assert name_of(one, count) == 0


def test_portions_and_batches_without_sync(client, proxy, database):
    """Not answered from the cache, and right."""
    with client.transaction(), client.cursor("held") as portions:
        portions.itersize = 1
        portions.execute("select name from items order by id")
        assert [row[0] for row in portions] == ["changed", "two"]

    async def main():
        session = await asyncpg.connect(host=proxy.host, port=proxy.port, user="app",
                                        password=USERS["app"], database=database)
        rows = []
        async with session.transaction():
            async for row in session.cursor("select id from items order by id", prefetch=1):
                rows += row
                rows += await session.fetchrow("select count(*) from lines")
            rows += await session.fetchrow("select count(*) from lines")
        await session.close()
        return rows

    assert asyncio.run(main()) == asyncio.run(main()) == [1, 2, 2, 2, 2]


def fetches(proxy, database, work):
    """What `work` makes of a session of asyncpg, whose fetchrow and fetchval ask for one row."""

    async def main():
        session = await asyncpg.connect(host=proxy.host, port=proxy.port, user="app",
                                        password=USERS["app"], database=database)
        try:
            return await work(session)
        finally:
            await session.close()

    return asyncio.run(main())


def test_one_row(client, proxy, database, shop):
    name = "select name from items where id = $1"

    async def work(session):
        await session.fetchval(name, 0)  # in one batch with its Parse
        first = [await session.fetchval(name, id) for id in (1, 2, 9)]
        shop.execute("update items set name = 'past'; insert into items values (9, 'nine')")
        again = [await session.fetchval(name, id) for id in (1, 2, 9)]
        async with session.transaction():
            block = [await session.fetchval(name, id) for id in (1, 2, 9)]
        client.execute("delete from lines")
        client.execute("update items set name = 'new'")
        return first, again, block, [await session.fetchval(name, id) for id in (1, 2, 9)]

    first, again, block, last = fetches(proxy, database, work)
    assert first == again == ["changed", "two", None]
    assert block == ["past", "past", "nine"]
    assert last == ["new"] * 3


def test_so_many_rows_as_the_server_counts_them(make_proxy, database, shop, server):
    """Byte for byte, and what is left of the portal, too."""
    shop.execute("grant select on items to public")
    proxy = make_proxy({**CACHE, "auth": {"type": "trust"}})
    with connect(proxy, database) as made:
        warm(proxy, made)

    def answers(session, sql, rows):
        session.send(wire.parse("", sql), wire.bind(), wire.describe("P"), wire.execute("", rows),
                     wire.SYNC)
        first = session.until("Z")
        session.send(wire.execute("", rows), wire.SYNC)
        return first, session.until("Z")

    asked = [(f"select id, name from items where id < {end} order by id", rows)
             for end in (1, 2, 3) for rows in (-1, 0, 1, 2, 3)]
    with wire.Wire(proxy) as through, wire.Wire(server) as direct:
        through.login("app", database)
        direct.login("u_trust", database)
        for turn in range(3):
            before = counts(proxy)["hits"]
            for sql, rows in asked:
                assert answers(through, sql, rows) == answers(direct, sql, rows)
            # Less than none is all; each of the others is kept by itself.
            assert counts(proxy)["hits"] - before == (len(asked) if turn else 3)
        for sql, rows in asked:
            if rows <= 0:
                continue
            for session in (through, direct):
                session.ask("begin")
            assert answers(through, sql, rows) == answers(direct, sql, rows)
            for session in (through, direct):
                session.ask("rollback")
