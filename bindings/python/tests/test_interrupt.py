"""Signals while something waits: Ctrl-C ends it, at the server too."""

import os
import signal
import sys
import threading
import time
import unittest.mock

import heimproxy
from case import Case

SLEEPS = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"


class Interrupts(Case):
    def setUp(self):
        self.connection = self.connect(autocommit=True)
        self.watcher = self.connect(autocommit=True)

    def sleepers(self):
        return self.watcher.execute(SLEEPS).fetchone()[0]

    def wait_is_reached(self):
        """The server sleeps, and the main thread does not get on."""
        places = set()
        for _ in range(100):
            if not self.sleepers():
                return False
            frame = sys._current_frames()[threading.main_thread().ident]
            places.add((frame.f_code, frame.f_lasti))
        return len(places) == 1

    def send(self, number, when):
        """The signal, to this process, as soon as when() is true."""

        def wait():
            while not when():
                pass
            os.kill(os.getpid(), number)

        thread = threading.Thread(target=wait)
        thread.start()
        self.addCleanup(thread.join)

    def interrupted(self, call, when=None):
        started = time.monotonic()
        self.send(signal.SIGINT, when or self.sleepers)
        with self.assertRaises(KeyboardInterrupt):
            call()
        self.assertLess(time.monotonic() - started, 30)
        self.assertEqual(self.sleepers(), 0)  # the server has ended it
        self.assertEqual(self.connection.execute("select 1").fetchone(), (1,))

    def test_statements(self):
        self.interrupted(lambda: self.connection.execute("select pg_sleep(60)"))
        self.interrupted(lambda: self.connection.execute("select 1; select pg_sleep(60)"))
        self.interrupted(lambda: self.connection.execute("select pg_sleep(%s)", [60]))

    def test_rows_in_portions(self):
        sql = "select n, case when n > 30000 then pg_sleep(60) end from generate_series(1, 30001) n"
        cursor = self.connection.cursor(streaming=True)
        self.interrupted(lambda: cursor.execute(sql).fetchall(), self.wait_is_reached)

    def test_what_nobody_fetches(self):
        """It is read away before the next statement runs."""
        late = "select n, case when n > 9000 then pg_sleep(60) end from generate_series(1, 9001) n"

        def leave_rows():
            self.connection.cursor(streaming=True).execute(late).close()
            self.connection.execute("select 1")

        def leave_copy():
            self.connection.execute("copy (select pg_sleep(60)) to stdout")
            self.connection.execute("select 1")

        self.interrupted(leave_rows, self.wait_is_reached)
        self.interrupted(leave_copy, self.wait_is_reached)

    def test_copies(self):
        sql = "copy (select pg_sleep(60)) to stdout"
        cursor = self.connection.cursor()
        self.interrupted(lambda: list(cursor.copy_out(sql)), self.wait_is_reached)
        self.connection.execute("create temp table copied (n int)")
        self.connection.execute(
            "create function pg_temp.slow() returns trigger language plpgsql as"
            " 'begin perform pg_sleep(60); return new; end'"
        )
        self.connection.execute(
            "create trigger slow before insert on copied execute function pg_temp.slow()"
        )
        self.interrupted(lambda: cursor.copy_in("copy copied from stdin", [b"1\n"]))
        pieces = (b"1\n" * 100000 for _ in range(100000))
        self.interrupted(lambda: cursor.copy_in("copy copied from stdin", pieces))

    def test_behind_the_last_piece_of_a_copy(self):
        self.connection.execute("create temp table copied (n int)")
        talk = self.connection._talk
        with unittest.mock.patch.object(talk, "end_copy", side_effect=KeyboardInterrupt):
            with self.assertRaises(KeyboardInterrupt):
                self.connection.cursor().copy_in("copy copied from stdin", [b"1\n"])
        count = self.connection.execute("select count(*) from copied").fetchone()
        self.assertEqual(count, (0,))

    def test_transactions(self):
        self.connection.autocommit = False
        self.connection.execute("create temp table lost (n int)")
        self.send(signal.SIGINT, self.sleepers)
        with self.assertRaises(KeyboardInterrupt):
            self.connection.execute("select pg_sleep(60)")
        with self.assertRaises(heimproxy.DatabaseError):
            self.connection.execute("select 1")
        self.connection.rollback()
        self.assertEqual(
            self.connection.execute("select to_regclass('lost')").fetchone(), (None,)
        )

    def test_notifications(self):
        waits = threading.Event()

        def wait(timeout):
            waits.set()
            self.connection.notification(timeout)

        for timeout in (None, 60):
            waits.clear()
            with self.subTest(timeout=timeout):
                self.interrupted(lambda: wait(timeout), waits.is_set)

    def test_a_handler_that_returns(self):
        seen = []
        before = signal.signal(signal.SIGUSR1, lambda *_: seen.append(time.monotonic()))
        self.addCleanup(signal.signal, signal.SIGUSR1, before)
        self.send(signal.SIGUSR1, self.sleepers)
        row = self.connection.execute("select pg_sleep(2), 7").fetchone()
        self.assertEqual((row[1], len(seen)), (7, 1))
        self.assertLess(seen[0], time.monotonic() - 0.2)  # not at the end

    def test_a_server_that_does_not_answer(self):
        """The handler's exception comes nevertheless; the connection is lost."""
        self.connection.autocommit = False  # so that it stays with its server
        pid = self.connection.execute("select pg_backend_pid()").fetchone()[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
            timer.start()
            with self.assertRaises(KeyboardInterrupt):
                self.connection.execute("select pg_sleep(60)")
        finally:
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGTERM)
        with self.assertRaises(heimproxy.Error):
            self.connection.execute("select 1")
