"""The proxy's log, told to a function of the program."""

import socket
import threading
from typing import Callable

Tell = Callable[[int, str], None]

_LONGEST = 64 << 10


class Log:
    """Reads the lines that the library sends: none of its threads waits for Python."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._reader, self._writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._thread = threading.Thread(target=self._run, name="heimproxy log", daemon=True)
        self._thread.start()

    def fileno(self) -> int:
        """Where lines are sent to, each a message, its first byte the level's digit."""
        return self._writer.fileno()

    def handed_over(self) -> None:
        """The proxy, if there is one, has its own descriptor: with that, the thread ends."""
        self._writer.close()

    def join(self) -> None:
        """All lines are told; the proxy is closed."""
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        with self._reader:
            while line := self._reader.recv(_LONGEST):
                # The levels of the library are those of logging, by tens.
                self._tell(10 * int(line[:1]), line[1:].decode(errors="replace"))
