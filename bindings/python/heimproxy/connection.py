"""PEP 249's connection, over a session of a proxy in this process."""

import json
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Mapping, NamedTuple, Optional

from . import _native, errors
from .cursor import Cursor
from .modes import Modes
from .rows import Parameters
from .talk import Talk, drive

if TYPE_CHECKING:
    from . import Proxy


class Notification(NamedTuple):
    pid: int
    channel: str
    payload: str


def open_session(proxy: "Proxy", user: str, database: Optional[str], password: Optional[str],
                 application_name: Optional[str], settings: Optional[Mapping[str, str]],
                 waits: bool) -> _native.Session:
    flat = [text for item in (settings or {}).items() for text in item]
    return _native.Session(proxy._native, user, database, password, application_name, flat, waits)


class Connection(Modes):
    """One session. Threads may share it: their calls take turns. But for `autocommit`, a
    transaction begins by itself with the first statement, as `isolation_level`, `read_only` and
    `deferrable` say."""

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    def __init__(self, proxy: "Proxy", user: str, database: Optional[str] = None,
                 password: Optional[str] = None, *, application_name: Optional[str] = None,
                 settings: Optional[Mapping[str, str]] = None, autocommit: bool = False,
                 owns_proxy: bool = False) -> None:
        self._proxy, self._owns_proxy = proxy, owns_proxy
        self._lock = threading.RLock()
        self._talk = Talk(
            open_session(proxy, user, database, password, application_name, settings, True)
        )
        self._talk.autocommit = autocommit

    # ---- statements ----------------------------------------------------------------------------

    def cursor(self, *, streaming: bool = False) -> Cursor:
        """`streaming`: its rows come in portions."""
        self._talk.session()
        return Cursor(self, streaming)

    def execute(self, sql: str, parameters: Parameters = None) -> Cursor:
        return self.cursor().execute(sql, parameters)

    def commit(self) -> None:
        with self._lock:
            drive(self._talk.commit())

    def rollback(self) -> None:
        """Rows that a streaming cursor did not fetch yet are lost: it says so."""
        with self._lock:
            drive(self._talk.rollback())

    def cancel(self) -> None:
        """From any thread: what the session runs ends with QueryCanceled."""
        self._talk.session().cancel()

    # ---- about it ------------------------------------------------------------------------------

    def notification(self, timeout: Optional[float] = None) -> Optional[Notification]:
        """The next one of the channels that are listened to; None if there is none in time."""
        with self._lock:
            told = self._talk.session().notification(-1.0 if timeout is None else timeout)
        return Notification(*told) if told else None

    def parameter(self, name: str) -> Optional[str]:
        """What the server reported: "server_version", "TimeZone", ..."""
        with self._lock:
            return self._talk.session().parameter(name)

    def explain_route(self, sql: str) -> "dict[str, str]":
        """Where a statement would go now, and why. It is not run."""
        with self._lock:
            rows = json.loads(self._talk.session().explain_route(sql))
        return {row["what"]: row["value"] for row in rows}

    def register(self, name: str, convert: Callable[[str], Any]) -> None:
        """Values of the type `name` come by convert(text), and so do its arrays' items."""
        with self._lock:
            drive(self._talk.register(name, convert))

    def set_converter(self, oid: int, convert: Callable[[str], Any]) -> None:
        """As register(), of a type whose number in pg_type is known."""
        self._talk.set_converter(oid, convert)

    @property
    def transaction(self) -> str:
        """"none", "open", "failed", "busy" (a statement's rows are not all here), "ended"."""
        with self._lock:
            return self._talk.transaction()

    @property
    def closed(self) -> bool:
        return self._talk.is_closed

    def close(self) -> None:
        with self._lock:
            self._talk.close()
        if self._owns_proxy:
            self._proxy.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, kind: "Optional[type[BaseException]]", error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        try:
            if not self.closed:
                self.commit() if kind is None else self.rollback()
        finally:
            self.close()
