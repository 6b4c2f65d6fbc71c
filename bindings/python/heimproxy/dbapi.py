"""PEP 249 over sessions of a proxy in this process."""

import json
import threading
from typing import Any, Iterator, NamedTuple, Optional, Sequence, Union

from . import _native, errors, types

Parameters = Union[Sequence[Any], "dict[str, Any]", None]

_ROWS, _COPY_IN, _COPY_OUT = 1, 3, 4  # heim_kind
_NONE = 0  # heim_transaction


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
        self._streaming: Optional["Cursor"] = None

    def _get(self) -> _native.Session:
        if self._session is None:
            raise errors.InterfaceError("the connection is closed")
        return self._session

    def _begin(self) -> _native.Session:
        """The session, in a transaction if one is wanted."""
        session = self._get()
        self._let_stream_go()
        if not self.autocommit and session.transaction() == _NONE:
            session.query("begin", {})
        return session

    def _let_stream_go(self):
        """Rows that a streaming cursor did not fetch yet are kept for it."""
        if self._streaming:
            self._streaming._take_all()

    def cursor(self, *, streaming: bool = False) -> "Cursor":
        self._get()
        return Cursor(self, streaming)

    def execute(self, sql: str, parameters: Parameters = None) -> "Cursor":
        return self.cursor().execute(sql, parameters)

    def _end(self, how):
        with self._lock:
            session = self._get()
            self._let_stream_go()
            if session.transaction() == _NONE:
                return
            tag = session.query(how, {})[1]
            if how == "commit" and tag == "ROLLBACK":
                raise errors.make_error(
                    -8, "40000", "the transaction had failed, and was rolled back", {}
                )

    def commit(self) -> None:
        self._end("commit")

    def rollback(self) -> None:
        self._end("rollback")

    def cancel(self) -> None:
        """From any thread: what the session runs ends with QueryCanceled."""
        self._get().cancel()

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
        self._more = streamed and not tag
        counted = tag.split(" ", 1)[0] in {"SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "COPY",
                                           "MOVE", "FETCH"}
        self.rowcount = affected if counted else -1
        if self._more:
            self.connection._streaming = self

    def execute(self, sql: str, parameters: Parameters = None) -> "Cursor":
        connection = self.connection
        with connection._lock:
            session = connection._begin()
            self._forget()
            if parameters is None and not self._streams:
                self._take(session.query(sql, types.CONVERTERS))
                return self
            text, values = sql, []
            if parameters is not None:
                try:
                    text, values = types.numbered(sql, parameters)
                except (ValueError, LookupError) as wrong:
                    raise errors.ProgrammingError(str(wrong)) from wrong
            result = session.run(text, values, self._streams, types.CONVERTERS)
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
        """False: there is no more."""
        connection = self.connection
        with connection._lock:
            if not self._more:
                return False
            try:
                result = connection._get().next(types.CONVERTERS)
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

    def _take_all(self):
        rows = self._rows[self._at :]
        while self._fetch_portion():
            rows += self._rows
        self._rows, self._at = rows, 0

    def _check_rows(self):
        self.connection._get()
        if self.description is None:
            raise errors.ProgrammingError("the last statement has no rows")

    def fetchone(self) -> Optional[tuple]:
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
        self._check_rows()
        with self.connection._lock:
            self._take_all()
            rows, self._rows, self._at = self._rows, [], 0
        self._taken += len(rows)
        return rows

    def nextset(self) -> Optional[bool]:
        connection = self.connection
        with connection._lock:
            self._take_all()
            result = connection._get().next(types.CONVERTERS)
            if result is None:
                return None
            self._forget()
            self._take(result)
            return True

    def copy_in(self, sql: str, pieces) -> int:
        """COPY ... FROM STDIN: `pieces` of bytes. How many rows."""
        connection = self.connection
        with connection._lock:
            session = connection._begin()
            if session.query(sql, {})[0] != _COPY_IN:
                raise errors.ProgrammingError("that is no COPY FROM STDIN")
            try:
                for piece in pieces:
                    session.copy_write(piece)
            except errors.Error:
                raise
            except BaseException as reason:
                try:
                    session.copy_end(f"{type(reason).__name__}: {reason}")
                except errors.Error:
                    pass  # it failed, as was asked
                raise
            self.rowcount = session.copy_end(None)
            return self.rowcount

    def copy_out(self, sql: str) -> Iterator[bytes]:
        """COPY ... TO STDOUT: a line at a time. The connection is taken until the end."""
        connection = self.connection
        with connection._lock:
            session = connection._begin()
            if session.query(sql, {})[0] != _COPY_OUT:
                raise errors.ProgrammingError("that is no COPY TO STDOUT")
            while (piece := session.copy_read()) is not None:
                yield piece

    def setinputsizes(self, sizes) -> None:
        pass

    def setoutputsize(self, size, column=None) -> None:
        pass

    def close(self) -> None:
        if self._connection is not None and self._connection._streaming is self:
            self._take_all()
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
