"""What the tests of the package have in common."""

import os
import unittest

import heimproxy

PORT = 0  # of the server; run.py says it


def config():
    return {
        "proxy": {"listen_address": []},
        "nodes": [{"host": "127.0.0.1", "port": PORT, "role": "primary"}],
    }


def descriptors():
    return len(os.listdir("/proc/self/fd"))


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.proxy = heimproxy.Proxy(config())

    @classmethod
    def tearDownClass(cls):
        cls.proxy.close()

    def connect(self, **options):
        connection = self.proxy.connect("app", "postgres", "app-secret", **options)
        self.addCleanup(connection.close)
        return connection
