"""Tools that set a session up for themselves: pg_dump, pg_restore, migrations. What they leave
behind is never another client's.
"""

import re
import threading

import pytest
from conftest import SUPERUSER, connect, libpq_env, run_program
from harness import paths

HERE = paths.ROOT / "tests/e2e/python"
PYTHON = paths.BUILD / "drivers/python/bin/python"
SCHEMA = """
create schema shop;
create type shop.state as enum ('new', 'paid', 'sent');
create sequence shop.numbers start 100;
create table shop.item (id int primary key default nextval('shop.numbers'), name text not null,
  price numeric(8, 2) check (price >= 0), tags text[], tall bool generated always as (price > 50)
  stored);
create table shop.sale (at timestamptz not null, item int references shop.item, state shop.state)
  partition by range (at);
create table shop.sale_2023 partition of shop.sale for values from ('2023-01-01') to ('2024-01-01');
create table shop.sale_rest partition of shop.sale default;
create table plain (id int primary key, v text);
insert into plain select i, repeat('x', i % 90) from generate_series(1, 5000) i;
insert into shop.item (name, price, tags)
  select 'it''s ' || i, i, array['a', E'b\\\\c', null] from generate_series(1, 300) i;
insert into shop.sale select timestamptz '2023-11-01' + i * interval '7 hours', 100 + i % 300,
  'paid' from generate_series(1, 400) i;
create index on shop.item (lower(name));
create view shop.dear as select * from shop.item where price > 200;
create materialized view shop.sums as select item, count(*) from shop.sale group by item;
create function shop.twice(int) returns int language sql as 'select $1 * 2';
create function shop.note() returns trigger language plpgsql as
  $$ begin new.name := upper(new.name); return new; end $$;
create trigger noted before update on shop.item for each row execute function shop.note();
comment on table plain is 'nothing special';
select lo_from_bytea(4242, 'a large object');
"""


@pytest.fixture(params=["session", "auto"])
def mode(request):
    return request.param


@pytest.fixture
def proxy(make_proxy, mode):
    """pg_dump --jobs=4 has five connections; the pool has one more. In mode session each client has
    a server from its login on.
    """
    return make_proxy({"proxy": {"pool_mode": mode, "pool_size": 6 if mode == "auto" else 24}})


@pytest.fixture
def filled(server, database):
    with connect(server, database) as conn:
        conn.execute(SCHEMA)
    return database


def dump(target, dbname, *options):
    """As text, without the lines that name a key of this very dump. -x: the template grants what
    only a superuser can grant again.
    """
    argv = [paths.pg_bin("pg_dump"), "-x", *options]
    text = run_program(argv, libpq_env(target, dbname))
    return re.sub(r"(?m)^\\(un)?restrict .*$", "", text)


def run(name, target, dbname, *argv):
    return run_program([paths.pg_bin(name), *argv], libpq_env(target, dbname))


def nothing_left(proxy, dbname, count=12):
    """`count` clients at once, more than there are servers, find an unqualified table, and their
    settings are those of a new session.
    """
    seen, together = [], threading.Barrier(count)

    def look():
        with connect(proxy, dbname) as conn:
            together.wait(30)
            rows = conn.execute("select count(*) >= 0 from plain").fetchone()
            settings = conn.execute(
                "select current_setting('search_path'), current_setting('statement_timeout'),"
                " current_setting('row_security'), current_setting('client_min_messages'),"
                " current_setting('timezone'), current_user::text"
            ).fetchone()
            seen.append((rows, settings))

    threads = [threading.Thread(target=look) for _ in range(count)]
    [thread.start() for thread in threads]
    [thread.join(60) for thread in threads]
    expected = ((True,), ('"$user", public', "0", "on", "notice", "UTC", "app"))
    assert seen == [expected] * count


def test_pg_dump(server, proxy, filled):
    """The dump through the proxy is, byte for byte, the one taken directly."""
    assert dump(proxy, filled) == dump(server, filled)
    nothing_left(proxy, filled)


def test_psql_restores(server, proxy, filled, make_database, tmp_path):
    """psql -f of a plain dump, which empties search_path: the same database, and no trace."""
    copy, script = make_database(), tmp_path / "dump.sql"
    script.write_text(dump(proxy, filled))
    run("psql", proxy, copy, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(script))
    assert dump(server, copy) == dump(server, filled)
    nothing_left(proxy, copy)


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_directory_format(jobs, server, proxy, filled, make_database, tmp_path):
    """pg_dump -Fd and pg_restore, alone and with --jobs=4: snapshots shared by connections."""
    copy, where = make_database(), str(tmp_path / "dump")
    run("pg_dump", proxy, filled, "-x", "-Fd", f"--jobs={jobs}", "-f", where)
    run("pg_restore", proxy, copy, f"--jobs={jobs}", "--exit-on-error", "-d", copy, where)
    # Parallel workers end in any order, so tables are compared in a fixed one.
    assert sorted(dump(server, copy).splitlines()) == sorted(dump(server, filled).splitlines())
    nothing_left(proxy, copy)


def test_restore_over(server, proxy, filled, make_database, tmp_path):
    """--clean --if-exists --single-transaction over a database that is in use."""
    copy, where = make_database(), str(tmp_path / "dump")
    run("pg_dump", proxy, filled, "-x", "-Fc", "-f", where)
    for _ in range(2):
        options = ["--clean", "--if-exists", "--single-transaction", "--exit-on-error"]
        run("pg_restore", proxy, copy, *options, "-d", copy, where)
        nothing_left(proxy, copy)
    assert dump(server, copy) == dump(server, filled)


def migrated(program, target, dbname):
    env = libpq_env(target, dbname, PYTHONPATH=str(HERE))
    return run_program([PYTHON, HERE / program], env)


@pytest.mark.parametrize("program", ["django_client.py", "alembic_client.py"])
def test_migrations(program, server, proxy, make_database):
    """The same words, the same database, and nothing left for others."""
    names = make_database(), make_database()
    for name in names:
        server.sql("create table plain (id int); grant select on plain to app", name, SUPERUSER)
    direct, proxied = migrated(program, server, names[0]), migrated(program, proxy, names[1])
    assert direct.splitlines() == proxied.splitlines()
    assert timeless(dump(server, names[1])) == timeless(dump(server, names[0]))
    nothing_left(proxy, names[1])


def timeless(text):
    """Without the time at which Django applied a migration."""
    return re.sub(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00", "(then)", text)
