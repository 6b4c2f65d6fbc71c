"""What is said to a session, step by step.

Written once for both kinds of connections, as coroutines. The session of a Connection waits on the
spot, so that nothing is ever suspended. That of an aio.Connection raises BlockingIOError instead:
then `finish` awaits what comes of the call.
"""

import contextlib
import weakref
from typing import (TYPE_CHECKING, Any, Awaitable, Callable, Coroutine, List, Optional, Tuple,
                    TypeVar)

from . import _native, errors
from .loading import ARRAYS, CONVERTERS, Converters, array

if TYPE_CHECKING:
    from .rows import Rows

# kind, tag, affected, columns (name, oid, size, modifier), rows
Result = Tuple[int, str, int, List[Tuple[str, int, int, int]], List[Tuple[Any, ...]]]
Finish = Callable[[], Awaitable[Any]]
T = TypeVar("T")

_NONE, _OPEN, _BUSY = 0, 1, 3  # heim_transaction
STATES = ("none", "open", "failed", "busy", "ended")
ROWS, COPY_IN, COPY_OUT = 1, 3, 4  # heim_kind

ISOLATION_LEVELS = ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE")


def drive(coroutine: Coroutine[Any, Any, T]) -> T:
    """Runs one that never awaits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        value: T = done.value
        return value
    raise RuntimeError("it awaits")


class Talk:
    """One at a time: whoever drives it has a lock."""

    def __init__(self, session: _native.Session, finish: Optional[Finish] = None) -> None:
        self._session: Optional[_native.Session] = session
        self._finish = finish
        self.converters: Converters = dict(CONVERTERS)
        self.autocommit = False
        # Of the transactions that begin by themselves; None: as the server has it.
        self.isolation_level: Optional[str] = None
        self.read_only: Optional[bool] = None
        self.deferrable: Optional[bool] = None
        # A cursor that nobody has any more wants no rows.
        self.streaming: "Optional[weakref.ref[Rows]]" = None
        self.copies_out: Optional[object] = None  # whose COPY TO STDOUT is under way
        self.may_be_unread = False  # something came in portions

    @property
    def is_closed(self) -> bool:
        return self._session is None

    def session(self) -> _native.Session:
        if self._session is None:
            raise errors.InterfaceError("the connection is closed")
        return self._session

    def transaction(self) -> str:
        return "ended" if self._session is None else STATES[self._session.transaction()]

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _modes(self) -> str:
        modes = []
        if self.isolation_level is not None:
            level = self.isolation_level.upper()
            if level not in ISOLATION_LEVELS:
                raise errors.ProgrammingError(f"no isolation level: {self.isolation_level}")
            modes.append(f"isolation level {level}")
        if self.read_only is not None:
            modes.append("read only" if self.read_only else "read write")
        if self.deferrable is not None:
            modes.append("deferrable" if self.deferrable else "not deferrable")
        return ", ".join(modes)

    async def finish(self) -> Any:
        assert self._finish is not None
        return await self._finish()

    async def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except BlockingIOError:
            return await self.finish()

    def is_ready(self) -> bool:
        """begin() has nothing to do."""
        if self._session is None or self.may_be_unread:
            return False
        return self.autocommit or self._session.transaction() == _OPEN

    async def begin(self) -> _native.Session:
        """The session, in a transaction if one is wanted."""
        session = self.session()
        await self._let_stream_go()
        await self._read_away()
        if self.autocommit:
            return session
        if session.transaction() == _NONE:
            await self.call(session.query, f"begin {self._modes()}", {})
        return session

    async def _let_stream_go(self) -> None:
        """Rows that a streaming cursor did not fetch yet are kept for it, and so is an error. What
        nobody is there for is read away by the session."""
        self.copies_out = None
        rows = self.streaming() if self.streaming else None
        self.streaming = None
        if rows is not None:
            await rows.keep_all()

    async def _read_away(self) -> None:
        """What nobody fetches any more. The session would do it by itself, with the next statement,
        but deaf to signals, and while an event loop stands still."""
        session = self.session()
        if self.may_be_unread and session.transaction() == _BUSY:
            with contextlib.suppress(errors.InterfaceError):  # there is no COPY
                while await self.read_copy() is not None:
                    pass
            while await self.call(session.next, {}) is not None:
                pass
        self.may_be_unread = False

    async def commit(self) -> None:
        session = self.session()
        await self._let_stream_go()
        await self._read_away()
        if session.transaction() == _NONE:
            return
        if (await self.call(session.query, "commit", {}))[1] == "ROLLBACK":
            raise errors.make_error(
                -8, "40000", "the transaction had failed, and was rolled back", {}
            )

    async def rollback(self) -> None:
        """Rows that a streaming cursor did not fetch yet are lost: it says so."""
        session = self.session()
        rows = self.streaming() if self.streaming else None
        self.streaming = self.copies_out = None
        if rows is not None:
            rows.lose("the rows that were not fetched before rollback() are lost")
        with contextlib.suppress(errors.DatabaseError):  # of what is rolled back
            await self._read_away()
        if session.transaction() == _NONE:
            return
        try:
            await self.call(session.query, "rollback", {})
        except errors.Error:
            # What was left of the statement before it has failed. Then nobody has heard of the
            # rollback yet, and it is wanted all the more.
            await self.call(session.query, "rollback", {})

    async def register(self, name: str, convert: Callable[[str], Any]) -> None:
        session = await self.begin()
        asked = "select oid, typarray from pg_catalog.pg_type where oid = $1::text::regtype"
        found = await self.call(session.run, asked, [(name, 0)], False, {})
        oid, array_oid = found[4][0]
        self.set_converter(oid, convert, array_oid)

    def set_converter(self, oid: int, convert: Callable[[str], Any], array_oid: int = 0) -> None:
        self.converters[oid] = convert
        if array_oid or oid in ARRAYS:
            self.converters[array_oid or ARRAYS[oid]] = array(convert)

    # ---- COPY -----------------------------------------------------------------------------------

    async def refuse_copy(self, why: str) -> None:
        """A COPY that nobody feeds would be in the way of whatever comes next."""
        with contextlib.suppress(errors.Error):
            await self.call(self.session().copy_end, why, {})
        raise errors.ProgrammingError(why)

    async def start_copy(self, sql: str, kind: int) -> None:
        session = await self.begin()
        if (await self.call(session.query, sql, {}))[0] == kind:
            self.may_be_unread = kind == COPY_OUT
            return
        direction = "FROM STDIN" if kind == COPY_IN else "TO STDOUT"
        await self.refuse_copy(f"that is no COPY {direction}")

    async def write_copy(self, piece: bytes) -> None:
        await self.call(self.session().copy_write, piece)

    async def fail_copy(self, reason: BaseException) -> None:
        """Whoever failed, the pieces or the server: no COPY is to stay open. It fails, as it is
        asked to, or is over already."""
        with contextlib.suppress(errors.Error):
            if not isinstance(reason, Exception):  # ^C: the server may be busy with what it has
                self.session().cancel()
            text = f"{type(reason).__name__}: {reason}"
            await self.call(self.session().copy_end, text, {})

    async def end_copy(self) -> int:
        session = self.session()
        count: int = (await self.call(session.copy_end, None, {}))[2]
        await self.all_results(await self.call(session.next, {}))
        return count

    async def read_copy(self) -> Optional[bytes]:
        session = self.session()
        piece = await self.call(session.copy_read)
        while isinstance(piece, tuple):  # it was waited for, and is there now
            piece = await self.call(session.copy_read)
        found: Optional[bytes] = piece
        return found

    async def all_results(self, result: Optional[Result]) -> "list[Result]":
        """`result`, and those of the same text that follow it. What a COPY TO STDOUT sends, and
        what follows that, is left: the session reads it away."""
        session = self.session()
        results: "list[Result]" = []
        while result is not None:
            if result[0] == COPY_IN:
                await self.refuse_copy("COPY FROM STDIN is for copy_in()")
            results.append(result)
            if result[0] == COPY_OUT:
                self.may_be_unread = True
                break
            try:
                result = session.next(self.converters)
            except BlockingIOError:
                result = await self.finish()
        return results
