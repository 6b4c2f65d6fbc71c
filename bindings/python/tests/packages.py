"""Runs tests that need packages of others: requirements.txt, fetched once into build/drivers.

    packages.py MODULE ... PORT
"""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
VENV = ROOT / "build/drivers/python-binding"


def prepare():
    """Whoever comes second waits for whoever came first."""
    wanted = (HERE / "requirements.txt").read_text()
    stamp = VENV / ".requirements"
    VENV.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{VENV}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
        install = [VENV / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r"]
        subprocess.run([*install, HERE / "requirements.txt"], check=True)
        stamp.write_text(wanted)


if __name__ == "__main__":
    prepare()
    python = str(VENV / "bin/python")
    os.execv(python, [python, str(HERE / "run.py"), *sys.argv[1:]])
