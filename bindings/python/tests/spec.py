"""Replays the conformance script of all bindings (bindings/spec/README.md).

    spec.py [--asyncio] CASES-DIRECTORY PORT [PORT OF THE STANDBY]
"""

import asyncio
import concurrent.futures
import inspect
import sys
from pathlib import Path

import heimproxy
from replay import configuration, left_out, read, run_case


class Awaited:
    """A connection or cursor for asyncio, for a caller who waits."""

    def __init__(self, loop, inner):
        self.loop, self.inner = loop, inner

    def __getattr__(self, name):
        found = getattr(self.inner, name)
        return self.calling(found) if callable(found) else found

    def calling(self, function):
        def call(*arguments, **named):
            value = function(*arguments, **named)
            if inspect.isasyncgen(value):
                return self.iterated(value)
            if inspect.isawaitable(value):
                value = self.loop.run_until_complete(value)
            is_cursor = isinstance(value, heimproxy.aio.Cursor)
            return Awaited(self.loop, value) if is_cursor else value

        return call

    def iterated(self, pieces):
        while True:
            try:
                yield self.loop.run_until_complete(anext(pieces))
            except StopAsyncIteration:
                return

    def begin_call(self, function, *arguments):
        """What waits for its outcome."""
        task = self.loop.create_task(function(*arguments))
        self.loop.run_until_complete(asyncio.sleep(0))
        return lambda: Awaited(self.loop, self.loop.run_until_complete(task))


class Proxy:
    """As replay.py asks of a driver's; `loop` is there for asyncio."""

    # Verbs that the package has no call for.
    missing = {"prepare", "execute", "deallocate"}
    Error = heimproxy.Error

    def __init__(self, config, loop):
        self.inner, self.loop = heimproxy.Proxy(config), loop
        self.show, self.invalidate = self.inner.show, self.inner.invalidate

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.inner.close()

    @staticmethod
    def told(error):
        return error.sqlstate or "", str(error), error.fields

    def connect(self, *login, **options):
        if self.loop is None:
            return self.inner.connect(*login, **options)
        connecting = self.inner.connect_async(*login, **options)
        return Awaited(self.loop, self.loop.run_until_complete(connecting))

    @staticmethod
    def begin_call(connection, sql):
        if isinstance(connection, Awaited):
            return connection.begin_call(connection.inner.execute, sql)
        pool = concurrent.futures.ThreadPoolExecutor(1)
        outcome = pool.submit(connection.execute, sql)
        pool.shutdown(wait=False)
        return outcome.result


def replay(path, ports, loop, counts):
    script = read(path)
    with Proxy(configuration(script, ports), loop) as proxy:
        for described in script["cases"]:
            if left_out(proxy, described):
                counts["left out"] += 1
                continue
            wrong = run_case(proxy, described)
            counts["failed" if wrong else "passed"] += 1
            if wrong:
                print(f"{path.name}: {wrong}")


def main():
    arguments = sys.argv[1:]
    loop = None
    if arguments[0] == "--asyncio":
        loop = asyncio.new_event_loop()
        del arguments[0]
    directory, *ports = arguments
    counts = {"passed": 0, "failed": 0, "left out": 0}
    for path in sorted(Path(directory).glob("*.json")):
        replay(path, list(map(int, ports)), loop, counts)
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return 0 if counts["passed"] and not counts["failed"] else 1


if __name__ == "__main__":
    sys.exit(main())
