"""asyncio."""

import asyncio
import os
import signal
import time

import heimproxy
from case import Case, config, descriptors

SLEEPS = "select count(*) from pg_stat_activity where wait_event = 'PgSleep'"


class Asyncio(Case):
    def run_async(self, body, **options):
        """body(connection), in a loop of its own, in which everything has to be over at the end."""

        async def all_of_it():
            connection = await self.proxy.connect_async("app", "postgres", "app-secret", **options)
            try:
                await asyncio.wait_for(body(connection), 60)
            finally:
                await connection.close()
            self.assertEqual(asyncio.all_tasks(), {asyncio.current_task()})

        asyncio.run(all_of_it())

    def test_statements(self):
        async def body(connection):
            cursor = await connection.execute("select n, %s from generate_series(1, 3) n", ["x"])
            self.assertEqual([column.name for column in cursor.description], ["n", "?column?"])
            self.assertEqual([row async for row in cursor], [(1, "x"), (2, "x"), (3, "x")])
            cursor = await connection.execute("select 1; select pg_sleep(0.05), 2; select 3")
            self.assertEqual(await cursor.fetchone(), (1,))
            self.assertTrue(await cursor.nextset())
            self.assertEqual((await cursor.fetchone())[1], 2)
            self.assertTrue(await cursor.nextset())
            self.assertEqual(await cursor.fetchall(), [(3,)])
            self.assertIsNone(await cursor.nextset())
            with self.assertRaises(heimproxy.DataError) as caught:
                await connection.execute("select 1/0")
            self.assertEqual(caught.exception.sqlstate, "22012")
            with self.assertRaises(heimproxy.InternalError):
                await connection.execute("select 1")
            await connection.rollback()
            self.assertEqual(await connection.parameter("client_encoding"), "UTF8")
            self.assertIn("node", await connection.explain_route("select 1"))

        self.run_async(body)

    def test_connecting(self):
        async def body():
            with self.assertRaises(heimproxy.Error) as caught:
                await self.proxy.connect_async("app", "nowhere", "app-secret")
            self.assertEqual(caught.exception.sqlstate, "3D000")
            connection = await heimproxy.aio.connect(config(), "app", "postgres", "app-secret")
            async with connection:
                self.assertEqual(await (await connection.execute("select 1")).fetchone(), (1,))
            self.assertTrue(connection.closed)
            with self.assertRaises(heimproxy.InterfaceError):
                await connection.execute("select 1")

        asyncio.run(body())

    def test_transactions(self):
        async def body(connection):
            count = "select count(*) from py_async"
            other = await self.proxy.connect_async("app", "postgres", "app-secret", autocommit=True)
            await other.execute("drop table if exists py_async; create table py_async (n int)")
            cursor = connection.cursor()
            await cursor.executemany("insert into py_async values (%s)", [[1], [2], [3]])
            self.assertEqual(cursor.rowcount, 3)
            self.assertEqual(await (await other.execute(count)).fetchone(), (0,))
            await connection.commit()
            self.assertEqual(await (await other.execute(count)).fetchone(), (3,))
            connection.isolation_level = "serializable"
            level = await connection.execute("show transaction_isolation")
            self.assertEqual(await level.fetchone(), ("serializable",))
            await connection.rollback()
            with self.assertRaises(ZeroDivisionError):
                async with other:
                    other.autocommit = False
                    await other.execute("delete from py_async")
                    1 / 0
            self.assertEqual(await (await connection.execute(count)).fetchone(), (3,))
            await connection.execute("drop table py_async")
            await connection.commit()

        self.run_async(body)

    def test_rows_in_portions(self):
        async def body(connection):
            cursor = connection.cursor(streaming=True)
            await cursor.execute("select n, repeat('x', 100) from generate_series(1, 20000) n")
            self.assertEqual((await cursor.fetchone())[0], 1)
            self.assertEqual(len(await cursor.fetchmany(500)), 500)
            # Another statement: what is left is kept.
            self.assertEqual(await (await connection.execute("select 5")).fetchone(), (5,))
            self.assertEqual(sum([row[0] async for row in cursor]), sum(range(502, 20001)))

        self.run_async(body)

    def test_copies(self):
        async def body(connection):
            await connection.execute("create temp table t (n int, s text)")
            lines = [b"%d\t%s\n" % (n, b"line" * 1000) for n in range(3000)]

            async def pieces():
                for line in lines:
                    await asyncio.sleep(0)
                    yield line

            cursor = connection.cursor()
            self.assertEqual(await cursor.copy_in("copy t from stdin", pieces()), 3000)
            self.assertEqual(await cursor.copy_in("copy t from stdin", lines), 3000)
            await connection.commit()
            got = [line async for line in cursor.copy_out("copy t to stdout")]
            self.assertEqual(got, lines + lines)

            async def broken():
                yield lines[0]
                raise KeyError("mine")

            with self.assertRaises(KeyError):
                await cursor.copy_in("copy t from stdin", broken())
            await connection.rollback()
            with self.assertRaises(heimproxy.DataError):
                await cursor.copy_in("copy t from stdin", [b"nonsense\n"])
            await connection.rollback()
            count = await connection.execute("select count(*) from t")
            self.assertEqual(await count.fetchone(), (6000,))

        self.run_async(body)

    def test_the_loop_goes_on(self):
        async def body(connection):
            async def tick():
                nonlocal ticks
                while True:
                    ticks += 1
                    await asyncio.sleep(0.001)

            ticks = 0
            ticker = asyncio.create_task(tick())
            await connection.execute("select pg_sleep(0.5)")
            self.assertGreater(ticks, 20)
            ticker.cancel()
            await asyncio.gather(ticker, return_exceptions=True)

        self.run_async(body)

    def test_what_nobody_fetches_stops_no_loop(self):
        async def body(connection):
            async def tick():
                while True:
                    before = time.monotonic()
                    try:
                        await asyncio.sleep(0.01)
                    finally:
                        gaps.append(time.monotonic() - before)

            async def leave_rows():
                async with connection.cursor(streaming=True) as cursor:
                    await cursor.execute(
                        "select n, case when n > 30000 then pg_sleep(1) end"
                        " from generate_series(1, 30001) n"
                    )
                    await cursor.fetchone()

            async def leave_copy():
                late = "copy (select 1 union all select 2 from pg_sleep(1)) to stdout"
                pieces = connection.cursor().copy_out(late)
                await anext(pieces)
                await pieces.aclose()

            async def select():
                self.assertEqual(await (await connection.execute("select 1")).fetchone(), (1,))

            for leave in (leave_rows, leave_copy):
                for autocommit in (True, False):
                    for then in (select, connection.rollback, connection.commit):
                        gaps = []
                        await connection.rollback()
                        connection.autocommit = autocommit
                        ticker = asyncio.create_task(tick())
                        await leave()
                        await then()
                        ticker.cancel()
                        await asyncio.gather(ticker, return_exceptions=True)
                        await select()
                        self.assertLess(max(gaps), 0.8, (leave, autocommit, then))

        self.run_async(body)

    def test_tasks_share_a_connection(self):
        async def body(connection):
            async def ask(number):
                return await (await connection.execute("select %s", [number])).fetchone()

            answers = await asyncio.gather(*map(ask, range(200)))
            self.assertEqual(answers, [(number,) for number in range(200)])

        self.run_async(body)

    def test_many_connections(self):
        async def one(number):
            async with await self.proxy.connect_async("app", "postgres", "app-secret") as mine:
                row = await (await mine.execute("select %s, pg_sleep(0.01)", [number])).fetchone()
                return row[0]

        async def body():
            self.assertEqual(await asyncio.gather(*map(one, range(50))), list(range(50)))

        asyncio.run(body())

    async def cancelled(self, connection, waiting, watcher):
        """Cancels `waiting` when the server sleeps for it."""
        started = time.monotonic()
        task = asyncio.ensure_future(waiting)
        while await (await watcher.execute(SLEEPS)).fetchone() == (0,):
            self.assertFalse(task.done())
        task.cancel()
        with self.assertRaises(asyncio.CancelledError):
            await task
        self.assertLess(time.monotonic() - started, 30)
        self.assertEqual(await (await watcher.execute(SLEEPS)).fetchone(), (0,))
        await connection.rollback()
        self.assertEqual(await (await connection.execute("select 1")).fetchone(), (1,))
        await connection.rollback()

    def test_cancelled_tasks(self):
        async def body(connection):
            watcher = await self.proxy.connect_async("app", "postgres", "app-secret")
            watcher.autocommit = True
            late = (
                "select n, case when n > 30000 then pg_sleep(60) end"
                " from generate_series(1, 30001) n"
            )

            async def rows():
                async for _ in await connection.cursor(streaming=True).execute(late):
                    pass

            async def copied():
                async for _ in connection.cursor().copy_out("copy (select pg_sleep(60)) to stdout"):
                    pass

            for autocommit in (False, True):
                connection.autocommit = autocommit
                for waiting in (
                    connection.execute("select pg_sleep(60)"),
                    connection.execute("select pg_sleep(%s)", [60]),
                    connection.execute("select 1; select pg_sleep(60)"),
                    rows(),
                    copied(),
                ):
                    await self.cancelled(connection, waiting, watcher)
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(connection.execute("select pg_sleep(60)"), 0.05)
            self.assertEqual(await (await connection.execute("select 2")).fetchone(), (2,))
            await watcher.close()

        self.run_async(body)

    def test_cancel_by_another_task(self):
        async def body(connection):
            task = asyncio.ensure_future(connection.execute("select pg_sleep(60)"))
            async with await self.proxy.connect_async("app", "postgres", "app-secret") as watcher:
                watcher.autocommit = True
                while await (await watcher.execute(SLEEPS)).fetchone() == (0,):
                    pass
            connection.cancel()
            with self.assertRaises(heimproxy.QueryCanceled):
                await task

        self.run_async(body, autocommit=True)

    def test_notifications(self):
        async def body(listener):
            async def listen(count):
                seen = []
                async for told in listener.notifications():
                    seen.append(told.payload)
                    if len(seen) == count:
                        return seen

            other = await self.proxy.connect_async("app", "postgres", "app-secret", autocommit=True)
            await listener.execute("listen py_async")
            listening = asyncio.create_task(listen(20))
            for number in range(20):
                await other.execute(f"notify py_async, '{number}'")
                # It is asked for things meanwhile.
                self.assertEqual(await (await listener.execute("select 1")).fetchone(), (1,))
            self.assertEqual(await listening, [str(number) for number in range(20)])
            # One that nobody fetches is in nobody's way.
            await other.execute("notify py_async, 'late'")
            cursor = await listener.execute("select pg_sleep(0.1), 2")
            self.assertEqual((await cursor.fetchone())[1], 2)
            self.assertEqual((await listener.notification()).payload, "late")
            self.assertIsNone(await listener.notification(0.01))
            self.assertIsNone(await listener.notification(0))
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(listener.notification(), 0.01)
            await other.close()

        self.run_async(body, autocommit=True)

    def test_a_server_that_does_not_answer(self):
        """The task ends nevertheless; the connection is lost."""

        async def body(connection):
            cursor = await connection.execute("select pg_backend_pid()")
            (pid,) = await cursor.fetchone()
            os.kill(pid, signal.SIGSTOP)
            try:
                with self.assertRaises(asyncio.TimeoutError):
                    await asyncio.wait_for(connection.execute("select 1"), 0.1)
            finally:
                os.kill(pid, signal.SIGCONT)
            with self.assertRaises(heimproxy.InterfaceError):
                await connection.execute("select 1")
            self.assertEqual(connection.transaction, "ended")

        self.run_async(body)

    def test_nothing_is_left_behind(self):
        async def cycle():
            for _ in range(100):
                async with await self.proxy.connect_async("app", "postgres", "app-secret") as mine:
                    await mine.execute("select 1")

        asyncio.run(cycle())
        before = descriptors()
        asyncio.run(cycle())
        self.assertLessEqual(descriptors(), before + 2)  # servers come and go

    def test_closed_beside_a_wait(self):
        async def body(connection):
            task = asyncio.create_task(connection.execute("select pg_sleep(60)"))
            await asyncio.sleep(0)
            connection.terminate()
            with self.assertRaises(heimproxy.InterfaceError):
                await task

        self.run_async(body, autocommit=True)
