"""The Python package against a real server: the test modules beside this file.

    run.py [MODULE ...] PORT      (tests/capi/with_postgres.py starts the server)

Without a module, those that need nothing but the package.
"""

import sys
import unittest

import case

PLAIN = ["test_module", "test_values", "test_cursors", "test_copy", "test_threads",
         "test_interrupt", "test_aio"]


def main():
    *modules, port = sys.argv[1:]
    case.PORT = int(port)
    tests = unittest.defaultTestLoader.loadTestsFromNames(modules or PLAIN)
    done = unittest.TextTestRunner().run(tests)
    return 0 if done.wasSuccessful() and done.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
