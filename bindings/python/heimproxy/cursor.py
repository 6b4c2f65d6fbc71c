"""PEP 249's cursor."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Optional, Sequence

from . import errors
from .rows import Parameters, Rows, RowsTold
from .talk import COPY_IN, COPY_OUT, drive

if TYPE_CHECKING:
    from .connection import Connection


def call_of(name: str, parameters: Sequence[Any]) -> str:
    """What callproc() executes."""
    quoted = '"' + name.replace('"', '""') + '"'
    places = ", ".join(["%s"] * len(parameters))
    return f"select * from {quoted}({places})"


class Cursor(RowsTold):
    arraysize = 1

    def __init__(self, connection: "Connection", streaming: bool) -> None:
        self._connection: "Optional[Connection]" = connection
        self._rows = Rows(connection._talk, streaming)

    @property
    def connection(self) -> "Connection":
        if self._connection is None:
            raise errors.InterfaceError("the cursor is closed")
        return self._connection

    def execute(self, sql: str, parameters: Parameters = None) -> "Cursor":
        with self.connection._lock:
            drive(self._rows.execute(sql, parameters))
        return self

    def executemany(self, sql: str, many: Iterable[Any]) -> "Cursor":
        with self.connection._lock:
            drive(self._rows.execute_many(sql, list(many)))
        return self

    def callproc(self, name: str, parameters: Sequence[Any] = ()) -> Sequence[Any]:
        self.execute(call_of(name, parameters), list(parameters))
        return parameters

    def fetchone(self) -> "Optional[tuple[Any, ...]]":
        rows = self._rows
        with self.connection._lock:
            if rows.at < len(rows.rows) and not rows.talk.is_closed:
                return rows.pop()
            return drive(rows.fetch_one())

    def fetchmany(self, size: Optional[int] = None) -> "list[tuple[Any, ...]]":
        with self.connection._lock:
            return drive(self._rows.fetch_many(self.arraysize if size is None else size))

    def fetchall(self) -> "list[tuple[Any, ...]]":
        with self.connection._lock:
            return drive(self._rows.fetch_all())

    def nextset(self) -> Optional[bool]:
        with self.connection._lock:
            return self._rows.next_set()

    def copy_in(self, sql: str, pieces: Iterable[bytes]) -> int:
        """COPY ... FROM STDIN: `pieces` of bytes. How many rows."""
        connection = self.connection
        talk = connection._talk
        with connection._lock:
            try:  # ^C comes between any two lines
                drive(talk.start_copy(sql, COPY_IN))
                for piece in pieces:
                    drive(talk.write_copy(piece))
                self._rows.rowcount = drive(talk.end_copy())
            except BaseException as reason:
                drive(talk.fail_copy(reason))
                raise
            return self._rows.rowcount

    def copy_out(self, sql: str) -> Iterator[bytes]:
        """COPY ... TO STDOUT: a line at a time. Another statement of the connection ends it."""
        connection = self.connection
        talk = connection._talk
        mine = object()
        with connection._lock:
            drive(talk.start_copy(sql, COPY_OUT))
            talk.copies_out = mine
        while True:
            # Not over the yield: nobody knows when, and in which thread, this goes on.
            with connection._lock:
                talk.session()
                if talk.copies_out is not mine:
                    raise errors.InterfaceError("the COPY was ended by another statement")
                piece = drive(talk.read_copy())
                if piece is None:
                    talk.copies_out = None
                    return
            yield piece

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """PEP 249 wants it to be there: values say their types themselves."""

    def setoutputsize(self, size: int, column: Optional[int] = None) -> None:
        """PEP 249 wants it to be there: values of any size come."""

    def close(self) -> None:
        connection = self._connection
        if connection is None:
            return
        with connection._lock:
            self._rows.let_go()
            self._rows.forget()
            self._connection = None

    def __iter__(self) -> "Iterator[tuple[Any, ...]]":
        return self

    def __next__(self) -> "tuple[Any, ...]":
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, kind: "Optional[type[BaseException]]", error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()
