"""heimproxy in this process: pooling, routing and failover for PostgreSQL, without a hop.

    with heimproxy.Proxy("heimproxy.toml") as proxy:
        with proxy.connect(user="app", database="orders") as connection:
            for row in connection.execute("select id, name from items where price > %s", [9.5]):
                print(row)

DB-API 2.0 (PEP 249). For a driver that shall stay as it is: Sidecar("heimproxy.toml").dsn.
"""

import datetime
import json
import os
import time
from typing import Any, Dict, Optional, TypeVar, Union

from . import _native, aio
from .connection import Connection, Notification
from .cursor import Cursor
from .errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    QueryCanceled,
    SerializationFailure,
    Warning,
)
from .loading import record
from .log import Log, Tell
from .rows import Column
from .types import BINARY, DATETIME, NUMBER, ROWID, STRING, Json, Jsonb, Multirange, Range

__all__ = [
    "BINARY", "Binary", "Column", "Connection", "Cursor", "DATETIME", "DataError",
    "DatabaseError", "Date", "DateFromTicks", "Error", "IntegrityError", "InterfaceError",
    "InternalError", "Json", "Jsonb", "Multirange", "NUMBER", "NotSupportedError",
    "Notification", "OperationalError", "ProgrammingError", "Proxy", "QueryCanceled", "ROWID",
    "Range", "STRING", "SerializationFailure", "Sidecar", "Time", "TimeFromTicks", "Timestamp",
    "TimestampFromTicks", "Warning", "aio", "apilevel", "connect", "paramstyle", "record",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 2
paramstyle = "pyformat"
__version__ = _native.version

Date, Time, Timestamp = datetime.date, datetime.time, datetime.datetime
DateFromTicks = datetime.date.fromtimestamp
TimestampFromTicks = datetime.datetime.fromtimestamp
Binary = bytes


def TimeFromTicks(ticks: float) -> datetime.time:
    return datetime.datetime.fromtimestamp(ticks).time()


Config = Union[str, "os.PathLike[str]", Dict[str, Any]]
P = TypeVar("P", bound="Proxy")


# What stop() waits for, as heim_stop has it.
_STOPS = {"clients": 0, "servers": 1, None: 2}
# How long a signal may wait for its handler.
_SLICE = 0.1


class Proxy:
    """A started proxy. `config`: a file's path, or settings as a dictionary. `log`: called with
    the level and the text of each line, on a thread of its own: logging.getLogger(...).log."""

    def __init__(self, config: Config, *, seats: int = 0, sidecar: bool = False,
                 log: Optional[Tell] = None) -> None:
        path, text = None, None
        if isinstance(config, dict):
            text = json.dumps(config)
        else:
            path = os.fspath(config)
        self._log = Log(log) if log else None
        try:
            self._native = _native.Proxy(path, text, seats, sidecar,
                                         self._log.fileno() if self._log else -1)
        finally:
            if self._log:
                self._log.handed_over()

    def connect(self, user: str, database: Optional[str] = None, password: Optional[str] = None,
                **options: Any) -> Connection:
        """Options: application_name, settings (a dictionary), autocommit."""
        return Connection(self, user, database, password, **options)

    async def connect_async(self, user: str, database: Optional[str] = None,
                            password: Optional[str] = None, **options: Any) -> aio.Connection:
        """For asyncio; with the same options."""
        return await aio.open_connection(self, user, database, password, **options)

    def dsn(self, database: Optional[str] = None, user: Optional[str] = None) -> str:
        """For a driver in this process; the proxy was made with `sidecar`."""
        return self._native.dsn(database, user)

    def show(self, what: str) -> "list[dict[str, Optional[str]]]":
        """What SHOW says on the console: "POOLS", "NODES", ..."""
        rows: "list[dict[str, Optional[str]]]" = json.loads(self._native.show(what))
        return rows

    def invalidate(self, table: Optional[str] = None, *, database: Optional[str] = None,
                   like: Optional[str] = None, sql: Optional[str] = None) -> None:
        """A table was written past the proxy: the cache gives no answer of before any more. Without
        `table`, all of the database; without both, all there is. `like`: all tables with such
        names, as LIKE of SQL has it. Or all that it has of one statement, whatever its values:
        `sql` is it, or its fingerprint of show("CACHE QUERIES")."""
        if sql is not None and (table, database, like) != (None, None, None):
            raise ValueError("a statement, or a table")
        if like is not None and table is not None:
            raise ValueError("a table, or a pattern of tables")
        self._native.invalidate(database, table, like, sql)

    def reload(self) -> None:
        self._native.reload()

    def stop(self, wait_for: Optional[str] = None) -> None:
        """Begins to end it, and returns: at once, or with "clients" when the last one has left, or
        with "servers" each client when it holds no server. May be called again, to be sharper."""
        self._native.stop(_STOPS[wait_for])

    def wait(self, timeout: Optional[float] = None) -> bool:
        """Until it has ended, by stop() or by SHUTDOWN on its console; False: not in `timeout`
        seconds."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE if end is None else min(_SLICE, max(0.0, end - time.monotonic()))
            if self._native.wait(left):
                return True
            if end is not None and time.monotonic() >= end:
                return False

    def close(self) -> None:
        """Its connections end."""
        self._native.close()
        if self._log:
            self._log.join()

    def __enter__(self: P) -> P:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Sidecar(Proxy):
    """A proxy on a private socket, for drivers of this process: psycopg.connect(sidecar.dsn)."""

    def __init__(self, config: Config, *, database: Optional[str] = None,
                 user: Optional[str] = None, log: Optional[Tell] = None) -> None:
        super().__init__(config, sidecar=True, log=log)
        self._database, self._user = database, user

    @property
    def dsn(self) -> str:  # type: ignore[override]
        return super().dsn(self._database, self._user)


def connect(config: Union[Proxy, Config], user: str, database: Optional[str] = None,
            password: Optional[str] = None, **options: Any) -> Connection:
    """PEP 249's connect(). `config`: a Proxy, or what makes one that ends with the connection."""
    if isinstance(config, Proxy):
        return config.connect(user, database, password, **options)
    proxy = Proxy(config)
    try:
        return proxy.connect(user, database, password, owns_proxy=True, **options)
    except BaseException:
        proxy.close()
        raise
