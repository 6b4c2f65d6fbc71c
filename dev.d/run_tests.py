#!/usr/bin/env python3
"""Runs what ./dev test built, and ends with one line: N passed, N failed."""

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
SANITIZERS = {
    "ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}
# The others look at files, not at what runs.
SANITIZABLE = r"(?!tidy|bench|docs|install|capi-(headers?|symbols|abi.*)$)."

# What has threads, or calls what has. The rest would find nothing, and takes long.
THREADED = (
    r"capi-(?!header|symbols|abi|memory)|spec-"
    r"|unit-(backend|cache|capi|control|daemon|freshness|io)$"
)
THREAD_SANITIZER = {"TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1:history_size=4"}


def step(text):
    print(f"\n==> {text}", file=sys.stderr, flush=True)


def tests_of(build, wanted):
    """Names of the meson tests that match."""
    out = subprocess.run(
        ["meson", "introspect", "--tests", str(build)], capture_output=True, text=True, check=True
    )
    return [test["name"] for test in json.loads(out.stdout) if re.match(wanted, test["name"])]


def build_for(build, wanted):
    """Builds the programs of the tests that match, and nothing else."""

    def introspect(what):
        argv = ["meson", "introspect", what, str(build)]
        return json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)

    needed = {
        target
        for test in introspect("--tests")
        if re.match(wanted, test["name"])
        for target in test["depends"]
    }
    files = [
        str(Path(file).relative_to(build.resolve()))
        for target in introspect("--targets")
        if target["id"] in needed
        for file in target["filename"]
    ]
    subprocess.run(["ninja", "-C", str(build), *files], check=True)


def count(result):
    """(passed, failed) of one meson test: doctest's cases where it prints them, else itself."""
    output = result.get("stdout") or ""
    cases = re.findall(r"test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed", output)
    passed, failed = (sum(int(case[i]) for case in cases) for i in (0, 1)) if cases else (0, 0)
    if result["result"] == "OK":
        return (passed or 1, failed)
    return (passed, failed or 1)


def meson(build, wanted, env=None):
    """Runs the matching tests; (passed, failed)."""
    names = tests_of(build, wanted)
    if not names:
        print(f"no test in {build} matches {wanted}", flush=True)
        return 0, 1
    log = build / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    status = subprocess.run(
        [
            "meson",
            "test",
            "-C",
            str(build),
            "--no-rebuild",
            "--print-errorlogs",
            "--timeout-multiplier",
            "4",
            "--num-processes",
            str(2 * (os.cpu_count() or 1)),  # they wait for half of their time
            *names,
        ],
        env={**os.environ, **(env or {})},
    ).returncode
    results = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    totals = [count(result) for result in results]
    passed, failed = sum(t[0] for t in totals), sum(t[1] for t in totals)
    return passed, max(failed, 1) if status or len(results) < len(names) else failed


def e2e(options, env=None):
    """(passed, failed) of the end-to-end runner, which prints as it goes."""
    argv = [sys.executable, str(ROOT / "tests/e2e/run.py"), *options]
    runner = subprocess.Popen(
        argv, stdout=subprocess.PIPE, text=True, env={**os.environ, **(env or {})}
    )
    last = ""
    for line in runner.stdout:
        print(line, end="", flush=True)
        last = line if line.startswith("e2e: ") else last
    runner.wait()
    match = re.match(r"e2e: (\d+) passed, (\d+) failed", last)
    passed, failed = (int(match.group(1)), int(match.group(2))) if match else (0, 1)
    return passed, max(failed, 1) if runner.returncode else failed


def in_processes(full):
    """Against proxies that programs open in their own processes: what is marked for it, or all."""
    chosen = [] if full else ["-m", "in_process"]
    totals = {}
    for host in ("cpp", "python", "go"):
        step(f"end to end, in a process of {host}")
        totals[f"e2e {host}"] = e2e(["--host", host, "--", *chosen])
    return totals


def main():
    parser = argparse.ArgumentParser(prog="./dev test")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--sanitize", action="store_true")
    parser.add_argument("--threads", action="store_true", help="with the thread sanitizer alone")
    parser.add_argument("pytest", nargs="*")
    options = parser.parse_args()
    size = ["--full"] if options.full else []
    if options.full:
        os.environ["HEIM_TEST_FULL"] = "1"
    release, sanitized = BUILD / "release", BUILD / "sanitize"
    totals = {}

    if options.threads:
        step("what has threads (build/tsan: thread)")
        build_for(BUILD / "tsan", THREADED)
        passed, failed = meson(BUILD / "tsan", THREADED, THREAD_SANITIZER)
        print(f"{passed} passed, {failed} failed", flush=True)
        return 1 if failed or not passed else 0

    step("unit, simulation, C ABI, tidy (build/release)")
    totals["release"] = meson(release, ".")
    if not options.quick:
        step("unit, simulation, C ABI (build/sanitize: address, undefined)")
        totals["sanitize"] = meson(sanitized, SANITIZABLE, SANITIZERS)
    step("end to end (build/release)")
    totals["e2e"] = e2e([*size, "--", *options.pytest])
    if not options.pytest:
        totals.update(in_processes(options.full))
    if options.sanitize:
        step("end to end (build/sanitize)")
        daemon = sanitized / "daemon/heimproxyd"
        totals["e2e sanitize"] = e2e(
            [*size, "--daemon", str(daemon), "--", *options.pytest],
            {**SANITIZERS, "E2E_SANITIZED": "1"},
        )
    print()
    for name, (passed, failed) in totals.items():
        print(f"{name}: {passed} ok, {failed} not")
    passed, failed = (sum(pair[i] for pair in totals.values()) for i in (0, 1))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
