"""Runs a program beside a PostgreSQL server of its own, whose port is its last argument.

    with_postgres.py [--standby | --tls] DIRECTORY PROGRAM [ARGUMENT ...]

Roles: `app` logs in with the password "app-secret" (SCRAM), `postgres` without one. With --standby
there are two servers, the last arguments are the ports of the primary and of its standby, whose
`cluster_name` is n0 and n1; and the role heim_monitor may watch them. With --tls `app` logs in by
TLS only, and before the port stands a directory with ca.crt, server.crt and server.key for
localhost, and users.txt with the secret of `app`.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness.cluster import Cluster
from harness.paths import run_dir
from harness.postgres import Postgres
from harness.tls import Tls

HBA = """\
host all app all scram-sha-256
host all all all trust
host replication all all trust
"""


APP = "create role app login password 'app-secret'; grant create on schema public to app"


def made(directory):
    server = Postgres(directory).initdb()
    server.write("pg_hba.conf", HBA)
    return server


def run_alone(directory, argv):
    server = made(directory)
    try:
        server.start().sql(APP)
        return subprocess.run([*argv, str(server.port)]).returncode
    finally:
        server.remove()


def run_with_tls(directory, argv):
    tls = Tls(directory / "tls")
    crt, key = tls.cert("server")
    (tls.directory / "users.txt").write_text('"app" "app-secret"\n')
    server = made(directory)
    try:
        for path in (crt, key):
            server.write(path.name, path.read_text())
        server.write("pg_hba.conf", HBA.replace("host all app", "hostssl all app", 1)
                     .replace("host all all", "host all app all reject\nhost all all", 1))
        server.settings = {"ssl": "on", "ssl_cert_file": "'server.crt'",
                           "ssl_key_file": "'server.key'"}
        server.start().sql(APP)
        return subprocess.run([*argv, str(tls.directory), str(server.port)]).returncode
    finally:
        server.remove()


def run_with_standby(directory, argv):
    template = made(directory / "template")
    cluster = Cluster(directory, template, settings={"cluster_name": "n0"})
    try:
        cluster.primary.sql(APP)
        cluster.add_standby(cluster_name="n1")
        ports = [str(server.port) for server in cluster.caught_up().servers]
        return subprocess.run([*argv, *ports]).returncode
    finally:
        cluster.remove()
        template.remove()


WAYS = {"--standby": run_with_standby, "--tls": run_with_tls}


def main():
    argv = sys.argv[1:]
    run = WAYS.get(argv[0], run_alone)
    directory, *program = argv[run is not run_alone:]
    return run(run_dir(Path(directory).resolve() / "postgres"), program)


if __name__ == "__main__":
    sys.exit(main())
