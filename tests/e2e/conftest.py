"""Fixtures: a PostgreSQL server per worker, a database and a proxy per test."""

import itertools
import os
import re
import shutil
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest
from harness import paths
from harness.heimproxy import Heimproxy, node
from harness.postgres import PASSWORD, SUPERUSER, Postgres, template
from harness.process import poll
from harness.tls import Tls

RUN = Path(os.environ.get("E2E_RUN") or paths.run_dir(paths.BUILD / "e2e/runs", "pytest"))
FULL = os.environ.get("E2E_SIZE") == "full"

# Who exists on every server, with what secret, and how pg_hba.conf lets them in.
USERS = {
    "app": "app-secret",
    "other": "other-secret",
    "admin": "admin-secret",
    "u_md5": "md5-secret",
    "u_plain": "plain-secret",
    "u_cert": "cert-secret",
    "u_trust": "trust-secret",
    "u_expired": "expired-secret",
    "heim_auth": "auth-secret",
    SUPERUSER: PASSWORD,
}
HBA = """local all all trust
hostssl all u_cert all cert
host all u_trust all trust
host all u_md5 all md5
host all u_plain all password
host all all all scram-sha-256
host replication all all scram-sha-256
"""


def pytest_collection_modifyitems(items):
    """run.py --host: what heimproxyd alone can do is left out."""
    for item in items if "E2E_HOST" in os.environ else ():
        marker = item.get_closest_marker("daemon")
        if marker:
            item.add_marker(pytest.mark.skip(reason=f"heimproxyd's own: {marker.args[0]}"))


def _prepare(server):
    tls = Tls(RUN.parent.parent / "tls")
    crt, key = tls.cert("server")
    server.write("server.crt", crt.read_text())
    server.write("server.key", key.read_text())
    server.write("ca.crt", tls.ca.read_text())
    roles = [f"alter role {SUPERUSER} password '{PASSWORD}'"]
    for name in USERS:
        if name == SUPERUSER:
            continue
        kind = "md5" if name == "u_md5" else "scram-sha-256"
        roles.append(f"set password_encryption = '{kind}'")
        roles.append(f"create role {name} login password '{USERS[name]}'")
    roles += [
        "alter role u_expired valid until '2001-01-01'",
        "alter role app replication",
        "grant select on pg_authid, pg_shadow to heim_auth",
        "grant all on schema public to public",
    ]
    server.sql(";\n".join(roles))
    server.sql(
        "grant select on pg_authid, pg_shadow to heim_auth; grant all on schema public to public",
        dbname="template1",
    )
    server.write("pg_hba.conf", HBA)


TLS_SERVER = {
    "ssl": "on",
    "ssl_cert_file": "'server.crt'",
    "ssl_key_file": "'server.key'",
    "ssl_ca_file": "'ca.crt'",
}


@pytest.fixture(scope="session")
def tls():
    made = Tls(RUN.parent.parent / "tls")
    made.cert("server")
    return made


@pytest.fixture(scope="session")
def server_template(tls):
    key = f"{USERS} {HBA} {tls.ca.stat().st_mtime_ns}"
    return template(RUN.parent.parent / "template", key, _prepare)


@pytest.fixture(scope="session")
def worker_dir(worker_id):
    path = RUN / worker_id
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def server(server_template, worker_dir):
    """The worker's PostgreSQL primary, TLS on, shared by its tests."""
    made = Postgres(worker_dir / "primary", settings=TLS_SERVER).copy_of(server_template).start()
    yield made
    made.remove()


@pytest.fixture
def make_server(server_template, tmp_path):
    """A PostgreSQL of the test's own: make_server(**settings)."""
    made = []

    def make(**settings):
        directory = tmp_path / f"postgres{len(made)}"
        one = (
            Postgres(directory, settings={**TLS_SERVER, **settings})
            .copy_of(server_template)
            .start()
        )
        made.append(one)
        return one

    yield make
    for one in made:
        one.remove()


_numbers = itertools.count()


@pytest.fixture
def make_database(server, worker_id):
    def make(on=None):
        name = f"t_{worker_id}_{next(_numbers)}"
        (on or server).sql(f"create database {name} owner app")
        return name

    return make


@pytest.fixture
def database(make_database):
    return make_database()


