"""A workload on asyncpg: the extended protocol only, binary formats, named statements it never
asks again for.
"""

import asyncio
import datetime
import io
import os
import uuid
from decimal import Decimal

import asyncpg
from transcript import show


def connect():
    # The libpq environment variables carry the rest.
    return asyncpg.connect(timeout=20)


async def types(conn):
    await conn.execute(
        "create table kinds (id int primary key, t text, b bytea, n numeric, f float8, o bool,"
        " ts timestamptz, d date, i interval, ia int[], j jsonb, u uuid, i8 int8)"
    )
    row = (
        1,
        "žluť",
        b"\0\1",
        Decimal("1.25"),
        2.5,
        True,
        datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc),
        datetime.date(2000, 1, 1),
        datetime.timedelta(days=1, seconds=5),
        [1, None],
        '{"a": 1}',
        uuid.UUID(int=9),
        -(2**61),
    )
    places = ",".join(f"${i}" for i in range(1, 14))
    await conn.execute(f"insert into kinds values ({places})", *row)
    show("row", *(await conn.fetchrow("select * from kinds where id = $1", 1)).values())
    await conn.execute(
        "insert into kinds (id, t, b) values ($1, $2, $3)", 2, "y" * 1_200_000, b"\5" * 4_000_000
    )
    show("large", *(await conn.fetchrow("select t, b from kinds where id = $1", 2)).values())


async def prepared(conn):
    statement = await conn.prepare("select $1::int + id from kinds where id = 1")
    show(
        "parameters",
        [p.name for p in statement.get_parameters()],
        [a.name for a in statement.get_attributes()],
    )
    for i in range(10):
        async with conn.transaction():
            show("prepared", await statement.fetchval(i))
    other = await connect()
    for i in range(5):
        show(
            "interleaved",
            await other.fetchval("select $1::text", str(i)),
            await statement.fetchval(i),
        )
    await other.close()
    for i in range(150):  # past asyncpg's cache of 100 statements: it closes some
        assert await conn.fetchval(f"select {i} + $1::int", 1) == i + 1
    show("cached", await statement.fetchval(100))


async def transactions(conn):
    await conn.execute("create table tx (id int primary key)")
    async with conn.transaction():
        await conn.execute("insert into tx values (1)")
        try:
            async with conn.transaction():
                await conn.execute("insert into tx values ($1)", 1)
        except asyncpg.UniqueViolationError as error:
            show("savepoint", error.sqlstate, error.detail)
        await conn.execute("insert into tx values (2)")
    tr = conn.transaction(isolation="serializable", readonly=True, deferrable=True)
    await tr.start()
    show("isolation", await conn.fetchval("show transaction_isolation"))
    await tr.rollback()
    for query in ("selec", "select 1/0", "select $1::int from nowhere", "select 'a'::int"):
        try:
            await conn.fetch(query)
        except asyncpg.PostgresError as error:
            show("error", error.sqlstate, str(error))
    try:
        await conn.executemany("insert into tx values ($1)", [(i,) for i in (10, 11, 11, 12)])
    except asyncpg.UniqueViolationError as error:
        show("executemany", error.sqlstate)
    await conn.executemany("insert into tx values ($1)", [(i,) for i in range(100, 400)])
    show(
        "tx",
        await conn.fetchval("select array_agg(id order by id) from tx where id < 103"),
        await conn.fetchval("select count(*) from tx"),
    )


async def copy(conn):
    await conn.execute("create table bulk (id int, v text)")
    show(
        "records",
        await conn.copy_records_to_table("bulk", records=[(i, f"v{i}") for i in range(20_000)]),
    )
    source = io.BytesIO(b"".join(b"%d,csv\n" % i for i in range(1000)))
    show("csv", await conn.copy_to_table("bulk", source=source, format="csv"))
    out = io.BytesIO()
    show(
        "out",
        await conn.copy_from_query("select * from bulk order by id, v", output=out),
        out.getvalue(),
    )
    async with conn.transaction():
        cursor = await conn.cursor("select id from bulk order by id, v")
        show(
            "cursor",
            [r[0] for r in await cursor.fetch(5)],
            await cursor.forward(10),
            [r[0] for r in await cursor.fetch(3)],
        )
        total = 0
        async for record in conn.cursor("select id from bulk", prefetch=777):
            total += record[0]
        show("iterated", total)


async def cancel(conn):
    try:
        await conn.fetch("select pg_sleep(30)", timeout=0.3)
    except asyncio.TimeoutError:
        show("timeout")
    show("after", await conn.fetchval("select 7"))
    task = asyncio.create_task(conn.execute("select pg_sleep(30)"))
    await asyncio.sleep(0.3)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        show("cancelled")
    show("after", await conn.fetchval("select 8"))


async def concurrent(conn):
    await conn.execute("create table counter (id int primary key, n int)")
    await conn.execute("insert into counter select i, 0 from generate_series(0, 3) i")

    async def work(number):
        own = await connect()
        for i in range(25):
            async with own.transaction():
                await own.execute("update counter set n = n + 1 where id = $1", (number + i) % 4)
        await own.close()

    await asyncio.gather(*(work(n) for n in range(16)))
    show("counter", await conn.fetchval("select sum(n) from counter"))
    async with asyncpg.create_pool(min_size=2, max_size=6, timeout=20) as pool:

        async def one(i):
            async with pool.acquire() as c:
                return await c.fetchval("select $1::int", i)

        show("pool", await asyncio.gather(*(one(i) for i in range(40))))


async def session_state(conn):
    await conn.execute("set timezone = 'Asia/Tokyo'")
    show("timezone", await conn.fetchval("show timezone"), conn.get_settings().TimeZone)
    got = asyncio.Queue()
    await conn.add_listener(
        "channel", lambda c, pid, channel, payload: got.put_nowait((channel, payload))
    )
    other = await connect()
    for i in range(3):
        await other.execute("select pg_notify('channel', $1)", f"payload {i}")
    show("notifies", [await asyncio.wait_for(got.get(), 10) for _ in range(3)])
    await other.close()


async def main():
    conn = await connect()
    show("server", conn.get_server_version()[:2], conn.get_settings().client_encoding)
    if os.environ["E2E_MODE"] == "session":
        return await session_state(conn)
    for part in (types, prepared, transactions, copy, cancel, concurrent):
        show(f"--- {part.__name__}")
        await part(conn)
    await conn.close()


asyncio.run(main())
