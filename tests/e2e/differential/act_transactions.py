"""BEGIN to COMMIT, savepoints, and errors in all places."""

BEGINS = [
    "begin",
    "begin",
    "start transaction",
    "BEGIN WORK",
    "begin isolation level repeatable read",
    "begin isolation level serializable",
    "begin read only",
    "begin isolation level serializable read only",
    "begin read write, isolation level read committed",
]
ENDS = ["commit", "commit", "end", "COMMIT WORK", "rollback", "abort", "rollback transaction"]
CHAINS = ["commit and chain", "rollback and chain", "commit and no chain"]


def transactions(g):
    if g.tx == "idle":
        if g.chance(0.1):
            yield g.pick(*ENDS)  # a warning
        elif g.chance(0.05):
            yield g.pick(*CHAINS)  # an error
        g.tx = "open"
        yield g.pick(*BEGINS)
        if g.chance(0.2):
            yield g.pick(
                "set transaction read only",
                "set transaction isolation level serializable",
                "set local datestyle = 'SQL'",
                "begin",
            )
    else:
        yield from end(g)


def end(g):
    """Out of a transaction, or back to a savepoint that saves it."""
    if g.savepoints and g.chance(0.3):
        yield f"rollback to {g.pick(*g.savepoints)}"
        g.tx = "open"
        return
    if g.chance(0.15):
        chain = g.pick(*CHAINS)
        yield chain
        g.tx = "idle" if "no chain" in chain else "open"
    else:
        yield g.pick(*ENDS)
        g.tx = "idle"
    g.savepoints.clear()


def savepoints(g):
    name = g.pick("a", "b", '"C c"')
    if g.tx == "idle":
        if g.chance(0.7):
            return
        yield g.pick(f"savepoint {name}", f"release {name}", f"rollback to {name}")  # errors
        return
    if g.savepoints and g.chance(0.55):
        name = g.pick(*g.savepoints)
        if g.chance(0.4):
            yield f"release savepoint {name}"
            g.savepoints = g.savepoints[: g.savepoints.index(name)]
            return
        yield g.pick(f"rollback to savepoint {name}", f"rollback to {name}")
        g.savepoints = g.savepoints[: g.savepoints.index(name) + 1]
        g.tx = "open"
        return
    yield f"savepoint {name}"
    if g.tx == "open":
        g.savepoints.append(name)
    if g.chance(0.6):
        yield g.pick(
            "set work_mem = '9MB'",
            "set local timezone = 'Asia/Tokyo'",
            "set my.x = 'in savepoint'",
            "set role diff_r1",
            "set search_path = pg_catalog",
            f"insert into {g.schema}.t values (50, 'savepoint') on conflict do nothing",
        )


ERRORS = [
    "select 1/0",
    "selec 1",
    "select * from no_such_table",
    "select 'x'::int",
    "insert into {s}.t values (1, 'clash')",
    "select no_such_function(1)",
    "set work_mem = '1 parsec'",
    "execute no_such_statement",
    "fetch 1 from no_such_cursor",
    "release savepoint no_such_savepoint",
    "select 1; select 1/0; select 2",
    "set my.x = 'before'; select 1/0; set my.x = 'after'",
    "begin; set my.x = 'in begin'; select 1/0; commit",
    "create table {s}.t (a int)",
    "do $$ begin raise exception 'own' using errcode = '22012', hint = 'h', detail = 'd'; end $$",
    "select 1 as a, 2 as b, 3/0 as c from {s}.t",
    "vacuum {s}b.t",
    "prepare transaction 'x'",
]


def errors(g):
    sql = g.pick(*ERRORS).format(s=g.schema)
    g.fail()
    if sql.startswith("begin"):
        g.tx = "failed"
    yield sql
