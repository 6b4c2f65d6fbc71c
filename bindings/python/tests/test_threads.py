"""Threads, waiting, notifications."""

import contextlib
import gc
import sys
import threading
import time

import heimproxy
from case import Case, config, descriptors


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

    def test_nothing_is_left_behind(self):
        def cycle():
            for _ in range(200):
                with self.proxy.connect("app", "postgres", "app-secret") as connection:
                    connection.execute("select %s, repeat('x', 1000)", ["y" * 1000]).fetchall()
                    with contextlib.suppress(heimproxy.DataError):
                        connection.execute("select 1/0")
                    connection.rollback()

        def memory():
            gc.collect()
            with open("/proc/self/status") as status:
                return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

        cycle()
        before = descriptors(), memory()
        for _ in range(5):
            cycle()
        self.assertLessEqual(descriptors(), before[0] + 2)  # servers come and go
        self.assertLess(memory() - before[1], 2000)  # KiB

    def test_proxy_closed_first(self):
        proxy = heimproxy.Proxy(config())
        connection = proxy.connect("app", "postgres", "app-secret")
        connection.execute("select 1")
        proxy.close()
        with self.assertRaises(heimproxy.OperationalError):
            connection.execute("select 1")
        connection.close()
