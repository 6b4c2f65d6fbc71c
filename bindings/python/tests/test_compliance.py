"""The public-domain compliance suite of PEP 249 (Stuart Bishop's dbapi20)."""

import dbapi20

import heimproxy
from case import config


class Compliance(dbapi20.DatabaseAPI20Test):
    driver = heimproxy
    connect_args = ("app", "postgres", "app-secret")
    lower_func = "lower"

    def setUp(self):
        super().setUp()
        type(self).proxy = heimproxy.Proxy(config())

    def _connect(self):
        return heimproxy.connect(self.proxy, *self.connect_args)

    def tearDown(self):
        super().tearDown()
        self.proxy.close()

    def executeDDL2(self, cursor):
        cursor.execute(self.ddl2)

    def test_nextset(self):
        """The suite leaves this one to the driver: a procedure that answers several results."""
        connection = self._connect()
        cursor = connection.cursor()
        cursor.execute("select 1; select 2; select 3")
        self.assertEqual(cursor.fetchall(), [(1,)])
        self.assertTrue(cursor.nextset())
        self.assertEqual(cursor.fetchall(), [(2,)])
        self.assertTrue(cursor.nextset())
        self.assertEqual(cursor.fetchall(), [(3,)])
        self.assertIsNone(cursor.nextset())
        connection.close()

    def test_non_idempotent_close(self):
        """The suite wants close() to fail the second time. As with other drivers it does not."""
        connection = self._connect()
        connection.close()
        connection.close()
        with self.assertRaises(heimproxy.InterfaceError):
            connection.commit()

    def test_setoutputsize(self):
        """This one too."""
        connection = self._connect()
        cursor = connection.cursor()
        cursor.setoutputsize(10)
        cursor.setoutputsize(10, 0)
        cursor.execute("select repeat('x', 1000)")
        self.assertEqual(len(cursor.fetchone()[0]), 1000)
        connection.close()
