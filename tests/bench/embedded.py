#!/usr/bin/env python3
"""What a statement costs a program, by its way: a session in process, the sidecar's socket, libpq
directly, libpq through PgBouncer (by TCP, and by a unix socket), the cache.

Rounds interleave the ways, so that a slow moment of the machine hits all alike. Figures are medians
over the rounds, with the least of any round in parentheses: of a call's median and 99th percentile,
of wall time and of the client process's processor time, in microseconds; and of the ratios within
a round. The sidecar's processor time is that of client and proxy together.

    embedded.py BENCH-EMBEDDED WORKDIR [--ways direct,...] [--beside WAY] [--rounds N] ...
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

WAYS = "direct,pgbouncer,pgbouncer-unix,in-process,sidecar,cached"
TABLE = ("create table items (id int primary key, name text);"
         "insert into items select n, 'item ' || n from generate_series(1, 1000) n; analyze items")
HIT = "SELECT id, name FROM items WHERE id = 7"


def start_pgbouncer(directory, server):
    """Transaction pooling, no password: what is compared is the way through it."""
    port = ports.take()
    ini, users, sockets = (directory / name for name in ("pgbouncer.ini", "users.txt", "sockets"))
    sockets.mkdir()
    sockets.chmod(0o777)
    users.write_text('"postgres" ""\n')
    ini.write_text(
        f"[databases]\npostgres = host=127.0.0.1 port={server.port}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"unix_socket_dir = {sockets}\n"
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
    by_tcp, by_unix = conninfo_of(port), conninfo_of(port, sockets)
    for conninfo in (by_tcp, by_unix):
        ready = ["psql", "-X", "-q", "-t", "-c", "select 1", conninfo]
        poll(lambda: subprocess.run(ready, capture_output=True).returncode == 0, 20, "pgbouncer")
    return process, by_tcp, by_unix


def conninfo_of(port, host="127.0.0.1"):
    return f"host={host} port={port} user=postgres dbname=postgres sslmode=disable"


def measure(options, way, place, threads, sql):
    """Of one call: its median, its 99th percentile; wall and processor time for each."""
    argv = [options.program, way, str(place), str(threads), str(options.seconds), sql]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(argv)}\n{done.stderr}")
    count, wall, processor, median, late = map(float, done.stdout.split())
    return median, late, wall * threads / count * 1e6, processor / count * 1e6


def line(name, rows, beside):
    """The figures of one way, and how they are to those of another."""
    columns = list(zip(*rows))
    cells = [f"{statistics.median(column):8.2f} ({min(column):7.2f})" for column in columns]
    ratios = [statistics.median(a / b for a, b in zip(mine, theirs))
              for mine, theirs in zip(columns, zip(*beside))]
    return f"{name:15} {''.join(cells)}   x {' '.join(f'{ratio:5.2f}' for ratio in ratios)}"


def compare(options, targets, threads):
    taken = {name: [] for name in targets}
    names = list(targets)
    for number in range(options.rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:  # nobody is always first
            way, place, sql = targets[name]
            taken[name].append(measure(options, way, place, threads, sql))
    print(f"{threads} threads, {options.rounds} rounds of {options.seconds} s; x {options.beside}:"
          " median, 99th percentile, wall, processor")
    for name, rows in taken.items():
        print(line(name, rows, taken[options.beside]))


def chosen(options, server, by_tcp, by_unix):
    """Of each way: the program's word for it, where it leads, what is asked."""
    direct = conninfo_of(server.port)
    all_ways = {"direct": ("libpq", direct), "pgbouncer": ("libpq", by_tcp),
                "pgbouncer-unix": ("libpq", by_unix), "in-process": ("heim", server.port),
                "sidecar": ("sidecar", server.port), "cached": ("cached", server.port)}
    return {name: (*all_ways[name], HIT if name == "cached" else options.sql)
            for name in options.ways.split(",")}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("program")
    parser.add_argument("directory")
    parser.add_argument("--ways", default=WAYS, help="comma-separated, of: %(default)s")
    parser.add_argument("--beside", default="direct", help="the way of the ratios; %(default)s")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--threads", default="1,16")
    parser.add_argument("--sql", default="SELECT 1")
    options = parser.parse_args()
    directory = run_dir(Path(options.directory).resolve())
    server, bouncer = Postgres(directory / "postgres"), None
    try:
        server.initdb().start()
        bouncer, by_tcp, by_unix = start_pgbouncer(directory, server)
        fill = ["psql", "-X", "-q", "-c", TABLE, conninfo_of(server.port)]
        subprocess.run(fill, check=True)
        targets = chosen(options, server, by_tcp, by_unix)
        for threads in map(int, options.threads.split(",")):
            compare(options, targets, threads)
    finally:
        if bouncer:
            bouncer.stop(signal.SIGINT)
        server.remove()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
