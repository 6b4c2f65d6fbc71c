"""Reading back what the session thinks it is."""

from .act_settings import CUSTOM, REPORTED, SETTINGS

READS = [
    "select current_user, session_user",
    "select current_schemas(true), current_schema()",
    "select current_schemas(false)",
    # Of a text of several statements, what masks.ALLOWED tells.
    "select name, rtrim(substring(statement from '(?i)prepare +[^;]+ as [^;]*')) as statement,"
    " parameter_types::text from pg_prepared_statements where from_sql"
    " order by name",
    "select name, from_sql from pg_prepared_statements order by name",
    "select name, statement, is_holdable, is_binary, is_scrollable from pg_cursors order by name",
    "select pg_listening_channels() order by 1",
    # Those of the transaction keep the source they had in an earlier one; of those that the startup
    # packet named, masks.ALLOWED tells.
    "select name, setting from pg_settings where source = 'session'"
    " and name not like 'transaction%'{unless_started} order by name",
    "select name, setting, unit from pg_settings where source = 'session'"
    " and name not like 'transaction%'{unless_started} order by name",
    "show transaction_isolation",
    "show transaction_read_only",
    "show search_path",
    "show time zone",
    "show session authorization",
    "show nosuch",
    "select v from t where id = 1",
    "select count(*) from t",
    "select timestamptz '2024-07-01 12:00:00+00', interval '90 min', 1.1::float8",
    "select current_setting('server_version_num')::int / 10000 as major",
    "select pg_my_temp_schema() <> 0 as has_temporary",
    "select name, setting from pg_settings where name in ('DateStyle', 'TimeZone', 'work_mem',"
    " 'search_path', 'role', 'application_name') order by name",
    "select to_regclass('t')::text, to_regclass('tmp1')::text",
    "select pg_backend_pid() = pg_backend_pid() as same",
]


def _unless_started(g):
    if not g.started:
        return ""
    return " and lower(name) not in (" + ", ".join(f"'{name}'" for name in g.started) + ")"


def read(g):
    for _ in range(g.rng.choice([1, 1, 2])):
        yield _one(g)


def _one(g):
    if g.chance(0.5):
        return g.pick(*READS).replace("{unless_started}", _unless_started(g))
    name = g.pick(*CUSTOM) if g.chance(0.25) else g.pick(*REPORTED, *SETTINGS)
    plain = name.replace('"', "")
    return g.pick(f"show {name}", f"select current_setting('{plain}', true)", f"show {name}")
