"""Prepared statements in transaction mode: each client's own names, on whatever server comes."""

import struct
import threading

import psycopg
import pytest
from conftest import connect
from harness import wire


@pytest.mark.in_process
def test_names_are_each_clients_own(make_proxy, database):
    """The same name, different queries, one server."""
    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"pool_size": 1}})
    clients = [wire.Wire(proxy).login("app", database) for _ in range(10)]
    for number, client in enumerate(clients):
        client.send(wire.parse("stmt", f"select {number} + $1::int"), wire.SYNC)
        client.until("Z")
    for turn in range(3):
        for number, client in enumerate(clients):
            client.send(wire.bind("", "stmt", [b"100"]), wire.execute(), wire.SYNC)
            rows = [body[6:] for kind, body in client.until("Z") if kind == "D"]
            assert rows == [str(number + 100).encode()]
    [client.sock.close() for client in clients]


def test_a_name_already_in_use(make_proxy, database):
    """42P05 as PostgreSQL says it; Close gives the name back; the unnamed one is replaced
    freely.
    """
    proxy = make_proxy({"auth": {"type": "trust"}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        conn.send(wire.parse("s", "select 1"), wire.SYNC, wire.parse("s", "select 2"), wire.SYNC)
        assert [kind for kind, _ in conn.until("Z")] == ["1", "Z"]
        answer = conn.until("Z")
        assert wire.error_fields(answer[0][1])["C"] == "42P05"
        conn.send(
            wire.message("C", b"Ss\0"),
            wire.parse("s", "select 3"),
            wire.bind("", "s"),
            wire.execute(),
            wire.SYNC,
        )
        assert [kind for kind, _ in conn.until("Z")] == ["3", "1", "2", "D", "C", "Z"]
        for value in ("4", "5"):
            conn.send(wire.parse("", f"select {value}"), wire.bind(), wire.execute(), wire.SYNC)
            assert [body[6:].decode() for kind, body in conn.until("Z") if kind == "D"] == [value]


@pytest.mark.in_process
def test_describe_without_parse_on_this_server(make_proxy, server, database):
    """Describe and Bind of a statement that another server connection prepared."""
    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"pool_size": 2}})
    with wire.Wire(proxy) as one, wire.Wire(proxy) as two:
        one.login("app", database)
        two.login("app", database)
        one.send(wire.parse("s", "select $1::int as answer"), wire.SYNC)
        one.until("Z")
        two.ask("begin")  # takes one server; the next transaction of `one` may get the other
        for _ in range(2):
            one.ask("begin")
            one.send(wire.describe("S", "s"), wire.bind("", "s", [b"7"]), wire.execute(), wire.SYNC)
            assert [kind for kind, _ in one.until("Z")] == ["t", "T", "2", "D", "C", "Z"]
            two.ask("commit")
            one.ask("commit")


@pytest.mark.in_process
def test_more_statements_than_a_server_keeps(make_proxy, database):
    """max_prepared_statements bounds each server connection; every statement still works."""
    proxy = make_proxy(
        {"auth": {"type": "trust"}, "proxy": {"pool_size": 1, "max_prepared_statements": 10}}
    )
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        for number in range(50):
            conn.send(wire.parse(f"s{number}", f"select {number}"), wire.SYNC)
            conn.until("Z")
        for number in [*range(50), *range(49, -1, -1)]:
            conn.send(wire.bind("", f"s{number}"), wire.execute(), wire.SYNC)
            assert [body[6:].decode() for kind, body in conn.until("Z") if kind == "D"] == [
                str(number)
            ]
        assert int(conn.values("select count(*) from pg_prepared_statements")[0]) <= 11


def test_more_statements_than_a_client_may_hold(make_proxy, database):
    """max_client_prepared_bytes: the one that is too many gets 54000 or such, the rest stays
    usable.
    """
    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"max_client_prepared_bytes": "64KiB"}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        conn.send(wire.parse("small", "select 1"), wire.SYNC)
        conn.until("Z")
        refused = None
        for number in range(40):
            conn.send(wire.parse(f"big{number}", f"select '{'x' * 4000}'"), wire.SYNC)
            for kind, body in conn.until("Z"):
                if kind == "E":
                    refused = wire.error_fields(body)
            if refused:
                break
        assert refused and refused["C"].startswith("5"), refused
        conn.send(wire.bind("", "small"), wire.execute(), wire.SYNC)
        assert [kind for kind, _ in conn.until("Z")] == ["2", "D", "C", "Z"]


