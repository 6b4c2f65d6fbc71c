"""What a cursor has: the results of its statement."""

import weakref
from typing import Any, Mapping, NamedTuple, Optional, Sequence, Union

from . import errors
from .dumping import Sent, numbered
from .talk import COPY_IN, ROWS, Result, Talk

Parameters = Union[Sequence[Any], Mapping[str, Any], None]
Row = "tuple[Any, ...]"

_NUMERIC = 1700
# Tags that count rows.
_COUNTED = {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "MOVE", "FETCH"}


class Column(NamedTuple):
    """PEP 249's description of a column."""

    name: str
    type_code: int
    display_size: Optional[int]
    internal_size: Optional[int]
    precision: Optional[int]
    scale: Optional[int]
    null_ok: Optional[bool]


def _description(columns: "Sequence[tuple[str, int, int, int]]") -> "list[Column]":
    described = []
    for name, oid, size, modifier in columns:
        precision = scale = None
        if oid == _NUMERIC and modifier >= 4:
            precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
        width = size if size > 0 else None
        described.append(Column(name, oid, None, width, precision, scale, None))
    return described


class Rows:
    """Under the connection's lock, as all that moves in the rows."""

    def __init__(self, talk: Talk, streams: bool) -> None:
        self.talk = talk
        self.streams = streams
        self.forget()

    def forget(self) -> None:
        self.columns: "Optional[list[tuple[str, int, int, int]]]" = None
        self._described: "Optional[list[Column]]" = None
        self.rowcount = -1
        self.rows: "list[tuple[Any, ...]]" = []
        self.at = 0
        self.taken = 0
        self.more = False
        self.failure: Optional[Exception] = None  # comes when the rows have been fetched
        self.sets: "list[Result]" = []  # the results that next_set() goes on to

    @property
    def description(self) -> "Optional[list[Column]]":
        """Made for those who ask for it."""
        if self._described is None and self.columns is not None:
            self._described = _description(self.columns)
        return self._described

    def _take(self, result: Result, streamed: bool = False) -> None:
        kind, tag, affected, columns, rows = result
        self.columns = columns if kind == ROWS else None
        self._described = None
        self.rows, self.at = rows, 0
        self.more = streamed and kind == ROWS and not tag
        self.rowcount = affected if tag.split(" ", 1)[0] in _COUNTED else -1
        if self.more:
            self.talk.streaming = weakref.ref(self)
            self.talk.may_be_unread = True

    async def execute(self, sql: str, parameters: Parameters) -> None:
        talk = self.talk
        if self.more:
            self._stop_streaming()
        session = talk.session() if talk.is_ready() else await talk.begin()
        self.forget()
        if parameters is None and not self.streams:
            try:
                first = session.query(sql, talk.converters)
            except BlockingIOError:
                first = await talk.finish()
            # All of them now: the session has them only until the next statement, which may be
            # another cursor's.
            result, *self.sets = await talk.all_results(first)
            return self._take(result)
        text: str = sql
        values: "list[Sent]" = []
        if parameters is not None:
            try:
                text, values = numbered(sql, parameters)
            except (ValueError, LookupError) as wrong:
                raise errors.ProgrammingError(str(wrong)) from wrong
        try:
            result = session.run(text, values, self.streams, talk.converters)
        except BlockingIOError:
            result = await talk.finish()
        if result[0] == COPY_IN:
            await talk.refuse_copy("COPY FROM STDIN is for copy_in()")
        self._take(result, self.streams)

    async def execute_many(self, sql: str, many: "Sequence[Any]") -> None:
        total = 0
        for parameters in many:
            await self.execute(sql, parameters)
            total = -1 if self.rowcount < 0 or total < 0 else total + self.rowcount
        self.rowcount = total

    async def fetch_portion(self) -> bool:
        """False: there is no more."""
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if not self.more:
            return False
        try:
            result = await self.talk.call(self.talk.session().next, self.talk.converters)
        except BaseException:
            self._stop_streaming()
            raise
        if result is not None:
            self._take(result, True)
        if result is None or not self.more:
            self._stop_streaming()
        return self.at < len(self.rows)

    def _stop_streaming(self) -> None:
        self.more = False
        self.talk.streaming = None

    def let_go(self) -> None:
        """What is left is read away by the session, which keeps nothing of it."""
        if self.more:
            self._stop_streaming()

    def lose(self, why: str) -> None:
        self.more = False
        self.failure = errors.InterfaceError(why)

    async def take_all(self) -> None:
        if not self.more and self.failure is None:
            return
        rows = self.rows[self.at :]
        try:
            while await self.fetch_portion():
                rows += self.rows
        finally:
            self.rows, self.at = rows, 0

    async def keep_all(self) -> None:
        """The session is wanted for another statement, which an error is no business of."""
        try:
            await self.take_all()
        except Exception as failure:
            self.failure = failure
        except BaseException:  # ^C
            self.lose("the rows that were not fetched yet are lost: reading them was interrupted")
            raise

    def check(self) -> None:
        self.talk.session()
        if self.columns is None:
            raise errors.ProgrammingError("the last statement has no rows")

    async def fetch_one(self) -> "Optional[tuple[Any, ...]]":
        self.check()
        if self.at >= len(self.rows) and not await self.fetch_portion():
            return None
        return self.pop()

    def pop(self) -> "tuple[Any, ...]":
        """The next one of those at hand."""
        self.at += 1
        self.taken += 1
        return self.rows[self.at - 1]

    async def fetch_many(self, size: int) -> "list[tuple[Any, ...]]":
        self.check()
        rows: "list[tuple[Any, ...]]" = []
        while len(rows) < size:
            if self.at >= len(self.rows) and not await self.fetch_portion():
                break
            part = self.rows[self.at : self.at + size - len(rows)]
            self.at += len(part)
            self.taken += len(part)
            rows += part
        return rows

    async def fetch_all(self) -> "list[tuple[Any, ...]]":
        self.check()
        await self.take_all()
        rows, self.rows, self.at = self.rows[self.at :], [], 0
        self.taken += len(rows)
        return rows

    def next_set(self) -> Optional[bool]:
        self.talk.session()
        if not self.sets:
            return None
        result, *sets = self.sets
        self.forget()
        self.sets = sets
        self._take(result)
        return True


class RowsTold:
    """What a cursor tells of its rows, whether it is waited for or awaited."""

    _rows: Rows

    @property
    def description(self) -> "Optional[list[Column]]":
        return self._rows.description

    @property
    def streaming(self) -> bool:
        return self._rows.streams

    @property
    def rowcount(self) -> int:
        return self._rows.rowcount

    @property
    def rownumber(self) -> Optional[int]:
        return self._rows.taken if self._rows.columns else None
