"""A small scanner for our own style of C++: comments off, functions found and measured.

It is not a parser. It knows what a brace at namespace or class level opens by looking at the text
between it and the statement before, which is enough for code formatted like ours;
test_tidy.py holds the samples it must get right.
"""

import re
from typing import NamedTuple


class Function(NamedTuple):
    name: str
    line: int  # of the signature's first line, from 1
    length: int  # lines, signature and closing brace included
    complexity: int  # McCabe: 1 + the places where control may part


_LITERALS = re.compile(
    r"""(?P<block>/\*.*?\*/)"""
    r"""|(?P<line>//[^\n]*)"""
    r"""|(?P<raw>R"(?P<mark>[^\s()\\]{0,16})\(.*?\)(?P=mark)")"""
    r"""|(?P<string>"(?:\\.|[^"\\\n])*")"""
    r"""|(?P<char>(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+')""",
    re.S,
)


def without_comments(text):
    """The text with comments blank and literals empty; every line keeps its number."""

    def blank(match):
        lines = "\n" * match.group().count("\n")
        if match.lastgroup in ("block", "line"):
            return " " + lines
        return ("0" if match.group("char") else '""') + lines

    return _LITERALS.sub(blank, text)


def _without_preprocessor(code):
    def blank(match):
        return "\n" * match.group().count("\n")

    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", blank, code, flags=re.M)


def _without_templates(head):
    """Drops `template <...>` and `requires` clauses' angle brackets at the front."""
    match = re.match(r"\s*template\s*<", head)
    while match:
        depth, at = 1, match.end()
        while at < len(head) and depth:
            depth += {"<": 1, ">": -1}.get(head[at], 0)
            at += 1
        head = head[at:]
        match = re.match(r"\s*template\s*<", head)
    return head


def _flat(head):
    """The head without what stands in parentheses: `f(int a = 1) : x_(2)` -> `f() : x_()`."""
    out, depth = [], 0
    for char in head:
        if char == ")":
            depth -= 1
        if depth == 0:
            out.append(char)
        if char == "(":
            depth += 1
    return "".join(out), depth


def _kind(head):
    """What a brace after `head` opens: scope, function, or value (skipped)."""
    head = _without_templates(head).strip()
    head = re.sub(r"\[\[[^\]]*\]\]|\balignas\s*\([^)]*\)", " ", head)
    flat, depth = _flat(head)
    if depth > 0:
        return "value"  # an argument in the middle of a call or declaration
    flat = re.sub(r"operator\s*(?:\(\)|[^\s\w(]+)", "operator_", flat)
    if re.match(r'(?:inline\s+)?namespace\b|extern\s*""', flat):
        return "scope"
    assigned = re.search(r"(?<![=!<>])=(?!=)", flat)
    if assigned:
        tail = flat[assigned.end():]
        return "function" if re.match(r"\s*\[[^\]]*\]", tail) and "(" in tail else "value"
    if "(" not in flat:
        return "scope" if re.search(r"\b(?:class|struct|union|enum)\b", flat) else "value"
    if re.search(r"\)\s*(?:noexcept\s*)?(?:\(\)\s*)?:(?!:)", flat) and re.search(r"[\w>]$", flat):
        return "value"  # `: member{` of a constructor
    return "function"


def _name(head, original):
    head = _without_templates(head)
    match = re.search(r"((?:[\w~]+\s*::\s*)*(?:operator\s*[^\s(]+|[\w~]+))\s*\(", head)
    name = re.sub(r"\s+", "", match.group(1)) if match else "?"
    assigned = re.search(r"(\w+)\s*=\s*\[", head)
    if assigned:
        return assigned.group(1)
    if name in ("TEST_CASE", "TEST_CASE_FIXTURE", "SCENARIO"):
        label = re.search(r'"((?:\\.|[^"\\])*)"', original)
        return name + '("' + (label.group(1) if label else "") + '")'
    return name


# `&&` after white space is the operator; `T&&` is a reference.
_BRANCH = re.compile(r"\b(?:if|for|while|case|catch)\b|(?<=\s)&&|\|\||\?(?!\?)|\b(?:and|or)\b")


def _closing(code, at):
    """Index of the brace that closes the one at `at` (or the end)."""
    depth = 0
    for index in range(at, len(code)):
        if code[index] == "{":
            depth += 1
        elif code[index] == "}":
            depth -= 1
            if depth == 0:
                return index
    return len(code) - 1


def functions(text):
    """Every function with a body in a C or C++ file."""
    code = _without_preprocessor(without_comments(text))
    lines = text.split("\n")
    found, start, at = [], 0, 0
    while at < len(code):
        char = code[at]
        if char in ";}":
            start = at + 1
        elif char == ":" and re.search(r"\b(?:public|private|protected)\s*$", code[start:at]):
            start = at + 1
        elif char == "{":
            head = code[start:at]
            kind = _kind(head)
            if kind == "scope":
                start = at + 1
            else:
                end = _closing(code, at)
                if kind == "function":
                    found.append(_measure(code, lines, start, at, end))
                    start = end + 1
                at = end
        at += 1
    return found


def _measure(code, lines, start, brace, end):
    begin = start + len(code[start:brace]) - len(code[start:brace].lstrip())
    first = code.count("\n", 0, begin)
    last = code.count("\n", 0, end)
    original = "\n".join(lines[first:code.count("\n", 0, brace) + 1])
    branches = len(_BRANCH.findall(code[brace:end]))
    name = _name(code[begin:brace], original)
    return Function(name, first + 1, last - first + 1, branches + 1)
