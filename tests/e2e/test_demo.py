"""./dev demo: starts a cluster and the proxy, says what it sees, leaves nothing behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from harness import paths, ports
from harness.process import Process, poll

DEMO = paths.ROOT / "dev.d/demo.py"


def ours(directory):
    """Processes that hold a file or work under `directory`."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            links = [entry / "cwd", *(entry / "fd").iterdir()]
            held = [os.readlink(link) for link in links]
        except OSError:
            continue
        if any(target.startswith(str(directory)) for target in held):
            found.append(int(entry.name))
    return found


def test_once(tmp_path):
    """Figures of its own for each node, status 0, no process left."""
    port, under = ports.take(), tmp_path / "demo"
    argv = [sys.executable, DEMO, "--once", "--seconds", "1", "--port", port, "--under", under]
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"standby1 +standby2", done.stdout) and "TPC-B" in done.stdout
    assert not ours(under)


def test_killed_and_started_again(tmp_path):
    """SIGKILL takes all of it along; the next start finds nothing in its way."""
    port, under = ports.take(), tmp_path / "demo"
    argv = [sys.executable, str(DEMO), "--port", str(port), "--under", str(under)]
    for end in (signal.SIGKILL, signal.SIGINT):
        log = tmp_path / f"{end.name}.log"
        demo = Process(argv, log)
        demo.wait_log(r"clients\n", 90)
        assert len(ours(under)) > 3
        status = demo.stop(end)
        assert status == (-signal.SIGKILL if end == signal.SIGKILL else 0)
        poll(lambda: not ours(under), 30, "all of its processes gone")
