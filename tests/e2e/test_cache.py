"""Answers from the cache: given while nothing has changed, and not a moment longer.

Writes past the proxy show where an answer comes from: who sees them was not answered by the cache.
"""

import asyncio
import json
import urllib.error
import urllib.request

import asyncpg
import psycopg
import pytest
from caching import CACHE, counts, proxy, shop, warm  # noqa: F401
from conftest import FULL, USERS, connect
from freshness.checker import Checker, setup_sql
from harness import ports

READS = 1_000_000 if FULL else 20_000
CROWD = 1_000 if FULL else 200


def asked_servers(proxy):
    """How many answers were gathered, whatever became of them."""
    return sum(count for name, count in counts(proxy).items() if name.startswith("answers_"))


def name_of(client, number=1):
    return client.execute("select name from items where id = %s", (number,)).fetchone()[0]


def test_an_answer_is_kept(proxy, database, shop):
    with connect(proxy, database) as one, connect(proxy, database) as other:
        warm(proxy, one)
        assert name_of(one) == "one"
        shop.execute("update items set name = 'changed' where id = 1")
        assert [name_of(one), name_of(other)] == ["one", "one"]
        assert name_of(one, 2) == "two"
        assert counts(proxy)["hits"] >= 2


@pytest.mark.parametrize("way", ["simple", "unnamed", "named", "binary"])
def test_each_way_to_ask(proxy, database, shop, way):
    with connect(proxy, database, prepare_threshold=0 if way == "named" else None) as client:
        warm(proxy, client)
        cursor = client.cursor(binary=way == "binary")
        if way == "simple":
            cursor = psycopg.ClientCursor(client)

        def ask():
            sql = "select id, name, at from items where id = %s"
            return cursor.execute(sql, (1,)).fetchall()

        first = ask()
        shop.execute("update items set name = 'changed' where id = 1")
        assert [ask() for _ in range(3)] == [first] * 3
        client.execute("update items set name = 'heard' where id = 1")
        assert ask()[0][1] == "heard"


WRITES = {
    "update": "update items set name = 'new' where id = 1",
    "insert": "insert into items values (3, 'three')",
    "delete": "delete from items where id = 2",
    "cte": "with x as (delete from items where id = 2 returning *) select count(*) from x",
    "truncate": "truncate items cascade",
    "function": "select touch()",
    "do": "do $$ begin perform touch(); end $$",
    "ddl": "alter table items add column more int default 7",
    "rename": "alter table items rename to things;"
              " create table items as select 5 as id, 'x' as name",
    "several": "select 1; update items set name = 'new'; select 2",
    "block": "begin; update items set name = 'new'; commit",
    "prepared": "prepare p as update items set name = 'new'; execute p",
    "merge": "merge into items using (select 1 as id) s on items.id = s.id"
             " when matched then update set name = 'new'",
}


@pytest.mark.parametrize("write", WRITES)
def test_what_is_written_through_the_proxy_is_seen(proxy, database, shop, write):
    read = "select * from items order by id"
    with connect(proxy, database) as reader, connect(proxy, database) as writer:
        warm(proxy, reader)
        before = reader.execute(read).fetchall()
        assert reader.execute(read).fetchall() == before
        writer.execute(WRITES[write])
        after = reader.execute(read).fetchall()
        assert after == shop.execute(read).fetchall() != before


@pytest.mark.parametrize("read, write", [
    ("select * from many", "insert into lines values (1, 99)"),
    ("select count(*) from lines", "delete from items where id = 1"),
    ("select count(*) from log", "insert into items values (9, 'nine')"),
    ("select name from lines join items on id = item order by 1", "update items set name = 'q'"),
    ("select exists (select from lines where count > 50)", "update lines set count = 100"),
])
def test_what_a_write_reaches(proxy, database, shop, read, write):
    with connect(proxy, database) as reader, connect(proxy, database) as writer:
        warm(proxy, reader)
        before = reader.execute(read).fetchall()
        assert reader.execute(read).fetchall() == before
        writer.execute(write)
        assert reader.execute(read).fetchall() == shop.execute(read).fetchall() != before


