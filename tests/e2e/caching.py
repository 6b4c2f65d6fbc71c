"""What the tests of the cache share: a database, a proxy that keeps answers, what that tells."""

import pytest
from conftest import connect
from harness.process import poll

CACHE = {"proxy": {"pool_mode": "auto"}, "cache": {"enabled": True}}


@pytest.fixture
def shop(database, server):
    """A database with some tables, and a way to change them that the proxy does not hear of."""
    with connect(server, database) as direct:
        direct.execute(
            "create table items (id int primary key, name text,"
            " at timestamptz default '2024-02-03');"
            "insert into items values (1, 'one'), (2, 'two');"
            "create table lines (item int references items on delete cascade, count int);"
            "insert into lines values (1, 10), (2, 20);"
            "create view many as select * from lines where count > 15;"
            "create table log (what text);"
            "create function note() returns trigger language plpgsql as"
            " $$ begin insert into log values (new.name); return new; end $$;"
            "create trigger noted after insert on items for each row execute function note();"
            "create function touch() returns void language plpgsql as"
            " $$ begin update items set name = name || '+'; end $$;")
        yield direct


@pytest.fixture
def proxy(make_proxy):
    return make_proxy(CACHE)


def counts(proxy):
    """SHOW CACHE, numbers as numbers."""
    rows = {row["what"]: row["value"] for row in proxy.console("show cache")}
    return {name: int(value) if value.isdigit() else value for name, value in rows.items()}


def warm(proxy, client):
    """Until an answer is kept: the catalog has to be known first."""

    def hit():
        before = counts(proxy)["hits"]
        client.execute("select count(*) from log").fetchone()
        client.execute("select count(*) from log").fetchone()
        return counts(proxy)["hits"] > before

    poll(hit, 20, "an answer from the cache")
