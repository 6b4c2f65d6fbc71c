"""Runs an example beside servers of its own, and looks at what it prints.

    run.py EXAMPLE DIRECTORY_OF_THE_EXAMPLE WORKING_DIRECTORY PROGRAM
"""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness.cluster import Cluster, kill
from harness.paths import run_dir
from harness.postgres import PASSWORD, SUPERUSER, Postgres, psql
from harness.process import Process, poll

HBA = """\
host all app all scram-sha-256
host all,replication all all trust
"""
ROLES = (
    f"alter role {SUPERUSER} password '{PASSWORD}'; create role app login password 'app-secret';"
    "grant create on schema public to app"
)


def environment(**more):
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    login = {"PGUSER": "app", "PGPASSWORD": "app-secret", "PGDATABASE": "postgres"}
    return {**plain, **login, **more}


def prepared(directory):
    """A server with the role of the examples."""
    server = Postgres(directory).initdb()
    server.write("pg_hba.conf", HBA)
    server.start().sql(ROLES)
    return server


def printed(directory, example, program):
    """What it prints beside one server."""
    server = prepared(directory / "server")
    try:
        return subprocess.run(
            [program, example / "heimproxy.toml"],
            env=environment(PGPORT=str(server.port)),
            check=True, stdout=subprocess.PIPE, text=True, timeout=120,
        ).stdout
    finally:
        server.remove()


def c(directory, example, program):
    assert printed(directory, example, program).splitlines() == [
        "taken: 20 bolts, 30 nuts",
        '-1 x nut: refused, new row for relation "orders" violates check constraint "positive"'
        " (positive)",
        "bolt: 20",
        "nut: 30",
    ]


def c_own_loop(directory, example, program):
    server = prepared(directory / "server")
    process = None
    try:
        process = Fed([program, example / "heimproxy.toml"], directory / "loop.log",
                      PGPORT=str(server.port))
        port = int(process.wait_log(r"listening on 127.0.0.1:(\d+)\n").group(1))

        def ask(number):
            return psql(f"select {number}, current_user from pg_sleep(0.05)", host="127.0.0.1",
                        port=port, user="app", password="app-secret", dbname="postgres")

        with ThreadPoolExecutor(6) as clients:
            answers = list(clients.map(ask, range(6)))
        assert answers == [[[str(number), "app"]] for number in range(6)]
        process.end(r"\n6 clients, \d+ server connections\n")
    finally:
        if process:
            process.remove()
        server.remove()


def cpp_epoll(directory, example, program):
    *answers, ticks = printed(directory, example, program).splitlines()
    expected = [f"session {number}: {number}0" for number in range(1, 5) for _ in range(3)]
    assert sorted(answers) == expected
    # They slept side by side, and the clock was served all the while.
    assert answers != expected
    assert int(re.fullmatch(r"(\d+) turns of the clock meanwhile", ticks).group(1)) > 0


def cpp_sidecar(directory, example, program):
    first = prepared(directory / "template")
    first.stop()
    cluster = Cluster(directory / "cluster", first)
    process = None
    try:
        standby = cluster.add_standby()
        cluster.caught_up()
        process = Fed([program, example / "heimproxy.toml"], directory / "visits.log",
                      PRIMARY_PORT=str(cluster.primary.port), STANDBY_PORT=str(standby.port))
        process.wait_log("INSERT.* -> first\n")
        process.wait_log("SELECT.* -> second\n")
        there = "select count(*) from pg_stat_activity where usename = 'app'"
        poll(lambda: standby.sql(there) == [["1"]], 30, "the program's session on the standby")
        kill(cluster.primary)
        standby.sql("select pg_promote()")
        process.wait_log("INSERT.* -> second\n")
        seen = standby.sql("select count(*) from visits")[0][0]
        poll(lambda: standby.sql("select count(*) from visits")[0][0] != seen, 30, "more visits")
        cached, visits = process.end(r"from the cache: (\d+)\nvisits: (\d+)\n").groups()
        assert int(cached) > 0
        assert standby.sql("select count(*) from visits") == [[visits]]
    finally:
        if process:
            process.remove()
        cluster.remove()
        first.remove()


class Fed:
    """The program, until its standard input ends."""

    def __init__(self, argv, log, **env):
        self.input, self.output = os.pipe()
        self.process = Process(argv, log, env=environment(**env), stdin=self.input)

    def wait_log(self, pattern):
        return self.process.wait_log(pattern, 30)

    def end(self, pattern):
        """What it says last."""
        os.close(self.output)
        self.output = None
        assert self.process.wait(30) == 0, self.process.tail()
        return self.process.wait_log(pattern)

    def remove(self):
        os.close(self.input)
        if self.output is not None:
            os.close(self.output)
        if self.process.running():
            self.process.stop(9)


def main():
    name, example, directory, program = sys.argv[1:]
    runs = {"c": c, "c-own-loop": c_own_loop, "cpp-epoll": cpp_epoll, "cpp-sidecar": cpp_sidecar}
    under = run_dir(Path(directory).resolve() / "run")
    runs[name](under, Path(example), program)
    shutil.rmtree(under)  # after a failure, logs are of use


if __name__ == "__main__":
    sys.exit(main())