@pytest.mark.parametrize("read", [
    "select name, now() is null from items where id = 1",
    "select name, random() < 0 from items where id = 1",
    "select name from items where id = 1 and at < current_timestamp",
    "select name from items where id = 1 and at < 'now'",
    "select name from items where id = 1 and at <> date E'tod\\x61y'",
    "select name from items where id = 1 for update",
    "select name from items, pg_class where id = 1 limit 1",
    "select name from items where id = 1; select 1",
])
def test_what_is_not_kept(proxy, database, shop, read):
    with connect(proxy, database) as client:
        warm(proxy, client)
        cursor = psycopg.ClientCursor(client)
        assert cursor.execute(read).fetchone()[0] == "one"
        shop.execute("update items set name = 'changed' where id = 1")
        assert cursor.execute(read).fetchone()[0] == "changed"


def test_a_transaction_sees_what_it_wrote(proxy, database, shop):
    with connect(proxy, database) as writer, connect(proxy, database) as reader:
        warm(proxy, reader)
        assert [name_of(reader), name_of(reader)] == ["one", "one"]
        with writer.transaction():
            writer.execute("update items set name = 'mine' where id = 1")
            assert name_of(writer) == "mine"
            assert name_of(reader) == "one"
        assert [name_of(reader), name_of(writer)] == ["mine", "mine"]
        with pytest.raises(ZeroDivisionError), writer.transaction():
            writer.execute("update items set name = 'never' where id = 1")
            raise ZeroDivisionError
        assert [name_of(reader), name_of(writer)] == ["mine", "mine"]


def test_another_who_asks_otherwise_is_answered_otherwise(proxy, database, shop):
    """Roles, settings, names and formats of one text."""
    shop.execute("create schema aside;"
                 "create table aside.items as select 1 as id, 'aside'::text as name;"
                 "grant usage on schema aside to public; grant select on aside.items to public")
    when = "select at::text from items where id = 1"
    with connect(proxy, database) as one, connect(proxy, database) as other:
        warm(proxy, one)
        first = one.execute(when).fetchall()
        other.execute("set timezone = 'Asia/Tokyo'; set datestyle = 'German'")
        assert other.execute(when).fetchone()[0] == "03.02.2024 09:00:00 JST" != first[0][0]
        assert one.execute(when).fetchall() == first
        assert name_of(one) == "one"
        other.execute("set search_path = aside")
        assert [name_of(other), name_of(one), name_of(other)] == ["aside", "one", "aside"]
    with connect(proxy, database, "other") as stranger:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            name_of(stranger)
    assert counts(proxy)["hits"] > 0


def test_row_security(proxy, database, shop):
    shop.execute("create table secrets (owner text, what text); insert into secrets values"
                 " ('app', 'a'), ('other', 'o'); alter table secrets enable row level security;"
                 "create policy own on secrets using (owner = current_user);"
                 "grant select on secrets to public; alter table secrets force row level security")
    with connect(proxy, database) as one, connect(proxy, database, "other") as other:
        warm(proxy, one)
        for _ in range(3):
            assert one.execute("select what from secrets").fetchall() == [("a",)]
            assert other.execute("select what from secrets").fetchall() == [("o",)]


def test_invalidate(proxy, database, shop):
    with connect(proxy, database) as client:
        warm(proxy, client)
        assert name_of(client) == "one"
        shop.execute("update items set name = 'changed' where id = 1")
        assert name_of(client) == "one"
        proxy.console("invalidate all")
        assert name_of(client) == "changed"


@pytest.mark.parametrize("what, is_meant", [
    ("items", True), ("table \"items\"", True), ("public.items", True), ("{0}.public.items", True),
    ("items in {0}", True), ("database {0}", True), ("like 'item%'", True),
    ("like '_t%s' in {0}", True), ("like 'l%'", False), ("like 'item%' in other_one", False),
    ("query 'select name from items where id = 17'", True), ("query {1}", True),
    ("lines", False), ("query 'select id from items'", False), ("database other_one", False),
])
def test_invalidate_a_part(make_proxy, database, shop, what, is_meant):
    proxy = make_proxy({**CACHE, "databases": [{"name": "other_one", "dbname": "postgres"}]})
    with connect(proxy, database) as client:
        warm(proxy, client)
        assert name_of(client) == "one"
        [query] = [row for row in proxy.console("show cache queries")
                   if row["fingerprint"] and row["hits"] == "0"]
        shop.execute("update items set name = 'changed' where id = 1")
        assert name_of(client) == "one"
        proxy.console("invalidate " + what.format(database, query["fingerprint"]))
        assert name_of(client) == ("changed" if is_meant else "one")


