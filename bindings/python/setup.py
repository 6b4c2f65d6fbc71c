"""The extension, and the library that it needs, beside it in the package.

In a checkout the library is built, with meson, in build/python: package and library are of one
commit then, whatever the system has. HEIMPROXY_INCLUDE and HEIMPROXY_LIB name one that is built
already. Anywhere else it is the system's, by pkg-config, and is not copied.
"""

import os
import shlex
import shutil
import subprocess
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CHECKOUT = Path(__file__).resolve().parents[2]
SONAME = "libheimproxy.so.0"
SOURCES = ["_native.c", "_proxy.c", "_result.c", "_session.c", "_wait.c"]


def build_library(version):
    build = CHECKOUT / "build/python"
    if not (build / "build.ninja").exists():
        options = ["--buildtype=release", "-Dtests=false", "-Ddaemon=disabled"]
        subprocess.run(["meson", "setup", build, CHECKOUT, *options], check=True)
    subprocess.run(["ninja", "-C", build, f"lib/capi/libheimproxy.so.{version}"], check=True)
    return CHECKOUT / "include", build / "lib/capi"


def of_system():
    asked = ["pkg-config", "--cflags", "--libs", "heimproxy"]
    flags = shlex.split(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)

    def of(prefix):
        return [flag[2:] for flag in flags if flag.startswith(prefix)]

    return {"include_dirs": of("-I"), "library_dirs": of("-L"), "libraries": of("-l")}


class Build(build_ext):
    def build_extension(self, extension):
        include, library = (os.environ.get(f"HEIMPROXY_{part}") for part in ("INCLUDE", "LIB"))
        if not (include and library) and (CHECKOUT / "lib/capi").is_dir():
            include, library = build_library(self.distribution.get_version())
        if include and library:
            extension.include_dirs = [str(include)]
            extension.extra_objects = [str(Path(library) / SONAME)]
            extension.extra_link_args = ["-Wl,-rpath,$ORIGIN"]
        else:
            vars(extension).update(of_system())
        super().build_extension(extension)
        if library:
            self.bundle(Path(library) / SONAME, Path(self.get_ext_fullpath(extension.name)).parent)

    def bundle(self, library, directory):
        copy = directory / SONAME
        shutil.copyfile(library, copy)
        if shutil.which("strip"):
            subprocess.run(["strip", "--strip-unneeded", copy], check=True)


setup(
    ext_modules=[Extension("heimproxy._native", [f"heimproxy/{name}" for name in SOURCES])],
    cmdclass={"build_ext": Build},
)
