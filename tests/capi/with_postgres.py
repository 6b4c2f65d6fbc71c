"""Runs a program beside a PostgreSQL server of its own, whose port is its last argument.

    with_postgres.py DIRECTORY PROGRAM [ARGUMENT ...]

Roles: `app` logs in with the password "app-secret" (SCRAM), `postgres` without one.
"""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness.paths import run_dir
from harness.postgres import Postgres

HBA = """\
host all app all scram-sha-256
host all all all trust
"""


def main():
    directory, *argv = sys.argv[1:]
    server = Postgres(run_dir(Path(directory).resolve() / "postgres"))
    try:
        server.initdb()
        server.write("pg_hba.conf", HBA)
        server.start()
        server.sql(
            "create role app login password 'app-secret'; grant create on schema public to app"
        )
        return subprocess.run([*argv, str(server.port)]).returncode
    finally:
        server.remove()


if __name__ == "__main__":
    sys.exit(main())
