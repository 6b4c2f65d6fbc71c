"""A TCP relay with faults, to stand between a proxy and a server (or a client and a proxy).

One thread, one asyncio loop. Faults are set at any time and hold for bytes that come after.
"""

import asyncio
import socket
import struct
import threading

from . import ports

_CHUNK = 65536


class FaultRelay:
    """Listens on `port` and passes on to `target` (host, port).

    Faults, for both directions: `stalled` (bytes wait), `black_hole` (bytes vanish; new connections
    are accepted and never answered), `split` (at most so many bytes at a time), `delay` (seconds
    before each piece), `reset_after` (so many bytes from the server, then a TCP reset).
    """

    def __init__(self, target):
        self.target = target
        self.host, self.port = "127.0.0.1", ports.take()
        self.stalled = self.black_hole = False
        self.split, self.delay, self.reset_after = _CHUNK, 0.0, None
        self.accepted = 0
        self._loop = asyncio.new_event_loop()
        self._pairs = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._client, self.host, self.port))
        return self

    def __exit__(self, *_):
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        ports.release(self.port)

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    def reset_all(self):
        """Every connection that is open gets a TCP reset, on both sides."""
        self._call(self._reset_all())

    def connections(self):
        return len(self._pairs)

    async def _reset_all(self):
        for pair in list(self._pairs):
            self._reset(pair)

    async def _close(self):
        self._server.close()
        await self._reset_all()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _reset(self, pair):
        for writer in pair:
            raw = writer.get_extra_info("socket")
            if raw is not None:
                # Linger of zero seconds: close() sends RST instead of FIN.
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self._pairs.discard(pair)

    async def _client(self, reader, writer):
        self.accepted += 1
        try:
            server_reader, server_writer = await asyncio.open_connection(*self.target)
        except OSError:
            self._reset((writer,))
            return
        pair = (writer, server_writer)
        self._pairs.add(pair)
        try:
            await asyncio.gather(
                self._pump(reader, server_writer, pair, False),
                self._pump(server_reader, writer, pair, True),
            )
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._pairs.discard(pair)
            for each in pair:
                each.transport.abort() if each.transport.is_closing() else each.close()

    async def _pump(self, reader, writer, pair, from_server):
        passed = 0
        while data := await reader.read(_CHUNK):
            while data:
                piece, data = data[: self.split], data[self.split :]
                while self.stalled:
                    await asyncio.sleep(0.01)
                if self.delay:
                    await asyncio.sleep(self.delay)
                if self.black_hole:
                    continue
                if (
                    from_server
                    and self.reset_after is not None
                    and passed + len(piece) > self.reset_after
                ):
                    writer.write(piece[: max(0, self.reset_after - passed)])
                    self._reset(pair)
                    return
                passed += len(piece)
                writer.write(piece)
                await writer.drain()
        if writer.can_write_eof() and not writer.is_closing():
            writer.write_eof()
