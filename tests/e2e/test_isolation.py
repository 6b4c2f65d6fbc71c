"""Nothing of one client reaches another: parameters, settings, encodings, answers."""

import threading

import psycopg
import pytest
from conftest import connect
from harness import wire
from harness.heimproxy import node


def test_startup_options_are_each_clients_own(make_proxy, database):
    """One server connection, clients with different settings, taking turns."""
    proxy = make_proxy({"proxy": {"pool_size": 1}})
    wanted = [
        ("Asia/Tokyo", "ISO, DMY", "one"),
        ("America/New_York", "German", "two"),
        ("UTC", "SQL, MDY", "three"),
    ]
    clients = [
        connect(
            proxy,
            database,
            options=f"-c timezone={zone} -c datestyle={style.replace(' ', '')}",
            application_name=name,
        )
        for zone, style, name in wanted
    ]
    for _ in range(3):
        for client, (zone, style, name) in zip(clients, wanted):
            assert client.info.parameter_status("TimeZone") == zone
            assert client.info.parameter_status("application_name") == name
            row = client.execute(
                "select current_setting('timezone'), current_setting('datestyle'),"
                " current_setting('application_name')"
            ).fetchone()
            assert row[0] == zone and row[1].startswith(style.split(",")[0]) and row[2] == name
    [client.close() for client in clients]


def test_search_path_and_other_options(make_proxy, database):
    """Also for parameters the server does not report."""
    proxy = make_proxy({"proxy": {"pool_size": 1}})
    with connect(
        proxy, database, options="-c search_path=pg_catalog -c statement_timeout=12345"
    ) as one, connect(proxy, database) as two:
        for _ in range(3):
            assert one.execute("show search_path").fetchone() == ("pg_catalog",)
            assert one.execute("show statement_timeout").fetchone() == ("12345ms",)
            assert two.execute("show search_path").fetchone() != ("pg_catalog",)
            assert two.execute("show statement_timeout").fetchone() == ("0",)


def test_temporary_objects_of_others_leave_no_schema(make_proxy, database):
    """As in PostgreSQL's own test `temp`: what looks for pg_temp first makes it, and is told so."""
    proxy = make_proxy({"proxy": {"pool_mode": "auto", "pool_size": 1}})
    with connect(proxy, database) as one:
        one.execute("create temp table t (a int)")
    with connect(proxy, database) as other:
        other.execute("select 1")  # on that server, once it is clean
    with connect(proxy, database, options="-c search_path=pg_temp") as two:
        two.execute("begin")
        assert two.execute("select current_schema() ~ 'pg_temp'").fetchone() == (True,)
        with pytest.raises(psycopg.errors.FeatureNotSupported, match="temporary objects"):
            two.execute("prepare transaction 'x'")


def test_encodings(make_proxy, database):
    proxy = make_proxy({"proxy": {"pool_size": 1}})
    with connect(proxy, database, client_encoding="latin1") as latin, connect(
        proxy, database
    ) as utf8:
        for _ in range(3):
            assert latin.execute("select 'é' || chr(233)").fetchone() == ("éé",)
            assert latin.info.encoding == "iso8859-1"
            assert utf8.execute("select 'é€' || chr(8364)").fetchone() == ("é€€",)


def test_set_inside_the_session(make_proxy, database):
    """SET of a reported parameter holds for the client that said it, and for no other."""
    proxy = make_proxy({"proxy": {"pool_size": 1}})
    with connect(proxy, database) as one, connect(proxy, database) as two:
        one.execute("set timezone = 'Asia/Tokyo'")
        one.execute("set application_name = 'renamed'")
        for _ in range(3):
            assert two.execute("show timezone").fetchone() == ("UTC",)
            assert one.execute("show timezone").fetchone() == ("Asia/Tokyo",)
            assert one.execute("show application_name").fetchone() == ("renamed",)
            assert two.execute("show application_name").fetchone() != ("renamed",)
        with one.transaction():
            one.execute("set local timezone = 'Europe/Paris'")
            assert one.execute("show timezone").fetchone() == ("Europe/Paris",)
        assert one.execute("show timezone").fetchone() == ("Asia/Tokyo",)


def test_unknown_startup_option(make_proxy, database):
    """The server's own words about a parameter nobody knows."""
    import psycopg

    proxy = make_proxy()
    with pytest.raises(psycopg.OperationalError, match="no_such_parameter"):
        connect(proxy, database, options="-c no_such_parameter=1")
    lenient = make_proxy({"proxy": {"ignore_startup_parameters": ["extra_float_digits"]}})
    with wire.Wire(lenient) as probe:
        probe.send(wire.startup_packet(user="app", database=database, extra_float_digits="99"))
        assert probe.receive()[0] == "R"


