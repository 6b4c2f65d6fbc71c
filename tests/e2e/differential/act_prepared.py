"""PREPARE, EXECUTE, DEALLOCATE: statements that have a name in SQL. Names are shared with those of
the protocol, as they are in PostgreSQL.
"""

NAMES = ["q1", "q2", "p1", "P1", '"Q 3"']
# Types, statement, arguments.
STATEMENTS = [
    ("", "select 42 as answer", []),
    ("(int)", "select $1 + 1", ["1", "'7'", "null", "'x'"]),
    ("(int)", "select id, v from t where id = $1", ["1", "3", "99"]),
    ("", "select * from t order by id limit 2", []),
    ("(int, text)", "select $1 as a, $2 as b", ["1, 'x'", "2, null", "3", "1, 2, 3"]),
    ("", "select $1::int * 2, $2::text", ["5, 'y'"]),
    ("(int)", "insert into t (id, v) values ($1, 'ins') on conflict do nothing", ["30", "31"]),
    ("(int)", "update t set v = 'upd' where id = $1 returning id, v", ["1", "2"]),
    ("", "select date '2024-02-03', current_setting('my.x', true)", []),
    ("(date)", "select $1", ["'1/2/2024'", "'2024-02-03'"]),
    ("", "select current_user, current_schemas(false)", []),
    ("(text)", "select set_config('my.x', $1, false)", ["'by execute'"]),
    ("(int)", "delete from t where id = $1", ["7"]),
    ("(text)", "values ($1), ('b')", ["'a'"]),
    ("(unknown)", "select $1 || 'x'", ["'a'"]),
    ("(nosuchtype)", "select 1", []),
    ("", "select * from no_such_table", []),
    ("", r"select 'a\nb' as s", []),
]


def sql_prepared(g):
    name = g.pick(*NAMES)
    types, statement, arguments = g.pick(*STATEMENTS)
    if g.chance(0.6):
        yield f"{g.pick('prepare', 'PREPARE')} {name} {types} as {statement}"
    for _ in range(g.rng.choice([0, 1, 1, 2])):
        yield _use(g, g.pick(name, name, *NAMES), arguments)


def _use(g, name, arguments):
    given = f"({g.pick(*arguments)})" if arguments else g.pick("", "", "", "(1)")
    return g.rng.choices(
        [
            f"execute {name}{given}",
            f"deallocate {name}",
            f"deallocate prepare {name}",
            f"deallocate {g.pick('all', 'prepare all')}",
            f"explain (costs off) execute {name}{given}",
            f"create table {g.schema}.e{g.rng.randint(0, 99)} as execute {name}{given}",
            f"create temp table te{g.rng.randint(0, 99)} as execute {name}{given}",
            f"explain (costs off) create table nowhere as execute {name}{given}",
        ],
        [60, 9, 4, 5, 10, 5, 4, 3],
    )[0]
