"""The conformance script of the bindings (bindings/spec), by psycopg through the proxy: what they
do in their process, it does over the wire.
"""

import sys

import pytest
from harness.cluster import Cluster
from harness.paths import ROOT
from harness.script import Proxy

sys.path.append(str(ROOT / "bindings/python/tests"))
import replay  # noqa: E402

SPEC = ROOT / "bindings/spec"
FILES = sorted((SPEC / "cases").glob("*.json"))


@pytest.fixture
def replayed(make_proxy):
    """replayed(file, servers): each of its cases passes, but for those psycopg has no calls for."""

    def run(path, servers):
        script = replay.read(path)
        config = replay.configuration(script, [server.port for server in servers])
        del config["proxy"]["listen_address"]
        config["auth"] = {"type": "trust"}  # a session of the process is whom it says it is
        own = {"pool_mode": "auto", "workers": 1, "admin_users": ["postgres"]}
        config["proxy"] = {**own, **config["proxy"]}
        proxy = Proxy(make_proxy(config))
        cases = [each for each in script["cases"] if not replay.left_out(proxy, each)]
        if not cases:
            pytest.skip("psycopg has no calls for these")
        wrong = [replay.run_case(proxy, each) for each in cases]
        assert not any(wrong), "\n".join(filter(None, wrong))

    return run


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_cases(path, replayed, make_server):
    replayed(path, [make_server()])


@pytest.mark.in_process
def test_cluster(replayed, server_template, tmp_path):
    """Routing, freshness, pooling, prepared statements, and nodes that die."""
    group = Cluster(tmp_path / "cluster", server_template, settings={"cluster_name": "n0"})
    try:
        group.add_standby(cluster_name="n1")
        replayed(SPEC / "cluster/cluster.json", group.caught_up().servers)
    finally:
        group.remove()
