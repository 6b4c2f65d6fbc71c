"""What the Python workloads print: one line a fact, the same for every path to the server."""

import hashlib
import threading
import time


def show(label, *values):
    print(label, *map(_text, values), sep=" | ", flush=True)


def _text(value):
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value)
        return f"bytes {len(value)} {digest(value)}" if len(value) > 64 else value.hex()
    if isinstance(value, str) and len(value) > 200:
        return f"text {len(value)} {digest(value.encode())}"
    return repr(value)


RUNNING = (
    "select count(*) from pg_stat_activity where datname = current_database()"
    " and state = 'active' and query = 'select pg_sleep(30)'"
)


def once_asleep(ask, act):
    """A thread that calls act() when ask(RUNNING) sees the long query at the server."""

    def watch():
        deadline = time.monotonic() + 30
        while ask(RUNNING) == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        act()

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


def digest(data):
    return hashlib.md5(data).hexdigest()
