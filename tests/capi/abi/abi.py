"""The C ABI, compared with the dump of it that is kept here.

    abi.py check HEADER_DIRECTORY VERSION_SCRIPT SONAME DUMP
    abi.py write HEADER_DIRECTORY VERSION_SCRIPT SONAME DUMP
    abi.py self-test HEADER_DIRECTORY VERSION_SCRIPT SONAME

What is added passes: functions, enumerators, fields at the end of structs that say their size. What
is removed or changed fails. The library itself holds the engine's types too; so the ABI is read
from a library of the headers' own declarations, with empty bodies: that the real one exports just
these is what symbols.py sees to.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMPILER = [*os.environ.get("CC", "cc").split(), "-std=c99", "-g", "-fPIC", "-shared", "-w"]
GROWN = r"  type size changed .*|  \d+ data member insertions?:|    '[^']+', at offset .*"


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def bodies(headers):
    """The declarations of the headers' functions, as definitions."""
    found = re.findall(r"^HEIM_API\b[^;]*;", without_comments(headers), re.M)
    return "\n".join(declared[:-1] + " { for (;;) {} }" for declared in found)


def build(include, script, soname, directory):
    """A library of what the C headers in `include` declare."""
    paths = sorted(Path(include).rglob("*.h"))
    lines = [f'#include "{path.relative_to(include)}"\n' for path in paths]
    text = "".join(path.read_text(encoding="utf-8") for path in paths)
    source, library = Path(directory) / "abi.c", Path(directory) / "abi.so"
    source.write_text("".join(lines) + bodies(text), encoding="utf-8")
    link = [f"-Wl,--version-script={script}", f"-Wl,-soname,{soname}", "-nostdlib"]
    subprocess.run([*COMPILER, f"-I{include}", *link, "-o", library, source], check=True)
    return library


def dump(include, script, soname, out):
    with tempfile.TemporaryDirectory() as directory:
        library = build(include, script, soname, directory)
        options = ["--no-show-locs", "--no-corpus-path", "--no-comp-dir-path"]
        subprocess.run(["abidw", *options, "--out-file", out, library], check=True)
    # Nothing of where it was made.
    text = re.sub(r"path='[^']*'", "path='abi.c'", Path(out).read_text(encoding="utf-8"))
    Path(out).write_text(text, encoding="utf-8")


def growing(old):
    """The structs of a dump that say their size: they may grow at their end."""
    structs = re.findall(r"<class-decl name='(\w+)'[^>]*[^/]>(.*?)</class-decl>", old, re.S)
    return {name for name, body in structs if "name='struct_size'" in body}


def only_grown(paragraph, may):
    """Whether abidiff tells here of a struct that may grow, and did, at its end."""
    head, *lines = paragraph.splitlines()
    struct = re.match(r"'struct (\w+)' changed:", head)
    return struct and struct[1] in may and all(re.fullmatch(GROWN, line) for line in lines)


def breaks(old, new):
    """What abidiff says was removed or changed; "" if nothing was."""
    argv = ["abidiff", "--leaf-changes-only", "--no-added-syms", old, new]
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode & 3:  # abidiff itself failed
        raise RuntimeError(done.stderr)
    if done.returncode == 0:
        return ""
    may = growing(Path(old).read_text(encoding="utf-8"))
    _summary, *paragraphs = re.split(r"\n\n(?=\S)", done.stdout.strip())
    return "\n\n".join(each for each in paragraphs if not only_grown(each, may))


def check(include, script, soname, old):
    with tempfile.TemporaryDirectory() as directory:
        new = Path(directory) / "new.abi"
        dump(include, script, soname, new)
        said = breaks(old, new)
        grown = new.read_text() != Path(old).read_text()
    if said:
        print(said)
        print(f"The ABI is not the one of {Path(old).name}: see tests/capi/abi/README.md.")
        return 1
    print("grown, and compatible" if grown else "the same")
    return 0


# What a change of the header is to be told as: (name, text, its replacement, whether it breaks).
CHANGES = [
    ("nothing", "", "", False),
    ("a function more", "#ifdef __cplusplus\n}", "HEIM_API int heim_more(void);\n"
     "#ifdef __cplusplus\n}", False),
    ("a function less", "HEIM_API const char* heim_version_string(void);", "", True),
    ("another type of a parameter", "heim_proxy_wait(heim_proxy* proxy, uint64_t timeout_ns",
     "heim_proxy_wait(heim_proxy* proxy, uint32_t timeout_ns", True),
    ("another result", "HEIM_API size_t heim_result_rows(", "HEIM_API int heim_result_rows(", True),
    ("a parameter more", "heim_session_cancel(heim_session* session,",
     "heim_session_cancel(heim_session* session, int how,", True),
    ("a field at the end of options", "  uint32_t sidecar;\n", "  uint32_t sidecar;\n"
     "  uint32_t more;\n", False),
    ("a field in the midst of options", "  uint32_t seats;\n", "  uint32_t more;\n"
     "  uint32_t seats;\n", True),
    ("a field less", "  uint32_t sidecar;\n", "", True),
    ("a larger heim_error", "char message[502];", "char message[1014];", True),
    ("a field at the end, and one in the midst", "  uint32_t streamed;",
     "  uint32_t more;\n  uint32_t streamed;\n  uint32_t end;", True),
    ("an enumerator more", "  HEIM_STOP_NOW = 2, ", "  HEIM_STOP_NOW = 2, HEIM_STOP_SOON = 3, ",
     False),
    ("an enumerator of another value", "  HEIM_KIND_COPY_OUT = 4,", "  HEIM_KIND_COPY_OUT = 5,",
     True),
    ("an enumerator less", "  HEIM_KIND_COPY_OUT = 4,", "", True),
    ("a status of another value", 'X(CLOSED, -9, ', 'X(CLOSED, -19, ', True),
    ("a callback's parameter", "(*heim_done_callback)(void* user_data)",
     "(*heim_done_callback)(void* user_data, int why)", True),
]


def self_test(include, script, soname):
    wrong = 0
    where = Path("heimproxy/heimproxy.h")
    header = (Path(include) / where).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        changed = Path(directory) / "include"
        shutil.copytree(include, changed)
        old, new = Path(directory) / "old.abi", Path(directory) / "new.abi"
        dump(include, script, soname, old)
        for name, text, replacement, should in CHANGES:
            if text not in header:
                print(f"{name}: the header has no '{text}' any more")
                wrong += 1
                continue
            (changed / where).write_text(header.replace(text, replacement, 1))
            dump(changed, script, soname, new)
            if bool(breaks(old, new)) != should:
                print(f"{name}: {'passes' if should else 'fails'}, and should not")
                wrong += 1
    print(f"{len(CHANGES)} changes, {wrong} told wrongly")
    return 1 if wrong else 0


def main():
    what, *arguments = sys.argv[1:]
    return {"check": check, "write": dump, "self-test": self_test}[what](*arguments)


if __name__ == "__main__":
    sys.exit(main())
