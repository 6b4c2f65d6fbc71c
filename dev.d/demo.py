#!/usr/bin/env python3
"""A PostgreSQL primary, two streaming standbys and heimproxyd in front, all under build/demo.

Everything is a child of this process and dies with it, whatever ends it.
"""

import argparse
import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests/e2e"))
from harness import paths, ports  # noqa: E402
from harness.cluster import MONITOR, MONITOR_PASSWORD  # noqa: E402
from harness.heimproxy import Heimproxy, node  # noqa: E402
from harness.postgres import PASSWORD, SUPERUSER, Postgres  # noqa: E402
from harness.process import poll  # noqa: E402

USER, USER_PASSWORD = "demo", "demo"
HBA = """local all all trust
host all all all scram-sha-256
host replication all all scram-sha-256
"""


def say(text):
    print(text, flush=True)


class Demo:
    def __init__(self, port, under, seconds):
        self.port, self.under, self.seconds = port, under, seconds
        self.servers = []
        self.proxy = None

    def start(self):
        say(f"==> starting a PostgreSQL primary and two standbys under {self.under}")
        primary = Postgres(self.under / "primary").initdb()
        primary.write("pg_hba.conf", "local all all trust\nhost all all 127.0.0.1/32 trust\n")
        self.servers.append(primary)
        primary.start()
        primary.sql(
            f"alter role {SUPERUSER} password '{PASSWORD}';"
            f"create role {USER} login password '{USER_PASSWORD}';"
            f"create role {MONITOR} login password '{MONITOR_PASSWORD}' in role pg_monitor;"
        )
        primary.sql(f"create database app owner {USER}")
        primary.write("pg_hba.conf", HBA)
        primary.reload()
        self._pgbench(primary.port, "-i", "-s", "5", "-q")
        for number in (1, 2):
            standby = Postgres(self.under / f"standby{number}").standby_of(primary)
            self.servers.append(standby)
            standby.start()
        poll(
            lambda: len(primary.sql("select 1 from pg_stat_replication where state = 'streaming'"))
            == 2,
            30,
            "both standbys streaming",
        )
        self._start_proxy()

    def _start_proxy(self):
        say(f"==> starting heimproxyd on 127.0.0.1:{self.port}")
        users = self.under / "userlist.txt"
        users.write_text(f'"{USER}" "{USER_PASSWORD}"\n')
        names = ["primary", "standby1", "standby2"]
        roles = ["primary", "standby", "standby"]
        config = {
            "proxy": {
                "listen_address": f"127.0.0.1:{self.port}",
                "pool_mode": "transaction",
                "pool_size": 10,
                "admin_users": [USER],
            },
            "monitor": {"user": MONITOR, "password": MONITOR_PASSWORD},
            "auth": {"type": "scram-sha-256", "file": str(users)},
            "log": {"connections": False, "disconnections": False},
            "nodes": [
                node(server, role, name=name)
                for server, role, name in zip(self.servers, roles, names)
            ],
            "databases": [
                {"name": "app", "dbname": "app"},
                {"name": "app_ro", "dbname": "app", "route": "standby"},
            ],
        }
        self.proxy = Heimproxy(self.under / "heimproxy", config)
        ports.release(self.proxy.port)
        self.proxy.port = self.port
        self.proxy.start()

    def stop(self):
        if self.proxy:
            self.proxy.stop(signal.SIGQUIT)
        for server in reversed(self.servers):
            server.stop(signal.SIGQUIT)  # nothing of it is kept

    def console(self, command):
        return self.proxy.console(command, USER, USER_PASSWORD)

    def _pgbench(self, port, *options, database="app"):
        env = {**os.environ, "PGPASSWORD": USER_PASSWORD}
        argv = [
            paths.pg_bin("pgbench"),
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            "-U",
            USER,
            *options,
            database,
        ]
        done = subprocess.run(argv, capture_output=True, text=True, env=env)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)}\n{done.stdout}{done.stderr}")
        return done.stdout

    # -- what goes where

    def per_node(self):
        """{node: [server connections, of these active, transactions served]}"""
        rows = {name: [0, 0, 0] for name in ("primary", "standby1", "standby2")}
        for server in self.console("SHOW SERVERS"):
            row = rows.setdefault(server["node"], [0, 0, 0])
            row[0] += 1
            row[1] += server["state"] == "active"
            row[2] += int(server["xact_count"])
        return rows

    def live(self):
        url = f"postgresql://{USER}:{USER_PASSWORD}@127.0.0.1:{self.port}"
        tty = sys.stdout.isatty()
        intro = (
            f"reads on the standbys, none stale: psql {url}/app\n"
            f"all on a standby:                  psql {url}/app_ro\n"
            f"the console:                       psql {url}/heimproxy -c 'SHOW POOLS'\n"
            "Ctrl-C ends it all.\n"
        )
        say("\n" + intro)
        before, then = self.per_node(), time.monotonic()
        while True:
            time.sleep(1 if tty else 5)
            rows, now = self.per_node(), time.monotonic()
            clients = len(self.console("SHOW CLIENTS")) - 1  # the console is one
            text = f"{clients} clients\n\n" + table(
                ["node", "role", "connections", "active", "transactions", "per second"],
                [
                    [
                        name,
                        "primary" if name == "primary" else "standby",
                        *row,
                        f"{max(0, row[2] - before[name][2]) / (now - then):.0f}",
                    ]
                    for name, row in rows.items()
                ],
            )
            say(("\x1b[H\x1b[2J" + intro + "\n" if tty else "") + text)
            before, then = rows, now

    def _standbys_serve(self):
        self._pgbench(self.port, "-n", "-S", "-t", "50")
        rows = self.per_node()
        return rows["standby1"][2] and rows["standby2"][2]

    def once(self):
        """A short workload and its own figures."""
        # At first it is not known how far they are.
        poll(self._standbys_serve, 30, "both standbys serving reads")
        say(f"==> a short workload through it: pgbench, 8 clients, {self.seconds} s each")
        lines, before = [], self.per_node()
        for label, database, options in [
            ("reads, each to a fresh standby", "app", ["-S", "-M", "simple"]),
            ("reads, prepared, likewise", "app", ["-S", "-M", "prepared"]),
            ("reads of whole sessions on a standby", "app_ro", ["-S", "-M", "prepared"]),
            ("TPC-B, prepared, to the primary", "app", ["-M", "prepared"]),
        ]:
            out = self._pgbench(
                self.port, "-n", "-c", "8", "-T", str(self.seconds), *options, database=database
            )
            after = self.per_node()
            served = [str(after[name][2] - before[name][2]) for name in after]
            lines.append(
                [
                    label,
                    figure(r"tps = ([\d.]+)", out),
                    figure(r"average = ([\d.]+)", out),
                    figure(r"failed transactions: (\d+)", out),
                    *served,
                ]
            )
            before = after
        say("\n" + table(["workload", "tps", "latency ms", "failed", *after], lines))
        say("(the last columns: transactions each node served; the console counts its own)")
        if any(int(line[3]) for line in lines):
            raise RuntimeError("transactions failed")
        for line, nodes in zip(lines, ([5, 6], [5, 6], [5, 6], [4])):
            if not all(int(line[column]) > 0 for column in nodes):
                raise RuntimeError(f"{line[0]}: a node that should have served it did not")


