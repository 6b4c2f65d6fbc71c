"""Awaiting what comes of a session's calls, by its descriptor."""

import asyncio
import contextlib
from typing import Any, Optional

from . import _native, errors
from .loading import CONVERTERS

# How long a server may take to end what was cancelled; the session is lost then.
_PATIENCE = 5.0
# How often is looked for an outcome while the descriptor shows something else.
_PERIOD = 0.01


class Waiter:
    """The loop watches the descriptor while there is somebody who waits for it."""

    def __init__(self, session: _native.Session) -> None:
        self._session = session
        self.converters = CONVERTERS
        self._descriptor = session.descriptor()
        self._waiting: "set[asyncio.Future[None]]" = set()
        self._loop: Optional[asyncio.AbstractEventLoop] = None

    # ---- the descriptor -------------------------------------------------------------------------

    async def rings(self) -> None:
        """There is an outcome or a notification, or the session has ended."""
        loop = asyncio.get_running_loop()
        future: "asyncio.Future[None]" = loop.create_future()
        if self._loop is None:
            self._loop = loop
            loop.add_reader(self._descriptor, self._wake)
        self._waiting.add(future)
        try:
            await future
        finally:
            self._waiting.discard(future)
            if not self._waiting:
                self._unwatch()

    def _unwatch(self) -> None:
        if self._loop is not None:
            self._loop.remove_reader(self._descriptor)
            self._loop = None

    def _wake(self) -> None:
        self._unwatch()
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
        self._waiting.clear()

    def close(self) -> None:
        """Before the session is: its descriptor may soon be another's."""
        self._wake()

    # ---- outcomes -------------------------------------------------------------------------------

    async def admitted(self) -> None:
        try:
            self._session.finish({})
        except BlockingIOError:
            await self._outcome()

    async def finish(self) -> Any:
        try:
            return await self._outcome()
        except asyncio.CancelledError:
            await self._give_up()
            raise

    async def _outcome(self) -> Any:
        await self.rings()
        while True:
            try:
                return self._session.finish(self.converters)
            except BlockingIOError:
                # It rang for a notification that nobody has fetched yet, and still does.
                await asyncio.sleep(_PERIOD)

    async def _give_up(self) -> None:
        """The statement ends at the server; what comes of it is nobody's."""
        try:
            self._session.cancel()
            with contextlib.suppress(errors.Error):
                await asyncio.wait_for(self._outcome(), _PATIENCE)
                await asyncio.wait_for(self._read_away(), _PATIENCE)
        except BaseException:  # no answer, or cancelled once more
            self.close()
            self._session.close()

    async def _read_away(self) -> None:
        try:
            self._session.query("", {})
        except BlockingIOError:
            await self._outcome()
