#!/usr/bin/env python3
"""Holds the sources to the house rules: floors, dependencies, sizes, words.

    tests/tidy/tidy.py                   check; exit 1 if anything is wrong
    tests/tidy/tidy.py --report          also print counts and the ten longest functions
    tests/tidy/tidy.py --write-ratchet   list today's breaches of size in ratchet.txt

The rules are tables in rules.py. The sizes are ratchets: a breach listed in ratchet.txt may stay or
shrink; one that is not listed, has grown, or is listed and gone fails the check.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent))
import rules  # noqa: E402
import scan  # noqa: E402

CPP = {".cpp", ".hpp", ".c", ".h", ".cc"}
TEXT = CPP | {".py", ".md", ".build", ".txt", ".toml", ".sh", ".go", ".json", ".sql", ".ini", ""}
SKIPPED = {"build", ".git", "node_modules", "__pycache__", "subprojects", ".pytest_cache"}
RATCHET = "tests/tidy/ratchet.txt"


class Source(NamedTuple):
    path: str  # from the root, with slashes
    text: str

    @property
    def suffix(self):
        return Path(self.path).suffix

    @property
    def is_cpp(self):
        return self.suffix in CPP

    @property
    def is_test(self):
        return self.path.startswith("tests/")

    @property
    def is_user(self):
        """What stands on the public headers and may use what it likes besides."""
        return self.path.startswith("examples/")

    @property
    def folder(self):
        """`lib/wire`, `daemon`, `tests` ..."""
        parts = self.path.split("/")
        return "/".join(parts[:2]) if parts[0] == "lib" else parts[0]

    @property
    def floor(self):
        return self.folder[4:] if self.folder.startswith("lib/") else ""


class Breach(NamedTuple):
    """A size above its limit. `key` is stable while the code moves."""

    key: str
    value: int
    limit: int


# Reading


def listed_by_git(root):
    command = ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return [name for name in done.stdout.decode().split("\0") if name]


def listed_by_walking(root):
    names = []
    for where, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED]
        names += [os.path.relpath(os.path.join(where, name), root) for name in files]
    return names


def sources(root):
    names = listed_by_git(root) or listed_by_walking(root)
    for name in sorted(set(names)):
        path = Path(root, name)
        in_scope = path.suffix in TEXT and not name.startswith("tests/data/")
        if not in_scope or not path.is_file() or path.is_symlink():
            continue
        try:
            yield Source(name.replace(os.sep, "/"), path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            continue  # not text


def at(source, offset):
    return f"{source.path}:{source.text.count(chr(10), 0, offset) + 1}"


# Floors and dependencies


def includes(source):
    for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', source.text, re.M):
        yield match.group(1) == '"', match.group(2), at(source, match.start())


def check_own_include(source, name, where):
    top = name.split("/")[0] if "/" in name else ""
    if source.is_test:
        return
    if source.floor:
        if top == "heimproxy" and source.floor == "capi":
            return
        if top not in rules.FLOORS:
            yield f'{where}: "{name}" is not rooted at lib/'
        elif source.floor not in rules.FLOORS:
            yield f"{where}: lib/{source.floor} stands on no floor of rules.py"
        elif top != source.floor and top not in rules.FLOORS[source.floor]:
            yield f"{where}: {source.floor}/ may not include {name}"
    elif top not in ("", "heimproxy"):
        yield f"{where}: {source.folder}/ may include public headers only, not {name}"


def check_foreign_include(source, name, where):
    if source.is_test or source.is_user:
        return
    for prefix, folders in rules.DEPENDENCIES:
        if name.startswith(prefix):
            if source.folder not in folders:
                wanted = " and ".join(folders) or "tests"
                yield f"{where}: <{name}> belongs to {wanted}"
            return
    allowed = rules.OUTSIDE_HEADERS.get(name)
    if source.floor in rules.BELOW_THE_LINE and allowed is not None:
        if source.floor not in allowed:
            yield f"{where}: <{name}> below the sans-IO line"


def check_includes(source):
    if not source.is_cpp:
        return
    for own, name, where in includes(source):
        if own:
            yield from check_own_include(source, name, where)
        # A dependency is one whichever way it is quoted.
        yield from check_foreign_include(source, name, where)


def check_outside_calls(source):
    if not source.is_cpp or source.floor not in rules.BELOW_THE_LINE:
        return
    code = scan.without_comments(source.text)
    for pattern, (what, folders) in rules.OUTSIDE_CALLS.items():
        if source.floor in folders:
            continue
        for match in re.finditer(pattern, code):
            line = code.count("\n", 0, match.start()) + 1
            yield f"{source.path}:{line}: {what} below the sans-IO line"


# Words


def check_banned(source):
    if source.is_cpp:
        code = scan.without_comments(source.text)
        for pattern, why in rules.BANNED_CALLS.items():
            for match in re.finditer(pattern, code):
                line = code.count("\n", 0, match.start()) + 1
                call = match.group().strip("( ")
                yield f"{source.path}:{line}: {call} is not used here: it {why}"
    for match in re.finditer(rules.UNFINISHED, source.text):
        yield f"{at(source, match.start())}: unfinished work is written down elsewhere"
    if not source.is_test:
        for match in re.finditer(rules.MACHINE_PATHS, source.text):
            yield f"{at(source, match.start())}: a path of one machine"
    for host in rules.REGISTRY_HOSTS:
        pattern = r"(?<![\w-])" + r"\.".join(host) + r"(?![\w-]|\.\w)"
        for match in re.finditer(pattern, source.text):
            yield f"{at(source, match.start())}: the host name of a package registry"


def check_white_space(source):
    for match in re.finditer(r"[ \t\r]+$", source.text, re.M):
        yield f"{at(source, match.start())}: white space at the end of the line"
    if source.is_cpp or source.suffix == ".py":
        for match in re.finditer(r"\t", source.text):
            yield f"{at(source, match.start())}: a tab"
    if source.text and not source.text.endswith("\n"):
        yield f"{source.path}: no line end at the end"


def check_header(source):
    if source.suffix not in (".hpp", ".h"):
        return
    guard = r"^#ifndef HEIM\w*_H\w*$" if source.suffix == ".h" else r"(?!)"
    if not re.search(r"^#pragma once$", source.text, re.M) and not re.search(
        guard, source.text, re.M
    ):
        yield f"{source.path}: no #pragma once"
    code = scan.without_comments(source.text)
    for match in re.finditer(r"\busing\s+namespace\b", code):
        line = code.count("\n", 0, match.start()) + 1
        yield f"{source.path}:{line}: using namespace in a header"


CHECKS = [check_includes, check_outside_calls, check_banned, check_white_space, check_header]


# Sizes


def file_limit(path):
    if path in rules.FILE_LIMITS:
        return rules.FILE_LIMITS[path]
    if path.startswith("include/") and path.endswith(".hpp"):
        return rules.PUBLIC_CPP_HEADER
    return rules.FILE


def breaches(source):
    """Every size of this file that is above its limit, by key; the largest of one key."""
    found = {}

    def note(key, value, limit):
        if value > limit:
            old = found.get(key)
            found[key] = Breach(key, max(value, old.value if old else 0), limit)

    lines = source.text.split("\n")
    if source.is_cpp or source.suffix == ".py":
        note(f"lines {source.path}", sum(len(line) > rules.LINE for line in lines), 0)
    if source.is_cpp:
        note(f"file {source.path}", len(lines) - 1, file_limit(source.path))
        for function in scan.functions(source.text):
            name = f"{source.path} {function.name}"
            note(f"function {name}", function.length, rules.FUNCTION)
            note(f"complexity {name}", function.complexity, rules.COMPLEXITY)
    return found


def folder_breaches(all_sources):
    """Folders that have more lines of C++ than theirs may have."""
    found = {}
    for folder, limit in rules.FOLDERS.items():
        mine = [source for source in all_sources if source.is_cpp and source.folder == folder]
        lines = sum(source.text.count("\n") for source in mine)
        if lines > limit:
            found[f"folder {folder}"] = Breach(f"folder {folder}", lines, limit)
    return found


def all_breaches(all_sources):
    found = folder_breaches(all_sources)
    for source in all_sources:
        found.update(breaches(source))
    return found


def read_ratchet(text):
    listed = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            value, key = line.split(" ", 1)
            listed[key] = int(value)
    return listed


def compare(now, listed):
    for key, breach in sorted(now.items()):
        if key not in listed:
            yield f"{key}: {breach.value}, and {breach.limit} is the limit"
        elif breach.value > listed[key]:
            yield f"{key}: grew from {listed[key]} to {breach.value} (limit {breach.limit})"
    for key in sorted(set(listed) - set(now)):
        yield f"{key}: within its limit now, so take its line out of {RATCHET}"


def ratchet_text(now):
    head = (
        "# What is larger than rules.py allows, and by how much. This list may only get shorter.\n"
        "# lines: how many are too long. function, file, folder: lines. complexity: McCabe's.\n"
    )
    return head + "".join(f"{now[key].value} {key}\n" for key in sorted(now))


# Program


def report(all_sources):
    functions = []
    for source in all_sources:
        if source.is_cpp:
            functions += [(f.length, f.complexity, f.name, source.path, f.line)
                          for f in scan.functions(source.text)]
    cpp = [source for source in all_sources if source.is_cpp]
    print(f"{len(cpp)} C and C++ files, {sum(s.text.count(chr(10)) for s in cpp)} lines, "
          f"{len(functions)} functions")
    if functions:
        print(f"median length {statistics.median(f[0] for f in functions):g}, "
              f"most complex {max(f[1] for f in functions)}")
    for length, complexity, name, path, line in sorted(functions, reverse=True)[:10]:
        print(f"{length:5} lines  complexity {complexity:3}  {name}  {path}:{line}")


def problems(all_sources, listed):
    for source in all_sources:
        for check in CHECKS:
            yield from check(source)
    yield from compare(all_breaches(all_sources), listed)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--root", default=Path(__file__).resolve().parents[2], type=Path)
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--write-ratchet", action="store_true")
    options = parser.parse_args(arguments)
    all_sources = list(sources(options.root))
    ratchet = options.root / RATCHET
    if options.write_ratchet:
        ratchet.write_text(ratchet_text(all_breaches(all_sources)))
    if options.report:
        report(all_sources)
    listed = read_ratchet(ratchet.read_text()) if ratchet.exists() else {}
    wrong = list(problems(all_sources, listed))
    for line in wrong:
        print(line)
    print(f"tidy: {len(all_sources)} files, {len(listed)} listed breaches, {len(wrong)} problems")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
