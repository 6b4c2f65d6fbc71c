"""What the proxy knows of its nodes, how soon, and what clients notice when one fails."""

import contextlib
import json
import threading
import time

import psycopg
import pytest
from conftest import connect, libpq_env, run_program
from harness.cluster import MONITOR, MONITOR_PASSWORD, Cluster, freeze, kill, thaw
from harness.heimproxy import node
from harness.paths import BUILD
from harness.process import poll
from harness.relay import FaultRelay

pytestmark = pytest.mark.xdist_group("cluster")

WATCH = {"user": MONITOR, "password": MONITOR_PASSWORD, "slow_start": "2s"}


@pytest.fixture(scope="module")
def shared(server_template, tmp_path_factory):
    """A primary and two standbys. Whoever harms one brings it back."""
    made = Cluster(tmp_path_factory.mktemp("cluster"), server_template)
    made.add_standby()
    made.add_standby()
    yield made.caught_up()
    made.remove()


@pytest.fixture
def own(server_template, tmp_path):
    """A cluster for one test: own(standbys)."""
    made = []

    def make(standbys):
        made.append(Cluster(tmp_path / f"cluster{len(made)}", server_template))
        for _ in range(standbys):
            made[-1].add_standby()
        return made[-1].caught_up()

    yield make
    for one in made:
        one.remove()


def watched(make_proxy, group, roles="auto", **tables):
    """A proxy before all nodes, called n0 (the primary at first), n1, ..."""
    tables = {"monitor": WATCH, **tables}
    nodes = [node(each, roles, name=f"n{i}") for i, each in enumerate(group.servers)]
    tables.setdefault("nodes", nodes)
    tables.setdefault("databases", [{"name": "reads", "dbname": "postgres", "route": "standby"},
                                    {"name": "*"}])
    return make_proxy(tables)


def nodes(proxy):
    return {row["name"]: row for row in proxy.console("show nodes")}


def until(proxy, name, seconds=10, **wanted):
    """Polls until the node's row is like this; how long it took."""
    begin = time.monotonic()

    def reached():
        row = nodes(proxy).get(name, {})
        return all(row.get(key) == value for key, value in wanted.items())

    try:
        poll(reached, seconds, f"{name} {wanted}")
    except TimeoutError as late:
        raise AssertionError(f"{late}: {nodes(proxy).get(name)}") from None
    return time.monotonic() - begin


def test_show_nodes(make_proxy, shared):
    proxy = watched(make_proxy, shared)
    until(proxy, "n0", role="primary", condition="serving")
    until(proxy, "n1", role="standby", condition="serving")
    until(proxy, "n2", role="standby", condition="serving")
    rows = nodes(proxy)
    assert {row["timeline"] for row in rows.values()} == {"1"}
    assert len({row["system_identifier"] for row in rows.values()}) == 1
    assert rows["n1"]["given"] == "auto" and rows["n0"]["lag_us"] == ""
    poll(lambda: nodes(proxy)["n1"]["lag_us"], 10, "a lag")
    poll(lambda: int(nodes(proxy)["n1"]["lag_us"]) < 1_000_000, 10, "less than a second of it")
    shared.primary.sql(
        "create table seen(i int); drop table seen")
    lsn = shared.primary.sql("select pg_current_wal_insert_lsn()")[0][0]
    for name in ("n0", "n1", "n2"):
        poll(lambda: at_least(nodes(proxy)[name]["lsn"], lsn), 10, f"{name} at {lsn}")
    poll(lambda: len(proxy.console("show replication")) == 2, 10, "both in SHOW REPLICATION")


def at_least(position, other):
    def number(text):
        high, low = text.split("/")
        return int(high, 16) << 32 | int(low, 16)

    return number(position) >= number(other)


def test_without_a_monitor_roles_come_from_logins(make_proxy, shared):
    """No [monitor] user: said once, and clients are served as before."""
    proxy = watched(make_proxy, shared, monitor={})
    with connect(proxy, "postgres") as conn:
        assert conn.execute("select pg_is_in_recovery()").fetchone() == (False,)
    assert proxy.log().count("[monitor] has no user") == 1
    assert nodes(proxy)["n0"]["probes"] == "0"


