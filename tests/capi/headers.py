"""Every public header compiles alone, twice over, as what it says it is, with every warning on.

    headers.py DIRECTORY COMPILER...      (C compilers; for C++ their names are changed)
"""

import subprocess
import sys
from pathlib import Path

COMMON = ["-fsyntax-only", "-Werror", "-Wall", "-Wextra", "-Wconversion", "-Wsign-conversion",
          "-Wshadow", "-Wcast-align", "-Wcast-qual", "-Wundef", "-Wformat=2", "-Wredundant-decls"]
C = ["-x", "c", "-std=c99", "-pedantic-errors", "-Wstrict-prototypes", "-Wmissing-prototypes",
     "-Wc++-compat"]
CPP = ["-x", "c++", "-std=c++20", "-pedantic-errors", "-Wnon-virtual-dtor", "-Woverloaded-virtual",
       "-Wold-style-cast", "-Wextra-semi", "-Wzero-as-null-pointer-constant"]
# What clang warns of besides, but for what contradicts the standard that is asked for, or what is
# no mistake: padding, a switch with both all enumerators and a default, an unused template.
CLANG = ["-Weverything", "-Wno-padded", "-Wno-c++98-compat", "-Wno-c++98-compat-pedantic",
         "-Wno-unused-template", "-Wno-unused-member-function", "-Wno-weak-vtables",
         "-Wno-ctad-maybe-unsupported", "-Wno-documentation-unknown-command",
         "-Wno-reserved-identifier"]
GCC_CPP = ["-Wuseless-cast", "-Wduplicated-cond", "-Wlogical-op"]


def is_clang(compiler):
    said = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return "clang" in said.stdout


def cpp_of(compiler):
    return compiler.replace("clang", "clang++").replace("gcc", "g++")


def errors(argv, directory, header, after="typedef int something;"):
    source = f'#include "{header}"\n#include "{header}"\n{after}\n'
    argv = [*argv, f"-I{directory}", "-"]
    done = subprocess.run(argv, input=source, stderr=subprocess.PIPE, text=True)
    return f"{' '.join(argv)}\n{done.stderr}" if done.returncode else ""


def main():
    directory, *compilers = sys.argv[1:]
    headers = sorted(path.relative_to(directory) for path in Path(directory).rglob("*.h*"))
    tried = failed = 0
    for compiler in compilers:
        extra = CLANG if is_clang(compiler) else []
        for header in headers:
            ways = [[cpp_of(compiler), *CPP, *COMMON, *(extra or GCC_CPP)]]
            if header.suffix == ".h":
                ways.append([compiler, *C, *COMMON, *extra])
            for argv in ways:
                said = errors(argv, directory, header)
                tried += 1
                failed += bool(said)
                print(said, end="")
    # And a warning is seen: this one has a declaration without a prototype.
    seen = errors([compilers[0], *C, *COMMON], directory, headers[0], "int no_prototype();")
    print(f"{tried} compiled, {failed} with warnings")
    return 0 if tried and not failed and seen else 1


if __name__ == "__main__":
    sys.exit(main())
