"""The Python package against a real server.

    run.py PORT      (tests/capi/with_postgres.py starts the server)
"""

import datetime
import decimal
import os
import subprocess
import sys
import threading
import time
import unittest
import uuid

import heimproxy

PORT = 0


def config():
    return {
        "proxy": {"listen_address": []},
        "nodes": [{"host": "127.0.0.1", "port": PORT, "role": "primary"}],
    }


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.proxy = heimproxy.Proxy(config())

    @classmethod
    def tearDownClass(cls):
        cls.proxy.close()

    def connect(self, **options):
        connection = self.proxy.connect("app", "postgres", "app-secret", **options)
        self.addCleanup(connection.close)
        return connection


class Module(Case):
    def test_pep_249(self):
        self.assertEqual(heimproxy.apilevel, "2.0")
        self.assertEqual(heimproxy.threadsafety, 2)
        self.assertEqual(heimproxy.paramstyle, "pyformat")
        self.assertTrue(issubclass(heimproxy.IntegrityError, heimproxy.DatabaseError))

    def test_connect_with_a_proxy_of_its_own(self):
        with heimproxy.connect(config(), "app", "postgres", "app-secret") as connection:
            self.assertEqual(connection.execute("select 1").fetchall(), [(1,)])

    def test_wrong_configuration(self):
        with self.assertRaises(heimproxy.Error):
            heimproxy.Proxy({"nonsense": 1})
        with self.assertRaises(heimproxy.Error):
            heimproxy.Proxy("/nowhere/heimproxy.toml")

    def test_shown(self):
        self.connect().execute("select 1")
        self.assertIn("app", [pool["user"] for pool in self.proxy.show("POOLS")])
        self.assertIn("node", self.connect().explain_route("select 1"))

    def test_sidecar(self):
        with heimproxy.Sidecar(config(), database="postgres", user="app") as sidecar:
            self.assertRegex(sidecar.dsn, r"^host='/.*' port=\d+ dbname='postgres' user='app'$")
            asked = ["psql", "-X", "-A", "-t", "-c", "select current_user", sidecar.dsn]
            env = {**os.environ, "PGPASSWORD": "app-secret"}
            done = subprocess.run(asked, capture_output=True, text=True, env=env, timeout=60)
            self.assertEqual((done.stdout, done.stderr), ("app\n", ""))


class Values(Case):
    def test_there_and_back(self):
        utc = datetime.timezone.utc
        values = [
            None, True, 7, 2**40, 2**80, 1.5, "it's %", b"\x00\xff", decimal.Decimal("1.50"),
            datetime.date(2024, 2, 29), datetime.time(1, 2, 3, 4),
            datetime.datetime(2024, 2, 29, 1, 2, 3), datetime.datetime(2024, 2, 29, 1, tzinfo=utc),
            datetime.timedelta(days=2, seconds=3.5), uuid.UUID(int=5),
        ]
        connection = self.connect()
        for value in values:
            with self.subTest(value=value):
                self.assertEqual(connection.execute("select %s", [value]).fetchone(), (value,))

    def test_arrays_and_json(self):
        connection = self.connect()
        row = connection.execute(
            "select %s::int[], %s::text[], %s::jsonb, '{{1,2},{3,4}}'::int[]",
            [[1, None, 3], ['a "quoted" \\ one', "NULL", None], {"a": [1, 2]}],
        ).fetchone()
        self.assertEqual(
            row,
            ([1, None, 3], ['a "quoted" \\ one', "NULL", None], {"a": [1, 2]}, [[1, 2], [3, 4]]),
        )

    def test_parameters(self):
        connection = self.connect()
        row = connection.execute("select %(a)s + %(b)s, %(a)s, '5%%'", {"a": 1, "b": 2}).fetchone()
        self.assertEqual(row, (3, 1, "5%"))
        for sql, parameters in (("select %s", []), ("select %s", [1, 2]), ("select %x", [1]),
                                ("select %(a)s", {"b": 1})):
            with self.subTest(sql=sql), self.assertRaises(heimproxy.ProgrammingError):
                connection.execute(sql, parameters)

    def test_description(self):
        cursor = self.connect().execute("select 1 as a, 'x'::text as b, 1.5::numeric(10,2) as c")
        self.assertEqual([column.name for column in cursor.description], ["a", "b", "c"])
        self.assertEqual(cursor.description[0].type_code, heimproxy.NUMBER)
        self.assertEqual(cursor.description[1][1], heimproxy.STRING)
        self.assertEqual(cursor.description[2][4:6], (10, 2))
        self.assertEqual(cursor.rowcount, 1)


