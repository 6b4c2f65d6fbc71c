"""The wheel: it holds the library, and needs nothing of the place where it was built."""

import shutil
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import case
from wheel import PIP, build, run

PROGRAM = """
import importlib.metadata, sys
import heimproxy
node = {"host": "127.0.0.1", "port": int(sys.argv[1]), "role": "primary"}
config = {"proxy": {"listen_address": []}, "nodes": [node]}
with heimproxy.connect(config, "app", "postgres", "app-secret") as connection:
    print(connection.execute("select 6 * %s", [7]).fetchone()[0])
paths = {line.split()[-1] for line in open("/proc/self/maps") if "libheimproxy" in line}
print(*paths)
print(*sorted(found.name for found in importlib.metadata.entry_points(group="sqlalchemy.dialects")))
"""


class Wheel(unittest.TestCase):
    def test_wheel(self):
        directory = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, directory)
        wheel = build(directory)
        names = zipfile.ZipFile(wheel).namelist()
        for name in ("libheimproxy.so.0", "py.typed", "_native.pyi", "aio.py", "sqlalchemy.py"):
            self.assertIn(f"heimproxy/{name}", names)
        self.assertFalse([name for name in names if name.endswith((".c", ".h", ".build"))])
        venv = directory / "venv"
        run(sys.executable, "-m", "venv", venv)
        run(venv / "bin/python", *PIP, "install", "-q", "--no-index", wheel)
        lines = run(venv / "bin/python", "-I", "-c", PROGRAM, case.PORT).splitlines()
        answer, library, dialects = lines
        self.assertEqual(answer, "42")
        self.assertTrue(library.startswith(str(venv.resolve() / "lib")), library)
        self.assertEqual(dialects, "postgresql.heimproxy postgresql.heimproxy_async")
