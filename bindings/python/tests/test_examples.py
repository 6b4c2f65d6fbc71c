"""The examples for Python, run as a reader would."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import case
from wheel import BARE, PIP, build, run

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
LOGIN = ["app", "postgres", "app-secret"]


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """The package as pip installs it."""
        directory = Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, directory)
        target = directory / "packages"
        install = ["install", "-q", "--no-index", "--no-deps", "--target", target]
        run(sys.executable, *PIP, *install, build(directory))
        here = {"PYTHONPATH": str(target), "DATABASE_PORT": str(case.PORT), "PORT": "0"}
        cls.environment = {**BARE, **here}

    def test_plain(self):
        argv = [sys.executable, EXAMPLES / "python-plain/main.py", *LOGIN]
        options = {"capture_output": True, "text": True, "timeout": 60}
        done = subprocess.run(argv, env=self.environment, **options)
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.stdout.splitlines(), [
            "copied 10000", "item 9998: 9998.50", "item 9999: 9999.50", "item 10000: 10000.50",
            "total 50010000.00", "23514 sales_price_check", "pools ['postgres']",
        ])

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        asked = urllib.request.Request(self.address + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            error.close()
            return error.code, None

    def test_app(self):
        argv = [sys.executable, EXAMPLES / "python-app/app.py", *LOGIN]
        process = subprocess.Popen(argv, env=self.environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True)
        try:
            self.address = process.stdout.readline().strip()
            milk = {"id": 1, "text": "milk", "tags": ["shop"]}
            added = self.ask("POST", "/notes", {"text": "milk", "tags": ["shop"]})
            self.assertEqual(added, (201, milk))
            self.ask("POST", "/notes", {"text": "call"})
            self.assertEqual(self.ask("GET", "/notes?tag=shop"), (200, [milk]))
            self.assertEqual(len(self.ask("GET", "/notes")[1]), 2)
            self.assertEqual(self.ask("DELETE", "/notes/1"), (204, None))
            self.assertEqual(self.ask("DELETE", "/notes/1"), (404, None))
            self.assertEqual(self.ask("GET", "/pools")[1][0]["database"], "postgres")
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(30), 0)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
