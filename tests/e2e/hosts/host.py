#!/usr/bin/env python3
"""Stands where heimproxyd does in the end-to-end tests: a proxy in a process of Python.

    host.py CONFIG
"""

import contextlib
import logging
import signal
import sys

import heimproxy

STOPS = {signal.SIGTERM: "clients", signal.SIGINT: "servers", signal.SIGQUIT: None}


def obey(proxy, number):
    if number in STOPS:
        return proxy.stop(STOPS[number])
    # The log says what is wrong; everything goes on as before.
    with contextlib.suppress(heimproxy.Error):
        proxy.reload()


def main():
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.DEBUG)
    log = logging.getLogger("heimproxy")
    signals = [signal.SIGHUP, *STOPS]
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)  # the library's threads inherit it
    try:
        proxy = heimproxy.Proxy(sys.argv[1], log=log.log)
    except heimproxy.Error as problem:
        log.error("%s", problem)
        return 1
    with proxy:
        while not proxy.wait(0):
            told = signal.sigtimedwait(signals, 0.05)
            if told:
                obey(proxy, told.si_signo)
    return 0


if __name__ == "__main__":
    sys.exit(main())
