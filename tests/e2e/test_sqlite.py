"""The example over SQLite: psql and drivers ask a file, with the proxy's limits in front."""

import asyncio
import os
import signal
import struct
import subprocess
import threading
from datetime import date
from decimal import Decimal

import asyncpg
import psycopg
import psycopg2
import pytest
from harness import ports
from harness.heimproxy import toml
from harness.paths import BUILD, pg_bin
from harness.process import Process, poll
from harness.wire import SYNC, Wire, bind, describe, execute, parse

PROGRAM = BUILD / "release/examples/sqlite/heim-sqlite"

pytestmark = [
    pytest.mark.skipif(not PROGRAM.exists(), reason="libsqlite3-dev was not there"),
    pytest.mark.daemon("the example is a process of its own already"),
]


class Lite:
    """heim-sqlite on a port of its own."""

    def __init__(self, directory, proxy=None, **tables):
        self.host, self.port = "127.0.0.1", ports.take()
        address = f"{self.host}:{self.port}"
        config = {
            "proxy": {"listen_address": address, "admin_users": "app", **(proxy or {})},
            "auth": {"type": "trust"},
            "nodes": [{"backend": "sqlite", "role": "primary"}],
            **tables,
        }
        path = directory / "heimproxy.toml"
        path.write_text(toml(config))
        self.process = Process([PROGRAM, path, directory / "file.db"], directory / "lite.log")
        self.process.wait_log(f"(?m)^{address}$")

    @property
    def conninfo(self):
        return {"host": self.host, "port": self.port, "user": "app", "dbname": "any"}

    def connect(self, **more):
        return psycopg.connect(**self.conninfo, connect_timeout=20, **more)

    def psql(self, *commands, dbname="any"):
        argv = [pg_bin("psql"), "-X", "-q", "-A", "-t", "-h", self.host, "-p", str(self.port)]
        argv += ["-U", "app", "-v", "VERBOSITY=verbose"]
        for command in commands:
            argv += ["-c", command]
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
        return subprocess.run([*argv, dbname], env=env, capture_output=True, text=True, timeout=60)


@pytest.fixture
def start(tmp_path):
    made = []

    def lite(**config):
        made.append(Lite(tmp_path, **config))
        return made[-1]

    yield lite
    for one in made:
        assert one.process.stop(signal.SIGTERM) == 0, one.process.tail()


TABLE = """create table item (
  id integer primary key, name text not null unique, price real, stock int check (stock >= 0),
  sold boolean default false, picture blob, rate decimal(4, 2), made date)"""


