"""Cursors of SQL, with and without hold."""


def cursors(g):
    if g.chance(0.5):
        yield from _declare(g)
    for _ in range(g.rng.randint(0, 3)):
        yield _use(g)


def _declare(g):
    if g.tx == "idle" and g.chance(0.4):
        g.tx = "open"
        yield "begin"
    name = g.pick("c1", "c2", '"C 3"')
    kind = g.pick("", "", "scroll ", "no scroll ", "binary ", "insensitive ")
    hold = g.pick("", "", "with hold ", "without hold ", "with hold ")
    yield f"declare {name} {kind}cursor {hold}for " + g.pick(
        f"select id, v from {g.schema}.t order by id",
        "select i, i * i from generate_series(1, 20) i",
        f"select d from {g.schema}.t order by id",
        f"select 10 / (5 - i) from generate_series(1, 6) i",
        f"select id, v from {g.schema}.t where id < 4 order by id for update",
        "select current_setting('my.x', true), current_setting('datestyle')",
    )


def _use(g):
    name = g.pick("c1", "c1", "c2", '"C 3"')
    how = g.pick(
        "fetch {}",
        "fetch 3 from {}",
        "fetch forward 2 in {}",
        "fetch backward 1 from {}",
        "fetch absolute 4 from {}",
        "fetch relative -1 from {}",
        "fetch all in {}",
        "fetch last from {}",
        "move 2 in {}",
        "move backward all in {}",
        "close {}",
        "close all",
        "select name, statement, is_holdable, is_binary, is_scrollable from pg_cursors order by 1",
    )
    return how.format(name)
