"""The extension. It finds the library by pkg-config, or by HEIMPROXY_INCLUDE and HEIMPROXY_LIB."""

import os
import shlex
import subprocess

from setuptools import Extension, setup


def found():
    include, lib = os.environ.get("HEIMPROXY_INCLUDE"), os.environ.get("HEIMPROXY_LIB")
    if include and lib:
        return {
            "include_dirs": [include],
            "library_dirs": [lib],
            "libraries": ["heimproxy"],
            "runtime_library_dirs": [lib],
        }
    asked = ["pkg-config", "--cflags", "--libs", "heimproxy"]
    flags = shlex.split(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)

    def of(prefix):
        return [flag[2:] for flag in flags if flag.startswith(prefix)]

    return {"include_dirs": of("-I"), "library_dirs": of("-L"), "libraries": of("-l")}


sources = ["_native.c", "_result.c", "_session.c", "_wait.c"]
setup(
    ext_modules=[
        Extension("heimproxy._native", [f"heimproxy/{name}" for name in sources], **found())
    ]
)