def test_psql(start):
    lite = start()
    done = lite.psql(
        TABLE,
        "insert into item (id, name, price) values (1, 'ball', 1.1); select 'two'",
        "insert into item (id, name) values (2, 'it''s') returning id + 1",
        "select id, name, price, sold from item order by id",
        "update item set stock = 3",
        "show application_name",
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["two", "3", "1|ball|1.1|f", "2|it's||f", "psql"]
    wrong = lite.psql("selec", "select * from none", "select none", "insert into item values")
    states = [line.split()[1] for line in wrong.stderr.splitlines() if line.startswith("ERROR")]
    assert states == ["42601:", "42P01:", "42703:", "42601:"]


def test_a_text_of_several_statements_is_one_transaction(start):
    lite = start()
    lite.psql(TABLE)
    done = lite.psql("insert into item (name) values ('a'); insert into item (name) values ('a')")
    assert "23505" in done.stderr
    assert lite.psql("select count(*) from item").stdout == "0\n"
    done = lite.psql("create table n (a int); insert into n values (1); select a from n")
    assert done.stdout == "1\n"


def test_types_and_parameters(start):
    with start().connect() as connection:
        connection.execute(TABLE)
        row = (7, "ä", 0.1, 2**40, True, b"\0\xff", Decimal("1.5"), date(2020, 2, 29))
        connection.execute("insert into item values (%s, %s, %s, %s, %s, %s, %s, %s)", row)
        found = connection.execute("select * from item where id = %s", (7,)).fetchone()
        assert found == (*row[:7], "2020-02-29")
        described = connection.execute("select id, name from item").description
        assert [column.name for column in described] == ["id", "name"]
        cursor = connection.cursor(binary=True)
        cursor.execute("select id, name, price, stock, sold, picture from item")
        assert cursor.fetchone() == row[:6]
        computed = "select count(*), max(price), %s || 'b', null from item"
        assert connection.execute(computed, ("a",)).fetchone() == (1, 0.1, "ab", None)
        again = connection.execute("select %(b)s - %(a)s, %(a)s", {"a": 2, "b": 5}).fetchone()
        assert again == (3, 2)
        with pytest.raises(psycopg.errors.FeatureNotSupported):
            connection.execute("select %b", (Decimal("1.5"),))


def test_a_value_that_is_not_of_its_columns_type(start):
    with start().connect(autocommit=True) as connection:
        connection.execute("create table loose (n integer)")
        connection.execute("insert into loose values ('no number')")
        with pytest.raises(psycopg.errors.InvalidTextRepresentation) as caught:
            connection.execute("select n from loose")
        assert caught.value.diag.message_detail == "n"
        assert connection.execute("select cast(n as text) from loose").fetchone() == ("no number",)


def test_prepared_statements(start):
    with start().connect(autocommit=True) as connection:
        connection.execute("create table n (a integer)")
        for number in range(20):
            connection.execute("insert into n values (%s)", (number,), prepare=True)
        with connection.cursor() as cursor:
            cursor.executemany("insert into n values (%s)", [(n,) for n in range(20, 40)])
            assert cursor.rowcount == 20
        assert connection.execute("select count(*), sum(a) from n").fetchone() == (40, 780)
        connection.execute("deallocate all")
        with connection.cursor() as cursor:
            assert sum(row[0] for row in cursor.stream("select a from n")) == 780


def test_transactions(start):
    lite = start()
    with lite.connect(autocommit=True) as connection, lite.connect(autocommit=True) as other:
        connection.execute(TABLE)
        with connection.transaction():
            connection.execute("insert into item (name) values ('kept')")
            with pytest.raises(psycopg.errors.NotNullViolation):
                with connection.transaction():  # a savepoint
                    connection.execute("insert into item (name) values (null)")
            assert other.execute("select count(*) from item").fetchone() == (0,)
        assert other.execute("select name from item").fetchall() == [("kept",)]
        connection.execute("begin isolation level serializable")
        with pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("insert into item (name, stock) values ('x', -1)")
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.INERROR
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            connection.execute("select 1")
        assert connection.execute("commit").statusmessage == "ROLLBACK"
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_locked_file(start):
    lite = start()
    with lite.connect(autocommit=True) as one, lite.connect(autocommit=True) as two:
        one.execute("create table n (a integer)")
        one.execute("begin")
        one.execute("insert into n values (1)")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            two.execute("insert into n values (2)")
        two.execute("begin")
        assert two.execute("select count(*) from n").fetchone() == (0,)
        one.execute("commit")
        with pytest.raises(psycopg.errors.SerializationFailure):
            two.execute("insert into n values (3)")
        two.execute("rollback")
        two.execute("insert into n values (4)")
        assert two.execute("select a from n order by a").fetchall() == [(1,), (4,)]


ENDLESS = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"


def test_cancel(start):
    with start().connect(autocommit=True) as connection:
        stop = threading.Event()

        def cancel():  # too early, it does nothing
            while not stop.wait(0.05):
                connection.cancel_safe()

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(ENDLESS)
        stop.set()
        thread.join()
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_query_that_takes_too_long(start):
    lite = start(timeouts={"query_timeout": "300ms"})
    with lite.connect(autocommit=True) as connection:
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(ENDLESS)
    with lite.connect() as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_limits(start):
    lite = start(
        proxy={"pool_size": 1, "max_client_conn": 3}, timeouts={"query_wait_timeout": "1s"}
    )
    with lite.connect() as connection:
        with pytest.raises(psycopg.OperationalError, match="query_wait_timeout"):
            lite.connect()
        with Wire(lite).login(user="app", database="heimproxy"):
            pass
        assert connection.execute("select 1").fetchone() == (1,)
    with lite.connect() as connection:
        assert connection.execute("select 2").fetchone() == (2,)


def test_nothing_of_one_client_is_left_for_another(start):
    lite = start(proxy={"pool_size": 1})
    connection = lite.connect(autocommit=True, application_name="one")
    connection.execute("create temporary table mine (a int)")
    connection.execute("pragma case_sensitive_like = on")
    connection.execute("create table n (a integer)")
    connection.execute("begin")
    connection.execute("insert into n values (1)")
    connection.close()
    with lite.connect(autocommit=True) as connection:
        with pytest.raises(psycopg.errors.UndefinedTable):
            connection.execute("select * from mine")
        assert connection.execute("select 'A' like 'a'").fetchone() == (1,)
        assert connection.execute("select count(*) from n").fetchone() == (0,)
        assert connection.execute("show application_name").fetchone() == ("",)


def test_rows_in_portions(start):
    with Wire(start()).login() as wire:
        rows = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 5) "
        wire.send(parse("", rows + "select i from n"), bind(), describe("P"))
        wire.send(*[execute("", 2)] * 3, execute("", 2), SYNC)
        kinds = "".join(kind for kind, _ in wire.until("Z"))
        assert kinds == "12TDDsDDsDCCZ"
        wire.send(parse("", "select 1"), describe("S"), SYNC)
        seen = dict(wire.until("Z"))
        wire.send(parse("", "create table x (a); select 1"), bind(), execute(), SYNC)
        assert [kind for kind, _ in wire.until("Z")] == ["1", "2", "E", "Z"]
        assert wire.values("select count(*) from sqlite_master") == ["0"]
        assert seen["t"] == b"\0\0" and struct.unpack("!I", seen["T"][10:14]) == (20,)


def test_psycopg2(start):
    lite = start()
    connection = psycopg2.connect(**lite.conninfo)
    with connection, connection.cursor() as cursor:
        cursor.execute("create table n (a integer, b text)")
        cursor.execute("insert into n values (%s, %s)", (1, "x"))
        cursor.execute("select * from n")
        assert cursor.fetchall() == [(1, "x")]
    connection.close()


def test_asyncpg(start):
    lite = start()

    async def run():
        connection = await asyncpg.connect(
            host=lite.host, port=lite.port, user="app", database="any"
        )
        await connection.execute("create table n (a integer, b text, c real, d blob)")
        await connection.execute("insert into n values ($1, $2, 1.5, x'00')", "1", "x")
        rows = await connection.fetch("select * from n where b = $1", "x")
        assert [tuple(row) for row in rows] == [(1, "x", 1.5, b"\0")]
        await connection.close()

    asyncio.run(run())


def test_the_console(start):
    lite = start()
    with lite.connect() as connection:
        connection.execute("select 1")
        nodes = lite.psql("show nodes", dbname="heimproxy").stdout
        assert nodes.startswith("sqlite|")
        servers = poll(lambda: lite.psql("show servers", dbname="heimproxy").stdout, 20, "a server")
        assert "|any|" in servers and "|unix|" in servers
