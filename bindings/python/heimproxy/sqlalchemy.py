"""SQLAlchemy's dialect postgresql+heimproxy://, over the DB-API.

    create_engine("postgresql+heimproxy://app:secret@/orders?config=heimproxy.toml")
    create_engine("postgresql+heimproxy://app:secret@db.internal:5432/orders")
    create_engine("postgresql+heimproxy://app:secret@/orders", connect_args={"proxy": proxy})

The first opens a proxy as the file says, the second one with that server alone; engines that ask
for the same share it. Further keys of the query are settings of the session.
"""

import json
import os
import threading
import weakref
from typing import Any, Dict, Optional, Tuple

from sqlalchemy import exc, util
from sqlalchemy.dialects.postgresql.base import PGDialect, PGExecutionContext
from sqlalchemy.engine import URL

import heimproxy

from . import sqlalchemy_types as types

_proxies: "weakref.WeakValueDictionary[Tuple[Any, ...], heimproxy.Proxy]" = (
    weakref.WeakValueDictionary()
)
_proxies_lock = threading.Lock()


def proxy_of(config: Optional[str], host: Optional[str], port: int) -> "heimproxy.Proxy":
    """One a process, for each configuration: not the parent's after a fork."""
    key = (os.getpid(), config, host, port)
    with _proxies_lock:
        proxy = _proxies.get(key)
        if proxy is None:
            node = {"host": host, "port": port, "role": "primary"}
            proxy = heimproxy.Proxy(config or {"proxy": {"listen_address": []}, "nodes": [node]})
            _proxies[key] = proxy
        return proxy


class ExecutionContext(PGExecutionContext):
    def create_server_side_cursor(self) -> Any:
        return self._dbapi_connection.cursor(streaming=True)


class Dialect(PGDialect):
    driver = "heimproxy"
    default_paramstyle = "pyformat"
    supports_statement_cache = True
    supports_server_side_cursors = True
    supports_sane_multi_rowcount = True
    supports_native_json_serialization = False
    supports_native_json_deserialization = True
    dialect_injects_custom_json_deserializer = True
    execution_ctx_cls = ExecutionContext
    colspecs = util.update_copy(PGDialect.colspecs, types.COLSPECS)

    _kept: Optional["heimproxy.Proxy"] = None  # so that it lives as long as the engine

    @classmethod
    def import_dbapi(cls) -> Any:
        return heimproxy

    @classmethod
    def get_async_dialect_cls(cls, url: URL) -> Any:
        from .sqlalchemy_async import AsyncDialect

        return AsyncDialect

    # ---- connecting

    def create_connect_args(self, url: URL) -> Any:
        settings: Dict[str, Any] = dict(url.query)
        wrong = [key for key, value in settings.items() if not isinstance(value, str)]
        if wrong:
            raise exc.ArgumentError(f"given more than once: {', '.join(wrong)}")
        options: Dict[str, Any] = {
            "config": settings.pop("config", None),
            "application_name": settings.pop("application_name", None),
            "host": url.host,
            "port": url.port or 5432,
            "user": url.username,
            "database": url.database,
            "password": url.password,
            "settings": settings,
        }
        return [], options

    def _session_options(self, options: Dict[str, Any]) -> Dict[str, Any]:
        """What Proxy.connect() takes, and `proxy`."""
        config, host, port = (options.pop(key) for key in ("config", "host", "port"))
        if options.get("user") is None:
            raise exc.ArgumentError("the URL names no user")
        if "proxy" not in options:
            if config is None and host is None:
                raise exc.ArgumentError("neither a host nor ?config= nor connect_args['proxy']")
            self._kept = options["proxy"] = proxy_of(config, host, port)
        return options

    def connect(self, *arguments: Any, **options: Any) -> Any:
        options = self._session_options(options)
        return options.pop("proxy").connect(**options)

    def on_connect(self) -> Any:
        converters: Dict[int, Any] = {}
        loads = self._json_deserializer or json.loads
        converters.update({114: loads, 3802: loads})
        if self._native_inet_types is False:
            converters.update({869: str, 650: str})

        def prepare(connection: Any) -> None:
            for oid, convert in converters.items():
                connection.set_converter(oid, convert)
            if self.isolation_level is not None:
                self.set_isolation_level(connection, self.isolation_level)

        return prepare

    def is_disconnect(self, e: Any, connection: Any, cursor: Any) -> bool:
        if connection is None or not isinstance(e, heimproxy.Error):
            return False
        return bool(connection.closed or connection.transaction == "ended")

    def do_ping(self, dbapi_connection: Any) -> bool:
        before, dbapi_connection.autocommit = dbapi_connection.autocommit, True
        cursor = dbapi_connection.cursor()
        try:
            cursor.execute("")
        finally:
            cursor.close()
            dbapi_connection.autocommit = before
        return True

    # ---- transactions

    def get_isolation_level_values(self, dbapi_conn: Any) -> Any:
        levels = ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")
        return ("AUTOCOMMIT", *levels)

    def set_isolation_level(self, dbapi_connection: Any, level: str) -> None:
        dbapi_connection.autocommit = level == "AUTOCOMMIT"
        dbapi_connection.isolation_level = None if level == "AUTOCOMMIT" else level

    def get_isolation_level(self, dbapi_connection: Any) -> Any:
        was_idle = dbapi_connection.transaction == "none"
        level = super().get_isolation_level(dbapi_connection)  # type: ignore[no-untyped-call]
        if was_idle:
            dbapi_connection.rollback()
        return level

    def detect_autocommit_setting(self, dbapi_conn: Any) -> bool:
        return bool(dbapi_conn.autocommit)

    def set_readonly(self, connection: Any, value: bool) -> None:
        connection.read_only = value

    def get_readonly(self, connection: Any) -> Any:
        return connection.read_only

    def set_deferrable(self, connection: Any, value: bool) -> None:
        connection.deferrable = value

    def get_deferrable(self, connection: Any) -> Any:
        return connection.deferrable

    def _outside(self, connection: Any, sql: str) -> None:
        """Runs what no transaction may hold."""
        session = connection.connection.dbapi_connection
        session.rollback()
        before, session.autocommit = session.autocommit, True
        try:
            session.cursor().execute(sql)
        finally:
            session.autocommit = before

    def do_rollback_twophase(self, connection: Any, xid: Any, is_prepared: bool = True,
                             recover: bool = False) -> None:
        if not is_prepared:
            connection.connection.rollback()
        else:
            self._outside(connection, f"ROLLBACK PREPARED '{xid}'")

    def do_commit_twophase(self, connection: Any, xid: Any, is_prepared: bool = True,
                           recover: bool = False) -> None:
        if not is_prepared:
            connection.connection.commit()
        else:
            self._outside(connection, f"COMMIT PREPARED '{xid}'")
