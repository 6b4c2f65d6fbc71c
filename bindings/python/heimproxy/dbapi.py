"""PEP 249 over sessions of a proxy in this process."""

import contextlib
import json
import threading
import weakref
from typing import Any, Iterator, NamedTuple, Optional, Sequence, Union

from . import _native, errors, types

Parameters = Union[Sequence[Any], "dict[str, Any]", None]

_ROWS, _COPY_IN, _COPY_OUT = 1, 3, 4  # heim_kind
_NONE, _BUSY = 0, 3  # heim_transaction


class Column(NamedTuple):
    """PEP 249's description of a column."""

    name: str
    type_code: int
    display_size: Optional[int]
    internal_size: Optional[int]
    precision: Optional[int]
    scale: Optional[int]
    null_ok: Optional[bool]


def _description(columns):
    described = []
    for name, oid, size, modifier in columns:
        precision = scale = None
        if oid == 1700 and modifier >= 4:
            precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
        width = size if size > 0 else None
        described.append(Column(name, oid, None, width, precision, scale, None))
    return described


class Notification(NamedTuple):
    pid: int
    channel: str
    payload: str


def _refuse_copy(session, why):
    """A COPY that nobody feeds would be in the way of whatever comes next."""
    with contextlib.suppress(errors.Error):
        session.copy_end(why)
    raise errors.ProgrammingError(why)


def _results(session, result):
    """`result`, and those of the same text that follow it. What a COPY TO STDOUT sends, and what
    follows that, is left: the session reads it away."""
    while result is not None:
        if result[0] == _COPY_IN:
            _refuse_copy(session, "COPY FROM STDIN is for copy_in()")
        yield result
        result = session.next(types.CONVERTERS) if result[0] != _COPY_OUT else None


class Connection:
    """One session. Threads may share it: their calls take turns. But for `autocommit`, a
    transaction begins by itself with the first statement."""

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

    def __init__(self, proxy, user, database=None, password=None, *, application_name=None,
                 settings=None, autocommit=False, owns_proxy=False):
        flat = [text for item in (settings or {}).items() for text in item]
        self._proxy, self._owns_proxy = proxy, owns_proxy
        self._lock = threading.RLock()
        self._session: Optional[_native.Session] = _native.Session(
            proxy._native, user, database, password, application_name, flat
        )
        self.autocommit = autocommit
        # A cursor that nobody has any more wants no rows.
        self._streaming: Optional["weakref.ref[Cursor]"] = None
        self._copies_out: Optional[object] = None  # whose COPY TO STDOUT is under way

    def _get(self) -> _native.Session:
        if self._session is None:
            raise errors.InterfaceError("the connection is closed")
        return self._session

    def _begin(self) -> _native.Session:
        """The session, in a transaction if one is wanted."""
        session = self._get()
        self._let_stream_go()
        if self.autocommit:
            return session
        if session.transaction() == _BUSY:
            session.query("", {})  # reads away what is left: only then the state is known
        if session.transaction() == _NONE:
            session.query("begin", {})
        return session

    def _let_stream_go(self):
        """Rows that a streaming cursor did not fetch yet are kept for it, and so is an error. What
        nobody is there for is read away by the session."""
        self._copies_out = None
        cursor = self._streaming() if self._streaming else None
        self._streaming = None
        if cursor is not None:
            cursor._keep_all()

    def cursor(self, *, streaming: bool = False) -> "Cursor":
        self._get()
        return Cursor(self, streaming)

    def execute(self, sql: str, parameters: Parameters = None) -> "Cursor":
        return self.cursor().execute(sql, parameters)

    def commit(self) -> None:
        with self._lock:
            session = self._get()
            self._let_stream_go()
            if session.transaction() == _NONE:
                return
            if session.query("commit", {})[1] == "ROLLBACK":
                raise errors.make_error(
                    -8, "40000", "the transaction had failed, and was rolled back", {}
                )

    def rollback(self) -> None:
        """Rows that a streaming cursor did not fetch yet are lost: it says so."""
        with self._lock:
            session = self._get()
            cursor = self._streaming() if self._streaming else None
            self._streaming = self._copies_out = None
            if cursor is not None:
                cursor._lose("the rows that were not fetched before rollback() are lost")
            if session.transaction() == _NONE:
                return
            try:
                session.query("rollback", {})
            except errors.Error:
                # What was left of the statement before it has failed. Then nobody has heard of the
                # rollback yet, and it is wanted all the more.
                session.query("rollback", {})

    def cancel(self) -> None:
        """From any thread: what the session runs ends with QueryCanceled."""
        session = self._get()
        try:
            session.cancel()
        except ValueError as closed:  # meanwhile, by another thread
            raise errors.InterfaceError("the connection is closed") from closed

    def notification(self, timeout: Optional[float] = None) -> Optional[Notification]:
        with self._lock:
            told = self._get().notification(-1.0 if timeout is None else timeout)
        return Notification(*told) if told else None

    def parameter(self, name: str) -> Optional[str]:
        """What the server reported: "server_version", "TimeZone", ..."""
        with self._lock:
            return self._get().parameter(name)

    def explain_route(self, sql: str) -> "dict[str, str]":
        """Where a statement would go now, and why. It is not run."""
        with self._lock:
            rows = json.loads(self._get().explain_route(sql))
        return {row["what"]: row["value"] for row in rows}

    @property
    def closed(self) -> bool:
        return self._session is None

    def close(self) -> None:
        with self._lock:
            session, self._session = self._session, None
            if session is not None:
                session.close()
        if self._owns_proxy:
            self._proxy.close()

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            if not self.closed:
                self.commit() if kind is None else self.rollback()
        finally:
            self.close()


