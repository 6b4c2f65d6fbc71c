"""A primary with standbys that stream from it, and what happens to them."""

import signal

from .postgres import Postgres
from .process import poll

MONITOR, MONITOR_PASSWORD = "heim_monitor", "monitor-secret"


class Cluster:
    """`primary` and `standbys`, each a Postgres. Made anew for each use: nodes get killed."""

    def __init__(self, directory, template, settings=None):
        self.directory, self.settings = directory, settings or {}
        self.servers = []
        self.primary = self._make(0).copy_of(template).start()
        self.primary.sql(
            f"create role {MONITOR} login password '{MONITOR_PASSWORD}' in role pg_monitor"
        )
        self.standbys = []

    def _make(self, number, **settings):
        made = Postgres(
            self.directory / f"node{number}",
            settings={"hot_standby_feedback": "on", **self.settings, **settings},
        )
        self.servers.append(made)
        return made

    def add_standby(self, start=True, **settings):
        """Streams from the primary; tells its port as its application_name."""
        made = self._make(len(self.servers), **settings).standby_of(self.primary)
        with open(made.data / "postgresql.auto.conf", encoding="utf-8") as conf:
            lines = conf.read()
        changed = lines.replace("user=", f"application_name={made.port} user=", 1)
        made.write("postgresql.auto.conf", changed)
        # Postgres.start() names a configuration of its own.
        info = next(x for x in changed.splitlines() if x.startswith("primary_conninfo"))
        made.settings["primary_conninfo"] = info.split("=", 1)[1].strip()
        self.standbys.append(made)
        return made.start() if start else made

    def caught_up(self):
        """Until every standby streams and has replayed what the primary has written."""
        query = (
            "select count(*) from pg_stat_replication where state = 'streaming'"
            " and replay_lsn >= pg_current_wal_lsn()"
        )
        poll(
            lambda: self.primary.sql(query) == [[str(len(self.standbys))]],
            60,
            "the standbys to catch up",
        )
        return self

    def remove(self):
        for server in self.servers:
            thaw(server)
            server.remove()


def processes(server):
    """The postmaster's and all its children's pids."""
    return [server.process.pid, *server.process.children()]


def freeze(server):
    """SIGSTOP for every process: connections stay open, and nothing answers."""
    server.frozen = processes(server)
    _signal(server.frozen, signal.SIGSTOP)


def thaw(server):
    _signal(getattr(server, "frozen", []), signal.SIGCONT)
    server.frozen = []


def kill(server):
    """kill -9 of the postmaster; its children end when they notice."""
    server.process.signal(signal.SIGKILL)
    server.process.popen.wait()
    server.process = None


def _signal(pids, number):
    import os

    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
