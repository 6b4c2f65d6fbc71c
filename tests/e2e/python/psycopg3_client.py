"""A workload on psycopg 3. E2E_MODE: transaction, or session for what needs a server of one's
own.
"""

import datetime
import os
import threading
import uuid
from decimal import Decimal

import psycopg
from psycopg import pq
from psycopg.types.json import Jsonb
from transcript import once_asleep, show

LARGE = "ä€" * 500_000
ROW = (
    1,
    "žluťoučký 'kůň' \\",
    b"\x00\x01\xff",
    Decimal("12345.6789"),
    1.5e300,
    True,
    datetime.datetime(2024, 2, 29, 12, 30, 1, 123456, datetime.timezone.utc),
    datetime.date(1999, 12, 31),
    [1, None, -3],
    ["a,b", 'q"', None],
    Jsonb({"k": [1, {"x": None}]}),
    uuid.UUID(int=7),
    2**62,
)
COLUMNS = (
    "id int primary key, t text, b bytea, n numeric, f float8, o bool, ts timestamptz, d date,"
    " ia int[], ta text[], j jsonb, u uuid, i8 int8"
)


def types(conn):
    conn.execute(f"create table kinds ({COLUMNS})")
    insert = "insert into kinds values (" + ",".join(["%s"] * 13) + ")"
    conn.execute(insert, ROW)
    conn.execute(insert, (2,) + (None,) * 12)
    conn.execute(
        "insert into kinds (id, t, b) values (3, %s, %b)",
        (LARGE, os.urandom(0) + b"\x07" * 3_000_000),
    )
    for binary in (False, True):
        for row in conn.execute("select * from kinds where id < 3 order by id", binary=binary):
            show("row", binary, *row)
        for row in conn.cursor(binary=binary).execute("select t, b from kinds where id = %s", (3,)):
            show("large", binary, *row)


def prepared(conn):
    for i in range(8):
        row = conn.execute(
            "select %s::int + id, t from kinds where id = %s", (i, 1), prepare=True
        ).fetchone()
        show("prepared", *row)
    other = psycopg.connect(autocommit=True)
    for i in range(3):
        show("other", other.execute("select %s::text || 'x'", (str(i),), prepare=True).fetchone())
        show(
            "again",
            conn.execute(
                "select %s::int + id, t from kinds where id = %s", (i, 1), prepare=True
            ).fetchone(),
        )
    other.close()


def transactions(conn):
    conn.execute("create table tx (id int primary key, v text)")
    with conn.transaction():
        conn.execute("insert into tx values (1, 'kept')")
        try:
            with conn.transaction():
                conn.execute("insert into tx values (2, 'lost')")
                conn.execute("insert into tx values (1, 'clash')")
        except psycopg.errors.UniqueViolation as error:
            show(
                "savepoint", error.sqlstate, error.diag.message_primary, error.diag.constraint_name
            )
        conn.execute("insert into tx values (3, 'kept too')")
    try:
        with conn.transaction():
            conn.execute("insert into tx values (4, 'rolled back')")
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    show("tx", conn.execute("select * from tx order by id").fetchall())
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        show("status", conn.info.transaction_status.name)
        try:
            conn.execute("insert into tx values (5, 'no')")
        except psycopg.Error as error:
            show("read only", error.sqlstate)
            raise psycopg.Rollback()
    show("status", conn.info.transaction_status.name)


def errors(conn):
    for query in ("selec 1", "select 1/0", "select * from nowhere", "select 'x'::int"):
        try:
            conn.execute(query)
        except psycopg.Error as error:
            show("error", error.sqlstate, error.diag.message_primary, error.diag.statement_position)
        show("after", conn.execute("select 42").fetchone())
    conn.autocommit = False
    try:
        conn.execute("select 1/0")
    except psycopg.Error:
        pass
    try:
        conn.execute("select 1")
    except psycopg.Error as error:
        show("aborted", error.sqlstate)
    conn.rollback()
    conn.autocommit = True
    notices = []
    conn.add_notice_handler(lambda diag: notices.append((diag.severity, diag.message_primary)))
    conn.execute("do $$ begin raise notice 'hello'; raise warning 'world'; end $$")
    show("notices", notices)
    show(
        "multi",
        (
            [r.fetchall() for r in conn.execute("select 1; select 2, 3; values (4), (5)").results()]
            if hasattr(psycopg.Cursor, "results")
            else ""
        ),
    )


def pipeline(conn):
    with conn.pipeline():
        cursors = [conn.execute("select %s::int * 2", (i,)) for i in range(50)]
    show("pipeline", [c.fetchone()[0] for c in cursors])
    try:
        with conn.pipeline() as pipe:
            first = conn.execute("insert into tx values (%s, %s)", (20, "before"))
            conn.execute("select 1/0")
            conn.execute("insert into tx values (%s, %s)", (21, "skipped"))
            pipe.sync()
    except psycopg.Error as error:
        show("pipeline error", error.sqlstate, first.statusmessage)
    show("after", conn.execute("select count(*) from tx where id >= 20").fetchone())
    cur = conn.cursor()
    cur.executemany(
        "insert into tx values (%s, %s) returning id",
        [(i, "m") for i in range(30, 40)],
        returning=True,
    )
    ids = []
    while True:
        ids.append(cur.fetchone()[0])
        if not cur.nextset():
            break
    show("executemany", ids)


