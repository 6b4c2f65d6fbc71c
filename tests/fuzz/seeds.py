#!/usr/bin/env python3
"""Writes the first inputs of the fuzzers: seeds.py DIRECTORY makes DIRECTORY/<fuzzer>/<case>.

Files in tests/data/fuzz/<fuzzer>/ are copied beside them: what a fuzzer found stays found.
"""

import re
import shutil
import struct
import sys
from pathlib import Path


def message(tag, body=b""):
    return tag.encode() + struct.pack(">I", 4 + len(body)) + body


def startup(code, body=b""):
    return struct.pack(">II", 8 + len(body), code) + body


def string(text):
    return text.encode() + b"\0"


PARAMETERS = string("user") + string("joe") + string("database") + string("shop")
STARTUP = {
    "v3": startup(0x30000, PARAMETERS + b"\0"),
    "v32-options": startup(0x30002, PARAMETERS + string("_pq_.x") + string("on") + b"\0"),
    "v39": startup(0x30009, PARAMETERS + b"\0"),
    "v2": startup(0x20000, PARAMETERS + b"\0"),
    "ssl": startup(80877103),
    "gssenc": startup(80877104),
    "cancel": startup(80877102, struct.pack(">I", 77) + b"key!"),
    "cancel-long": startup(80877102, struct.pack(">I", 77) + b"k" * 32),
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "tls-hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}

ERROR = b"SERROR\0VERROR\0C42601\0Msyntax error\0P1\0\0"
COLUMN = string("a") + struct.pack(">IHIHIH", 0, 0, 23, 4, 0xFFFFFFFF, 0)
FROM_CLIENT = {
    "simple": message("Q", string("select 1")) + message("X"),
    "extended": message("P", string("s") + string("select $1") + struct.pack(">HI", 1, 23))
    + message("B", string("") + string("s") + struct.pack(">HHI", 0, 1, 2) + b"42\0\0")
    + message("D", b"P" + string("")) + message("E", string("") + b"\0\0\0\0")
    + message("C", b"S" + string("s")) + message("H") + message("S"),
    "copy": message("d", b"1\t2\n") + message("c") + message("f", string("no")),
    "login": message("p", string("SCRAM-SHA-256") + struct.pack(">I", 3) + b"n,,"),
    "call": message("F", struct.pack(">IHHIH", 1, 0, 1, 0xFFFFFFFF, 0)),
}
FROM_SERVER = {
    "login": message("R", struct.pack(">I", 10) + string("SCRAM-SHA-256") + b"\0")
    + message("R", b"\0\0\0\0") + message("S", string("TimeZone") + string("UTC"))
    + message("K", struct.pack(">I", 7) + b"key!") + message("Z", b"I"),
    "rows": message("T", b"\0\1" + COLUMN) + message("D", b"\0\1\0\0\0\1" + b"7")
    + message("D", b"\0\1\xff\xff\xff\xff") + message("C", string("SELECT 2")) + message("Z", b"T"),
    "extended": message("1") + message("2") + message("t", b"\0\1\0\0\0\x17") + message("n")
    + message("s") + message("3") + message("I"),
    "error": message("E", ERROR) + message("N", ERROR) + message("Z", b"E"),
    "copy": message("G", b"\0\0\1\0\0") + message("H", b"\0\0\1\0\0") + message("W", b"\0\0\0")
    + message("d", b"x") + message("c"),
    "other": message("A", struct.pack(">I", 7) + string("channel") + string("payload"))
    + message("V", b"\xff\xff\xff\xff") + message("v", struct.pack(">II", 0x30002, 0)),
}


def frames():
    """The first byte says which side and whether to write or to read; seven choose the cuts."""
    cuts = b"\1\5\2\0\7\3\x20"
    for side, cases in ((1, FROM_CLIENT), (0, FROM_SERVER)):
        for name, stream in cases.items():
            yield f"{'client' if side else 'server'}-{name}", bytes([side]) + cuts + stream
            yield f"{'client' if side else 'server'}-made-{name}", bytes([side | 2]) + stream


CONSOLE = [
    "SHOW POOLS;", "show  stats_totals", "PAUSE \"my db\"", "KILL_CLIENT 12", "SET a.b = 'c''d';",
    "/* a */ RESUME -- b", "SHUTDOWN WAIT_FOR_CLIENTS", "SELECT version();", "", ";", "BEGIN",
]


def console():
    """Texts, which are also put into a Query; and whole conversations."""
    for number, text in enumerate(CONSOLE):
        yield f"text-{number:02}", text.encode()
        yield f"query-{number:02}", message("Q", string(text))
    for name, stream in FROM_CLIENT.items():
        yield name, stream
    bind = message("B", string("") * 2 + b"\0\0" * 2 + b"\0\1\0\1")
    yield "pools", (message("P", string("") + string("SHOW POOLS") + b"\0\0") + bind
                    + message("D", b"P" + string("")) + message("E", string("") + b"\0\0\0\1")
                    + message("S"))


STATE = {
    # Bytes that choose: how many items, and of each its name and value; then options.
    "two-lists": b"\2\0\3joe\3\4a.b1\0\0" + b"\2\1\3sue\10\2p1\6PREPAR\0\0",
    "options": b"\0\0-c datestyle=iso --search-path=a\\ b",
    "statement-option": b"\0\0-c \1x=y",
    "row": b"\0\0\0\4\0\0\0\1g\0\0\0\1a\0\0\0\1b\xff\xff\xff\xff",
    "row-zero": b"\0\0\0\4\0\0\0\1n\0\0\0\1\0\0\0\0\1b\xff\xff\xff\xff",
}


RESP = {
    "resp2": b"+OK\r\n-ERR no\r\n:7\r\n$3\r\nfoo\r\n$-1\r\n*2\r\n:1\r\n*0\r\n",
    "resp3": b"%1\r\n+a\r\n|1\r\n+x\r\n_\r\n#t\r\n,1.5\r\n(12\r\n!3\r\nERR\r\n=5\r\ntxt:a\r\n",
    "push": b">3\r\n+message\r\n+c\r\n$1\r\nx\r\n~1\r\n:1\r\n",
    "fleet": b"HPF1" + struct.pack("<Q1sQQQQQ", 1, b"a", 2, 3, 4, 31, 5)
    + struct.pack("<QQQQ", 1, 6, 7, 8)
    + struct.pack("<QQQQQ1sQ1s", 1, 0, 9, 1, 1, b"d", 1, b"t"),
}


def pgoutput():
    """Streams of logical replication, each message with its length in two bytes in front."""
    u32, u64 = (lambda x: struct.pack(">I", x)), (lambda x: struct.pack(">Q", x))
    row = b"\0\1t\0\0\0\0017"
    end = b"\0" + u64(92) + u64(100) + u64(0)
    begin, part = b"B" + u64(90) + u64(0) + u32(5), u32(5)

    def named(part=b""):
        column = b"\1" + string("id") + u32(23) + u32(0xFFFFFFFF)
        return b"R" + part + u32(1) + string("public") + string("t") + b"d\0\1" + column

    def changes(part=b""):
        yield named(part)
        yield b"Y" + part + u32(9) + string("public") + string("mood")
        yield b"I" + part + u32(1) + b"N" + row
        yield b"U" + part + u32(1) + b"K" + row + b"N" + row
        yield b"D" + part + u32(1) + b"O" + row
        yield b"T" + part + u32(1) + b"\0" + u32(1)
        yield b"M" + part + b"\1" + u64(50) + string("heimproxy.ddl") + u32(1) + b"x"

    def stream(*messages):
        return b"".join(struct.pack(">H", len(each)) + each for each in messages)

    yield "whole", stream(begin, b"O" + u64(1) + string("o"), *changes(), b"C" + end)
    yield "parts", stream(b"S" + part + b"\1", *changes(part), b"E", b"c" + part + end)
    yield "aborted", stream(b"S" + part + b"\1", *changes(part), b"E", b"A" + part + part)
    yield "snapshot", b"10:20:10,14,15"


def sql():
    """The texts of the unit tests' case files, one a seed."""
    folder = Path(__file__).resolve().parents[1] / "data" / "sql"
    for path in sorted(folder.glob("*.cases")):
        texts = re.split(r"(?:^(?:  |#).*\n?)+", path.read_text(), flags=re.M)
        for number, text in enumerate(filter(None, texts)):
            yield f"{path.stem}-{number:03}", text.rstrip("\n").encode()


def main():
    out = Path(sys.argv[1])
    cases = {
        "frames": dict(frames()),
        "startup": STARTUP,
        "console": dict(console()),
        "sql_lexer": dict(sql()),
        "sql_analyse": dict(sql()),
        "sql_scan": dict(sql()),
        "state": STATE,
        "resp": RESP,
        "pgoutput": dict(pgoutput()),
    }
    for fuzzer, files in cases.items():
        (out / fuzzer).mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (out / fuzzer / name).write_bytes(content)
    kept = Path(__file__).resolve().parents[1] / "data" / "fuzz"
    if kept.is_dir():
        shutil.copytree(kept, out, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