class Cursor:
    arraysize = 1

    def __init__(self, connection: Connection, streaming: bool):
        self._connection: Optional[Connection] = connection
        self._streams = streaming
        self._forget()

    def _forget(self):
        self.description: Optional[list] = None
        self.rowcount = -1
        self._rows: list = []
        self._at = 0
        self._taken = 0
        self._more = False
        self._failure: Optional[Exception] = None  # comes when the rows have been fetched
        self._sets: list = []  # the results that nextset() goes on to

    @property
    def connection(self) -> Connection:
        if self._connection is None:
            raise errors.InterfaceError("the cursor is closed")
        return self._connection

    @property
    def rownumber(self) -> Optional[int]:
        return self._taken if self.description else None

    def _take(self, result, streamed=False):
        kind, tag, affected, columns, rows = result
        self.description = _description(columns) if kind == _ROWS else None
        self._rows, self._at = rows, 0
        self._more = streamed and kind == _ROWS and not tag
        counted = tag.split(" ", 1)[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY",
                                           "MOVE", "FETCH"}
        self.rowcount = affected if counted else -1
        if self._more:
            self.connection._streaming = weakref.ref(self)

    def execute(self, sql: str, parameters: Parameters = None) -> "Cursor":
        connection = self.connection
        with connection._lock:
            self._let_go()
            session = connection._begin()
            self._forget()
            if parameters is None and not self._streams:
                first = session.query(sql, types.CONVERTERS)
                # All of them now: the session has them only until the next statement, which may be
                # another cursor's.
                result, *self._sets = _results(session, first)
                self._take(result)
                return self
            text, values = sql, []
            if parameters is not None:
                try:
                    text, values = types.numbered(sql, parameters)
                except (ValueError, LookupError) as wrong:
                    raise errors.ProgrammingError(str(wrong)) from wrong
            result = session.run(text, values, self._streams, types.CONVERTERS)
            if result[0] == _COPY_IN:
                _refuse_copy(session, "COPY FROM STDIN is for copy_in()")
            self._take(result, self._streams)
        return self

    def executemany(self, sql: str, many: Sequence[Any]) -> "Cursor":
        total = 0
        for parameters in many:
            self.execute(sql, parameters)
            total = -1 if self.rowcount < 0 or total < 0 else total + self.rowcount
        self.rowcount = total
        return self

    def callproc(self, name: str, parameters: Sequence[Any] = ()) -> Sequence[Any]:
        quoted = '"' + name.replace('"', '""') + '"'
        places = ", ".join(["%s"] * len(parameters))
        self.execute(f"select * from {quoted}({places})", list(parameters))
        return parameters

    def _fetch_portion(self) -> bool:
        """False: there is no more. Under the connection's lock, as all that moves in the rows."""
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if not self._more:
            return False
        try:
            result = self.connection._get().next(types.CONVERTERS)
        except BaseException:
            self._stop_streaming()
            raise
        if result is not None:
            self._take(result, True)
        if result is None or not self._more:
            self._stop_streaming()
        return self._at < len(self._rows)

    def _stop_streaming(self):
        self._more = False
        self.connection._streaming = None

    def _let_go(self):
        """What is left is read away by the session, which keeps nothing of it."""
        if self._more:
            self._stop_streaming()

    def _lose(self, why):
        self._more = False
        self._failure = errors.InterfaceError(why)

    def _take_all(self):
        rows = self._rows[self._at :]
        try:
            while self._fetch_portion():
                rows += self._rows
        finally:
            self._rows, self._at = rows, 0

    def _keep_all(self):
        """The session is wanted for another statement, which an error is no business of."""
        try:
            self._take_all()
        except Exception as failure:
            self._failure = failure
        except BaseException:  # ^C
            self._lose("the rows that were not fetched yet are lost: reading them was interrupted")
            raise

    def _check_rows(self):
        self.connection._get()
        if self.description is None:
            raise errors.ProgrammingError("the last statement has no rows")

    def fetchone(self) -> Optional[tuple]:
        with self.connection._lock:
            self._check_rows()
            if self._at >= len(self._rows) and not self._fetch_portion():
                return None
            self._at += 1
            self._taken += 1
            return self._rows[self._at - 1]

    def fetchmany(self, size: Optional[int] = None) -> "list[tuple]":
        rows: "list[tuple]" = []
        for _ in range(self.arraysize if size is None else size):
            row = self.fetchone()
            if row is None:
                break
            rows.append(row)
        if not rows:
            self._check_rows()
        return rows

    def fetchall(self) -> "list[tuple]":
        with self.connection._lock:
            self._check_rows()
            self._take_all()
            rows, self._rows, self._at = self._rows, [], 0
            self._taken += len(rows)
            return rows

    def nextset(self) -> Optional[bool]:
        connection = self.connection
        with connection._lock:
            connection._get()
            if not self._sets:
                return None
            result, *sets = self._sets
            self._forget()
            self._sets = sets
            self._take(result)
            return True

    def copy_in(self, sql: str, pieces) -> int:
        """COPY ... FROM STDIN: `pieces` of bytes. How many rows."""
        connection = self.connection
        with connection._lock:
            session = connection._begin()
            if session.query(sql, {})[0] != _COPY_IN:
                _refuse_copy(session, "that is no COPY FROM STDIN")
            try:
                for piece in pieces:
                    session.copy_write(piece)
            except BaseException as reason:
                # Whoever failed, the pieces or the server: no COPY is to stay open. It fails, as
                # it is asked to, or is over already.
                with contextlib.suppress(errors.Error):
                    session.copy_end(f"{type(reason).__name__}: {reason}")
                raise
            self.rowcount = session.copy_end(None)
            for _ in _results(session, session.next({})):
                pass
            return self.rowcount

    def copy_out(self, sql: str) -> Iterator[bytes]:
        """COPY ... TO STDOUT: a line at a time. Another statement of the connection ends it."""
        connection = self.connection
        mine = object()
        with connection._lock:
            session = connection._begin()
            if session.query(sql, {})[0] != _COPY_OUT:
                _refuse_copy(session, "that is no COPY TO STDOUT")
            connection._copies_out = mine
        while True:
            # Not over the yield: nobody knows when, and in which thread, this goes on.
            with connection._lock:
                session = connection._get()
                if connection._copies_out is not mine:
                    raise errors.InterfaceError("the COPY was ended by another statement")
                piece = session.copy_read()
                if piece is None:
                    connection._copies_out = None
                    return
            yield piece

    def setinputsizes(self, sizes) -> None:
        pass

    def setoutputsize(self, size, column=None) -> None:
        pass

    def close(self) -> None:
        connection = self._connection
        if connection is None:
            return
        with connection._lock:
            self._let_go()
            self._rows, self._sets, self._failure = [], [], None
            self._connection = None

    def __iter__(self) -> Iterator[tuple]:
        return self

    def __next__(self) -> tuple:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *_) -> None:
        self.close()
