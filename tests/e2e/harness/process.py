"""A child process with a log file. It dies with us, and is stopped by its id alone."""

import ctypes
import fcntl
import os
import pwd
import re
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def server_account():
    """Who PostgreSQL runs as: oneself, or the package's user when we are root. Popen arguments."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextmanager
def locked(path):
    """Between processes; the kernel lets go of it with the process."""
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def poll(probe, seconds, what):
    """The first true answer of `probe`, asked until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Process:
    """Starts on creation. `death_signal` is what the kernel sends it when we die first."""

    def __init__(self, argv, log, death_signal=signal.SIGKILL, nofile=None, **popen):
        self.argv, self.log_path = argv, Path(log)

        def before_exec():
            _libc.prctl(_PR_SET_PDEATHSIG, death_signal)
            if nofile:
                import resource

                resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))

        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log_path, "ab") as out:
            self.popen = subprocess.Popen(
                argv,
                stdin=popen.pop("stdin", subprocess.DEVNULL),
                stdout=out,
                stderr=out,
                preexec_fn=before_exec,
                **popen,
            )
        self.pid = self.popen.pid

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, seconds):
        """The exit status; a process that does not end in time is killed, and that is an error."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
            raise TimeoutError(f"{self.argv[0]} did not end within {seconds} s\n{self.tail()}")

    def stop(self, number, seconds=30):
        if self.running():
            self.signal(number)
        return self.wait(seconds)

    def log(self):
        return self.log_path.read_text(errors="replace")

    def tail(self, lines=30):
        return "\n".join(self.log().splitlines()[-lines:])

    def wait_log(self, pattern, seconds=20, start=0):
        """The match of `pattern` in the log, from offset `start` on."""
        return poll(
            lambda: re.compile(pattern).search(self.log(), start),
            seconds,
            f"{pattern!r} in {self.log_path}\n{self.tail()}",
        )

    def fds(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def status(self, key):
        """A number of /proc/PID/status, such as VmRSS (KiB) or Threads."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(rf"^{key}:\s+(\d+)", text, re.M).group(1))

    def rss_kib(self):
        return self.status("VmRSS")

    def children(self):
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return [int(pid) for pid in path.read_text().split()]
