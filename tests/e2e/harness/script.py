"""psycopg through a proxy, as bindings/python/tests/replay.py asks of a driver."""

import concurrent.futures

import psycopg
from psycopg import pq

STATES = {
    pq.TransactionStatus.IDLE: "none",
    pq.TransactionStatus.ACTIVE: "busy",
    pq.TransactionStatus.INTRANS: "open",
    pq.TransactionStatus.INERROR: "failed",
    pq.TransactionStatus.UNKNOWN: "ended",
}
FIELDS = {
    "D": "message_detail",
    "H": "message_hint",
    "P": "statement_position",
    "s": "schema_name",
    "t": "table_name",
    "c": "column_name",
    "n": "constraint_name",
}


class Proxy:
    """A running Heimproxy, whose console lets `postgres` in."""

    # psycopg has no names for statements, and what it makes of values is its own.
    missing = {"prepare", "execute", "deallocate", "value"}
    Error = psycopg.Error

    def __init__(self, running):
        self.running = running

    @staticmethod
    def told(error):
        """Of a login that failed, libpq does not tell the SQLSTATE."""
        fields = {letter: getattr(error.diag, name) or "" for letter, name in FIELDS.items()}
        return error.sqlstate, str(error), fields

    def connect(self, user, database, password, settings=None, **options):
        asked = [f"-c {name}={value}" for name, value in (settings or {}).items()]
        target = self.running.conninfo(user, password, database, options=" ".join(asked))
        return Connection(self, psycopg.connect(**target, connect_timeout=20, **options))

    def show(self, what):
        rows = self.running.console(f"show {what}", user="postgres", password="")
        return [{name: value or None for name, value in row.items()} for row in rows]

    def invalidate(self, table, database, like, sql):
        what = "all"
        where = f' in "{database}"' if database else ""
        if sql is not None:
            what = "query '" + sql.replace("'", "''") + "'"
        elif like is not None:
            what = "like '" + like.replace("'", "''") + "'" + where
        elif table is not None:
            what = f'table "{table}"' + where
        elif database is not None:
            what = f'database "{database}"'
        target = self.running.conninfo("postgres", "", "heimproxy")
        with psycopg.connect(**target, connect_timeout=20, autocommit=True) as console:
            console.execute("invalidate " + what)

    @staticmethod
    def begin_call(connection, sql):
        pool = concurrent.futures.ThreadPoolExecutor(1)
        outcome = pool.submit(connection.execute, sql)
        pool.shutdown(wait=False)
        return outcome.result


class Connection:
    def __init__(self, proxy, inner):
        self.proxy, self.inner = proxy, inner
        self.close, self.cancel = inner.close, inner.cancel
        self.rollback = inner.rollback
        self.told = []

    @property
    def transaction(self):
        return STATES[self.inner.info.transaction_status]

    def cursor(self, streaming=False):
        return Cursor(self.inner.cursor(), streaming)

    def execute(self, sql):
        return self.cursor().execute(sql)

    def commit(self):
        if self.inner.execute("commit").statusmessage == "ROLLBACK":
            raise psycopg.errors.TransactionRollback("the transaction had failed")

    def notification(self, seconds):
        if not self.told:  # several may come at once
            self.told = list(self.inner.notifies(timeout=seconds, stop_after=1))
        return self.told.pop(0) if self.told else None

    def parameter(self, name):
        return self.inner.info.parameter_status(name)

    def explain_route(self, sql):
        return self.proxy.show(f"route in {self.inner.info.dbname} for {sql}")


class Cursor:
    def __init__(self, inner, streaming):
        self.inner, self.streaming = inner, streaming
        self.fetchall, self.nextset = inner.fetchall, inner.nextset

    description = property(lambda self: self.inner.description)
    rowcount = property(lambda self: self.inner.rowcount)

    def execute(self, sql, values=None):
        if self.streaming:
            rows = list(self.inner.stream(sql, values))
            self.fetchall = lambda: rows
        else:
            self.inner.execute(sql, values or None)
        return self

    def copy_in(self, sql, pieces):
        with self.inner.copy(sql) as copy:
            for piece in pieces:
                copy.write(piece)

    def copy_out(self, sql):
        with self.inner.copy(sql) as copy:
            yield from copy
