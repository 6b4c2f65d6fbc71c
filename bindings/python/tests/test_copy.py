"""COPY."""

import threading

import heimproxy
from case import Case


class Copies(Case):
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
