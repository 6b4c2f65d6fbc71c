"""A throw-away PostgreSQL server.

The data directory is handed over as an inherited descriptor, -D /proc/self/fd/N: PostgreSQL refuses
to run as root, and its own account need not be able to walk the path of the checkout.
"""

import os
import shutil
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from . import ports
from .paths import pg_bin
from .process import Process, locked, poll, server_account

SUPERUSER, PASSWORD = "postgres", "postgres-secret"

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",
    "unix_socket_directories": "''",
    "dynamic_shared_memory_type": "mmap",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "wal_level": "logical",
    "max_wal_size": "512MB",
    "log_min_messages": "warning",
    "log_line_prefix": "'%m [%p] %u@%d '",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


@contextmanager
def _handed_over(directory):
    """Popen arguments and the path under which the server account sees `directory`."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{fd}", {"pass_fds": [fd], "cwd": "/", **server_account()}
    finally:
        os.close(fd)


def _own(path):
    account = server_account()
    if account:
        os.chown(path, account["user"], account["group"])


class Postgres:
    """One server. `listen` also names IPv6 when the machine has it."""

    def __init__(self, directory, port=None, settings=None):
        self.directory = Path(directory)
        self.data = self.directory / "data"
        self.log_path = self.directory / "postgres.log"
        self.host, self.port = "127.0.0.1", port or ports.take()
        self.settings = settings or {}
        self.process = None

    # -- making the data directory

    def _empty_data(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700)
        _own(self.data)

    def _run(self, argv, env=None):
        with _handed_over(self.data) as (path, popen):
            argv = [argv[0], "-D", path, *map(str, argv[1:])]
            env = {**os.environ, **(env or {}), "HOME": "/"}
            done = subprocess.run(argv, capture_output=True, text=True, env=env, **popen)
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)}\n{done.stdout}{done.stderr}")

    def initdb(self):
        self._empty_data()
        self._run(
            [
                pg_bin("initdb"),
                "-U",
                SUPERUSER,
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-A",
                "trust",
            ]
        )
        return self

    def copy_of(self, template):
        """`template`: a stopped Postgres whose data directory is copied."""
        self.directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", "--reflink=auto", template.data, self.data], check=True)
        return self

    def standby_of(self, primary):
        self._empty_data()
        # As arguments, a password would be seen by everyone; as a file, it would need a path.
        self._run(
            [
                pg_bin("pg_basebackup"),
                "-h",
                primary.host,
                "-p",
                primary.port,
                "-U",
                SUPERUSER,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "--no-sync",
            ],
            env={"PGPASSWORD": PASSWORD},
        )
        return self

    def write(self, name, text, mode=0o600):
        """A file in the data directory, owned by the server's account."""
        path = self.data / name
        path.write_text(text)
        path.chmod(mode)
        _own(path)

    # -- running

    def start(self, wait=True):
        listen = self.host + (",::1" if ports.has_ipv6() else "")
        settings = {
            **_SETTINGS,
            "port": self.port,
            "listen_addresses": f"'{listen}'",
            **self.settings,
        }
        self.write("heim.conf", "".join(f"{k} = {v}\n" for k, v in settings.items()))
        with _handed_over(self.data) as (path, popen):
            self.process = Process(
                [
                    pg_bin("postgres"),
                    "-D",
                    path,
                    "-c",
                    f"config_file={path}/heim.conf",
                    "-c",
                    f"hba_file={path}/pg_hba.conf",
                ],
                self.log_path,
                death_signal=signal.SIGQUIT,
                **popen,
            )
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        def probe():
            if not self.process.running():
                raise RuntimeError(f"PostgreSQL did not start\n{self.process.tail()}")
            ready = [pg_bin("pg_isready"), "-q", "-h", self.host, "-p", str(self.port)]
            return subprocess.run(ready).returncode == 0

        poll(probe, 60, f"PostgreSQL on port {self.port}")

    def stop(self, number=signal.SIGINT):
        """SIGINT: fast; SIGQUIT: at once, as a crash; SIGTERM waits for clients."""
        if self.process:
            self.process.stop(number, 60)
            self.process = None

    def restart(self):
        self.stop()
        return self.start()

    def reload(self):
        self.process.signal(signal.SIGHUP)

    def remove(self):
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.directory, ignore_errors=True)

    # -- asking

    def sql(self, query, dbname="postgres", user=SUPERUSER, password=PASSWORD):
        """Rows as lists of text, through psql."""
        return psql(
            query, host=self.host, port=self.port, user=user, password=password, dbname=dbname
        )


def psql(query, *, host, port, user, password, dbname):
    """Rows as lists of text; an error raises with psql's message."""
    env = {**os.environ, "PGPASSWORD": password or "", "PGCONNECT_TIMEOUT": "20"}
    argv = [
        pg_bin("psql"),
        "-X",
        "-q",
        "-A",
        "-t",
        "-F",
        "\x1f",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        str(host),
        "-p",
        str(port),
        "-U",
        user,
        "-d",
        dbname,
    ]
    done = subprocess.run(argv, input=query, capture_output=True, text=True, env=env)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return [line.split("\x1f") for line in done.stdout.splitlines()]


def template(directory, key, prepare):
    """A stopped, prepared server to copy from, made by whoever comes first, and again for
    another `key`.

    `prepare(server)` is called with it running.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory / "lock"):
        done = directory / "done"
        server = Postgres(directory / "server")
        if not done.exists() or done.read_text() != key:
            shutil.rmtree(server.directory, ignore_errors=True)
            server.initdb().start()
            try:
                prepare(server)
            finally:
                server.stop()
            done.write_text(key)
    return server
