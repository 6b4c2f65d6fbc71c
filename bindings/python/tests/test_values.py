"""Values, there and back."""

import datetime
import decimal
import enum
import ipaddress
import uuid

import heimproxy
from case import Case
from heimproxy import Multirange, Range


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
        connection = self.connect(autocommit=True)
        for text in ("'24:00'::time", "'infinity'::timestamp", "'-infinity'::timestamptz",
                     "'infinity'::date", "'0044-03-15 BC'::date", "'10000-01-01'::date"):
            with self.subTest(text=text):
                with self.assertRaisesRegex(heimproxy.DataError, "Python has no value for"):
                    connection.execute(f"select {text}")
                self.assertEqual(len(connection.execute(f"select {text}::text").fetchone()), 1)
        row = connection.execute("select '1 year 2 mons'::interval").fetchone()
        self.assertEqual(row, ("1 year 2 mons",))  # months have no length

    def back(self, connection, value, kind):
        """`value`, sent as `kind`, and the array of it."""
        row = connection.execute(f"select %s::{kind}, %s::{kind}[]", [value, [value, None]])
        got, several = row.fetchone()
        self.assertEqual((got, several), (value, [value, None]), kind)
        self.assertIs(type(got), type(value))

    def test_every_type_and_its_arrays(self):
        utc, naples = datetime.timezone.utc, datetime.timezone(datetime.timedelta(hours=5.5))
        day, moment = datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29, 23, 59, 59, 999999)
        number = decimal.Decimal
        connection = self.connect()
        for kind, value in [
            ("bool", True), ("bool", False), ("int2", -32768), ("int4", 2**31 - 1), ("oid", 5),
            ("int8", -(2**63)), ("float4", 0.5), ("float8", 1e-300), ("float8", float("-inf")),
            ("text", 'it\'s "q" \\ , {} ()'), ("text", ""), ("text", "NULL"), ("varchar(9)", "é€😀"),
            ("name", "n"), ("char(3)", "a  "), ('"char"', "x"), ("bytea", b""),
            ("bytea", bytes(range(256))),
            ("numeric", number("1.50")), ("numeric", number("Infinity")),
            ("numeric", number("1E+40")),
            ("date", day), ("date", datetime.date.min), ("date", datetime.date.max),
            ("time", datetime.time(23, 59, 59, 1)), ("timetz", datetime.time(1, 2, tzinfo=naples)),
            ("timestamp", moment), ("timestamp", datetime.datetime.min),
            ("timestamptz", moment.replace(tzinfo=utc)),
            ("timestamptz", moment.replace(tzinfo=naples)),
            ("interval", datetime.timedelta(0)),
            ("interval", datetime.timedelta(days=-3, microseconds=1)),
            ("interval", datetime.timedelta(hours=-1)),
            ("interval", datetime.timedelta(days=40000)),
            ("uuid", uuid.UUID(int=2**127)), ("inet", ipaddress.ip_address("10.1.2.3")),
            ("inet", ipaddress.ip_interface("10.1.2.3/8")), ("inet", ipaddress.ip_address("::1")),
            ("cidr", ipaddress.ip_network("10.0.0.0/8")),
            ("cidr", ipaddress.ip_network("fe80::/10")),
            ("json", {"a": [1, None, "é"]}), ("jsonb", {"a": {"b": 1.5}}),
            ("bit(3)", "101"), ("varbit", "1"), ("macaddr", "08:00:2b:01:02:03"), ("xml", "<a/>"),
            ("money", "$1.00"), ("point", "(1,2)"),
            ("int4range", Range(1, 5)), ("int8range", Range(None, 2**40)),
            ("int4range", Range(empty=True)),
            ("numrange", Range(number("1.5"), number("2.5"), "[]")),
            ("numrange", Range(bounds="()")),
            ("daterange", Range(day, datetime.date(2024, 3, 1))),
            ("tsrange", Range(datetime.datetime(2024, 1, 1), moment, "(]")),
            ("tstzrange", Range(moment.replace(tzinfo=utc), None)),
            ("int4multirange", Multirange([Range(1, 2), Range(5, 9)])),
            ("int8multirange", Multirange()),
            ("nummultirange", Multirange([Range(number(1), number(2), "()")])),
            ("datemultirange", Multirange([Range(None, day)])),
            ("tsmultirange", Multirange([Range(moment, None)])),
            ("tstzmultirange", Multirange([Range(moment.replace(tzinfo=utc), None)])),
        ]:
            with self.subTest(kind=kind, value=value):
                self.back(connection, value, kind)
                connection.rollback()

    def test_numbers_that_are_none(self):
        row = self.connect().execute("select %s, %s, %s::numeric", [float("nan"), float("inf"),
                                                                   decimal.Decimal("NaN")])
        nan, infinite, number = row.fetchone()
        self.assertTrue(nan != nan and infinite == float("inf") and number.is_nan())

    def test_arrays_say_their_type(self):
        for value, oid in [([1, 2], 1007), ([1, 2**40], 1016), ([[1], [2**70]], 1231),
                           ([1.5, None], 1022), ([datetime.date(2024, 1, 1)], 1182),
                           ([True], 1000)]:
            with self.subTest(value=value):
                cursor = self.connect().execute("select %s", [value])
                self.assertEqual(cursor.fetchone(), (value,))
                self.assertEqual(cursor.description[0].type_code, oid)
        row = self.connect().execute("select %s = any(%s), %s = any(%s)", [1, [1], "a", ["a"]])
        self.assertEqual(row.fetchone(), (True, True))
        row = self.connect().execute("select '[0:1]={1,2}'::int[], '{}'::text[]").fetchone()
        self.assertEqual(row, ([1, 2], []))

    def test_records_and_types_of_ones_own(self):
        class Mood(enum.Enum):
            SAD = 1
            GLAD = 2

        connection = self.connect()
        connection.execute("create type pg_temp.mood as enum ('SAD', 'GLAD')")
        connection.execute("create type pg_temp.item as (n int, name text)")
        sql = "select row(1, 'a \"b\", c', null, ''), row(), array[row(1)]"
        row = connection.execute(sql).fetchone()
        self.assertEqual(row, (("1", 'a "b", c', None, ""), (), [("1",)]))
        sql = "select %s::pg_temp.mood, %s::pg_temp.mood[], %s::pg_temp.item"
        values = [Mood.GLAD, [Mood.SAD, None], (7, 'x "y", \\z')]
        row = connection.execute(sql, values).fetchone()
        self.assertEqual(row[:2], ("GLAD", "{SAD,NULL}"))
        connection.register("pg_temp.mood", lambda text: Mood[text])
        connection.register("pg_temp.item", heimproxy.record)
        row = connection.execute(sql, values).fetchone()
        self.assertEqual(row, (Mood.GLAD, [Mood.SAD, None], ("7", 'x "y", \\z')))
        with self.assertRaises(heimproxy.ProgrammingError):
            connection.register("no_such_type", str)

    def test_ranges_hold_values(self):
        self.assertIn(1, Range(1, 5))
        self.assertNotIn(5, Range(1, 5))
        self.assertIn(5, Range(1, 5, "(]"))
        self.assertNotIn(1, Range(1, 5, "(]"))
        self.assertIn(10**9, Range(1, None))
        self.assertNotIn(1, Range(empty=True))
        with self.assertRaises(ValueError):
            Range(1, 2, "<>")

    def test_json_of_both_kinds(self):
        sql = "select %s, %s, '{\"a\": 1}'::jsonb @> %s"
        cursor = self.connect().execute(sql, [heimproxy.Json([1]), heimproxy.Jsonb([1]), {"a": 1}])
        self.assertEqual(cursor.fetchone(), ([1], [1], True))
        self.assertEqual([column.type_code for column in cursor.description[:2]], [114, 3802])

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