@pytest.mark.in_process
def test_ddl_heals(make_proxy, database):
    """cached plan must not change result type: gone after the table changed, outside
    transactions.
    """
    proxy = make_proxy({"proxy": {"pool_size": 3}})
    with connect(proxy, database) as conn, connect(proxy, database) as other:
        conn.execute("create table t (a int)")
        conn.execute("insert into t values (1)")
        for _ in range(4):
            assert conn.execute("select * from t where a = %s", (1,), prepare=True).fetchone() == (
                1,
            )
            assert other.execute("select * from t where a = %s", (1,), prepare=True).fetchone() == (
                1,
            )
        conn.execute("alter table t add b text default 'new'")
        for _ in range(3):
            assert conn.execute("select * from t where a = %s", (1,), prepare=True).fetchone() == (
                1,
                "new",
            )
            assert other.execute("select * from t where a = %s", (1,), prepare=True).fetchone() == (
                1,
                "new",
            )


def test_ddl_inside_a_transaction_is_not_hidden(make_proxy, database):
    """What the server aborted stays aborted: the client hears it, and can start anew."""
    proxy = make_proxy({"proxy": {"pool_size": 2}})
    with connect(proxy, database) as conn, connect(proxy, database) as other:
        conn.execute("create table t (a int)")
        for _ in range(3):
            conn.execute("select * from t", prepare=True)
        try:
            with conn.transaction():
                conn.execute("select 1")
                other.execute("alter table t add b int")
                conn.execute("select * from t", prepare=True)
        except psycopg.Error as error:
            assert error.sqlstate == "0A000"
        assert len(conn.execute("select * from t", prepare=True).description) == 2


def runs(conn, *more):
    """What a Bind and Execute of "s" are answered."""
    conn.send(wire.bind("", "s"), *more, wire.execute(), wire.SYNC)
    return conn.until("Z")


def kinds(answer):
    return [kind for kind, _ in answer]


@pytest.mark.parametrize("mode", ["auto", "transaction"])
def test_columns_change_for_who_does_not_ask(make_proxy, database, server, mode):
    """Drivers keep what they were told of a statement: elsewhere it has those columns, or fails."""
    settings = {"auth": {"type": "trust"}, "proxy": {"pool_mode": mode, "pool_size": 2}}
    with (
        wire.Wire(make_proxy(settings)) as conn,
        connect(server, database) as direct,
    ):
        proxy = conn.target
        direct.execute("create table t (a int, b text, c text)")
        direct.execute("insert into t values (1, 'b', 'c')")
        conn.login("app", database)
        conn.send(wire.parse("s", "select * from t"), wire.SYNC)
        conn.until("Z")
        with wire.Wire(proxy) as other:
            other.login("app", database)
            other.ask("begin")  # has the server that knows the statement
            assert kinds(runs(conn)) == ["2", "D", "C", "Z"]
            other.ask("commit")
        direct.execute("alter table t drop column b")
        with wire.Wire(proxy) as other:
            other.login("app", database)
            # One server knows it as it was, on the other it is prepared anew.
            for busy in (False, True):
                other.ask("begin" if busy else "select")
                refused = runs(conn)
                assert kinds(refused) == ["E", "Z"]
                fields = wire.error_fields(refused[0][1])
                assert (fields["C"], fields["R"]) == ("0A000", "RevalidateCachedQuery")
        # Who asks is told.
        described = runs(conn, wire.describe("P"))
        assert kinds(described) == ["2", "T", "D", "C", "Z"]
        conn.send(wire.message("C", b"Ss\0"), wire.parse("s", "select * from t"), wire.SYNC)
        conn.until("Z")
        assert kinds(runs(conn)) == ["2", "D", "C", "Z"]


def test_columns_under_another_path(make_proxy, database, server):
    """The same text, of another schema's table."""
    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"pool_mode": "auto"}})
    with wire.Wire(proxy) as conn, connect(server, database) as direct:
        direct.execute("create table t (a int); create schema more; create table more.t (b text)")
        direct.execute("create schema same; create table same.t (a int)")
        conn.login("app", database)
        conn.send(wire.parse("s", "select * from t"), wire.SYNC)
        conn.until("Z")
        for path, answer in (("public", "2CZ"), ("more", "EZ"), ("same", "2CZ"), ("more", "EZ")):
            conn.ask(f"set search_path = {path}")
            answered = runs(conn)
            assert "".join(kinds(answered)) == answer, (path, answered)


