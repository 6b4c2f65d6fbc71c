"""A heimproxyd process with its configuration."""

import csv
import io
import os
import signal
import socket
import subprocess
from pathlib import Path

from . import ports
from .paths import heimproxyd, pg_bin
from .process import Process, poll


def toml_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def toml(config):
    """Tables, arrays of tables and plain values: all that our configuration needs."""
    lines = []

    def table(header, entries):
        lines.append(header)
        lines.extend(f"{key} = {toml_value(value)}" for key, value in entries.items())

    for name, content in config.items():
        if isinstance(content, dict):
            table(f"[{name}]", content)
        else:
            for entry in content:
                table(f"[[{name}]]", entry)
    return "\n".join(lines) + "\n"


def node(server, role="primary", **more):
    """The [[nodes]] entry of a Postgres (or of a relay before it)."""
    return {"host": server.host, "port": server.port, "role": role, **more}


class Heimproxy:
    """Listens on 127.0.0.1; `config` is what heimproxy.toml holds, as dictionaries."""

    def __init__(self, directory, config, nofile=None, env=None, binary=None):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.host, self.port = "127.0.0.1", ports.take()
        self.config = {
            **config,
            "proxy": {
                "listen_address": f"{self.host}:{self.port}",
                "listen_port": self.port,
                **config.get("proxy", {}),
            },
        }
        self.path = self.directory / "heimproxy.toml"
        self.binary, self.nofile, self.env = binary or heimproxyd(), nofile, env or {}
        self.process = None

    def write_config(self, **tables):
        """Replaces whole tables; takes effect at the next start or reload."""
        self.config.update(tables)
        self.path.write_text(toml(self.config))

    def start(self, wait=True):
        self.write_config()
        # One log a start; clients inherit nothing of the PG* environment through us.
        env = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | self.env
        self.process = Process(
            [self.binary, str(self.path)],
            self.directory / "heimproxy.log",
            nofile=self.nofile,
            env=env,
            cwd=self.directory,
        )
        if wait:
            poll(self._accepts, 30, f"{self.binary} listening on {self.port}")
        return self

    def _accepts(self):
        if not self.process.running():
            process, self.process = self.process, None
            raise RuntimeError(f"{self.binary} ended at its start\n{process.tail()}")
        try:
            socket.create_connection((self.host, self.port), 1).close()
            return True
        except OSError:
            return False

    def stop(self, number=signal.SIGQUIT, seconds=30):
        """The exit status."""
        process, self.process = self.process, None
        return process.stop(number, seconds) if process else None

    def __getattr__(self, name):
        # pid, log, wait_log, fds, rss_kib...: the process's.
        return getattr(self.__dict__["process"], name)

    def reload(self, **tables):
        """SIGHUP, and until the log says it was done."""
        if tables:
            self.write_config(**tables)
        seen = len(self.process.log())
        self.process.signal(signal.SIGHUP)
        self.process.wait_log(r"(?i)reload", start=seen)

    # -- asking

    def conninfo(self, user, password, dbname, **more):
        return {
            "host": self.host,
            "port": self.port,
            "user": user,
            "password": password,
            "dbname": dbname,
            **more,
        }

    def console(self, command, user="admin", password="admin-secret", dbname="heimproxy"):
        """The rows of a console command, as dictionaries of text."""
        env = {**os.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "20"}
        argv = [
            pg_bin("psql"),
            "-X",
            "-q",
            "--csv",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            self.host,
            "-p",
            str(self.port),
            "-U",
            user,
            "-d",
            dbname,
            "-c",
            command,
        ]
        done = subprocess.run(argv, capture_output=True, text=True, env=env)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return list(csv.DictReader(io.StringIO(done.stdout)))