class Cursors(Case):
    def test_fetching(self):
        cursor = self.connect().execute("select generate_series(1, 10)")
        self.assertEqual(cursor.fetchone(), (1,))
        self.assertEqual(cursor.fetchmany(3), [(2,), (3,), (4,)])
        self.assertEqual(cursor.rownumber, 4)
        self.assertEqual(len(cursor.fetchall()), 6)
        self.assertIsNone(cursor.fetchone())
        self.assertEqual(cursor.fetchmany(5), [])

    def test_streaming(self):
        connection = self.connect()
        cursor = connection.cursor(streaming=True)
        cursor.execute("select n, repeat('x', 100) from generate_series(1, 20000) n")
        self.assertEqual(cursor.fetchone()[0], 1)
        # Another statement: what is left is kept.
        self.assertEqual(connection.execute("select 5").fetchone(), (5,))
        self.assertEqual(sum(row[0] for row in cursor), sum(range(2, 20001)))

    def test_streaming_fails_late(self):
        cursor = self.connect().cursor(streaming=True)
        with self.assertRaises(heimproxy.DataError):
            cursor.execute("select 1 / (50000 - n) from generate_series(1, 60000) n").fetchall()

    def test_several_results(self):
        cursor = self.connect().execute("select 1; select 2, 3")
        self.assertEqual(cursor.fetchall(), [(1,)])
        self.assertTrue(cursor.nextset())
        self.assertEqual(cursor.fetchall(), [(2, 3)])
        self.assertIsNone(cursor.nextset())

    def test_executemany_and_rowcount(self):
        connection = self.connect()
        connection.execute("create temp table t (n int)")
        cursor = connection.cursor().executemany("insert into t values (%s)", [[1], [2], [3]])
        self.assertEqual(cursor.rowcount, 3)
        self.assertEqual(connection.execute("update t set n = n + 1").rowcount, 3)
        with self.assertRaises(heimproxy.ProgrammingError):
            cursor.fetchone()

    def test_copy(self):
        connection = self.connect()
        connection.execute("create temp table t (n int, s text)")
        cursor = connection.cursor()
        lines = [b"%d\tline\n" % n for n in range(1000)]
        self.assertEqual(cursor.copy_in("copy t from stdin", lines), 1000)
        self.assertEqual(list(cursor.copy_out("copy t to stdout")), lines)

        def broken():
            yield lines[0]
            raise KeyError("mine")

        connection.commit()
        with self.assertRaises(KeyError):
            cursor.copy_in("copy t from stdin", broken())
        connection.rollback()
        self.assertEqual(connection.execute("select count(*) from t").fetchone(), (1000,))

    def test_closed(self):
        connection = self.connect()
        cursor = connection.cursor()
        cursor.close()
        with self.assertRaises(heimproxy.InterfaceError):
            cursor.execute("select 1")
        connection.close()
        connection.close()
        with self.assertRaises(heimproxy.InterfaceError):
            connection.cursor()


class Transactions(Case):
    def test_commit_and_rollback(self):
        one, other = self.connect(), self.connect(autocommit=True)
        other.execute("drop table if exists py; create table py (n int unique)")
        self.addCleanup(other.execute, "drop table py")
        one.execute("insert into py values (1)")
        self.assertEqual(other.execute("select count(*) from py").fetchone(), (0,))
        one.commit()
        self.assertEqual(other.execute("select count(*) from py").fetchone(), (1,))
        with self.assertRaises(heimproxy.IntegrityError) as caught:
            one.execute("insert into py values (1)")
        self.assertEqual(caught.exception.sqlstate, "23505")
        self.assertEqual(caught.exception.constraint, "py_n_key")
        with self.assertRaises(heimproxy.OperationalError):
            one.commit()
        one.execute("delete from py")
        one.rollback()
        one.rollback()
        self.assertEqual(other.execute("select count(*) from py").fetchone(), (1,))

    def test_context_manager(self):
        with self.connect() as connection:
            connection.execute("drop table if exists py2; create table py2 (n int)")
        with self.assertRaises(ZeroDivisionError), self.connect() as connection:
            connection.execute("insert into py2 values (1)")
            1 / 0
        with self.connect() as connection:
            self.assertEqual(connection.execute("select count(*) from py2").fetchone(), (0,))
            connection.execute("drop table py2")


class Threads(Case):
    def test_waiting_releases_the_gil(self):
        connection = self.connect(autocommit=True)
        thread = threading.Thread(target=connection.execute, args=["select pg_sleep(0.5)"])
        started = time.monotonic()
        thread.start()
        turns = 0
        while thread.is_alive():
            turns += 1
        self.assertGreater(turns, 1000)
        self.assertLess(time.monotonic() - started, 30)

    def test_cancel(self):
        connection, watcher = self.connect(autocommit=True), self.connect(autocommit=True)

        def cancel():
            running = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"
            while watcher.execute(running).fetchone() == (0,):
                pass
            connection.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()
        with self.assertRaises(heimproxy.QueryCanceled):
            connection.execute("select pg_sleep(60)")
        thread.join()
        self.assertEqual(connection.execute("select 1").fetchone(), (1,))

    def test_shared_connection(self):
        connection, wrong = self.connect(autocommit=True), []

        def ask(number):
            for _ in range(200):
                if connection.execute("select %s", [number]).fetchone() != (number,):
                    wrong.append(number)

        threads = [threading.Thread(target=ask, args=[number]) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_notifications(self):
        listener, other = self.connect(autocommit=True), self.connect(autocommit=True)
        listener.execute("listen py")
        self.assertIsNone(listener.notification(0))
        other.execute("notify py, 'hello'")
        self.assertEqual(listener.notification(20)[1:], ("py", "hello"))

    def test_proxy_closed_first(self):
        proxy = heimproxy.Proxy(config())
        connection = proxy.connect("app", "postgres", "app-secret")
        connection.execute("select 1")
        proxy.close()
        with self.assertRaises(heimproxy.OperationalError):
            connection.execute("select 1")
        connection.close()


if __name__ == "__main__":
    PORT = int(sys.argv.pop())
    unittest.main()