def test_the_monitor_is_not_let_in(make_proxy, shared):
    """A wrong password of ours is no fault of the nodes."""
    proxy = watched(make_proxy, shared, monitor={**WATCH, "password": "wrong"})
    proxy.wait_log("the monitor is not let in by node n1")
    with connect(proxy, "postgres") as conn:
        assert conn.execute("select pg_is_in_recovery()").fetchone() == (False,)
    assert {row["condition"] for row in nodes(proxy).values()} == {"serving"}
    assert proxy.log().count("the monitor is not let in by node n1") == 1


class Reader:
    """Reads in a thread, with a new connection now and then; keeps each error and slow answer."""

    def __init__(self, proxy, dbname="reads", sql="select inet_server_port()"):
        self.proxy, self.dbname, self.sql = proxy, dbname, sql
        self.times = []
        self.errors, self.slowest, self.reads, self.stopped = [], 0.0, 0, False
        self.ports = set()

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join()

    def _run(self):
        while not self.stopped:
            try:
                with connect(self.proxy, self.dbname) as conn:
                    for _ in range(20):
                        begin = time.monotonic()
                        row = conn.execute(self.sql).fetchone()
                        self.times.append(time.monotonic() - begin)
                        self.slowest = max(self.slowest, self.times[-1])
                        self.ports.add(row[0])
                        self.reads += 1
                        time.sleep(0.005)
            except psycopg.Error as error:
                self.errors.append(str(error))

    def go_on(self, count=50):
        wanted = self.reads + count
        poll(lambda: self.reads >= wanted, 30, f"{count} more reads; {self.errors[:3]}")


def test_a_killed_standby(make_proxy, shared):
    """kill -9: noticed at once; a few reads that were under way may fail. It returns slowly."""
    proxy = watched(make_proxy, shared)
    victim = shared.standbys[0]
    until(proxy, "n1", condition="serving", role="standby")
    until(proxy, "n2", condition="serving", role="standby")
    with Reader(proxy) as reader:
        reader.go_on()
        kill(victim)
        try:
            assert until(proxy, "n1", 2, condition="down") < 1
            reader.go_on()
        finally:
            victim.start()
        until(proxy, "n1", 30, condition="serving")
        poll(lambda: 0 < int(nodes(proxy)["n1"]["share"]) < 1000, 2, "a slow start")
        until(proxy, "n1", 10, share="1000")
        reader.ports.clear()
        reader.go_on()
        poll(lambda: victim.port in reader.ports, 10, "reads on the standby again")
    assert len(reader.errors) <= 1, reader.errors


def test_a_stopped_standby(make_proxy, shared):
    """SIGSTOP: connections stay open and nothing answers. Noticed within a second."""
    proxy = watched(make_proxy, shared)
    victim = shared.standbys[0]
    until(proxy, "n1", condition="serving", role="standby")
    until(proxy, "n2", condition="serving", role="standby")
    freeze(victim)
    try:
        assert until(proxy, "n1", 5, condition="down") < 1.5  # the console takes its time, too
        assert "no answer" in nodes(proxy)["n1"]["reason"]
        with Reader(proxy) as reader:
            reader.go_on()
        assert not reader.errors and reader.slowest < 1
        assert reader.ports == {shared.standbys[1].port}
    finally:
        thaw(victim)
    until(proxy, "n1", 10, condition="serving")


def test_a_black_hole(make_proxy, shared):
    """Bytes vanish, new connections are accepted and never answered: no storm of reconnects."""
    victim = shared.standbys[0]
    with FaultRelay((victim.host, victim.port)) as relay:
        listed = [node(shared.primary, "auto", name="n0"), node(relay, "auto", name="n1")]
        proxy = watched(make_proxy, shared, nodes=listed)
        until(proxy, "n1", condition="serving", role="standby")
        relay.black_hole = True
        begin = time.monotonic()
        assert until(proxy, "n1", 5, condition="down") < 1.5
        before = relay.accepted
        with Reader(proxy) as reader:
            reader.go_on(200)
        assert not reader.errors and reader.slowest < 1
        seconds = time.monotonic() - begin
        assert relay.accepted - before <= 3 + 2 * seconds
        relay.black_hole = False
        until(proxy, "n1", 10, condition="serving")