def test_protocol_negotiation(make_proxy, database):
    """3.2 is spoken; a later minor version and unknown _pq_ options are negotiated down, by
    name.
    """
    proxy = make_proxy({"auth": {"type": "trust"}})
    with wire.Wire(proxy) as conn:
        conn.send(
            wire.startup_packet(
                (3 << 16) + 99, user="app", database=database, **{"_pq_.future": "1"}
            )
        )
        kind, body = conn.receive()
        assert kind == "v"
        assert body[:4] == wire.struct.pack("!i", 2) or body[:4] == wire.struct.pack(
            "!i", wire.V3_2
        )
        assert b"_pq_.future" in body
        conn.until("Z")
        assert conn.values("select 1") == ["1"]


def test_answers_are_ones_own(make_proxy, server, database):
    """50 clients, 3 servers, sizes from a few bytes to 300 kB, simple and extended, errors
    between.
    """
    import psycopg

    proxy = make_proxy({"proxy": {"pool_size": 3, "workers": 2}})
    failures = []

    def work(number):
        try:
            with connect(proxy, database) as conn:
                for turn in range(20):
                    size = (number * 7919 + turn * 104729) % 300_000 if turn % 5 == 0 else turn
                    row = conn.execute(
                        "select %s::int, %s::int, repeat('ab', %s)", (number, turn, size)
                    ).fetchone()
                    assert row == (number, turn, "ab" * size)
                    if turn % 4 == 0:
                        try:
                            conn.execute(f"select 'client {number}'::int")
                        except psycopg.Error as error:
                            assert f"client {number}" in str(error)
        except BaseException as error:
            failures.append(repr(error)[:300])

    threads = [threading.Thread(target=work, args=(n,)) for n in range(50)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not failures, failures[:3]


@pytest.fixture(scope="module")
def cluster(server_template, worker_dir):
    from conftest import TLS_SERVER
    from harness.postgres import Postgres
    from harness.process import poll

    primary = (
        Postgres(worker_dir / "cluster0", settings=TLS_SERVER).copy_of(server_template).start()
    )
    made = [primary]
    for number in (1, 2):
        made.append(
            Postgres(worker_dir / f"cluster{number}", settings=TLS_SERVER)
            .standby_of(primary)
            .start()
        )
    poll(
        lambda: len(primary.sql("select 1 from pg_stat_replication where state = 'streaming'"))
        == 2,
        30,
        "standbys",
    )
    primary.sql("create database routed owner app")
    poll(
        lambda: all(one.sql("select 1 from pg_database where datname = 'routed'") for one in made),
        30,
        "replay",
    )
    yield made
    for one in reversed(made):
        one.remove()


def test_routes(make_proxy, cluster):
    """A database entry with route = standby reads from both standbys; the other one from the
    primary.
    """
    roles = ["primary", "standby", "standby"]
    proxy = make_proxy(
        {
            "nodes": [node(one, role) for one, role in zip(cluster, roles)],
            "databases": [
                {"name": "routed", "dbname": "routed"},
                {"name": "routed_ro", "dbname": "routed", "route": "standby"},
            ],
        }
    )
    ports = {"routed": set(), "routed_ro": set()}
    for name, seen in ports.items():
        held = [connect(proxy, name, autocommit=False) for _ in range(6)]
        for conn in held:
            seen.add(conn.execute("select inet_server_port(), pg_is_in_recovery()").fetchone())
        for conn in held:
            conn.rollback()
            conn.close()
    assert ports["routed"] == {(cluster[0].port, False)}
    assert ports["routed_ro"] == {(cluster[1].port, True), (cluster[2].port, True)}


def test_automatic_roles(make_proxy, cluster):
    """role = auto finds out who is the primary."""
    proxy = make_proxy(
        {
            "nodes": [node(one, "auto") for one in reversed(cluster)],
            "databases": [
                {"name": "routed", "dbname": "routed"},
                {"name": "routed_ro", "dbname": "routed", "route": "standby"},
            ],
        }
    )
    with connect(proxy, "routed") as conn:
        assert conn.execute("select pg_is_in_recovery()").fetchone() == (False,)
    with connect(proxy, "routed_ro") as conn:
        assert conn.execute("select pg_is_in_recovery()").fetchone() == (True,)
