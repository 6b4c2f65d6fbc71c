"""Where things lie: the checkout, its build directory, PostgreSQL's programs, heimproxyd."""

import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "build"


def pg_bin(name):
    """A program of PostgreSQL's server package; Debian keeps them out of PATH. $E2E_PG_BIN: those
    of another PostgreSQL.
    """
    path = Path(os.environ.get("E2E_PG_BIN", "/usr/lib/postgresql/15/bin")) / name
    found = str(path) if path.exists() else shutil.which(name)
    if not found:
        raise FileNotFoundError(f"{name}: install postgresql-15")
    return found


def heimproxyd():
    """The daemon under test: $HEIMPROXYD, else the release build's."""
    return os.environ.get("HEIMPROXYD") or str(BUILD / "release/daemon/heimproxyd")


def run_dir(base, label=""):
    """A directory of this process's own under `base`; those of dead processes are removed."""
    base = Path(base)
    base.mkdir(parents=True, exist_ok=True)
    for old in base.iterdir():
        match = re.fullmatch(r"(\d+)(-.*)?", old.name)
        if match and not Path(f"/proc/{match.group(1)}").exists():
            shutil.rmtree(old, ignore_errors=True)
    path = base / (str(os.getpid()) + (f"-{label}" if label else ""))
    path.mkdir()
    return path
