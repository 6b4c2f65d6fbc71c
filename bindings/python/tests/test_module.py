"""The module, and proxies."""

import os
import subprocess

import heimproxy
from case import Case, config


class Module(Case):
    def test_pep_249(self):
        self.assertEqual(heimproxy.apilevel, "2.0")
        self.assertEqual(heimproxy.threadsafety, 2)
        self.assertEqual(heimproxy.paramstyle, "pyformat")
        self.assertTrue(issubclass(heimproxy.IntegrityError, heimproxy.DatabaseError))

    def test_connect_with_a_proxy_of_its_own(self):
        with heimproxy.connect(config(), "app", "postgres", "app-secret") as connection:
            self.assertEqual(connection.execute("select 1").fetchall(), [(1,)])

    def test_wrong_configuration(self):
        with self.assertRaises(heimproxy.Error):
            heimproxy.Proxy({"nonsense": 1})
        with self.assertRaises(heimproxy.Error):
            heimproxy.Proxy("/nowhere/heimproxy.toml")

    def test_shown(self):
        self.connect().execute("select 1")
        self.assertIn("app", [pool["user"] for pool in self.proxy.show("POOLS")])
        self.assertIn("node", self.connect().explain_route("select 1"))

    def test_sidecar(self):
        with heimproxy.Sidecar(config(), database="postgres", user="app") as sidecar:
            self.assertRegex(sidecar.dsn, r"^host='/.*' port=\d+ dbname='postgres' user='app'$")
            asked = ["psql", "-X", "-A", "-t", "-c", "select current_user", sidecar.dsn]
            env = {**os.environ, "PGPASSWORD": "app-secret"}
            done = subprocess.run(asked, capture_output=True, text=True, env=env, timeout=60)
            self.assertEqual((done.stdout, done.stderr), ("app\n", ""))
