"""For asyncio: the same connections and cursors, awaited.

    connection = await heimproxy.aio.connect(proxy, user="app", database="orders")
    async with connection:
        async for row in await connection.execute("select id from items"):
            print(row)

The event loop watches the session's descriptor; there are no threads. A task that is cancelled
cancels its statement at the server, waits for its end, and leaves the connection as it can be used.
"""

import asyncio
import contextlib
import json
from types import TracebackType
from typing import (TYPE_CHECKING, Any, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping,
                    Optional, Sequence, Union)

from . import _native, errors
from .connection import Notification, open_session
from .cursor import call_of
from .modes import Modes
from .rows import Parameters, Rows, RowsTold
from .talk import COPY_IN, COPY_OUT, Talk
from .waiter import Waiter

if TYPE_CHECKING:
    from . import Proxy
Pieces = Union[Iterable[bytes], AsyncIterable[bytes]]


class Connection(Modes):
    """As heimproxy.Connection. Tasks may share it: their calls take turns."""

    def __init__(self, proxy: "Proxy", session: _native.Session, owns_proxy: bool) -> None:
        self._proxy, self._owns_proxy = proxy, owns_proxy
        self._lock = asyncio.Lock()
        self._waiter = Waiter(session)
        self._talk = Talk(session, self._waiter.finish)
        self._waiter.converters = self._talk.converters

    def cursor(self, *, streaming: bool = False) -> "Cursor":
        self._talk.session()
        return Cursor(self, streaming)

    async def execute(self, sql: str, parameters: Parameters = None) -> "Cursor":
        return await self.cursor().execute(sql, parameters)

    async def commit(self) -> None:
        async with self._lock:
            await self._talk.commit()

    async def rollback(self) -> None:
        async with self._lock:
            await self._talk.rollback()

    def cancel(self) -> None:
        """What another task waits for ends with QueryCanceled."""
        self._talk.session().cancel()

    async def notification(self, timeout: Optional[float] = None) -> Optional[Notification]:
        """The next one of the channels that are listened to; None if there is none in time.
        Statements may run meanwhile."""
        told = await self._told()
        if told is None and (timeout is None or timeout > 0):
            with contextlib.suppress(asyncio.TimeoutError):
                return await asyncio.wait_for(anext(self.notifications()), timeout)
        return told

    async def notifications(self) -> AsyncIterator[Notification]:
        while True:
            told = await self._told()
            if told is not None:
                yield told
            else:
                await self._waiter.rings()

    async def _told(self) -> Optional[Notification]:
        async with self._lock:
            told = self._talk.session().notification(0.0)
        return Notification(*told) if told else None

    async def parameter(self, name: str) -> Optional[str]:
        async with self._lock:
            return self._talk.session().parameter(name)

    async def explain_route(self, sql: str) -> "dict[str, str]":
        async with self._lock:
            rows = json.loads(self._talk.session().explain_route(sql))
        return {row["what"]: row["value"] for row in rows}

    async def register(self, name: str, convert: Callable[[str], Any]) -> None:
        async with self._lock:
            await self._talk.register(name, convert)

    def set_converter(self, oid: int, convert: Callable[[str], Any]) -> None:
        """As register(), of a type whose number in pg_type is known."""
        self._talk.set_converter(oid, convert)

    @property
    def transaction(self) -> str:
        return self._talk.transaction()

    @property
    def closed(self) -> bool:
        return self._talk.is_closed

    async def close(self) -> None:
        async with self._lock:
            self.terminate()

    def terminate(self) -> None:
        """Closes it now: a task that waits for something gets an InterfaceError."""
        self._waiter.close()
        self._talk.close()
        if self._owns_proxy:
            self._proxy.close()

    async def __aenter__(self) -> "Connection":
        return self

    async def __aexit__(self, kind: "Optional[type[BaseException]]", error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        try:
            if not self.closed:
                await (self.commit() if kind is None else self.rollback())
        finally:
            await self.close()


class Cursor(RowsTold):
    """As heimproxy.Cursor."""

    arraysize = 1

    def __init__(self, connection: Connection, streaming: bool) -> None:
        self._connection: Optional[Connection] = connection
        self._rows = Rows(connection._talk, streaming)

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            raise errors.InterfaceError("the cursor is closed")
        return self._connection

    async def execute(self, sql: str, parameters: Parameters = None) -> "Cursor":
        async with self.connection._lock:
            await self._rows.execute(sql, parameters)
        return self

    async def executemany(self, sql: str, many: Iterable[Any]) -> "Cursor":
        async with self.connection._lock:
            await self._rows.execute_many(sql, list(many))
        return self

    async def callproc(self, name: str, parameters: Sequence[Any] = ()) -> Sequence[Any]:
        await self.execute(call_of(name, parameters), list(parameters))
        return parameters

    async def fetchone(self) -> "Optional[tuple[Any, ...]]":
        async with self.connection._lock:
            return await self._rows.fetch_one()

    async def fetchmany(self, size: Optional[int] = None) -> "list[tuple[Any, ...]]":
        async with self.connection._lock:
            return await self._rows.fetch_many(self.arraysize if size is None else size)

    async def fetchall(self) -> "list[tuple[Any, ...]]":
        async with self.connection._lock:
            return await self._rows.fetch_all()

    async def nextset(self) -> Optional[bool]:
        async with self.connection._lock:
            return self._rows.next_set()

    async def copy_in(self, sql: str, pieces: "Pieces") -> int:
        """COPY ... FROM STDIN: `pieces` of bytes. How many rows."""
        talk = self.connection._talk
        async with self.connection._lock:
            await talk.start_copy(sql, COPY_IN)
            try:
                async for piece in _awaited(pieces):
                    await talk.write_copy(piece)
            except BaseException as reason:
                await talk.fail_copy(reason)
                raise
            self._rows.rowcount = await talk.end_copy()
            return self._rows.rowcount

    async def copy_out(self, sql: str) -> AsyncIterator[bytes]:
        """COPY ... TO STDOUT: a line at a time. Another statement of the connection ends it."""
        talk, lock = self.connection._talk, self.connection._lock
        mine = object()
        async with lock:
            await talk.start_copy(sql, COPY_OUT)
            talk.copies_out = mine
        while True:
            async with lock:
                talk.session()
                if talk.copies_out is not mine:
                    raise errors.InterfaceError("the COPY was ended by another statement")
                piece = await talk.read_copy()
                if piece is None:
                    talk.copies_out = None
                    return
            yield piece

    async def close(self) -> None:
        if self._connection is None:
            return
        async with self._connection._lock:
            self._rows.let_go()
            self._rows.forget()
            self._connection = None

    def __aiter__(self) -> "AsyncIterator[tuple[Any, ...]]":
        return self

    async def __anext__(self) -> "tuple[Any, ...]":
        row = await self.fetchone()
        if row is None:
            raise StopAsyncIteration
        return row

    async def __aenter__(self) -> "Cursor":
        return self

    async def __aexit__(self, kind: "Optional[type[BaseException]]", error: Optional[BaseException],
                        trace: Optional[TracebackType]) -> None:
        await self.close()


async def _awaited(pieces: "Pieces") -> AsyncIterator[bytes]:
    if isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            yield piece
        return
    for piece in pieces:
        yield piece


async def open_connection(proxy: "Proxy", user: str, database: Optional[str] = None,
                          password: Optional[str] = None, *,
                          application_name: Optional[str] = None,
                          settings: Optional[Mapping[str, str]] = None, autocommit: bool = False,
                          owns_proxy: bool = False) -> Connection:
    session = open_session(proxy, user, database, password, application_name, settings, False)
    connection = Connection(proxy, session, owns_proxy)
    connection.autocommit = autocommit
    try:
        await connection._waiter.admitted()
    except BaseException:
        session.close()
        raise
    return connection


async def connect(config: Any, user: str, database: Optional[str] = None,
                  password: Optional[str] = None, **options: Any) -> Connection:
    """`config`: a Proxy, or what makes one that ends with the connection."""
    from . import Proxy

    if isinstance(config, Proxy):
        return await open_connection(config, user, database, password, **options)
    proxy = Proxy(config)
    try:
        return await open_connection(proxy, user, database, password, owns_proxy=True, **options)
    except BaseException:
        proxy.close()
        raise
