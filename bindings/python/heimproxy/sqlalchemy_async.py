"""The dialect postgresql+heimproxy_async://, for create_async_engine()."""

from typing import Any

from sqlalchemy.connectors.asyncio import (AsyncAdapt_dbapi_connection, AsyncAdapt_dbapi_cursor,
                                           AsyncAdapt_dbapi_module, AsyncAdapt_dbapi_ss_cursor)
from sqlalchemy.engine import URL
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.util import await_only

import heimproxy

from .sqlalchemy import Dialect


class Cursor(AsyncAdapt_dbapi_cursor):
    __slots__ = ()


class StreamingCursor(AsyncAdapt_dbapi_ss_cursor):
    __slots__ = ()

    def _make_new_cursor(self, connection: Any) -> Any:
        return connection.cursor(streaming=True)


def _of_connection(name: str) -> Any:
    def get(self: Any) -> Any:
        return getattr(self._connection, name)

    def put(self: Any, value: Any) -> None:
        setattr(self._connection, name, value)

    return property(get, put)


class Connection(AsyncAdapt_dbapi_connection):
    __slots__ = ()
    _cursor_cls = Cursor
    _ss_cursor_cls = StreamingCursor

    def cursor(self, server_side: bool = False, *, streaming: bool = False) -> Any:
        return super().cursor(server_side or streaming)

    autocommit = _of_connection("autocommit")
    isolation_level = _of_connection("isolation_level")
    read_only = _of_connection("read_only")
    deferrable = _of_connection("deferrable")
    transaction = _of_connection("transaction")
    closed = _of_connection("closed")

    def set_converter(self, oid: int, convert: Any) -> None:
        connection: Any = self._connection
        connection.set_converter(oid, convert)


class Module(AsyncAdapt_dbapi_module):
    def __init__(self) -> None:  # 2.0 has another than 2.1
        self.driver, self.dbapi_module = heimproxy, None

    def __getattr__(self, name: str) -> Any:
        return getattr(heimproxy, name)


class AsyncDialect(Dialect):
    driver = "heimproxy_async"
    is_async = True
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:
        return Module()

    @classmethod
    def get_pool_class(cls, url: URL) -> Any:
        return AsyncAdaptedQueuePool

    def connect(self, *arguments: Any, **options: Any) -> Any:
        options = self._session_options(options)
        proxy = options.pop("proxy")
        return Connection(self.dbapi, await_only(proxy.connect_async(**options)))

    def get_driver_connection(self, connection: Any) -> Any:
        return connection._connection

    def do_terminate(self, dbapi_connection: Any) -> None:
        dbapi_connection._connection.terminate()
