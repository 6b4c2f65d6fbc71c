"""Prefetch: what usually follows an answer, with values of it, is asked ahead."""

import asyncio

import asyncpg
import pytest
from caching import CACHE, counts, shop, warm  # noqa: F401
from conftest import USERS, connect
from harness.process import poll

ROWS = 400


@pytest.fixture
def many(shop):
    """A list of ids by group, and what belongs to each."""
    shop.execute(
        f"create table members as select i as id, i / 4 as team from generate_series(0, {ROWS}) i;"
        f"create table details as select i as id, 'detail ' || i as text"
        f" from generate_series(0, {ROWS}) i")
    return shop


def made(make_proxy, prefetch):
    return make_proxy({**CACHE, "cache": {"enabled": True, "prefetch": prefetch}})


def page(client, team):
    """A list, and then each of it: as an ORM asks."""
    found = []
    for (number,) in client.execute("select id from members where team = %s", (team,)).fetchall():
        found += client.execute("select text from details where id = %s", (number,)).fetchall()
    return found


def learn(proxy, client, pages):
    """That details follow members."""
    warm(proxy, client)
    for team in range(pages):
        page(client, team)


def test_what_follows_is_there_already(make_proxy, database, many):
    proxy = made(make_proxy, 1000)
    with connect(proxy, database) as client:
        learn(proxy, client, 5)
        before = counts(proxy)
        client.execute("select id from members where team = %s", (50,))
        poll(lambda: counts(proxy)["prefetch_stored"] >= before["prefetch_stored"] + 4, 10,
             "four answers ahead")
        # Written past the proxy: who does not see it has what was asked ahead.
        many.execute("update details set text = 'unheard'")
        ahead = [client.execute("select text from details where id = %s", (number,)).fetchone()[0]
                 for number in range(200, 204)]
        assert ahead == [f"detail {number}" for number in range(200, 204)]
        after = counts(proxy)
        assert after["prefetch_used"] >= before["prefetch_used"] + 4
        assert after["misses"] - before["misses"] <= 5


def test_it_is_not_older_for_that(make_proxy, database, many):
    """A write makes void what was asked ahead, as all else."""
    proxy = made(make_proxy, 1000)
    with connect(proxy, database) as client:
        learn(proxy, client, 5)
        for team in range(50, 60):
            client.execute("select id from members where team = %s", (team,))
            client.execute("update details set text = %s", (f"new {team}",), prepare=False)
            assert {text for (text,) in page(client, team)} == {f"new {team}"}


def test_the_budget(make_proxy, database, many):
    proxy = made(make_proxy, 2)
    with connect(proxy, database) as client:
        learn(proxy, client, 30)
        assert counts(proxy)["prefetch_asked"] < 15


def test_it_is_off(make_proxy, database, many):
    proxy = make_proxy(CACHE)
    with connect(proxy, database) as client:
        learn(proxy, client, 10)
    assert "prefetch_asked" not in counts(proxy)


def test_what_each_user_may_see(make_proxy, database, many, server):
    """It is asked as the one who will ask: for others there is nothing."""
    many.execute("create policy own on details using (text like '%' or current_user = 'x');"
                 "revoke all on details from public; revoke all on members from public")
    proxy = made(make_proxy, 1000)
    with connect(proxy, database) as client:
        learn(proxy, client, 8)
    users = {row["user"] for row in proxy.console("show servers")}
    assert users <= {"app"}


def test_nobody_runs_what_another_user_made_of_it(make_proxy, database, many):
    """What follows for one user says nothing of others: it would run with their rights."""
    many.execute("grant select on members, details to other")
    proxy = made(make_proxy, 1000)
    with connect(proxy, database) as client, \
            connect(proxy, database, user="other", password=USERS["other"]) as other:
        learn(proxy, client, 8)
        poll(lambda: counts(proxy)["prefetch_stored"] >= 4, 10, "answers ahead")
        before = counts(proxy)["prefetch_asked"]
        for team in range(20, 28):
            other.execute("select id from members where team = %s", (team,)).fetchall()
        assert counts(proxy)["prefetch_asked"] == before
        for team in range(20, 28):
            page(client, team)
        poll(lambda: counts(proxy)["prefetch_asked"] > before, 10, "the first one's go on")


def test_what_takes_long_is_waited_for(make_proxy, database, many):
    """An answer that takes longer than a session of the proxy's is kept for."""
    many.execute("create function slow(n int) returns bigint language sql stable as"
                 " 'select count(*) from"
                 " generate_series(1, case when n > 100 then 50000000 else 1 end)'")
    proxy = made(make_proxy, 1000)
    with connect(proxy, database) as client:
        warm(proxy, client)

        def ask(number):
            sql = "select id from members where id = %s"
            [(found,)] = client.execute(sql, (number,)).fetchall()
            return client.execute("select id, slow(id) from details where id = %s", (found,))

        for number in range(8):
            ask(number)
        before = counts(proxy)["prefetch_stored"]
        client.execute("select id from members where id = %s", (200,)).fetchall()
        poll(lambda: counts(proxy)["prefetch_stored"] > before, 60, "the answer ahead")


def test_by_asyncpg(make_proxy, database, many):
    """Binary values, named statements."""
    proxy = made(make_proxy, 1000)
    with connect(proxy, database) as client:
        warm(proxy, client)

    async def main():
        session = await asyncpg.connect(host=proxy.host, port=proxy.port, user="app",
                                        password=USERS["app"], database=database)
        for team in range(40):
            for row in await session.fetch("select id from members where team = $1", team):
                await session.fetch("select text from details where id = $1", row[0])
        await session.close()

    asyncio.run(main())
    found = counts(proxy)
    assert found["prefetch_used"] > 20, found