def test_invalidate_by_http(make_proxy, database, shop):
    port = ports.take()
    proxy = make_proxy({**CACHE, "proxy": {"pool_mode": "auto",
                                           "admin_address": f"127.0.0.1:{port}"}})

    def invalidate(body, **headers):
        sent = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/api/v1/cache/invalidate",
                                         body.encode(), sent)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    with connect(proxy, database) as client:
        for number, body in enumerate([
                '{"all": true}', '{"table": "items"}', '{"like": "it%"}',
                f'{{"database": "{database}"}}',
                f'{{"table": "items", "database": "{database}"}}',
                '{"query": "select name from items where id = 17"}']):
            warm(proxy, client)
            before = name_of(client)
            shop.execute("update items set name = %s where id = 1", (f"by {number}",))
            assert name_of(client) == before
            for bad, headers, status in [('{"table": "items"', {}, 400),
                                         ('{"table": "x"}', {}, 404),
                                         ('{"all": true}', {"Content-Type": "text/plain"}, 415),
                                         ('{"all": true}', {"Host": "shop.example"}, 403)]:
                got, problem = invalidate(bad, **headers)
                assert got == status == problem["status"]
            assert name_of(client) == before
            assert invalidate(body) == (200, {"status": "ok"})
            assert name_of(client) == f"by {number}"


def test_tables_that_are_asked_for(proxy, database, shop):
    """SHOW CACHE TABLES: the one that is asked for most comes first."""
    with connect(proxy, database) as client:
        warm(proxy, client)
        for _ in range(5):
            assert name_of(client) == "one"
        rows = {row["table"]: row for row in proxy.console("show cache tables")}
        items = rows[f"{database}.items"]
        assert next(iter(rows)) == f"{database}.items"
        assert int(items["hits"]) >= 4 and int(items["fills"]) >= 1 and items["invalidated"] == "0"
        assert not any(table.endswith("*") for table in rows)
        client.execute("update items set name = 'two' where id = 1")
        assert name_of(client) == "two"
        [items] = [row for row in proxy.console("show cache tables")
                   if row["table"] == f"{database}.items"]
        assert int(items["invalidated"]) >= 1


def test_invalidate_what_is_not_known(proxy, database, shop):
    with connect(proxy, database) as client:
        warm(proxy, client)
        for what, why in [("nothing", "no such table"), (f"nothing in {database}", "no such table"),
                          ("items in nowhere", "no such database"),
                          ("database nowhere", "no such database"),
                          ("like 'noth_ng%'", "no table has a name like 'noth_ng%'"),
                          ("like 'items\\_%'", "no table has a name like"),
                          ("like '%' in nowhere", "no such database"),
                          ("query 'no statement'", "no statement"), ("query abc", "no statement")]:
            with pytest.raises(RuntimeError, match=why):
                proxy.console("invalidate " + what)


def test_invalidate_reaches_what_a_write_would(proxy, database, shop):
    """Views of the table, its ancestors, what its triggers write; and a table that was dropped."""
    shop.execute("create table whole (n int) partition by range (n);"
                 "create table part partition of whole for values from (0) to (10);"
                 "insert into part values (1)")
    asked = ["select count(*) from whole", "select * from many", "select count(*) from log"]
    with connect(proxy, database) as client:
        warm(proxy, client)
        for read, what, write in zip(asked, ["part", "lines", "items"], [
                "insert into part values (2)", "insert into lines values (1, 99)",
                "insert into items values (7, 'seven')"]):
            before = client.execute(read).fetchall()
            shop.execute(write)
            assert client.execute(read).fetchall() == before
            proxy.console("invalidate " + what)
            assert client.execute(read).fetchall() == shop.execute(read).fetchall() != before


