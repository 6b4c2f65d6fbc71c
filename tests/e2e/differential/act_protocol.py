"""Parse, Bind, Describe, Execute, Close, Sync, Flush, FunctionCall: as no driver mixes them."""

import struct

INT4, INT8, TEXT, BOOL, FLOAT8 = 23, 20, 25, 16, 701

NAMES = ["p1", "p2", "q1", "P1"]
PORTALS = ["", "", "o1", "o2", "c1"]
# Statement, the types Parse may name, the values Bind gives: (type, text).
STATEMENTS = [
    ("select 1 as one", []),
    ("select $1::int + 1", [(INT4, "41")]),
    ("select id, v from t where id <= $1 order by id", [(INT4, "4")]),
    ("select * from t order by id", []),
    ("select i, i % 2 = 0, i::float8 / 3 from generate_series(1, least($1, 8)) i", [(INT4, "8")]),
    ("select $1::text, $2::int8", [(TEXT, "text"), (INT8, "12345678901")]),
    ("insert into t (id, v) values ($1, $2) on conflict (id) do update set v = excluded.v"
     " returning id, v", [(INT4, "20"), (TEXT, "bound")]),
    ("update t set v = $1 where id = $2", [(TEXT, "set"), (INT4, "2")]),
    ("select current_setting($1, true)", [(TEXT, "my.x")]),
    ("select set_config($1, $2, $3)", [(TEXT, "my.x"), (TEXT, "bound"), (BOOL, "f")]),
    ("select set_config($1, $2, false)", [(TEXT, "datestyle"), (TEXT, "German")]),
    ("set datestyle = 'SQL, DMY'", []),
    ("show datestyle", []),
    ("begin", []),
    ("commit", []),
    ("rollback", []),
    ("select 1/$1::int", [(INT4, "0")]),
    ("select date '2024-02-03' + $1::int", [(INT4, "1")]),
    ("select current_user, current_schemas(false)", []),
    # Of a name that the protocol never gives: a statement that executes itself has no end.
    ('execute "Q 3"', []),
    ("prepare q2 as select 2", []),
    ("deallocate q2", []),
    ("discard all", []),
    ("", []),
    ("select $1::timestamptz", [(TEXT, "2024-07-01 12:00:00+00")]),
    ("declare c1 cursor with hold for select i from generate_series(1, 9) i", []),
    ("fetch 2 from c1", []),
    ("selec 1", []),
    ("select 1; select 2", []),
]  # fmt: skip
BINARY = {
    INT4: lambda text: struct.pack("!i", int(text)),
    INT8: lambda text: struct.pack("!q", int(text)),
    BOOL: lambda text: struct.pack("!?", text == "t"),
    FLOAT8: lambda text: struct.pack("!d", float(text)),
    TEXT: str.encode,
}


def _track(g, sql):
    """The guess at the transaction's state, after a statement of the list above."""
    if sql == "begin":
        g.tx = "open" if g.tx == "idle" else g.tx
    elif sql in ("commit", "rollback"):
        g.tx = "idle"
    elif "1/$1" in sql or sql == "selec 1":
        g.fail()


def unnamed(g, sql):
    """Parse to Execute of a statement without parameters."""
    describe = g.pick([], [["D", "P", ""]], [["D", "P", ""]], [["D", "S", ""]])
    formats = g.pick([], [], [0], [1])
    if describe and describe[0][1] == "S":
        return [["P", "", sql], *describe, ["B", "", "", [], [], formats], ["E", ""]]
    return [["P", "", sql], ["B", "", "", [], [], formats], *describe, ["E", ""]]


def parse(g, name, statement):
    sql, values = statement
    types = g.pick([], [kind for kind, _ in values], [0] * len(values))
    return ["P", name, sql, types]


def bind(g, portal, name, statement):
    """Values as text or binary; now and then NULL, or one too few."""
    values, formats, data = statement[1], [], []
    for kind, text in values:
        binary = g.chance(0.35)
        formats.append(int(binary))
        value = BINARY[kind](text) if binary else text.encode()
        data.append(None if g.chance(0.05) else value.hex())
    if data and g.chance(0.03):
        data.pop()
        formats.pop()
        g.fail()
    if not any(formats) and g.chance(0.5):
        formats = []
    return ["B", portal, name, formats, data, g.pick([], [], [0], [1])]


