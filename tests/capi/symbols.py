"""libheimproxy.so exports what the C headers declare, and nothing else, under its version's name.

    symbols.py LIBRARY HEADER_DIRECTORY SOVERSION
"""

import re
import subprocess
import sys
from pathlib import Path


def exported(library):
    out = subprocess.run(
        ["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True
    ).stdout
    symbols = [line.split() for line in out.splitlines()]
    # "A" is the name of the version that the symbols carry.
    return {name for _, kind, name in symbols if kind != "A"}


def soname(library):
    out = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True)
    return re.search(r"\(SONAME\).*\[(.+)\]", out.stdout).group(1)


def declared(include):
    text = "".join(path.read_text(encoding="utf-8") for path in Path(include).rglob("*.h"))
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return set(re.findall(r"^HEIM_API\b[^;]*?\b(heim_\w+)\(", text, re.M))


def main():
    library, include, version = sys.argv[1:]
    has = exported(library)
    should = {f"{name}@@HEIMPROXY_{version}" for name in declared(include)}
    for name in sorted(should - has):
        print(f"declared, but not exported: {name}")
    for name in sorted(has - should):
        print(f"exported, but not declared: {name}")
    print(f"{len(has & should)} functions")
    named = soname(library) == f"libheimproxy.so.{version}"
    if not named:
        print(f"its SONAME is {soname(library)}")
    return 0 if has == should and has and named else 1


if __name__ == "__main__":
    sys.exit(main())
