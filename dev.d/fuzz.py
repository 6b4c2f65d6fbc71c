#!/usr/bin/env python3
"""Runs the fuzzers of build/fuzz, each for so many seconds, from their seeds.

Corpora grow under build/fuzz-corpus, and findings lie there too.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BINARIES = ROOT / "build/fuzz/tests/fuzz"
CORPORA = ROOT / "build/fuzz-corpus"
OPTIONS = ["-max_len=65536", "-rss_limit_mb=2048", "-timeout=20", "-print_final_stats=1"]


def targets():
    """Their names, without the fuzz- before each program."""
    programs = (path for path in BINARIES.glob("fuzz-*") if path.is_file())
    return sorted(path.name[5:] for path in programs if os.access(path, os.X_OK))


def run(name, seconds):
    """True if it found nothing."""
    corpus, findings = CORPORA / name, CORPORA / f"{name}.findings"
    for path in (corpus, findings):
        path.mkdir(parents=True, exist_ok=True)
    print(f"\n==> {name}, {seconds} s", flush=True)
    argv = [str(BINARIES / f"fuzz-{name}"), f"-max_total_time={seconds}", *OPTIONS]
    argv += [f"-artifact_prefix={findings}/", str(corpus)]
    seeds = BINARIES / "seeds" / name
    if seeds.is_dir():
        argv.append(str(seeds))
    return subprocess.run(argv, cwd=CORPORA).returncode == 0


def main():
    seconds, wanted = int(sys.argv[1]), [name.removeprefix("fuzz-") for name in sys.argv[2:]]
    have = targets()
    if not have or not set(wanted) <= set(have):
        sys.exit(f"dev: the fuzzers are: {' '.join(have)}")
    bad = [name for name in wanted or have if not run(name, seconds)]
    print(f"\n{len(wanted or have) - len(bad)} clean, {len(bad)} with findings {' '.join(bad)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
