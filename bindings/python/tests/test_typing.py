"""The package's type hints: complete, as mypy --strict has it, and of use to a program."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "heimproxy"

PROGRAM = """
import asyncio
import heimproxy

def ask(proxy: heimproxy.Proxy) -> int:
    with proxy.connect("app", "orders", autocommit=True) as connection:
        reveal_type(connection.execute("select 1").fetchone())
        return connection.cursor().executemany("select %s", [[1]]).rowcount

async def ask_async(proxy: heimproxy.Proxy) -> None:
    async with await proxy.connect_async("app") as connection:
        reveal_type(await (await connection.execute("select 1")).fetchall())
        async for told in connection.notifications():
            reveal_type(told.payload)

asyncio.run(ask_async(heimproxy.Sidecar("heimproxy.toml")))
heimproxy.connect(1, 2)
"""


def mypy(*arguments):
    with tempfile.TemporaryDirectory() as cache:
        argv = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, *arguments]
        return subprocess.run(argv, cwd=PACKAGE.parent, capture_output=True, text=True, timeout=300)


class Typing(unittest.TestCase):
    def test_package(self):
        done = mypy(str(PACKAGE))
        self.assertIn("Success: no issues found", done.stdout, done.stdout + done.stderr)

    def test_program(self):
        done = mypy("-c", PROGRAM)
        for expected in (
            'note: Revealed type is "tuple[Any, ...] | None"',
            'note: Revealed type is "list[tuple[Any, ...]]"',
            'note: Revealed type is "str"',
            'Argument 2 to "connect" has incompatible type "int"; expected "str"',
            "Found 2 errors in 1 file",
        ):
            self.assertIn(expected, done.stdout.replace("builtins.", ""))
