"""Values, there and back."""

import datetime
import decimal
import enum
import uuid

import heimproxy
from case import Case


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