@pytest.mark.parametrize("trouble", ["killed", "stopped", "cut off", "slow"])
def test_routed_reads_never_fail(make_proxy, shared, trouble):
    """Reads that are routed one by one: also those that are under way when it happens."""
    victim = shared.standbys[0]
    shared.primary.sql("create table if not exists kept as select 1 as id")
    shared.primary.sql("grant select on kept to public")
    with FaultRelay((victim.host, victim.port)) as relay:
        listed = [node(shared.primary, "auto", name="n0"), node(relay, "auto", name="n1"),
                  node(shared.standbys[1], "auto", name="n2")]
        proxy = watched(make_proxy, shared, nodes=listed, routing={"balance": "latency"})
        for name in ("n1", "n2"):
            until(proxy, name, condition="serving", role="standby")
        with contextlib.ExitStack() as readers:
            several = [readers.enter_context(Reader(proxy, "postgres", "select id from kept"))
                       for _ in range(4)]

            def served():
                rows = proxy.console("show routes")
                return sum(int(row["statements"]) for row in rows if row["node"] == "n1")

            poll(lambda: served() > 20, 20, "reads on n1")
            several[0].times.clear()
            if trouble == "killed":
                kill(victim)
            elif trouble == "stopped":
                freeze(victim)
            elif trouble == "cut off":
                relay.black_hole = True
            else:
                relay.delay = 0.2
            try:
                for reader in several:
                    reader.go_on(100)
            finally:
                relay.black_hole, relay.delay = False, 0.0
                if trouble == "stopped":
                    thaw(victim)
                if trouble == "killed":
                    victim.start()
            slow = sum(took > 0.2 for took in several[0].times)
            assert slow <= max(3, len(several[0].times) / 10), several[0].times
            until(proxy, "n1", 30, condition="serving")
            before = served()
            poll(lambda: served() > before, 30, "reads on n1 again")
        for reader in several:
            assert not reader.errors and reader.slowest < 3


def test_nobody_waits_for_what_was_opened_to_a_node_that_is_cut_off(make_proxy, shared):
    """Who stood in line for one goes elsewhere, and no other is opened in its place."""
    victim, sql = shared.standbys[0], "select 1 from pg_class limit 1"
    with FaultRelay((victim.host, victim.port)) as relay, contextlib.ExitStack() as readers:
        listed = [node(shared.primary, "auto", name="n0"), node(relay, "auto", name="n1")]
        proxy = watched(make_proxy, shared, nodes=listed)
        until(proxy, "n1", condition="serving", role="standby")
        with Reader(proxy, "postgres", sql) as first:
            first.go_on()
        relay.black_hole = True
        several = [readers.enter_context(Reader(proxy, "postgres", sql)) for _ in range(8)]
        until(proxy, "n1", condition="down")
        for reader in several:
            reader.go_on(20)
        assert not [row for row in proxy.console("show servers") if row["node"] == "n1"]


def test_what_was_opened_while_the_primary_was_cut_off(make_proxy, shared):
    """Its packets are lost: another is opened as soon as the primary is back."""
    with FaultRelay((shared.primary.host, shared.primary.port)) as relay:
        proxy = watched(make_proxy, shared, nodes=[node(relay, "auto", name="n0")])
        until(proxy, "n0", condition="serving", role="primary")
        relay.black_hole = True
        with Reader(proxy, "postgres") as reader:
            until(proxy, "n0", condition="down")
            assert [row["state"] for row in proxy.console("show servers")] == ["new"]
            relay.black_hole = False
            begin = time.monotonic()
            reader.go_on(1)
            # server_connect_timeout is 15 seconds.
            assert not reader.errors and time.monotonic() - begin < 10


def test_out_of_connections(make_proxy, own):
    """A full standby keeps what it has; reads that find no place there go elsewhere."""
    cluster = own(1)
    cluster.add_standby(max_connections="100", superuser_reserved_connections="3")
    cluster.caught_up()
    proxy = watched(make_proxy, cluster)
    until(proxy, "n2", condition="serving", role="standby")
    full = cluster.standbys[1]
    held = []
    try:
        with pytest.raises(psycopg.OperationalError, match="connection"):
            while True:
                held.append(connect(full, "postgres"))
        with Reader(proxy) as reader:
            reader.go_on(100)
        assert not reader.errors and reader.slowest < 2
    finally:
        for conn in held:
            conn.close()
    until(proxy, "n2", 10, condition="serving")


