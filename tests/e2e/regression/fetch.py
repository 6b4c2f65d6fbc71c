"""PostgreSQL's tests, programs and headers, all of one minor version, into a folder of their own.

The source package comes from where this machine gets its packages: its own lists, `deb` made
`deb-src`. Nothing is installed.
"""

import re
import shutil
import subprocess
from pathlib import Path

PACKAGES = ["postgresql-15", "postgresql-client-15", "postgresql-server-dev-15"]
SYSTEM = Path("/etc/apt")


def _run(*argv, **options):
    argv = list(map(str, argv))
    done = subprocess.run(argv, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def versions():
    """Those that apt knows, newest first."""
    known = re.findall(r"\|\s*(\d\S+)\s*\|", _run("apt-cache", "madison", PACKAGES[-1]))
    if not known:
        raise RuntimeError("apt knows no postgresql-15: apt-get update")
    return list(dict.fromkeys(known))


def _sources(directory):
    """This machine's own entries, for sources."""
    lists = [SYSTEM / "sources.list", *sorted((SYSTEM / "sources.list.d").glob("*.list"))]
    lines = [line for path in lists if path.exists() for line in path.read_text().splitlines()]
    entries = [re.sub(r"^deb\s", "deb-src ", line) for line in lines if line.startswith("deb ")]
    (directory / "own.list").write_text("\n".join(entries) + "\n")
    stanzas = [path.read_text() for path in sorted((SYSTEM / "sources.list.d").glob("*.sources"))]
    text = re.sub(r"(?m)^Types:.*$", "Types: deb-src", "\n\n".join(stanzas))
    (directory / "own.sources").write_text(text)


def _apt(directory):
    for name in ("lists/partial", "cache/archives/partial", "parts"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    _sources(directory)
    for name in ("own.list", "own.sources"):
        shutil.move(directory / name, directory / "parts" / name)
    return [
        *("-o", "Dir::Etc::sourcelist=/dev/null"),
        *("-o", f"Dir::Etc::sourceparts={directory / 'parts'}"),
        *("-o", f"Dir::State::lists={directory / 'lists'}"),
        *("-o", f"Dir::Cache={directory / 'cache'}"),
        *("-o", "APT::Sandbox::User=root"),
    ]


def _unpack_source(directory):
    """Only src/test/regress of it."""
    (archive,) = directory.glob("postgresql-15_*.orig.tar.*")
    _run("tar", "-xf", archive, "--wildcards", "*/src/test/regress", cwd=directory)
    (found,) = directory.glob("postgresql-*/src/test/regress")
    shutil.move(found, directory / "regress")


def _unpack_packages(directory):
    (directory / "root").mkdir()
    for package in directory.glob("*.deb"):
        _run("dpkg", "-x", package, directory / "root")


def _contrib(directory, wanted):
    """The libraries that the tests load: regress.so built here, two that PostgreSQL ships."""
    root = directory / "root/usr"
    (headers,) = root.glob("include/postgresql/15/server")
    libraries = directory / "dl"
    libraries.mkdir()
    flags = ["-O1", "-fPIC", "-shared", "-fno-strict-aliasing", "-fwrapv", "-w"]
    includes = [f"-I{headers}", f"-I{root / 'include/postgresql'}", f"-I{directory / 'regress'}"]
    source = directory / "regress/regress.c"
    _run("cc", *flags, *includes, "-o", libraries / "regress.so", source)
    for name in wanted:
        shutil.copy(root / "lib/postgresql/15/lib" / name, libraries)


def _download(directory, apt):
    """The first version that is there whole: mirrors keep binaries and sources apart."""
    failed = []
    for one in versions():
        try:
            source = ["source", "--download-only", f"postgresql-15={one}"]
            _run("apt-get", *apt, *source, cwd=directory)
            _run("apt-get", "download", *(f"{name}={one}" for name in PACKAGES), cwd=directory)
            return one
        except RuntimeError as error:
            failed.append(str(error))
    raise RuntimeError("\n".join(failed))


def fetch(directory):
    """The folder with regress/ (tests), dl/ (libraries) and root/ (PostgreSQL), made once."""
    stamp = directory / "version"
    if stamp.exists():
        return directory
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    print("==> fetching PostgreSQL's sources and packages", flush=True)
    apt = _apt(directory)
    _run("apt-get", *apt, "update")
    made = _download(directory, apt)
    _unpack_source(directory)
    _unpack_packages(directory)
    _contrib(directory, ["autoinc.so", "refint.so"])
    stamp.write_text(made)
    return directory
