"""The guides say what works: their programs run, their other code compiles, their configuration is
taken, and what they link to is there.

    guides.py DOCS WORKING_DIRECTORY INCLUDE LIBRARY PORT      (with_postgres.py starts the server)

Of a guide, all code of one language is one file, in its order: `main` and what comes behind it.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

GUIDES = {
    "guide-c.md": ("c", ".c", [*os.environ.get("CC", "cc").split(), "-std=c99"]),
    "guide-cpp.md": ("cpp", ".cpp", [*os.environ.get("CXX", "c++").split(), "-std=c++20"]),
}
STRICT = ["-Wall", "-Wextra", "-pedantic-errors", "-Werror", "-Wno-unused-function"]


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.S | re.M)


def run(*argv, **options):
    done = subprocess.run(list(map(str, argv)), capture_output=True, text=True, **options)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, argv))}\n{done.stdout}{done.stderr}")
    return done.stdout


def check_links(path):
    """Every link to a file of the project finds it."""
    for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
        if not (path.parent / target).exists():
            raise SystemExit(f"{path.name}: no {target}")


def check_guide(docs, name, out, include, library, port):
    language, suffix, compiler = GUIDES[name]
    text = (docs / name).read_text(encoding="utf-8")
    code = blocks(text, language)
    assert len(code) > 4 and sum("int main(" in block for block in code) == 1
    source, program = out / f"guide{suffix}", out / f"guide-{language}"
    source.write_text("\n".join(code))
    run(*compiler, *STRICT, f"-I{include}", source, library, f"-Wl,-rpath,{library.parent}",
        "-o", program)
    env = {**os.environ, "PGPORT": port, "SHOP_PASSWORD": "app-secret"}
    said = run(program, cwd=out, env=env)
    assert said == "42\n", said
    return len(code)


def main():
    docs, directory, include, library, port = sys.argv[1:]
    docs, library = Path(docs), Path(library).resolve()
    out = Path(directory).resolve() / f"guides-{os.getpid()}"
    out.mkdir()
    psql = ["psql", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-qX", "postgres", "-c"]
    run(*psql, "create database shop owner app")
    config, = blocks((docs / "guide-c.md").read_text(encoding="utf-8"), "toml")
    (out / "heimproxy.toml").write_text(config)
    try:
        pieces = sum(check_guide(docs, name, out, include, library, port) for name in GUIDES)
        for path in docs.glob("*.md"):
            check_links(path)
    finally:
        shutil.rmtree(out)
    print(f"{pieces} pieces of code")


if __name__ == "__main__":
    main()
