"""The reference that is made from the headers has all that is in them, and nothing else.

    reference.py SOURCE WORKING_DIRECTORY
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


def in_c(headers):
    """Functions, types and macros of the C headers."""
    text = without_comments(headers)
    names = set(re.findall(r"^HEIM_API\b[^;]*?\b(heim_\w+)\(", text, re.M))
    types = r"^typedef[^;{]*?(?:\{[^}]*\}\s*|\(\*|\s)(heim_\w+)(?=;|\)\()"
    macros = set(re.findall(r"^#define (HEIM_\w+)", text, re.M)) - {"HEIM_STATUS_ENTRY"}
    return names | set(re.findall(types, text, re.M)) | macros


def in_cpp(headers):
    """Public classes of the headers of C++."""
    detail = r"^namespace detail \{.*?^\}  // namespace detail"
    text = re.sub(detail, "", headers, flags=re.S | re.M)
    return set(re.findall(r"^(?:class|struct) (?:\[\[\w+\]\] )?([\w:]+)[^;{]*\{", text, re.M))


def headings(page, level):
    found = re.findall(rf"^{level} (.*)$", page, re.M)
    return {name for heading in found for name in re.findall(r"`([^`]+)`", heading)}


def make(source, include, out):
    subprocess.run([sys.executable, source / "dev.d/reference.py", include, out], check=True)
    return (out / "c.md").read_text(), (out / "cpp.md").read_text()


def compare(page, has, should):
    wrong = sorted(has ^ should)
    if wrong:
        raise SystemExit(f"{page}: {', '.join(wrong)}: in the headers or the reference alone")
    return len(has)


def main():
    source, directory = map(Path, sys.argv[1:])
    include = source / "include"
    headers = {path.name: path.read_text() for path in (include / "heimproxy").iterdir()}
    with tempfile.TemporaryDirectory(dir=directory) as out:
        c, cpp = make(source, include, Path(out))
    del headers["export.h"]
    all_c = "".join(headers[name] for name in headers if name.endswith(".h"))
    all_cpp = "".join(headers[name] for name in headers if name.endswith(".hpp"))
    total = compare("c.md", headings(c, "###"), in_c(all_c))
    total += compare("cpp.md", headings(cpp, "##"), in_cpp(all_cpp))
    for page in (c, cpp):
        assert page.count("```") % 2 == 0
    # Declarations only: nothing of what functions do, nothing private.
    for word in ("return", "handle_", "private:"):
        code = "".join(re.findall(r"```cpp\n(.*?)```", cpp, re.S))
        assert not re.search(rf"\b{word}", without_comments(code)), word
    # What a comment says stands beside what it is about.
    assert re.search(r"### `heim_session_cancel`\n\n```c\n[^`]*```\n\nAsks the server to cancel", c)
    assert re.search(r"## `Transaction`\n\nRolls back unless it was committed", cpp)
    print(f"{total} names")


if __name__ == "__main__":
    main()
