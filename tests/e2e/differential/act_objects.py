"""Rows, temporary objects, sequences, locks, notifications: what a session leaves at its server."""


def data(g):
    table, key = f"{g.pick('', g.schema + '.')}t", g.rng.randint(1, 15)
    yield g.pick(
        f"select id, v from {table} where id <= {key} order by id",
        f"select id, n, d from {g.schema}.t where id < {key} order by id",
        f"select * from {table} order by id limit 3",
        f"insert into {table} (id, v) values ({key + 10}, 'new') returning id, v",
        f"insert into {table} values ({key}, 'up') on conflict (id) do update set v = excluded.v",
        f"update {table} set v = v || '!' where id = {key}",
        f"delete from {table} where id = {key} returning v",
        f"truncate {table}",
        f"with gone as (delete from {table} where id > 12 returning id) select count(*) from gone",
        f"table {table}b",
        f"values ({key}), ({key + 1})",
        f"explain (costs off) select * from {g.schema}.t where id = {key}",
        f"explain (costs off) update {g.schema}.t set v = 'x' where id < {key}",
        f"select x.id from {g.schema}.t x, {g.schema}b.t y where x.id = y.id order by 1",
        f"lock table {g.schema}.t in access share mode",
        f"select id from {g.schema}.t where id = {key} for update",
        f"create table {g.schema}.made{key} as select {key} as a",
        f"drop table if exists {g.schema}.made{key}",
        f"alter table {g.schema}b.t add column if not exists more int",
        f"comment on table {g.schema}.t is 'c'",
    )


def temporary(g):
    """No prepared statement reads `u`: whether its plan is made anew when a temporary table comes
    to hide it depends on what others do to the catalog.
    """
    one = g.pick("tmp1", "tmp2", "u")  # the last hides a permanent table
    yield g.pick(
        f"create temp table {one} (a int, b text)",
        f"create temp table if not exists {one} (a int, b text) on commit preserve rows",
        f"create temporary table {one} (a int) on commit delete rows",
        f"create local temp table {one} (a int) on commit drop",
        f"create temp table {one} as select id as a, v as b from {g.schema}.t where id < 4",
        f"select id as a into temp {one} from {g.schema}.t where id < 3",
        f"create table pg_temp.{one} (a int)",
        f"create temp view tmpview as select 1 as a",
        f"create temp sequence tmpseq",
        "create function pg_temp.tf() returns int language sql as 'select 5'",
        f"create or replace temp view tmpview as select count(*) from {g.schema}.t",
        "create type pg_temp.ty as enum ('a', 'b')",
    )
    for _ in range(g.rng.randint(0, 2)):
        yield g.pick(
            f"insert into {one} (a) values (1), (2)",
            f"select count(*) from {one}",
            f"select a from {one} order by a",
            "select count(*) from tmp1",
            "select count(*) from u",
            f"drop table {one}",
            "drop table if exists pg_temp.tmp1, pg_temp.u",
            "select * from tmpview",
            "select nextval('tmpseq'), lastval()",
            "select pg_temp.tf()",
            "select 'b'::pg_temp.ty",
            "discard temp",
            "select current_schemas(true)",
            f"select count(*) from {g.schema}.t",
        )


def sequences(g):
    name = f"{g.schema}.{g.pick('q', 'q', 'q2')}"
    yield g.pick(
        f"select nextval('{name}')",
        f"select nextval('{name}'), nextval('{name}')",
        f"select currval('{name}')",
        "select lastval()",
        f"select setval('{name}', {g.rng.randint(1, 500)})",
        f"select setval('{name}', 40, false)",
        f"select last_value, is_called from {name}",
        f"alter sequence {name} cache {g.rng.randint(1, 5)}",
        "discard sequences",
    )
    yield g.pick("select lastval()", f"select currval('{name}')", f"select nextval('{name}')")


HELD = (
    "select classid, objid, objsubid, mode, granted from pg_locks where locktype = 'advisory'"
    " and pid = pg_backend_pid() order by 1, 2, 3, 4"
)


def locks(g):
    """Advisory locks, on this session's own keys."""
    key = g.pick(f"{g.number}, {g.rng.randint(1, 3)}", f"{(g.number << 20) + 5}::bigint")
    shared = g.pick("", "", "_shared")
    yield g.pick(
        f"select pg_advisory_lock{shared}({key})",
        f"select pg_try_advisory_lock{shared}({key})",
        f"select pg_advisory_unlock{shared}({key})",
        f"select pg_advisory_xact_lock{shared}({key})",
        "select pg_advisory_unlock_all()",
        f"select pg_advisory_lock({key}), pg_advisory_unlock({key})",
    )
    if g.chance(0.6):
        yield HELD


def notifications(g):
    channel = g.pick(f"ch{g.number}_a", f"ch{g.number}_b", f'"Ch {g.number}"')
    plain = channel.strip('"')
    yield g.pick(
        f"listen {channel}",
        f"listen {channel}",
        f"unlisten {channel}",
        "unlisten *",
        f"notify {channel}",
        f"notify {channel}, 'payload {g.rng.randint(0, 9)}'",
        f"select pg_notify('{plain}', 'p{g.rng.randint(0, 9)}')",
    )
    for _ in range(g.rng.randint(0, 2)):
        yield g.pick(
            f"notify {channel}, 'again'",
            f"notify {channel}, 'again'",
            "select pg_listening_channels() order by 1",
        )


def discard(g):
    yield g.pick("discard all", "discard all", "discard plans", "discard temp", "discard sequences")
    yield g.pick("show datestyle", "select lastval()", "execute q1", "show search_path", HELD)
