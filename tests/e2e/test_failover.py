"""Roles that move: promotions, old primaries that return, strangers, and who says who belongs."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from conftest import connect
from harness.cluster import kill
from harness.heimproxy import node
from harness.process import poll
from test_cluster import WATCH, nodes, own, until, watched  # noqa: F401

pytestmark = pytest.mark.xdist_group("failover")


def promote(server):
    server.sql("select pg_promote()")


def port_of(proxy, dbname="postgres"):
    with connect(proxy, dbname) as conn:
        return conn.execute("select inet_server_port()").fetchone()[0]


def test_a_promotion_and_the_old_primary_back(make_proxy, own):  # noqa: F811
    """Writes follow the higher timeline; the one that was killed comes back and gets nothing."""
    cluster = own(2)
    old, new = cluster.primary, cluster.standbys[0]
    proxy = watched(make_proxy, cluster)
    until(proxy, "n0", role="primary", condition="serving")
    until(proxy, "n1", role="standby", condition="serving")
    assert port_of(proxy) == old.port
    kill(old)
    until(proxy, "n0", 3, condition="down")
    promote(new)
    until(proxy, "n1", 5, role="primary", timeline="2", condition="serving")
    assert port_of(proxy) == new.port
    old.start()
    until(proxy, "n0", 20, condition="refused", role="standby")
    assert "its timeline 1 is over" in nodes(proxy)["n0"]["reason"]
    assert "takes writes that would be lost" in proxy.log()
    with connect(proxy, "postgres") as conn:
        conn.execute("create table after_failover(i int)")
    assert new.sql("select to_regclass('after_failover')") == [["after_failover"]]
    # The standby that follows the old primary serves no read that has to be fresh.
    assert nodes(proxy)["n2"]["role"] == "standby"
    poll(lambda: "timeline 1, not 2" in nodes(proxy)["n2"]["reason"], 10, "n2 on the old timeline")
    # Nor do clients fall back to it when the new primary is gone.
    kill(new)
    until(proxy, "n1", 3, condition="down", role="primary")
    assert nodes(proxy)["n0"]["role"] == "standby"
    new.start()
    until(proxy, "n1", 20, condition="serving", role="primary")
    assert port_of(proxy) == new.port


@pytest.mark.in_process
def test_clients_are_taken_off_a_former_primary(make_proxy, own):  # noqa: F811
    """The old one lives on: sessions there end, new work goes to the new one."""
    cluster = own(1)
    old, new = cluster.primary, cluster.standbys[0]
    proxy = watched(make_proxy, cluster)
    until(proxy, "n0", role="primary", condition="serving")
    until(proxy, "n1", role="standby", condition="serving")
    with connect(proxy, "postgres", autocommit=False) as conn:
        conn.execute("create table lost(i int)")
        promote(new)
        until(proxy, "n1", 5, role="primary", timeline="2")
        until(proxy, "n0", 5, condition="refused")
        with pytest.raises(Exception, match="(?s)."):
            conn.execute("insert into lost values (1)")
            conn.commit()
    assert old.sql("select to_regclass('lost')") == [[""]]
    assert port_of(proxy) == new.port


def test_another_system_is_refused(make_proxy, own, make_server):  # noqa: F811
    cluster = own(1)
    stranger = make_server()
    stranger.sql("create role heim_monitor login password 'monitor-secret'")
    assert identifier(stranger) == identifier(cluster.primary), "copies of one template"
    # A copy is the same system: only initdb makes another.
    other = type(stranger)(stranger.directory.parent / "stranger").initdb().start()
    try:
        other.sql("create role heim_monitor login password 'monitor-secret'")
        listed = [node(other, "auto", name="other")]
        listed += [node(each, "auto", name=f"n{i}") for i, each in enumerate(cluster.servers)]
        proxy = watched(make_proxy, cluster, nodes=listed)
        until(proxy, "other", condition="refused")
        assert "it is another system" in nodes(proxy)["other"]["reason"]
        assert port_of(proxy) == cluster.primary.port
    finally:
        other.remove()


def identifier(server):
    return server.sql("select system_identifier from pg_control_system()")


def test_two_that_take_writes(make_proxy, own, make_server):  # noqa: F811
    """The same system and timeline, both writable: one of them is it, and stays it."""
    cluster = own(0)
    twin = make_server()
    twin.sql("create role heim_monitor login password 'monitor-secret'")
    listed = [node(cluster.primary, "auto", name="n0"), node(twin, "auto", name="n1")]
    proxy = watched(make_proxy, cluster, nodes=listed)
    poll(
        lambda: sorted(row["condition"] for row in nodes(proxy).values()) == ["refused", "serving"],
        10,
        "one of two",
    )
    assert "and so does" in proxy.log()
    assert {port_of(proxy) for _ in range(4)} in ({cluster.primary.port}, {twin.port})


def test_discovery_by_replication(make_proxy, own):  # noqa: F811
    """Standbys are found, and leave when they stream no more."""
    cluster = own(2)
    proxy = watched(
        make_proxy,
        cluster,
        nodes=[node(cluster.primary, "auto", name="n0")],
        cluster={
            "discovery": "replication",
            "standby_address": "{client_addr}:{application_name}",
            "discovery_interval": "200ms",
        },
    )
    names = [f"127.0.0.1:{each.port}" for each in cluster.standbys]
    for name in names:
        until(proxy, name, role="standby", condition="serving", given="discovered")
    poll(lambda: port_of(proxy, "reads") == cluster.standbys[0].port, 10, "a read there")
    cluster.standbys[0].stop()
    poll(lambda: names[0] not in nodes(proxy), 10, "the first one to leave")
    assert names[1] in nodes(proxy)
    proxy.reload()
    assert names[1] in nodes(proxy)
    cluster.standbys[0].start()
    until(proxy, names[0], 20, condition="serving")


class PatroniLike:
    """GET /cluster over the state of real servers, in Patroni's shape."""

    def __init__(self, servers):
        outer = self
        self.servers = servers

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                body = json.dumps({"members": outer.members(), "scope": "demo"}).encode()
                self.send_response(200 if self.path == "/cluster" else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        from harness import ports

        self.port = ports.take()
        self.http = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def members(self):
        return [self._member(name, server) for name, server in self.servers.items()]

    @staticmethod
    def _member(name, server):
        member = {"name": name, "host": server.host, "port": server.port, "state": "stopped"}
        if server.process:
            recovers = server.sql("select pg_is_in_recovery()") == [["t"]]
            member["role"] = "replica" if recovers else "leader"
            member["state"] = "streaming" if recovers else "running"
        return member

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()


@pytest.mark.parametrize("monitor", [WATCH, {}], ids=["watched", "unwatched"])
def test_discovery_by_patroni(monitor, make_proxy, own):  # noqa: F811
    """All members are Patroni's; with no monitor their roles are, too."""
    cluster = own(1)
    with PatroniLike({"alpha": cluster.primary, "beta": cluster.standbys[0]}) as patroni:
        proxy = watched(
            make_proxy,
            cluster,
            nodes=[],
            monitor=monitor,
            cluster={
                "discovery": "patroni",
                "patroni_urls": ["http://127.0.0.1:1", f"http://127.0.0.1:{patroni.port}"],
                "discovery_interval": "200ms",
            },
        )
        until(proxy, "alpha", role="primary", condition="serving")
        until(proxy, "beta", role="standby", condition="serving")
        assert port_of(proxy) == cluster.primary.port
        assert port_of(proxy, "reads") == cluster.standbys[0].port
        kill(cluster.primary)
        promote(cluster.standbys[0])
        until(proxy, "beta", role="primary")
        poll(lambda: "alpha" not in nodes(proxy), 10, "the old leader to leave")
        assert port_of(proxy) == cluster.standbys[0].port
