"""libheimproxy.so exports what its C headers declare, and nothing else.

    symbols.py LIBRARY HEADER ...
"""

import re
import subprocess
import sys


def exported(library):
    out = subprocess.run(
        ["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True
    ).stdout
    symbols = [line.split() for line in out.splitlines()]
    # "A" is the name of the version that the symbols carry.
    return {name.split("@")[0] for _, kind, name in symbols if kind != "A"}


def declared(header):
    with open(header, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", "", file.read(), flags=re.S)
    return set(re.findall(r"^HEIM_API\b[^;]*?\b(heim_\w+)\(", text, re.M))


def main():
    library, *headers = sys.argv[1:]
    has, should = exported(library), set().union(*map(declared, headers))
    for name in sorted(should - has):
        print(f"declared, but not exported: {name}")
    for name in sorted(has - should):
        print(f"exported, but not declared: {name}")
    print(f"{len(has & should)} functions")
    return 0 if has == should and has else 1


if __name__ == "__main__":
    sys.exit(main())
