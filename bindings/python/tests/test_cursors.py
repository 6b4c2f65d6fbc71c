"""Cursors and transactions."""

import gc
import weakref

import heimproxy
from case import Case


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
        self.assertTrue(cursor._rows.more)
        return cursor

    def test_streaming_closed_or_dropped(self):
        connection = self.connect()
        with self.stream(connection, "select generate_series(1, 200000)") as cursor:
            cursor.fetchone()
        self.assertEqual(cursor._rows.rows, [])
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