def figure(pattern, text):
    match = re.search(pattern, text)
    return match.group(1) if match else "0"


def table(head, rows):
    rows = [list(map(str, row)) for row in [head, *rows]]
    widths = [max(map(len, column)) for column in zip(*rows)]

    def line(row):
        return "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()

    return "\n".join(map(line, rows)) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="./dev demo")
    parser.add_argument("--once", action="store_true", help="a short workload, then the end")
    parser.add_argument("--port", type=int, default=6432, help="where heimproxyd listens (6432)")
    parser.add_argument("--seconds", type=int, default=5, help="of each workload of --once (5)")
    parser.add_argument("--under", type=Path, default=paths.BUILD / "demo", help=argparse.SUPPRESS)
    options = parser.parse_args()
    # Of SIGINT too: where a shell has started it in the background, it would be ignored.
    for end in (signal.SIGTERM, signal.SIGINT):
        signal.signal(end, signal.default_int_handler)

    under = options.under.absolute()
    under.parent.mkdir(parents=True, exist_ok=True)
    lock = open(under.with_suffix(".lock"), "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit("dev: a demo of this checkout is running already")
    if not ports.is_free(options.port):
        sys.exit(f"dev: something listens on port {options.port} already; choose another: --port N")
    shutil.rmtree(under, ignore_errors=True)
    demo = Demo(options.port, under, options.seconds)
    try:
        demo.start()
        demo.once() if options.once else demo.live()
    except KeyboardInterrupt:
        pass
    except (RuntimeError, TimeoutError) as error:
        sys.exit(f"dev: {error}")
    finally:
        say("==> stopping everything")
        demo.stop()


if __name__ == "__main__":
    main()