class CacheChecker(Checker):
    """Reads without a word of the node: such answers are kept."""

    async def read(self, session, register, expected, quiet_since=1.0):
        [row] = await session.fetch(f"select v from {register.name} where id = $1", 1)
        self.counts.reads += 1
        if row["v"] < expected:
            self.counts.stale.append((register.name, expected, row["v"]))


def check(readers_at, writers_at, database):
    """Eight readers, three writers, one of tables that are seldom written."""
    made = CacheChecker(0)

    async def session(target):
        return await asyncpg.connect(host=target.host, port=target.port, user="app",
                                     password=USERS["app"], database=database)

    async def main():
        await (await session(readers_at)).execute(setup_sql(made.names()))
        readers = [made.reader(await session(readers_at), READS) for _ in range(8)]
        writers = [made.writer(await session(writers_at)) for _ in range(3)]
        return await made.run(readers, [*writers, made.slow_writer(await session(writers_at))])

    return asyncio.run(main())


def test_no_read_misses_what_was_acknowledged(proxy, database, shop):
    with connect(proxy, database) as client:
        warm(proxy, client)
    before = counts(proxy)
    found = check(proxy, proxy, database)
    after = counts(proxy)
    hits = after["hits"] - before["hits"]
    print(f"{found.text()}; {hits} hits; {after}")
    assert not found.errors and not found.stale, found.text() + str(found.stale[:5])
    assert hits > found.reads / 10


def test_without_the_fence_reads_are_stale(proxy, database, shop, server):
    """The checker finds what there is to find: writes that the proxy does not hear of."""
    with connect(proxy, database) as client:
        warm(proxy, client)
    found = check(proxy, server, database)
    assert not found.errors and found.stale, found.text()


def test_a_thousand_who_ask_at_once(make_proxy, database, shop, server):
    """One of them is sent to the database, the others wait for its answer."""
    proxy = make_proxy({**CACHE, "proxy": {"pool_mode": "auto", "pool_size": 20}})
    with connect(proxy, database) as client:
        warm(proxy, client)
    asked = "select count(*) from items, generate_series(1, 1000000)"
    before = asked_servers(proxy)

    async def main():
        where = {"host": proxy.host, "port": proxy.port, "user": "app", "dbname": database}
        clients = [await psycopg.AsyncConnection.connect(
            **where, password=USERS["app"], autocommit=True) for _ in range(CROWD)]
        answers = await asyncio.gather(*[ask(client) for client in clients])
        await asyncio.gather(*[client.close() for client in clients])
        return answers

    async def ask(client):
        return (await (await client.execute(asked)).fetchone())[0]

    assert set(asyncio.run(main())) == {2_000_000}
    print(counts(proxy))
    assert asked_servers(proxy) == before + 1


def test_who_asks_for_all_is_lost(proxy, database, shop, server):
    """Its connection is ended amid the statement: the next one asks, and the others have that."""
    asked = "select count(*) from items, generate_series(1, 5000000)"

    async def client():
        return await psycopg.AsyncConnection.connect(
            host=proxy.host, port=proxy.port, user="app", dbname=database,
            password=USERS["app"], autocommit=True)

    async def ask(session):
        try:
            return (await (await session.execute(asked)).fetchone())[0]
        except psycopg.Error as error:
            return error.sqlstate or "lost"

    def ended():
        with connect(server, "postgres", "postgres") as chief:
            return chief.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where datname = %s and query = %s and state = 'active'",
                (database, asked)).fetchone()[0]

    async def main():
        sessions = [await client() for _ in range(6)]
        answers = [asyncio.ensure_future(ask(session)) for session in sessions]
        while not await asyncio.to_thread(ended) and not all(each.done() for each in answers):
            await asyncio.sleep(0.01)
        return await asyncio.gather(*answers)

    with connect(proxy, database) as first:
        warm(proxy, first)
    answers = asyncio.run(main())
    print(answers, counts(proxy))
    assert sorted(map(str, answers))[:5] == ["10000000"] * 5
    assert [answer for answer in answers if answer != 10_000_000][0] in ("57P01", "08006", "lost")
