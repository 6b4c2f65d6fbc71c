#!/usr/bin/env python3
"""What watching ten nodes costs: a primary and a standby of its own, the standby by nine addresses.

Needs the release build. Prints processor time as percent of one core: idle, and with somebody who
always wants the newest position.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from harness import paths  # noqa: E402
from harness.cluster import MONITOR, MONITOR_PASSWORD, Cluster  # noqa: E402
from harness.postgres import PASSWORD, SUPERUSER, template  # noqa: E402

HBA = "local all all trust\nhost all,replication all all scram-sha-256\n"


def prepare(server):
    server.sql(f"alter role {SUPERUSER} password '{PASSWORD}'")
    server.write("pg_hba.conf", HBA)


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "10"
    run = paths.run_dir(paths.BUILD / "bench/runs", "monitor")
    cluster = Cluster(run, template(run / "template", "1", prepare))
    try:
        standby = cluster.add_standby(listen_addresses="'*'")
        cluster.caught_up()
        addresses = [f"127.0.0.1:{cluster.primary.port}"]
        addresses += [f"127.0.0.{i}:{standby.port}" for i in range(1, 10)]
        tool = paths.BUILD / "release/tests/bench/bench-monitor"
        subprocess.run([tool, MONITOR, MONITOR_PASSWORD, seconds, *addresses], check=True)
    finally:
        cluster.remove()


if __name__ == "__main__":
    main()
