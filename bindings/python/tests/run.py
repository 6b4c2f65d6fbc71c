"""The Python package against a real server.

    run.py PORT      (tests/capi/with_postgres.py starts the server)
"""

import datetime
import decimal
import enum
import gc
import os
import subprocess
import sys
import threading
import time
import unittest
import uuid
import weakref

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

    def test_subclasses(self):
        class Color(int, enum.Enum):
            RED = 7

        class Real(float):
            def __repr__(self):
                return f"np.float64({float(self)})"

        row = self.connect().execute("select %s, %s", [Color.RED, Real(1.5)]).fetchone()
        self.assertEqual(row, (7, 1.5))

    def test_what_python_has_no_value_for(self):
        row = self.connect().execute("select '24:00'::time, 'infinity'::timestamp").fetchone()
        self.assertEqual(row, ("24:00:00", "infinity"))

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

    def stream(self, connection, sql):
        cursor = connection.cursor(streaming=True).execute(sql)
        self.assertTrue(cursor._more)
        return cursor

    def test_streaming_closed_or_dropped(self):
        connection = self.connect()
        with self.stream(connection, "select generate_series(1, 200000)") as cursor:
            cursor.fetchone()
        self.assertEqual(cursor._rows, [])
        self.assertEqual(connection.execute("select 1").fetchone(), (1,))
        dropped = weakref.ref(self.stream(connection, "select generate_series(1, 200000)"))
        gc.collect()
        self.assertIsNone(dropped())
        self.assertEqual(connection.execute("select 1").fetchone(), (1,))

    def test_dropped_stream_and_autocommit(self):
        connection = self.connect(autocommit=True)
        self.stream(connection, "select generate_series(1, 200000)").close()
        connection.autocommit = False
        connection.execute("create temp table gone (n int)")
        connection.rollback()
        self.assertEqual(connection.execute("select to_regclass('gone')").fetchone(), (None,))

    def test_streaming_error_is_its_cursors(self):
        connection = self.connect(autocommit=True)
        cursor = self.stream(connection, "select 1/(50000 - n) from generate_series(1, 60000) n")
        self.assertEqual(connection.execute("select 1").fetchone(), (1,))
        rows = 0
        with self.assertRaises(heimproxy.DataError):
            for _ in cursor:
                rows += 1
        self.assertGreater(rows, 1000)
        self.assertIsNone(cursor.fetchone())

    def test_rollback_of_a_failing_stream(self):
        sql = "select 1/(50000 - n) from generate_series(1, 60000) n"
        for close in (True, False):
            with self.subTest(close=close):
                connection = self.connect()
                cursor = self.stream(connection, sql)
                if close:
                    cursor.close()
                connection.rollback()
                self.assertEqual(connection.execute("select 1").fetchone(), (1,))
                if not close:
                    with self.assertRaises(heimproxy.InterfaceError):
                        cursor.fetchall()

    def test_several_results_of_several_cursors(self):
        connection = self.connect()
        a, b = connection.execute("select 1; select 2"), connection.execute("select 9; select 10")
        stream = self.stream(connection, "select generate_series(1, 50000)")
        self.assertTrue(a.nextset())
        self.assertEqual(a.fetchall(), [(2,)])
        self.assertIsNone(a.nextset())
        self.assertTrue(b.nextset())
        self.assertEqual(b.fetchall(), [(10,)])
        self.assertEqual(len(stream.fetchall()), 50000)

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

    def test_copy_where_none_is_wanted(self):
        connection = self.connect(autocommit=True)
        connection.execute("create temp table t (n int)")
        streaming = connection.cursor(streaming=True)
        wrong = [
            lambda sql: connection.execute(sql),
            lambda sql: connection.execute("select 1; " + sql),
            lambda sql: connection.execute(sql, []),
            lambda sql: streaming.execute(sql),
            lambda sql: list(connection.cursor().copy_out(sql)),
            lambda sql: connection.cursor().copy_in(f"{sql}; {sql}", []),
            lambda sql: connection.cursor().copy_in("select 1; " + sql, []),
        ]
        for number, call in enumerate(wrong):
            with self.subTest(number=number):
                with self.assertRaises(heimproxy.ProgrammingError):
                    call("copy t from stdin")
                self.assertEqual(connection.execute("select 1").fetchone(), (1,))

    def test_copy_fed_by_what_fails(self):
        source, target = self.connect(), self.connect()
        target.execute("create temp table t (n int)")
        target.commit()
        failing = "copy (select 1/(5000 - n) from generate_series(1, 6000) n) to stdout"
        with self.assertRaises(heimproxy.DataError):
            target.cursor().copy_in("copy t from stdin", source.cursor().copy_out(failing))
        target.rollback()
        with self.assertRaises(TypeError):
            target.cursor().copy_in("copy t from stdin", ["no bytes"])
        target.rollback()
        self.assertEqual(target.execute("select count(*) from t").fetchone(), (0,))

    def test_copy_out_left_half_way(self):
        connection, cursor = self.connect(), self.connect().cursor()
        pieces = connection.cursor().copy_out("copy (select generate_series(1, 9999)) to stdout")
        self.assertEqual(next(pieces), b"1\n")
        answers = []

        def other():
            answers.append(connection.execute("select 1").fetchone())

        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        thread.join(30)
        self.assertEqual(answers, [(1,)])
        with self.assertRaises(heimproxy.InterfaceError):
            next(pieces)
        self.assertEqual(list(cursor.copy_out("copy (select 1) to stdout")), [b"1\n"])

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

    def run_beside(self, calls, ends, close):
        """Each of `calls` again and again in a thread of its own until it raises one of `ends`;
        close() when each has been called once."""
        begun, wrong = threading.Barrier(len(calls) + 1), []

        def repeat(call):
            first = True
            try:
                while True:
                    call()
                    if first:
                        begun.wait(60)
                    first = False
            except ends:
                pass
            except BaseException as other:
                wrong.append(other)

        threads = [threading.Thread(target=repeat, args=[call]) for call in calls]
        for thread in threads:
            thread.start()
        begun.wait(60)
        close()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])

    def test_cancel_beside_close(self):
        for _ in range(50):
            connection = self.connect()
            self.run_beside([connection.cancel] * 2, heimproxy.InterfaceError, connection.close)

    def test_proxy_closed_beside_use(self):
        for _ in range(5):
            proxy = heimproxy.Proxy(config())

            def connect():
                proxy.connect("app", "postgres", "app-secret").close()

            def show():
                self.assertIsInstance(proxy.show("POOLS"), list)

            calls = [connect, connect, show, show, proxy.reload]
            self.run_beside(calls, (heimproxy.Error, ValueError), proxy.close)

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

    def test_stream_read_beside_statements(self):
        connection, over = self.connect(autocommit=True), threading.Event()
        self.addCleanup(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(1e-6)

        def ask():
            while not over.is_set():
                connection.execute("select 1")

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            for _ in range(20):
                cursor = connection.cursor(streaming=True)
                cursor.execute("select generate_series(1, 3000)")
                self.assertEqual([row[0] for row in cursor], list(range(1, 3001)))
        finally:
            over.set()
            thread.join()

    def test_notifications(self):
        listener, other = self.connect(autocommit=True), self.connect(autocommit=True)
        listener.execute("listen py")
        self.assertIsNone(listener.notification(0))
        other.execute("notify py, 'hello'")
        self.assertEqual(listener.notification(20)[1:], ("py", "hello"))
        with self.assertRaises(ValueError):
            listener.notification(float("nan"))
        for limit in (1e300, float("inf"), None):
            other.execute("notify py, 'hello'")
            self.assertEqual(listener.notification(limit)[1:], ("py", "hello"))

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
