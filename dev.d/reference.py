#!/usr/bin/env python3
"""Makes the API reference out of the public headers: c.md and cpp.md.

    reference.py HEADER_DIRECTORY OUT_DIRECTORY

The headers are the reference; this makes pages of them that can be read in a browser. Of C: a
chapter for each of a header's sections, an entry for each declaration with the comment above it. Of
C++: each class as it may be used, without what is private and without bodies.
"""

import re
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

DETAIL = r"^namespace detail \{.*?^\}  // namespace detail"
CPP_HEADERS = ["heimproxy.hpp", "config.hpp", "session.hpp", "result.hpp", "parameter.hpp",
               "backend.hpp", "router.hpp", "core.hpp"]


class Entry(NamedTuple):
    """A declaration, or several that one comment is about. Without names: prose."""

    names: list
    code: str
    text: str


# Headers of C


PIECE = re.compile(
    r"/\*(?P<comment>.*?)\*/"
    r"|(?P<define>^#define (?P<macro>\w+)(?:[^\n]*\\\n)*[^\n]*)"
    r"|(?P<declaration>^(?:typedef|HEIM_API)\b(?:[^;{]|\{[^}]*\})*;[^\n]*)"
    r"|(?P<gap>\n\n)",
    re.S | re.M,
)


def plain(comment):
    """A comment's words without its stars."""
    lines = [re.sub(r"^ ?\* ?", "", line.strip(" ")) for line in comment.strip().splitlines()]
    return "\n".join(line.rstrip() for line in lines)


def name_of(declaration):
    """What a declaration declares."""
    bare = re.sub(r"/\*.*?\*/", "", declaration, flags=re.S)
    if bare.startswith("HEIM_API"):
        return re.search(r"\b(heim_\w+)\(", bare).group(1)
    callback = re.search(r"\(\*(heim_\w+)\)\(", bare)
    return callback.group(1) if callback else re.findall(r"(heim_\w+);", bare)[-1]


def sections(header):
    """(title, entries) of each section of a C header; before the first, there is no title."""
    body = header[header.index('extern "C" {') : header.rindex("#ifdef __cplusplus")]
    found, text, fresh = [("", [])], "", False
    for piece in PIECE.finditer(body):
        if piece["comment"] is not None:
            title = re.fullmatch(r" -+ (.*?) -+ ", piece["comment"])
            if text and fresh:
                found[-1][1].append(Entry([], "", text))
            if title:
                found.append((title[1], []))
            text, fresh = ("", False) if title else (plain(piece["comment"]), True)
        elif piece["gap"]:
            if text and fresh:
                found[-1][1].append(Entry([], "", text))
            text, fresh = "", False
        else:
            name = piece["macro"] or name_of(piece["declaration"])
            code, entries = piece.group().strip(), found[-1][1]
            if text and not fresh:  # one more that the comment above is about
                last = entries.pop()
                entries.append(Entry([*last.names, name], f"{last.code}\n{code}", last.text))
            else:
                entries.append(Entry([name], code, text))
            fresh = False
    return found


def paragraphs(text):
    return re.sub(r"(?<!\n)\n(?![\n ])", " ", text)


def c_page(header):
    intro = plain(re.match(r"/\*(.*?)\*/", header, re.S)[1])
    out = [f"# {intro.split()[0]}", "```text\n" + intro + "\n```"]
    for title, entries in sections(header):
        out += [f"## {title}"] if title else []
        for entry in entries:
            if entry.names:
                out.append("### " + ", ".join(f"`{name}`" for name in entry.names))
                out.append("```c\n" + entry.code + "\n```")
            if entry.text:
                out.append(paragraphs(entry.text))
    return "\n\n".join(out) + "\n"


# The headers of C++


def closing(text, at):
    """Behind the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return i + 1
    raise ValueError("a bracket stays open")


def without_bodies(text):
    """Members as they are declared."""
    out, at = "", 0
    for match in re.finditer(r"\)((?: const| noexcept| override| &{1,2}|\s*->\s*[^;{]+?)*)"
                             r"(\s*:\s[^;{]*(?:\{[^}]*\}[^;{]*)*?)?\s*\{", text):
        if match.start() < at:
            continue
        out += text[at : match.start()] + ")" + match[1] + ";"
        at = closing(text, match.end() - 1)
    return out + text[at:]


def public_part(kind, body):
    """What of a class may be used."""
    parts = re.split(r"^ *(public|private):\n", body, flags=re.M)
    public = parts[0] if kind == "struct" else ""
    for which, text in zip(parts[1::2], parts[2::2]):
        public += text if which == "public" else ""
    return public


def classes(header):
    """(name, comment, code) of each class of the namespace, but for its details."""
    text = re.sub(DETAIL, "", header, flags=re.S | re.M)
    pattern = re.compile(r"((?:^///[^\n]*\n)*)((?:^template[^\n]*\n)?"
                         r"^(class|struct) (?:\[\[\w+\]\] )?([\w:]+)[^;{\n]*)\{", re.M)
    for match in pattern.finditer(text):
        comment = " ".join(line[3:].strip() for line in match[1].splitlines())
        end = closing(text, match.end() - 1)
        public = public_part(match[3], text[match.end() : end - 1])
        code = textwrap.indent(textwrap.dedent(without_bodies(public).strip("\n")), "  ")
        access = " public:\n" if match[3] == "class" else ""
        yield match[4], comment, f"{match[2]}{{\n{access}{code}\n}};"


def names(headers):
    """What of the namespace is no class: names of types, and constants."""
    pattern = re.compile(r"(?:^///[^\n]*\n)*^(?:using \w+ =|inline constexpr)[^;]*;", re.M)
    return "\n".join(match[0] for header in headers for match in pattern.finditer(header))


def cpp_page(headers):
    first = re.match(r"(?://[^\n]*\n)+", headers[0])[0]
    intro = "\n".join(line[3:] for line in first.splitlines())
    out = ["# heimproxy.hpp", "```text\n" + intro + "\n```"]
    out += ["## Names", "```cpp\n" + names(headers) + "\n```"]
    for header in headers:
        for name, comment, code in classes(header):
            out += [f"## `{name}`", *([comment] if comment else []), "```cpp\n" + code + "\n```"]
    return "\n\n".join(out) + "\n"


def main():
    include, out = Path(sys.argv[1]) / "heimproxy", Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    of_c = sorted(include.glob("*.h"), key=lambda path: (path.name != "heimproxy.h", path.name))
    pages = [c_page(path.read_text()) for path in of_c if path.name != "export.h"]
    (out / "c.md").write_text("\n".join(pages))
    headers = [(include / name).read_text() for name in CPP_HEADERS]
    (out / "cpp.md").write_text(cpp_page(headers))


if __name__ == "__main__":
    sys.exit(main())
