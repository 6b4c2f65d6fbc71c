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


class Proxy:
    """A started proxy. `config`: a file's path, or settings as a dictionary."""

    def __init__(self, config: Config, *, seats: int = 0, sidecar: bool = False) -> None:
        if isinstance(config, dict):
            self._native = _native.Proxy(None, json.dumps(config), seats, sidecar)
        else:
            self._native = _native.Proxy(os.fspath(config), None, seats, sidecar)

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

    def reload(self) -> None:
        self._native.reload()

    def close(self) -> None:
        """Its connections end."""
        self._native.close()

    def __enter__(self: P) -> P:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Sidecar(Proxy):
    """A proxy on a private socket, for drivers of this process: psycopg.connect(sidecar.dsn)."""

    def __init__(self, config: Config, *, database: Optional[str] = None,
                 user: Optional[str] = None) -> None:
        super().__init__(config, sidecar=True)
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
