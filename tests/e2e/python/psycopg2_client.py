"""A workload on psycopg 2: the simple protocol only, transactions by default."""

import datetime
import io
import os
import select
import threading

import psycopg2
import psycopg2.extras
from transcript import once_asleep, show


def connect():
    return psycopg2.connect("", connect_timeout=20)


def types(conn, cur):
    cur.execute(
        "create table kinds (id serial primary key, t text, b bytea, n numeric, ts timestamptz,"
        " ia int[], j jsonb)"
    )
    cur.execute(
        "insert into kinds (t, b, n, ts, ia, j) values (%s, %s, %s, %s, %s, %s) returning id",
        (
            "it's \\ ž",
            psycopg2.Binary(b"\0\1\2"),
            "1.50",
            datetime.datetime(2024, 1, 2, 3, 4, 5),
            [1, 2, None],
            psycopg2.extras.Json({"a": 1}),
        ),
    )
    show("id", cur.fetchone())
    cur.execute(
        "insert into kinds (t, b) values (%s, %s)",
        ("x" * 1_500_000, psycopg2.Binary(b"\7" * 2_000_000)),
    )
    conn.commit()
    cur.execute("select * from kinds where id = 1")
    show("row", *cur.fetchone(), [d.name for d in cur.description])
    cur.execute("select t, b from kinds where id = 2")
    show("large", *cur.fetchone())
    psycopg2.extras.execute_values(
        cur, "insert into kinds (t) values %s", [(str(i),) for i in range(500)]
    )
    conn.commit()
    cur.execute("select count(*) from kinds")
    show("count", cur.fetchone())


def transactions(conn, cur):
    cur.execute("create table tx (id int primary key)")
    conn.commit()
    cur.execute("insert into tx values (1)")
    conn.rollback()
    cur.execute("insert into tx values (2)")
    cur.execute("savepoint s")
    try:
        cur.execute("insert into tx values (2)")
    except psycopg2.Error as error:
        show("error", error.pgcode, error.diag.message_detail)
        cur.execute("rollback to savepoint s")
    cur.execute("insert into tx values (3)")
    conn.commit()
    cur.execute("select array_agg(id order by id) from tx")
    show("tx", cur.fetchone())
    conn.commit()
    for query in ("selec", "select 1/0", "select * from nowhere"):
        try:
            cur.execute(query)
        except psycopg2.Error as error:
            show("error", error.pgcode, str(error))
        conn.rollback()
    cur.execute("prepare named (int) as select $1 + 1")
    cur.execute("execute named(41)")
    show("sql prepare", cur.fetchone())
    cur.execute("deallocate named")
    conn.commit()
    conn.set_session(isolation_level="SERIALIZABLE", autocommit=False)
    cur.execute("show transaction_isolation")
    show("isolation", cur.fetchone())
    conn.commit()


def copy(conn, cur):
    cur.execute("create table bulk (id int, v text)")
    data = "".join(f"{i}\tvalue {i}\n" for i in range(30_000))
    cur.copy_expert("copy bulk from stdin", io.StringIO(data))
    conn.commit()
    out = io.StringIO()
    cur.copy_expert("copy (select * from bulk order by id) to stdout with csv header", out)
    show("copy", out.getvalue())
    try:
        cur.copy_expert("copy bulk from stdin", io.StringIO("a\tb\n"))
    except psycopg2.Error as error:
        show("copy error", error.pgcode, error.diag.context)
    conn.rollback()
    named = conn.cursor("named")
    named.itersize = 1000
    named.execute("select id from bulk order by id")
    show("named cursor", sum(row[0] for row in named))
    named.close()
    conn.commit()


def cancel(conn, cur):
    other = connect()
    other.autocommit = True

    def ask(query):
        with other.cursor() as own:
            own.execute(query)
            return own.fetchone()[0]

    timer = once_asleep(ask, conn.cancel)
    try:
        cur.execute("select pg_sleep(30)")
    except psycopg2.errors.QueryCanceled as error:
        show("cancel", error.pgcode)
    timer.join()
    other.close()
    conn.rollback()
    cur.execute("do $$ begin raise notice 'seen'; end $$")
    show("notices", conn.notices[-1:])
    conn.commit()


def concurrent(conn, cur):
    cur.execute("create table counter (n int); insert into counter values (0)")
    conn.commit()

    def work():
        own = connect()
        with own.cursor() as c:
            for _ in range(20):
                c.execute("update counter set n = n + 1")
                own.commit()
        own.close()

    threads = [threading.Thread(target=work) for _ in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    cur.execute("select n from counter")
    show("counter", cur.fetchone())
    conn.commit()


def session_state(conn, cur):
    conn.autocommit = True
    cur.execute("set datestyle = 'German'")
    cur.execute("select date '2024-02-29'::text")
    show("datestyle", cur.fetchone(), conn.get_parameter_status("DateStyle"))
    cur.execute("listen channel")
    cur.execute("notify channel, 'to myself'")
    while not conn.notifies:
        if not select.select([conn], [], [], 10)[0]:
            break
        conn.poll()
    show("notifies", [(n.channel, n.payload) for n in conn.notifies])


def main():
    conn = connect()
    cur = conn.cursor()
    show("encoding", conn.encoding, conn.get_parameter_status("server_version"))
    conn.set_client_encoding("LATIN1")
    cur.execute("select 'é'::text")
    show("latin1", cur.fetchone())
    conn.rollback()
    conn.set_client_encoding("UTF8")
    if os.environ["E2E_MODE"] == "session":
        return session_state(conn, cur)
    for part in (types, transactions, copy, cancel, concurrent):
        show(f"--- {part.__name__}")
        part(conn, cur)
    conn.close()


main()