def test_deallocate_and_discard(make_proxy, database):
    """SQL-level DEALLOCATE ALL and DISCARD ALL by one client harm no other client."""
    proxy = make_proxy({"proxy": {"pool_size": 1}})
    with connect(proxy, database) as conn, connect(proxy, database) as other:
        for statement in ("deallocate all", "discard all"):
            for i in range(4):
                assert other.execute("select %s::int", (i,), prepare=True).fetchone() == (i,)
            conn.execute(statement)
            for i in range(4):
                assert other.execute("select %s::int", (i,), prepare=True).fetchone() == (i,)


def test_pipelines_of_many_clients(make_proxy, database):
    """Errors in the middle of pipelines, on two servers, twelve clients: every answer is one's
    own.
    """
    proxy = make_proxy({"proxy": {"pool_size": 2}})
    failures = []

    def work(number):
        try:
            with connect(proxy, database) as conn:
                for turn in range(15):
                    with conn.pipeline():
                        cursors = [
                            conn.execute("select %s::int, %s::text", (number, str(i)))
                            for i in range(20)
                        ]
                    assert [c.fetchone() for c in cursors] == [(number, str(i)) for i in range(20)]
                    with pytest.raises(psycopg.errors.DivisionByZero):
                        with conn.pipeline():
                            conn.execute("select %s::int", (number,))
                            conn.execute("select 1 / (%s::int - %s::int)", (number, number))
                            conn.execute("select 1")
        except BaseException as error:
            failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures, failures[:3]


def test_flush_without_sync(make_proxy, database):
    """Answers arrive at Flush; the server stays ours until Sync."""
    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"pool_size": 1}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        conn.send(wire.parse("", "select 1"), wire.describe("S"), wire.FLUSH)
        assert [kind for kind, _ in conn.until("T", "n")] == ["1", "t", "T"]
        conn.send(wire.bind(), wire.execute(), wire.FLUSH)
        assert [kind for kind, _ in conn.until("C")] == ["2", "D", "C"]
        conn.send(wire.SYNC)
        assert [kind for kind, _ in conn.until("Z")] == ["Z"]


def test_portals_survive_in_a_transaction(make_proxy, database):
    """A portal fetched in pieces, with other clients working in between."""
    proxy = make_proxy({"auth": {"type": "trust"}, "proxy": {"pool_size": 2}})
    with wire.Wire(proxy) as conn, connect(proxy, database) as other:
        conn.login("app", database)
        conn.ask("begin")
        conn.send(wire.parse("", "select generate_series(1, 10)"), wire.bind("p"), wire.SYNC)
        conn.until("Z")
        rows = 0
        for _ in range(4):
            conn.send(wire.execute("p", 3), wire.SYNC)
            rows += sum(kind == "D" for kind, _ in conn.until("Z"))
            other.execute("select 1")
        assert rows == 10
        conn.ask("commit")