def userlist(directory, users=None):
    """A userlist.txt with plain secrets of `users` (all)."""
    path = Path(directory) / "userlist.txt"
    path.write_text("".join(f'"{name}" "{USERS[name]}"\n' for name in users or USERS))
    return path


@pytest.fixture
def lookup_auth(tmp_path):
    """[auth] that knows one secret only, that of the user who asks the server for the others."""
    directory = tmp_path / "lookup"
    directory.mkdir()
    return {
        "type": "scram-sha-256",
        "file": str(userlist(directory, ["heim_auth"])),
        "user": "heim_auth",
        "query": "SELECT usename, passwd FROM pg_shadow WHERE usename = $1",
    }


def standard_config(server, directory, tls):
    """Transaction mode, SCRAM towards clients, TLS offered on both sides, two workers."""
    crt, key = tls.cert("server")
    return {
        "proxy": {
            "pool_mode": "transaction",
            "pool_size": 8,
            "workers": 2,
            "max_client_conn": 2000,
            "admin_users": ["admin"],
            "stats_users": ["other"],
        },
        "auth": {"type": "scram-sha-256", "file": str(userlist(directory))},
        "client_tls": {"mode": "prefer", "cert_file": str(crt), "key_file": str(key)},
        "server_tls": {"mode": "prefer"},
        "nodes": [node(server, name="primary")],
    }


def merged(base, changes):
    """`changes` over `base`: tables merge key by key, lists replace."""
    result = dict(base)
    for name, value in changes.items():
        old = base.get(name)
        result[name] = (
            {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        )
    return result


@pytest.fixture
def make_proxy(server, tls, tmp_path):
    """make_proxy(config changes..., on=server, start=True): stopped and examined after the test."""
    made = []

    def make(changes=None, on=None, start=True, **options):
        directory = tmp_path / f"heimproxy{len(made)}"
        directory.mkdir()
        config = merged(standard_config(on or server, directory, tls), changes or {})
        proxy = Heimproxy(directory, config, **options)
        made.append(proxy)
        return proxy.start() if start else proxy

    yield make
    for proxy in made:
        finish(proxy)


def finish(proxy):
    """The daemon is alive, ends when told to, and its sanitizers have nothing to say."""
    process = proxy.process
    if process is None:
        return
    alive = process.running()
    status = proxy.stop()
    log = process.log()
    report = re.search(
        r"(?s)(ERROR: \w*Sanitizer|runtime error:|WARNING: ThreadSanitizer).{0,4000}", log
    )
    assert not report, report.group(0)
    assert alive, f"heimproxyd ended on its own, status {status}\n{process.tail()}"
    assert status == 0, f"heimproxyd ended with status {status}\n{process.tail()}"


@pytest.fixture
def proxy(make_proxy):
    return make_proxy()


def connect(target, dbname, user="app", **options):
    """psycopg 3, autocommit, to a Postgres or a Heimproxy."""
    options = {
        "host": target.host,
        "port": target.port,
        "user": user,
        "password": USERS.get(user, ""),
        "dbname": dbname,
        "autocommit": True,
        "connect_timeout": 20,
        **options,
    }
    return psycopg.connect(**options)


def libpq_env(target, dbname, user="app", **more):
    """PG* variables for a program of its own."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    return {
        **env,
        "PGHOST": target.host,
        "PGPORT": str(target.port),
        "PGUSER": user,
        "PGPASSWORD": USERS[user],
        "PGDATABASE": dbname,
        "PGCONNECT_TIMEOUT": "20",
        **more,
    }


def once_asleep(server, dbname, act):
    """A thread that calls act() when the server runs a pg_sleep in that database."""
    query = (
        "select count(*) from pg_stat_activity where state = 'active'"
        f" and query like 'select pg_sleep%' and datname = '{dbname}'"
    )

    def watch():
        with connect(server, "postgres", SUPERUSER) as conn:
            poll(lambda: conn.execute(query).fetchone()[0], 30, "a pg_sleep at the server")
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def run_program(argv, env, seconds=180):
    """Its output; a failure shows both streams."""
    done = subprocess.run(
        list(map(str, argv)), env=env, capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 0, f"{argv}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def pytest_sessionfinish(session):
    if "E2E_RUN" not in os.environ:
        shutil.rmtree(RUN, ignore_errors=True)