def copy(conn):
    conn.execute("create table bulk (id int, v text)")
    with conn.cursor().copy("copy bulk from stdin") as copy_in:
        for i in range(20_000):
            copy_in.write_row((i, f"value {i}\t\\" if i % 7 else None))
    with conn.cursor().copy("copy bulk (id, v) from stdin (format binary)") as copy_in:
        copy_in.set_types(["int4", "text"])
        for i in range(1000):
            copy_in.write_row((-i, "binary"))
    show(
        "bulk",
        conn.execute("select count(*), sum(id), count(v), sum(length(v)) from bulk").fetchone(),
    )
    with conn.cursor().copy("copy (select * from bulk order by id, v) to stdout") as copy_out:
        show("copy out", b"".join(bytes(block) for block in copy_out))
    try:
        with conn.cursor().copy("copy bulk from stdin") as copy_in:
            copy_in.write("not a number\tx\n")
    except psycopg.Error as error:
        show("copy error", error.sqlstate)
    try:
        with conn.cursor().copy("copy bulk from stdin") as copy_in:
            copy_in.write_row((1, "x"))
            raise ValueError("the client changes its mind")
    except ValueError as error:
        show("copy fail", str(error), conn.info.transaction_status.name)
    show("bulk", conn.execute("select count(*) from bulk").fetchone())


def cursors(conn):
    with conn.transaction(), conn.cursor("named") as cur:
        cur.execute("select id from bulk where id >= 0 order by id, v")
        show("cursor", [row[0] for row in cur.fetchmany(5)], [row[0] for row in cur.fetchmany(5)])
        cur.scroll(100)
        show("scroll", cur.fetchone())
    total = sum(row[0] for row in conn.cursor().stream("select id from bulk"))
    show("stream", total)


def cancel(conn):
    other = psycopg.connect(autocommit=True)
    act = getattr(conn, "cancel_safe", conn.cancel)
    timer = once_asleep(lambda query: other.execute(query).fetchone()[0], act)
    try:
        conn.execute("select pg_sleep(30)")
    except psycopg.errors.QueryCanceled as error:
        show("cancel", error.sqlstate)
    timer.join()
    other.close()
    with conn.transaction():
        conn.execute("set local statement_timeout = '100ms'")
        try:
            conn.execute("select pg_sleep(30)")
        except psycopg.errors.QueryCanceled as error:
            show("timeout", error.sqlstate, error.diag.message_primary)
            raise psycopg.Rollback()
    show("after", conn.execute("select 1").fetchone())


def concurrent(conn):
    conn.execute("create table counters (id int primary key, n int not null)")
    conn.execute("insert into counters select i, 0 from generate_series(0, 3) i")

    def work(number):
        with psycopg.connect() as own:
            for i in range(25):
                with own.transaction():
                    own.execute("update counters set n = n + 1 where id = %s", ((number + i) % 4,))
                    own.execute("select n from counters where id = %s", (number % 4,)).fetchone()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    show("counters", conn.execute("select sum(n) from counters").fetchone())


def session_state(conn):
    conn.execute("set timezone = 'Asia/Tokyo'")
    show(
        "timezone", conn.info.parameter_status("TimeZone"), conn.execute("show timezone").fetchone()
    )
    conn.execute("create temp table mine (id int)")
    conn.execute("insert into mine values (1)")
    show("temp", conn.execute("select count(*) from mine").fetchone())
    conn.execute("declare held cursor with hold for select generate_series(1, 10)")
    show("held", conn.execute("fetch 3 from held").fetchall())
    conn.execute("listen channel")
    with psycopg.connect(autocommit=True) as other:
        for i in range(3):
            other.execute("select pg_notify('channel', %s)", (f"payload {i}",))
    got = []
    for note in conn.notifies(timeout=10, stop_after=3):
        got.append((note.channel, note.payload))
    show("notifies", got)


def main():
    with psycopg.connect(autocommit=True) as conn:
        for name in (
            "server_version",
            "client_encoding",
            "DateStyle",
            "integer_datetimes",
            "standard_conforming_strings",
            "application_name",
        ):
            show("parameter", name, conn.info.parameter_status(name))
        show("tls", conn.pgconn.ssl_in_use, conn.info.status == pq.ConnStatus.OK)
        if os.environ["E2E_MODE"] == "session":
            return session_state(conn)
        for part in (
            types,
            prepared,
            transactions,
            errors,
            pipeline,
            copy,
            cursors,
            cancel,
            concurrent,
        ):
            show(f"--- {part.__name__}")
            part(conn)


main()
