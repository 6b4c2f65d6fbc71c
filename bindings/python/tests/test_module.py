"""The module, and proxies."""

import logging
import os
import subprocess
import threading

import heimproxy
from case import Case, config, descriptors


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

    def test_what_is_made_void(self):
        self.proxy.invalidate()  # where nothing is kept, that is no error
        with self.assertRaisesRegex(heimproxy.Error, "no such database"):
            self.proxy.invalidate("a_table", database="nowhere")
        with self.assertRaises(ValueError):
            self.proxy.invalidate("a_table", sql="select 1")

    def test_sidecar(self):
        with heimproxy.Sidecar(config(), database="postgres", user="app") as sidecar:
            self.assertRegex(sidecar.dsn, r"^host='/.*' port=\d+ dbname='postgres' user='app'$")
            asked = ["psql", "-X", "-A", "-t", "-c", "select current_user", sidecar.dsn]
            env = {**os.environ, "PGPASSWORD": "app-secret"}
            done = subprocess.run(asked, capture_output=True, text=True, env=env, timeout=60)
            self.assertEqual((done.stdout, done.stderr), ("app\n", ""))

    def test_log(self):
        lines = []
        with heimproxy.Proxy(config(), log=lambda *line: lines.append(line)) as proxy:
            proxy.reload()
        self.assertIn((logging.INFO, "the configuration was reloaded"), lines)
        self.assertEqual({type(text) for _, text in lines}, {str})

    def test_log_of_what_does_not_start(self):
        before = descriptors()
        with self.assertRaises(heimproxy.Error):
            heimproxy.Proxy({"nonsense": 1}, log=print)
        for thread in threading.enumerate():
            if thread.name == "heimproxy log":
                thread.join(30)
        self.assertEqual(descriptors(), before)

    def test_stop_and_wait(self):
        with heimproxy.Proxy(config()) as proxy:
            connection = proxy.connect("app", "postgres", "app-secret", autocommit=True)
            self.assertFalse(proxy.wait(0.01))
            proxy.stop("clients")
            self.assertFalse(proxy.wait(0.2))
            self.assertEqual(connection.execute("select 1").fetchall(), [(1,)])
            connection.close()
            self.assertTrue(proxy.wait(60))

    def test_who_waits_is_told_of_the_end(self):
        for end in (heimproxy.Proxy.stop, heimproxy.Proxy.close):
            with heimproxy.Proxy(config()) as proxy:
                told = []
                waiting = threading.Thread(target=lambda: told.append(proxy.wait()))
                waiting.start()
                end(proxy)
                waiting.join(60)
                self.assertEqual(told, [True])