def test_drain_maintenance_enable(make_proxy, shared):
    proxy = watched(make_proxy, shared)
    until(proxy, "n1", condition="serving", role="standby")
    until(proxy, "n2", condition="serving", role="standby")
    with connect(proxy, "reads", autocommit=False) as one:
        port = one.execute("select inet_server_port()").fetchone()[0]
        name = "n1" if port == shared.standbys[0].port else "n2"
        proxy.console(f"drain {name}")
        assert nodes(proxy)[name]["condition"] == "draining"
        # What is there may finish.
        assert one.execute("select inet_server_port()").fetchone()[0] == port
        one.commit()
        poll(lambda: nodes(proxy)[name]["sv_idle"] == "0", 5, "its connections to go")
        assert one.execute("select inet_server_port()").fetchone()[0] != port
        one.commit()
        proxy.console(f"enable node {name}")
        until(proxy, name, condition="serving")
    with pytest.raises(RuntimeError, match="no such node"):
        proxy.console("drain nobody")
    with connect(proxy, "reads", autocommit=False) as one:
        port = one.execute("select inet_server_port()").fetchone()[0]
        name = "n1" if port == shared.standbys[0].port else "n2"
        proxy.console(f"maintenance {name}")
        with pytest.raises(psycopg.OperationalError):
            one.execute("select 1")
    assert nodes(proxy)[name]["condition"] == "maintenance"
    proxy.console(f"enable {name}")
    until(proxy, name, condition="serving")


def test_a_primary_that_drains_holds_its_clients(make_proxy, shared):
    """New work waits, and goes on when the node is enabled."""
    proxy = watched(make_proxy, shared)
    until(proxy, "n0", role="primary", condition="serving")
    with connect(proxy, "postgres") as conn:
        conn.execute("select 1")
        proxy.console("drain n0")
        threading.Timer(1, lambda: proxy.console("enable n0")).start()
        begin = time.monotonic()
        assert conn.execute("select pg_is_in_recovery()").fetchone() == (False,)
        assert time.monotonic() - begin > 0.5


def test_a_read_only_primary(make_proxy, own):
    """It stays the primary, as nobody else is: clients hear from it why they cannot write."""
    cluster = own(0)
    proxy = watched(make_proxy, cluster)
    until(proxy, "n0", role="primary", reason="")
    cluster.primary.sql("alter system set default_transaction_read_only = on")
    # ALTER SYSTEM needs the file that this server's own configuration does not read.
    cluster.primary.settings["default_transaction_read_only"] = "on"
    cluster.primary.restart()
    until(proxy, "n0", 20, role="primary", reason="read-only", condition="serving")
    with connect(proxy, "postgres") as conn, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        conn.execute("create table t(i int)")


def test_given_as_the_primary_and_in_recovery(make_proxy, shared):
    """Nothing is asked of it as if it were the primary: not even reads, which would be stale."""
    standby = shared.standbys[0]
    listed = [node(standby, "primary", name="n0"), node(shared.standbys[1], "standby", name="n1")]
    proxy = watched(
        make_proxy, shared, nodes=listed, timeouts={"query_wait_timeout": "1s"}
    )
    until(proxy, "n0", condition="refused")
    assert "in recovery" in nodes(proxy)["n0"]["reason"]
    with pytest.raises(psycopg.Error):
        with connect(proxy, "postgres") as conn:
            conn.execute("select 1")
    with connect(proxy, "reads") as conn:
        assert conn.execute("select inet_server_port()").fetchone() == (shared.standbys[1].port,)


def test_samples(shared):
    """The primary's position, asked without end: in order, and standbys are seen to reach it."""
    tool = BUILD / "release/tests/bench/bench-monitor"
    addresses = [f"{each.host}:{each.port}" for each in shared.servers]
    argv = [tool, MONITOR, MONITOR_PASSWORD, "2", *addresses]
    told = json.loads(run_program(argv, libpq_env(shared.primary, "postgres", "postgres")))
    assert not told["wrong"] and told["standbys"] == 2
    assert told["samples_per_s"] > 5
    assert told["probes_per_s"] < 3 * 6
