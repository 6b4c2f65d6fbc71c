#!/usr/bin/env python3
"""What a statement costs in process, beside libpq directly and libpq through PgBouncer.

Rounds interleave the three, so that a slow moment of the machine hits all alike; figures are
medians over the rounds of wall time (and processor time of the client's process) per statement.

    embedded.py BENCH-EMBEDDED WORKDIR [--rounds N] [--seconds S] [--threads 1,16] [--sql TEXT]
"""
import argparse
import shutil
import signal
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness import ports
from harness.paths import run_dir
from harness.postgres import Postgres
from harness.process import Process, poll, server_account


def start_pgbouncer(directory, server):
    """Transaction pooling, no password: what is compared is the way through it."""
    port = ports.take()
    ini, users = directory / "pgbouncer.ini", directory / "users.txt"
    users.write_text('"postgres" ""\n')
    ini.write_text(
        f"[databases]\npostgres = host=127.0.0.1 port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = trust\nauth_file = /dev/fd/3\npool_mode = transaction\n"
        f"default_pool_size = 40\nlogfile = /dev/null\npidfile =\n"
    )
    account = server_account()
    # Its own account need not be able to walk the path of the checkout.
    argv = ["bash", "-c", 'exec 3<"$1" 4<"$2"; shift 2; exec "$@" /dev/fd/4', "bash", users, ini]
    if account:
        argv += ["setpriv", f"--reuid={account['user']}", f"--regid={account['group']}",
                 "--clear-groups"]
    argv.append(shutil.which("pgbouncer") or "/usr/sbin/pgbouncer")
    process = Process([str(part) for part in argv], directory / "pgbouncer.log")
    conninfo = conninfo_of(port)
    ready = ["psql", "-X", "-q", "-t", "-c", "select 1", conninfo]
    poll(lambda: subprocess.run(ready, capture_output=True).returncode == 0, 20, "pgbouncer")
    return process, conninfo


def conninfo_of(port):
    return f"host=127.0.0.1 port={port} user=postgres dbname=postgres sslmode=disable"


def measure(program, way, place, threads, seconds, sql):
    """Microseconds of wall and of processor time, for one statement of one thread."""
    argv = [program, way, str(place), str(threads), str(seconds), sql]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}\n{done.stderr}")
    count, wall, processor = map(float, done.stdout.split())
    return wall * threads / count * 1e6, processor / count * 1e6


def compare(options, targets, threads):
    taken = {name: [] for name in targets}
    for _ in range(options.rounds):
        for name, (way, place) in targets.items():
            taken[name].append(
                measure(options.program, way, place, threads, options.seconds, options.sql))
    medians = {name: [statistics.median(column) for column in zip(*rows)]
               for name, rows in taken.items()}
    direct = medians["direct"][0]
    for name, (wall, processor) in medians.items():
        ratios = [a[0] / b[0] for a, b in zip(taken[name], taken["direct"])]
        print(f"{threads:3} threads  {name:10} {wall:8.1f} us  {wall / direct:5.2f} x direct"
              f" (rounds: {min(ratios):.2f} to {max(ratios):.2f})  {processor:6.1f} us processor")
    ratio = medians["in-process"][0] / medians["pgbouncer"][0]
    print(f"{threads:3} threads  in-process is {ratio:.2f} x pgbouncer")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("directory")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", default="1,16")
    parser.add_argument("--sql", default="SELECT 1")
    options = parser.parse_args()
    directory = run_dir(Path(options.directory).resolve())
    server, bouncer = Postgres(directory / "postgres"), None
    try:
        server.initdb().start()
        bouncer, conninfo = start_pgbouncer(directory, server)
        targets = {"direct": ("libpq", conninfo_of(server.port)),
                   "pgbouncer": ("libpq", conninfo),
                   "in-process": ("heim", server.port)}
        for threads in map(int, options.threads.split(",")):
            compare(options, targets, threads)
    finally:
        if bouncer:
            bouncer.stop(signal.SIGINT)
        server.remove()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