def test_function_call(make_proxy, database):
    """The old FunctionCall message: passed on and answered."""
    proxy = make_proxy({"auth": {"type": "trust"}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        oid = int(conn.values("select 'int4pl(int,int)'::regprocedure::oid")[0])
        argument = struct.pack("!ii", 4, 20) + struct.pack("!ii", 4, 22)
        conn.send(
            wire.message("F", struct.pack("!ihhh", oid, 1, 1, 2) + argument + struct.pack("!h", 1))
        )
        answer = conn.until("Z")
        assert ("V", struct.pack("!ii", 4, 42)) in answer


READ_ONCE = [
    ("select date '1/2/2003' - date '2003-01-01'", "datestyle", ["'ISO, DMY'", "mdy"]),
    ("select timestamptz '2024-07-01 12:00' at time zone 'UTC'", "timezone", ["'Asia/Tokyo'"]),
    ("select extract(epoch from interval '-1 2:03:04')", "intervalstyle", ["sql_standard"]),
    ("select array_to_string('{NULL}'::text[], ',', '?')", "array_nulls", ["off", "on"]),
    (r"select length('\\a')", "standard_conforming_strings", ["off"]),
]


def values_of(conn, name):
    conn.send(wire.bind("", name), wire.execute(), wire.SYNC)
    return [body[6:] for kind, body in conn.until("Z") if kind == "D"]


def parsed(conn, name, text):
    conn.send(wire.parse(name, text), wire.SYNC)
    assert conn.until("Z")[0][0] in "1N"


def read_once(conn, text, setting, values):
    """What a statement says, read before and after `setting` is changed in several ways."""
    parsed(conn, "first", text)
    yield values_of(conn, "first")
    for number, value in enumerate([*values, "default"]):
        for begin, end in (("select 1", "select 2"), ("begin", "rollback"), ("begin", "commit")):
            name = f"s{number}{end}"
            conn.ask(begin)
            conn.ask(f"set {setting} to {value}")
            parsed(conn, name, text)
            yield values_of(conn, "first"), values_of(conn, name)
            conn.ask(end)
            yield values_of(conn, "first"), values_of(conn, name)
    if setting != "array_nulls":  # which servers do not report
        conn.ask("begin")
        conn.ask(f"set local {setting} to {values[0]}")
        parsed(conn, "local", text)
        conn.ask("commit")
        yield values_of(conn, "local"), values_of(conn, "first")
    # In one batch, on whichever server.
    change = [wire.parse("", f"set {setting} to {values[0]}"), wire.bind(), wire.execute()]
    conn.send(*change, wire.bind("", "first"), wire.execute(), wire.SYNC)
    yield [body for kind, body in conn.until("Z") if kind == "D"]
    yield values_of(conn, "first")


@pytest.mark.parametrize("text, setting, values", READ_ONCE)
@pytest.mark.parametrize("pool_size", [1, 3])
def test_a_literal_is_read_when_its_statement_is_parsed(
    make_proxy, database, server, pool_size, text, setting, values
):
    """As on a server of one's own, whatever is set afterwards, and wherever the statement runs:
    two clients take turns.
    """
    with wire.Wire(server) as direct:
        direct.login("u_trust", database)
        expected = list(read_once(direct, text, setting, values))
    proxy = make_proxy(
        {"auth": {"type": "trust"}, "proxy": {"pool_mode": "auto", "pool_size": pool_size}}
    )
    with wire.Wire(proxy) as one, wire.Wire(proxy) as two, wire.Wire(proxy) as busy:
        for conn in (one, two, busy):
            conn.login("u_trust", database)
        answers = []
        steps = [read_once(conn, text, setting, values) for conn in (one, two)]
        for step in zip(*steps) if pool_size > 1 else zip(*(list(each) for each in steps)):
            answers.append(step)
            if pool_size > 1:  # whoever comes next gets another server
                busy.ask("begin" if len(answers) % 2 else "commit")
        assert answers == [(step, step) for step in expected]


def test_a_text_read_behind_a_function_that_changes_how(make_proxy, database, server):
    """A statement means what the settings say that it was read under, also where only a function
    has changed them in the same transaction: it is no other client's.
    """
    server.sql(
        "create function reads(style text) returns void language plpgsql as"
        " $$ begin perform set_config('datestyle', style, false); end $$",
        dbname=database,
    )
    proxy = make_proxy(
        {"auth": {"type": "trust"}, "proxy": {"pool_mode": "auto", "pool_size": 1}}
    )
    text = "select date '1/2/2003' - date '2003-01-01'"
    with wire.Wire(proxy) as one, wire.Wire(proxy) as two:
        one.login("app", database)
        two.login("app", database)
        one.ask("begin")
        one.ask("select reads('ISO, DMY')")
        parsed(one, "s", text)
        assert values_of(one, "s") == [b"31"]
        one.ask("commit")
        parsed(two, "s", text)
        assert values_of(two, "s") == [b"1"]
        assert values_of(one, "s") == [b"31"]
        assert values_of(two, "s") == [b"1"]


def test_described_where_its_transaction_failed(make_proxy, database):
    """PostgreSQL describes there what gives no rows: also on a server that lacks it."""
    settings = {"auth": {"type": "trust"}, "proxy": {"pool_mode": "auto", "pool_size": 2}}
    with wire.Wire(make_proxy(settings)) as conn, wire.Wire(conn.target) as other:
        conn.login("app", database)
        other.login("app", database)
        conn.send(wire.parse("s", 'execute "no such"'), wire.SYNC)
        assert kinds(conn.until("Z")) == ["1", "Z"]
        conn.ask("create table t (a int)")
        conn.send(wire.parse("typed", "update t set a = $1"), wire.SYNC)
        conn.until("Z")
        other.ask("begin")  # has the server that knows the statement
        conn.ask("begin")
        conn.ask("select 1/0")
        conn.send(wire.describe("S", "s"), wire.describe("S", "typed"), wire.SYNC)
        described = conn.until("Z")
        assert kinds(described) == ["t", "n", "t", "n", "Z"]
        assert described[2][1] == struct.pack("!hi", 1, 23)  # an int