def prepared(g):
    """One name, from Parse to Close, over one Sync or several, other work in between."""
    name = g.pick(*NAMES, "")
    statement = g.pick(*STATEMENTS)
    parts = []
    if g.chance(0.7):
        parts.append([parse(g, name, statement)])
        if g.chance(0.4):
            parts[-1].append(["D", "S", name])
    for _ in range(g.rng.choice([0, 1, 1, 2])):
        _track(g, statement[0])
        used = [bind(g, "", name, statement), ["E", "", g.pick(0, 0, 0, 2)]]
        if g.chance(0.4):
            used.insert(1, ["D", "P", ""])
        parts.append(used)
    if g.chance(0.25):
        parts.append([["C", "S", g.pick(name, *NAMES)]])
    if g.chance(0.1):
        parts.append([["D", "S", g.pick(*NAMES)]])
    if g.chance(0.5):
        yield [message for part in parts for message in part] + [["S"]]
    else:
        for part in parts:
            yield [*part, ["S"]]


def portals(g):
    """Row limits, several portals at once, and what is left of them after a Sync."""
    if g.tx == "idle" and g.chance(0.6):
        g.tx = "open"
        yield "begin"
    name, portal = g.pick("", "p1"), g.pick(*PORTALS)
    statement = g.pick(*[one for one in STATEMENTS if "order by" in one[0] or "series(" in one[0]])
    opening = [parse(g, name, statement), bind(g, portal, name, statement)]
    if g.chance(0.4):
        opening.append(["D", "P", portal])
    opening.append(["E", portal, g.rng.randint(1, 3)])
    yield opening + g.pick([["S"]], [["E", portal, 2], ["S"]])
    for _ in range(g.rng.randint(0, 3)):
        # Not the unnamed one: after a simple query that failed, it holds what that one left of
        # itself, and PostgreSQL 15 may crash over it.
        other = g.pick(portal or "o1", *PORTALS[2:])
        yield g.pick(
            [["E", other, 2], ["S"]],
            [["E", other, 0], ["S"]],
            [["C", "P", other], ["S"]],
            [["D", "P", other], ["E", other, 1], ["S"]],
        )


def pipelines(g):
    """Several statements sent at once; an error skips to the next Sync, and no further."""
    messages = []
    for _ in range(g.rng.randint(2, 6)):
        statement = g.pick(*STATEMENTS)
        name = g.pick("", "", "p1", "p2")
        _track(g, statement[0])
        if g.chance(0.8):
            messages.append(parse(g, name, statement))
        messages += [bind(g, "", name, statement), ["E", "", 0]]
        if name and g.chance(0.5):
            messages.append(["C", "S", name])
        if g.chance(0.35):
            messages += [["S"]] * g.pick(1, 1, 2)
    yield [*messages, ["S"]]


def flushed(g):
    """Answers come at a Flush, before any Sync."""
    name = g.pick("", "p1")
    statement = g.pick(*STATEMENTS)
    _track(g, statement[0])
    wait = [["H"], ["wait", "flush"]]
    yield [
        parse(g, name, statement),
        ["D", "S", name],
        *wait,
        bind(g, "", name, statement),
        *(wait if g.chance(0.5) else []),
        ["E", "", 0],
        *(wait if g.chance(0.5) else []),
        ["S"],
    ]


def _text(value):
    return value.encode().hex()


def function_calls(g):
    """int4pl, upper, set_config, current_setting, a function that is not there."""
    yield g.pick(
        [["F", 177, [1], ["00000002", "00000003"], 1]],
        [["F", 177, [], [_text("20"), _text("22")], 0]],
        [["F", 871, [0], [_text("upper")], 0]],
        [["F", 2078, [0], [_text("my.x"), _text("called"), _text("f")], 0]],
        [["F", 2078, [0], [_text("datestyle"), _text("SQL"), _text("f")], 0]],
        [["F", 2077, [], [_text("datestyle")], 0]],
        [["F", 2077, [], [_text("my.x")], 0]],
        [["F", 999999, [], [], 0]],
    )
