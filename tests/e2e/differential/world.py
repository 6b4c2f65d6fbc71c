"""What the two runs need: a server, a fresh database for each run, and a proxy before it."""

import itertools
import shutil
import subprocess
from contextlib import contextmanager

from harness import paths
from harness.heimproxy import Heimproxy, node
from harness.postgres import Postgres, template
from harness.process import poll

from . import client, masks
from .generate import TOUCHED

ROLES = """
create role diff_super superuser login; create role diff_app login;
create role diff_r1; create role diff_r2; create role diff_r3;
grant diff_r1, diff_r2 to diff_app;
alter role diff_app set my.of_role = 'role'; alter role diff_app set work_mem = '6MB';
"""
OF_DATABASE = """
grant create on database {name} to diff_app, diff_r1;
alter database {name} set my.of_database = 'database';
alter database {name} set extra_float_digits = 2;
alter role diff_app in database {name} set statement_timeout = '20min'
"""
# Rows of all tables of all sessions: what was committed, and nothing else.
ROWS = """
select table_schema || '.' || table_name, md5(query_to_xml(format(
  'select x::text from %I.%I x order by 1', table_schema, table_name), true, false, '')::text)
from information_schema.tables where table_schema ~ '^s[0-9]+b?$' and table_type = 'BASE TABLE'
order by 1
"""
LEFT = """
select count(*) from pg_stat_activity where datname = '{name}' and state <> 'idle'
  union all
select count(*) from pg_locks where locktype = 'advisory' and granted
"""
FRESH = "select pg_terminate_backend(pg_backend_pid())"


def _prepare(server):
    server.write("pg_hba.conf", "local all all trust\nhost all all all trust\n")
    server.sql(ROLES)


class World:
    """Under `directory`; `mode` is the pool mode, or "direct" to compare PostgreSQL with itself."""

    def __init__(self, directory, mode="auto", pool_size=3, fresh=False, templates=None,
                 mask=masks.masked, touched=False):
        self.directory, self.mode, self.pool_size = directory, mode, pool_size
        self.mask, self.touched = mask, touched
        self.more = {"server_reset_query": FRESH} if fresh else {}
        self._numbers = itertools.count()
        settings = {"autovacuum": "off", "log_min_messages": "log"}
        stopped = template(templates or paths.BUILD / "differential/template", ROLES, _prepare)
        self.server = Postgres(directory / "primary", settings=settings).copy_of(stopped)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.remove()

    @contextmanager
    def database(self):
        """A new one, always of the same name (errors tell it); gone afterwards."""
        name = "diff"
        self.server.sql(f"create database {name}")
        self.server.sql(OF_DATABASE.format(name=name))
        try:
            yield name
        finally:
            self.server.sql(f"drop database {name} with (force)")

    @contextmanager
    def proxy(self, pool_size=None):
        directory = self.directory / f"heimproxy{next(self._numbers)}"
        settings = {
            "pool_mode": self.mode,
            "pool_size": pool_size or self.pool_size,
            "workers": 2,
            **self.more,
        }
        config = {
            "proxy": settings,
            "auth": {"type": "trust"},
            "log": {"connections": False, "disconnections": False},
            "nodes": [node(self.server, name="primary")],
        }
        proxy = Heimproxy(directory, config).start()
        try:
            yield proxy
        finally:
            status, log = proxy.stop(), directory / "heimproxy.log"
            text = log.read_text(errors="replace")
            if status != 0 or "Sanitizer" in text:
                raise RuntimeError(f"heimproxyd ended with {status}\n{text[-4000:]}")
            shutil.rmtree(directory)

    def run(self, sessions, through, at_once, look=True):
        """(answers, rows) of the sessions in a database of their own; `through`: a proxy, or None
        for the server itself. Unless told not to `look`, rows also tell of what clients left.
        """
        with self.database() as name:
            if self.touched and through and self.mode == "auto":
                self.touch(through, name)
            answers = client.run(sessions, through or self.server, name, at_once, self.mask)
            if not look:
                return answers, None
            left = self.left(name)
            return answers, left + self.server.sql(ROWS, dbname=name)

    def touch(self, proxy, name):
        """What every session begins with, on all server connections: sessions move among them."""
        command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", proxy.host]
        command += ["-p", str(proxy.port)]
        programs = [
            subprocess.Popen([*command, "-U", user, name], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
            for user in ("diff_super", "diff_app")
            for _ in range(self.pool_size)
        ]
        for program in programs:
            program.stdin.write(f"begin{TOUCHED};\n\\echo ready\n")
            program.stdin.flush()
        # Each holds its server until all have theirs.
        ready = [program.stdout.readline() for program in programs]
        for program in programs:
            program.communicate("commit;\n", timeout=60)
        if ready != ["ready\n"] * len(programs):
            raise RuntimeError(f"the server connections could not be touched: {ready}")

    def left(self, name):
        """Nothing, soon: no open transaction and no advisory lock without a client."""
        query = LEFT.format(name=name)
        try:
            poll(lambda: self.server.sql(query) == [["0"], ["0"]], 15, "nothing left")
        except TimeoutError:
            return [["left: transactions, advisory locks", *sum(self.server.sql(query), [])]]
        return []

    def direct(self, sessions, at_once=4, look=True):
        return self.run(sessions, None, at_once, look)

    def proxied(self, sessions, at_once, pool_size=None, look=True):
        if self.mode == "direct":
            return self.run(sessions, None, at_once, look)
        with self.proxy(pool_size) as proxy:
            return self.run(sessions, proxy, at_once, look)
