"""COPY both ways, whole and broken, in a simple query and in the extended protocol."""

ROWS = "101\tcopied\n102\t\\N\n103\tx y\n"
BAD = "104\tgood\nnot a number\tbad\n"


def copies(g):
    yield g.pick(_in, _in, _in, _out)(g)
    if g.chance(0.6):
        yield f"select id, v from {g.schema}.t where id > 100 order by id"


def _sql(g):
    return g.pick(
        f"copy {g.schema}.t (id, v) from stdin",
        "copy t (id, v) from stdin",
        f"copy {g.schema}.t (id, v) from stdin with (format text)",
        "COPY no_such_table FROM STDIN",
        f"set my.x = 'copy'; copy {g.schema}.t (id, v) from stdin; show my.x",
        f"copy tmp1 (a, b) from stdin",
    )


def _data(g):
    """CopyData cut anywhere, then how it ends."""
    rows = g.pick(ROWS, ROWS, ROWS, BAD, "", "101\tone column too\tmany\n")
    if rows == BAD:
        g.fail()
    cut = g.rng.randint(0, len(rows))
    data = [["d", part] for part in (rows[:cut], rows[cut:]) if part]
    if g.chance(0.2):
        g.fail()
        return [*data, ["f", "changed my mind"]]
    return [*data, ["c"]]


def _in(g):
    sql = _sql(g)
    wait = [["wait", "copy"]] if g.chance(0.5) else []
    if g.chance(0.6) or ";" in sql:
        return [["Q", sql], *wait, *_data(g)]
    return [["P", "", sql], ["B", "", "", [], [], []], ["E", "", 0], *_data(g), ["S"]]


def _out(g):
    sql = g.pick(
        f"copy (select id, v from {g.schema}.t order by id) to stdout",
        "copy (select * from t order by id) to stdout with (format csv, header)",
        "copy (select i from generate_series(1, 3) i) to stdout (format binary)",
        "copy (select date '2024-02-03', current_setting('my.x', true)) to stdout",
        "copy (select 10 / (3 - i) from generate_series(1, 3) i) to stdout",
        "copy no_such_table to stdout",
        f"copy (select 1) to stdout; copy (select 2) to stdout; select 3",
    )
    if g.chance(0.6) or ";" in sql:
        return [["Q", sql]]
    return [["P", "", sql], ["B", "", "", [], [], []], ["E", "", 0], ["S"]]
