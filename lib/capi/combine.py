"""One static library out of many, whose only global names are those of the ABI.

    combine.py OBJCOPY AR OUT LIBRARY... -- COMPILER...

What is linked into a program shall not meet the program's own names, be they the engine's or those
that libpg_query shares with PostgreSQL's libraries. So all becomes one object, in which the others
are local, but for inline variables of C++ ("u" in nm), of which a program has one each by design.
Of a library that is given as -l, only what is needed is taken.
"""

import subprocess
import sys
from pathlib import Path


def main():
    objcopy, ar, out, *rest = sys.argv[1:]
    end = rest.index("--")
    libraries, compiler = rest[:end], rest[end + 1 :]
    taken = [each for each in libraries if each.startswith("-l")]
    libraries = [each for each in libraries if each not in taken]
    joined = f"{out}.o"
    # Groups: a linker would take another object's copy of an inline function for ours, which is
    # local.
    whole = ["-Wl,--whole-archive", *libraries, "-Wl,--no-whole-archive"]
    join = ["-r", "-nostdlib", "-Wl,--force-group-allocation", "-o", joined, *whole]
    subprocess.run([*compiler, *join, *taken], check=True)
    keep = ["--wildcard", "--keep-global-symbol=heim_*", "--strip-debug"]
    subprocess.run([objcopy, *keep, joined], check=True)
    Path(out).unlink(missing_ok=True)
    subprocess.run([ar, "rcs", out, joined], check=True)
    Path(joined).unlink()


if __name__ == "__main__":
    main()
