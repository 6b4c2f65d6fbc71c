"""What `meson install` leaves behind is enough to build programs with, by pkg-config and by CMake,
with the shared library and with the static one.

    install.py SOURCE BUILD DIRECTORY VERSION
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent / "program"


def run(*argv, **options):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, argv))}\n{done.stdout}{done.stderr}")
    return done.stdout


class Stage:
    """An installed heimproxy below a directory that is not where it says it will be."""

    def __init__(self, build, directory):
        self.directory = directory
        run("meson", "install", "-C", build, "--no-rebuild", "--destdir", directory)
        self.libraries = next(directory.rglob("libheimproxy.so")).parent
        self.headers = next(directory.rglob("heimproxy.h")).parent

    def environment(self):
        return {
            **os.environ,
            "PKG_CONFIG_PATH": str(self.libraries / "pkgconfig"),
            "PKG_CONFIG_SYSROOT_DIR": str(self.directory),
            "LD_LIBRARY_PATH": str(self.libraries),
        }


def check_files(stage, source, version):
    """Every header; the names by which a shared library is found."""
    wanted = {path.name for path in (source / "include/heimproxy").iterdir()}
    assert {path.name for path in stage.headers.iterdir()} == wanted
    assert os.readlink(stage.libraries / "libheimproxy.so") == "libheimproxy.so.0"
    # What the static library adds to a program's names: the ABI, and C++'s inline variables.
    symbols = run("nm", "-g", "--defined-only", stage.libraries / "libheimproxy.a").splitlines()
    others = [line for line in symbols if re.search(r" [^u] (?!heim_)", line)]
    assert len(symbols) > 50 and not others, others
    daemon = next(stage.directory.rglob("heimproxyd"))
    assert version in run(daemon, "--version", env=stage.environment())


def is_linked(program, library):
    return library in run("readelf", "-d", program)


def by_pkg_config(stage, static, out, version):
    env = stage.environment()
    asked = ["pkg-config", *(["--static"] if static else []), "--cflags", "--libs", "heimproxy"]
    flags = run(*asked, env=env).split()
    if static:
        flags = [flag.replace("-lheimproxy", "-l:libheimproxy.a") for flag in flags]
    assert run("pkg-config", "--modversion", "heimproxy", env=env).strip() == version
    for compiler, name, says in (
        (["cc", "-std=c99"], "main.c", "C"),
        (["c++", "-std=c++20"], "main.cpp", "C++"),
    ):
        program = out / f"{name}-{static}"
        run(*compiler, PROGRAM / name, "-o", program, *flags, env=env)
        assert run(program, env=env) == f"{says} {version}\n"
        assert is_linked(program, "libheimproxy.so.0") != static


def by_cmake(stage, static, out, version):
    env = stage.environment()
    build = out / f"cmake-{static}"
    package = stage.libraries / "cmake/heimproxy"
    options = [f"-Dheimproxy_DIR={package}", f"-Dheimproxy_USE_STATIC_LIBS={int(static)}"]
    run("cmake", "-S", PROGRAM, "-B", build, *options)
    run("cmake", "--build", build)
    for name, says in (("main_c", "C"), ("main_cpp", "C++")):
        assert run(build / name, env=env) == f"{says} {version}\n"
        assert is_linked(build / name, "libheimproxy.so.0") != static
    # Another minor release is not taken for this one.
    newer = out / "newer"
    newer.mkdir(exist_ok=True)
    text = (PROGRAM / "CMakeLists.txt").read_text().replace("heimproxy 0.1 ", "heimproxy 0.2 ")
    (newer / "CMakeLists.txt").write_text(text)
    asked = ["cmake", "-S", newer, "-B", newer / "build", *options]
    refused = subprocess.run(asked, capture_output=True, text=True)
    assert refused.returncode and 'requested version "0.2"' in refused.stderr, refused.stderr


def main():
    source, build, directory, version = sys.argv[1:]
    out = Path(directory).resolve() / str(os.getpid())
    try:
        stage = Stage(build, out / "stage")
        check_files(stage, Path(source), version)
        for static in (False, True):
            by_pkg_config(stage, static, out, version)
            by_cmake(stage, static, out, version)
    finally:
        shutil.rmtree(out, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
