"""What arrives while there is no primary: it waits for the next one, within bounds."""

import threading
import time

import psycopg
import pytest
from conftest import FULL, connect
from harness import wire
from harness.cluster import kill
from harness.process import poll
from test_cluster import own, until, watched  # noqa: F401
from test_failover import promote

pytestmark = pytest.mark.xdist_group("failover")

CLIENTS = 5000 if FULL else 500


def told(proxy):
    """SHOW FAILOVER, numbers as numbers."""
    rows = {row["what"]: row["value"] for row in proxy.console("show failover")}
    return {what: int(value) if value.isdigit() else value for what, value in rows.items()}


@pytest.fixture
def pair(own):  # noqa: F811
    """A primary, and a standby that is to take its place, with a table."""
    made = own(1)
    made.primary.sql("create table t(i int primary key); alter table t owner to app")
    return made.caught_up()


def without_primary(make_proxy, pair, **tables):
    """A proxy that knows both, and then that the primary is gone; `before(proxy)`: meanwhile."""
    before = tables.pop("before", lambda proxy: None)
    proxy = watched(make_proxy, pair, **tables)
    until(proxy, "n0", role="primary", condition="serving")
    until(proxy, "n1", role="standby", condition="serving")
    before(proxy)
    kill(pair.primary)
    until(proxy, "n0", 5, condition="down")
    return proxy


def inserts(conn, first, count, errors):
    """Rows in autocommit, in a block, and in one batch."""
    try:
        for i in range(first, first + count):
            if i % 3 == 0:
                conn.execute("insert into t values (%s)", (i,))
            elif i % 3 == 1:
                with conn.transaction():
                    conn.execute("insert into t values (%s)", (i,))
            else:
                with conn.pipeline():
                    conn.execute("insert into t values (%s)", (i,))
    except psycopg.Error as error:
        errors.append(f"{error.sqlstate} {error}")


@pytest.mark.in_process
@pytest.mark.parametrize("mode", ["auto", "transaction"])
def test_what_arrives_meanwhile_is_done_on_the_new_primary(mode, make_proxy, pair):
    """Clients that were there and clients that come: they notice nothing but the time."""
    conns, errors = [], []
    proxy = without_primary(
        make_proxy, pair, proxy={"pool_mode": mode},
        before=lambda proxy: conns.extend(connect(proxy, "postgres") for _ in range(8)))
    threads = [threading.Thread(target=inserts, args=(conn, 1000 * n, 9, errors))
               for n, conn in enumerate(conns)]

    def comes_anew(n):
        try:
            with connect(proxy, "postgres", options=f"-c geqo_seed={n / 16}") as conn:
                inserts(conn, 1000 * (8 + n), 9, errors)
        except psycopg.Error as error:
            errors.append(str(error))

    threads += [threading.Thread(target=comes_anew, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    poll(lambda: told(proxy)["held_clients"] >= 8, 20, "the clients to wait")
    assert told(proxy)["primary_serves"] == "no"
    promote(pair.standbys[0])
    for thread in threads:
        thread.join(30)
    assert errors == []
    assert pair.standbys[0].sql("select count(*) from t") == [[str(16 * 9)]]
    now = told(proxy)
    assert (now["primary"], now["primary_serves"], now["held_clients"]) == ("n1", "yes", 0)
    assert now["held_bytes"] == 0 and now["refused_too_long"] == now["refused_too_many"] == 0
    for conn in conns:
        conn.close()


def test_nobody_waits_longer_than_hold_timeout(make_proxy, pair):
    """57P03, which says for how long and what is known of the nodes. The session goes on."""
    conns = []
    proxy = without_primary(make_proxy, pair, failover={"hold_timeout": "500ms"},
                            before=lambda proxy: conns.append(connect(proxy, "postgres")))
    with conns[0] as conn:
        begin = time.monotonic()
        with pytest.raises(psycopg.errors.CannotConnectNow) as refused:
            conn.execute("insert into t values (1)")
        assert time.monotonic() - begin > 0.4
        assert "it has waited for 500 ms (failover.hold_timeout)" in str(refused.value)
        assert "n0: primary, down; n1: standby, serving" in refused.value.diag.message_detail
        with pytest.raises(psycopg.OperationalError, match="failover.hold_timeout"):
            connect(proxy, "postgres", options="-c geqo=off")
        pair.primary.start()
        until(proxy, "n0", 20, condition="serving", role="primary")
        conn.execute("insert into t values (2)")
        assert conn.execute("select i from t").fetchall() == [(2,)]


def test_so_many_wait_and_no_more(make_proxy, pair):
    """A crowd waits in bounded memory; who is one too many is told so at once."""
    asked = wire.query("insert into t values (1) on conflict do nothing")
    crowd = []

    def gathers(proxy):
        for _ in range(CLIENTS):
            crowd.append(wire.Wire(proxy, timeout=60))
            crowd[-1].login("app", "postgres")

    try:
        proxy = without_primary(
            lambda tables: make_proxy(tables, nofile=3 * CLIENTS), pair, before=gathers,
            auth={"type": "trust"}, proxy={"max_client_conn": CLIENTS + 100},
            failover={"hold_max_clients": CLIENTS - 1, "hold_timeout": "5min"})
        before = proxy.rss_kib()
        for conn in crowd[:-1]:
            conn.send(asked)
        poll(lambda: told(proxy)["held_clients"] == CLIENTS - 1, 60, "the crowd to wait")
        crowd[-1].send(asked)
        (kind, body), *_ = crowd[-1].until("Z")
        assert kind == "E" and "failover.hold_max_clients" in wire.error_fields(body)["M"]
        now = told(proxy)
        assert now["held_bytes"] == len(asked) * (CLIENTS - 1) and now["refused_too_many"] == 1
        grown = proxy.rss_kib() - before
        print(f"\n{CLIENTS - 1} wait: {1024 * grown / CLIENTS:.0f} bytes a client")
        assert grown < 20 * CLIENTS  # sanitizers keep what is freed
        promote(pair.standbys[0])
        begin = time.monotonic()
        for conn in crowd[:-1]:
            assert conn.until("Z")[0][0] == "C"
        print(f"and are served in {time.monotonic() - begin:.2f} s after pg_promote()")
        most = int(pair.standbys[0].sql("show max_connections")[0][0])
        assert len(proxy.console("show servers")) < most
        assert told(proxy)["held_clients"] == 0
    finally:
        for conn in crowd:
            conn.sock.close()
