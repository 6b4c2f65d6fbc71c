"""What SELECT 1 costs from Go: this driver; pgx directly, through PgBouncer, through a sidecar.

    bench.py BUILD-DIRECTORY [--rounds N] [--time 1s]

Rounds interleave them; figures are medians of wall time divided by the statements of 1 or of 16
goroutines together.
"""

import argparse
import re
import shutil
import signal
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

MODULE = Path(__file__).resolve().parents[1]
ROOT = MODULE.parents[1]
sys.path[:0] = [str(MODULE / "tests"), str(ROOT / "tests/e2e"), str(ROOT / "tests/bench")]

from run import environment  # noqa: E402 - before those whose folders have a run.py
from embedded import start_pgbouncer  # noqa: E402
from harness.paths import run_dir  # noqa: E402
from harness.postgres import Postgres  # noqa: E402


def measure(program, time, env, taken):
    argv = [program, "-test.run=^$", "-test.bench=.", f"-test.benchtime={time}"]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
    line = r"^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+([\d.]+) ns/op"
    for name, ns in re.findall(line, done.stdout, re.M):
        taken[name].append(float(ns) / 1000)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--time", default="1s")
    options = parser.parse_args()
    build = options.build.resolve()
    directory = run_dir(build / "bindings/go/bench")
    server, bouncer = Postgres(directory / "postgres"), None
    taken = defaultdict(list)
    try:
        server.initdb()
        # The driver's tests log in as app, where no password is asked for here.
        server.start().sql("create role app login; grant create on schema public to app")
        bouncer, conninfo = start_pgbouncer(directory, server)
        env = environment(ROOT, str(build / "lib/capi"), str(build / "meson-uninstalled"),
                          str(server.port))
        env["HEIM_TEST_PGBOUNCER"] = re.search(r"port=(\d+)", conninfo)[1]
        programs = []
        for where in (MODULE, MODULE / "internal/drivers"):
            programs.append(directory / f"{where.name}.test")
            argv = ["go", "test", "-c", "-o", programs[-1], "."]
            subprocess.run(argv, cwd=where, env=env, check=True)
        for _ in range(options.rounds):
            for program in programs:
                measure(program, options.time, env, taken)
    finally:
        if bouncer:
            bouncer.stop(signal.SIGINT)
        server.remove()
        shutil.rmtree(directory, ignore_errors=True)
    for name, times in sorted(taken.items()):
        print(f"{name:28} {statistics.median(times):7.1f} us a statement"
              f"  ({min(times):.1f} to {max(times):.1f})")


if __name__ == "__main__":
    main()
