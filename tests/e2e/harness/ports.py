"""Ports below 32768 (so never one the kernel hands out), each owned by one process of this machine.

The lock is an abstract unix socket named after the port: it is gone with the process, whatever
ends it.
"""

import random
import socket

_locks = {}


def _lock(port):
    lock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        lock.bind(f"\0heimproxy-port-{port}")
        return lock
    except OSError:
        lock.close()
        return None


def is_free(port):
    """Nobody listens there, on IPv4 or IPv6."""
    for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((host, port))
        except OSError as error:
            if error.errno == 98:  # EADDRINUSE; a machine without IPv6 fails otherwise
                return False
    return True


def take():
    """A free port; this process keeps it until release() or its end."""
    for port in random.sample(range(20000, 32000), 2000):
        lock = _lock(port)
        if lock is None:
            continue
        if is_free(port):
            _locks[port] = lock
            return port
        lock.close()
    raise RuntimeError("no free port between 20000 and 32000")


def release(port):
    _locks.pop(port).close()


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False
