#!/usr/bin/env python3
"""Runs the end-to-end tests: their Python and the drivers of other languages are fetched first.

All of it lies under build/drivers and build/e2e. The last line counts, as ./dev test reads it.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from harness import paths  # noqa: E402

DRIVERS = paths.BUILD / "drivers"


def environment():
    """Caches and temporary files of package managers, kept inside the checkout."""
    temporary = DRIVERS / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    goenv = Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "go/env"
    return {
        **os.environ,
        "TMPDIR": str(temporary),
        "GOPATH": str(DRIVERS / "gopath"),
        "GOCACHE": str(DRIVERS / "gocache"),
        "GOENV": os.environ.get("GOENV", str(goenv)),
        "XDG_CONFIG_HOME": str(temporary),
        "GOFLAGS": "-modcacherw",
        "GOTOOLCHAIN": "local",
        "NPM_CONFIG_CACHE": str(DRIVERS / "npm"),
        "MAVEN_OPTS": f"-Djava.io.tmpdir={temporary}",
        "PIP_NO_CACHE_DIR": "1",
    }


def prepared(name, sources, make):
    """Runs make(directory) when a source changed since the last time it succeeded."""
    directory = DRIVERS / name
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    stamp = directory / ".stamp"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"preparing {name}", flush=True)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    make(directory)
    stamp.write_text(digest)


def run(*argv, **options):
    subprocess.run(list(map(str, argv)), check=True, env=environment(), **options)


def make_python(directory):
    run(sys.executable, "-m", "venv", directory)
    run(directory / "bin/pip", "install", "-q", "-r", HERE / "python/requirements.txt")


def make_node(directory):
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "node" / name, directory)
    run("npm", "ci", "--omit=dev", "--no-audit", "--no-fund", cwd=directory)


def make_go(directory):
    run("go", "build", "-o", directory / "client", ".", cwd=HERE / "go")


def make_java(directory):
    run(
        "mvn",
        "-q",
        "-B",
        "-f",
        HERE / "java/pom.xml",
        f"-Dmaven.repo.local={DRIVERS / 'm2'}",
        "dependency:copy-dependencies",
        f"-DoutputDirectory={directory}",
    )
    run("javac", "-cp", f"{directory}/*", "-d", directory, HERE / "java/Client.java")


def prepare():
    prepared("python", [HERE / "python/requirements.txt"], make_python)
    prepared("node", [HERE / "node/package.json", HERE / "node/package-lock.json"], make_node)
    prepared("go", sorted((HERE / "go").glob("*")), make_go)
    prepared("java", sorted((HERE / "java").glob("*")), make_java)
    shutil.rmtree(DRIVERS / "tmp", ignore_errors=True)


RELEASE = paths.BUILD / "release"


def host_cpp():
    """./dev build makes it."""
    return RELEASE / "tests/e2e/hosts/host-cpp", {}


def host_python():
    return HERE / "hosts/host.py", {"PYTHONPATH": str(RELEASE / "bindings/python")}


def host_go():
    program, library = DRIVERS / "host-go", RELEASE / "lib/capi"
    env = {
        **environment(),
        "PKG_CONFIG_PATH": str(RELEASE / "meson-uninstalled"),
        "CGO_CFLAGS": f"-O2 -I{paths.ROOT / 'include'}",
        "CGO_LDFLAGS": f"-L{library} -Wl,-rpath,{library}",
    }
    for name in ("CC", "CXX"):  # through ccache, go does not find out what its linker can
        env.pop(name, None)
    argv = ["go", "build", "-buildvcs=false", "-o", str(program), "."]
    with tempfile.TemporaryDirectory(dir=DRIVERS) as env["TMPDIR"]:
        subprocess.run(argv, check=True, env=env, cwd=HERE / "hosts/go")
    return program, {}


# Programs that stand in heimproxyd's place, and what they need of the environment.
HOSTS = {"cpp": host_cpp, "python": host_python, "go": host_go}


def counts(report):
    """(passed, failed, skipped) of a JUnit file."""
    passed = failed = skipped = 0
    for case in xml.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        failed += bool(kinds & {"failure", "error"})
        skipped += "skipped" in kinds
        passed += not kinds & {"failure", "error", "skipped"}
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--prepare", action="store_true", help="fetch what is needed, run nothing")
    parser.add_argument("--full", action="store_true", help="large sizes (10,000 clients and such)")
    tested = parser.add_mutually_exclusive_group()
    tested.add_argument("--daemon", help="the heimproxyd to test")
    tested.add_argument("--host", choices=HOSTS, help="a proxy in a process of its own instead")
    parser.add_argument("--jobs", default=str(max(2, os.cpu_count() or 2)), help="how many at once")
    parser.add_argument("pytest", nargs="*", help="options and tests for pytest, after --")
    options = parser.parse_args()
    prepare()
    if options.prepare:
        return 0
    report = paths.run_dir(paths.BUILD / "e2e/runs", "pytest")
    env = {
        **os.environ,
        "E2E_RUN": str(report),
        "E2E_SIZE": "full" if options.full else "reduced",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    if options.daemon:
        env["HEIMPROXYD"] = str(Path(options.daemon).resolve())
    if options.host:
        program, more = HOSTS[options.host]()
        env.update(more, HEIMPROXYD=str(program), E2E_HOST=options.host)
    # The libpq variables of whoever calls are not ours.
    env = {key: value for key, value in env.items() if not key.startswith("PG")}
    argv = [
        DRIVERS / "python/bin/python",
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-n",
        options.jobs,
        "--dist",
        "loadgroup",
        "--durations=10",
        f"--basetemp={report / 'tmp'}",
        f"--junitxml={report / 'report.xml'}",
        *options.pytest,
    ]
    status = subprocess.run(list(map(str, argv)), cwd=HERE, env=env).returncode
    passed, failed, skipped = (
        counts(report / "report.xml") if (report / "report.xml").exists() else (0, 1, 0)
    )
    if failed == 0 and status == 0:
        shutil.rmtree(report, ignore_errors=True)
    else:
        failed = max(failed, 1)
        print(f"logs: {report}")
    print(f"e2e: {passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
