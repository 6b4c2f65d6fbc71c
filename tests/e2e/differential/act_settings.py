"""SET, RESET, set_config, roles: what a session changes about itself."""

# Name -> values as they are written in SET. The last one of each is refused.
SETTINGS = {
    "DateStyle": ["'ISO, DMY'", "German", "'SQL, MDY'", "postgres", "dmy", "iso, mdy", "'bad'"],
    "TimeZone": ["'UTC'", "'Europe/Berlin'", "'America/New_York'", "'+05:30'", "'Nowhere/Land'"],
    "IntervalStyle": ["iso_8601", "postgres_verbose", "sql_standard", "postgres", "never"],
    "application_name": ["'one'", "'two words'", "''", "'it''s'", "1.5.3"],
    "client_encoding": ["'UTF8'", "latin1", "'SQL_ASCII'", "'WIN1252'", "'no_such_encoding'"],
    "standard_conforming_strings": ["off", "on", "false", "1", "maybe"],
    "search_path": ["{s}", "{s}b", "{s}b, {s}", "''", "pg_catalog, {s}", '"$user", {s}', "no, {s}"],
    "extra_float_digits": ["0", "-3", "3", "'1'", "99"],
    "bytea_output": ["escape", "hex", "'octal'"],
    "client_min_messages": ["warning", "notice", "error", "log", "'quietly'"],
    "work_mem": ["'8MB'", "4096", "'1GB'", "'64kB'", "'0'", "'lots'"],
    "enable_seqscan": ["off", "on", "of", "'perhaps'"],
    "enable_indexscan": ["off", "on", "2"],
    "enable_bitmapscan": ["off", "on", "'x'"],
    "plan_cache_mode": ["force_generic_plan", "force_custom_plan", "auto", "none"],
    "statement_timeout": ["'10min'", "600000", "0", "'1h'", "-1"],
    "lock_timeout": ["'10min'", "0", "'90s'", "'soon'"],
    "default_transaction_isolation": ["serializable", "'repeatable read'", "'read committed'", "x"],
    "default_transaction_read_only": ["on", "off", "off", "off", "x"],
    "array_nulls": ["off", "on", "x"],
    "row_security": ["off", "on", "x"],
    "escape_string_warning": ["off", "on", "x"],
    "backslash_quote": ["on", "off", "safe_encoding", "x"],
    "quote_all_identifiers": ["on", "off", "x"],
    "check_function_bodies": ["off", "on", "x"],
    "xmloption": ["document", "content", "x"],
    "random_page_cost": ["1.1", "4", "-1"],
    "temp_buffers": ["'2MB'", "1000", "'1kB'"],
    "lc_monetary": ["'C'", "'POSIX'", "'xx_XX'"],
    "default_statistics_target": ["10", "500", "0"],
    "session_replication_role": ["replica", "origin", "x"],
    "log_min_duration_statement": ["-1", "'1h'", "x"],
    "nosuch_setting": ["1"],
    "max_connections": ["50"],
    "server_version": ["'9.6'"],
}
REPORTED = list(SETTINGS)[:7]
AT_STARTUP = [
    ("DateStyle", "German", "ISO, DMY", "SQL"),
    ("TimeZone", "Asia/Tokyo", "UTC", "America/New_York"),
    ("IntervalStyle", "iso_8601", "sql_standard"),
    ("client_encoding", "UTF8", "LATIN1", "'utf-8'"),
    ("extra_float_digits", "3", "0"),
    ("work_mem", "2MB", "9999"),
    ("my.started", "s", "with space"),
]
IN_OPTIONS = [
    "-c search_path={s}",
    "-c datestyle=German",
    "-c my.x=option",
    "-c my.z=with\\ space",
    "--work-mem=5MB",
    "-c enable_seqscan=off",
    "-c timezone=Australia/Sydney",
    "-c default_transaction_isolation=repeatable\\ read",
    "-c role=diff_r1",
    "-c intervalstyle=postgres_verbose",
    "-c standard_conforming_strings=off",
    "-c extra_float_digits=-2",
]
SPECIAL = [
    "set time zone 'Asia/Tokyo'",
    "set time zone local",
    "set time zone default",
    "set time zone -7",
    "set time zone interval '-08:00' hour to minute",
    "set local time zone 'Asia/Kolkata'",
    "set names 'LATIN1'",
    "set names default",
    "set schema '{s}b'",
    "set schema '{s}'",
    "set xml option document",
    "reset all",
    "reset all",
    "reset time zone",
    "reset session authorization",
    "set /* comment */ search_path -- to the end\n to {s}",
    'set "DateStyle" = \'German\'',
    "SET SESSION work_mem = DEFAULT",
    "set search_path to {s}, public; set local work_mem = '7MB'; show work_mem",
    "select pg_catalog.set_config('search_path', '{s}', false)",
    "update pg_settings set setting = '11MB' where name = 'work_mem'",
    "alter system set nosuch = 1",
]
CUSTOM = ["my.x", "my.y", "my.z", "other.setting", 'my."Mixed"', "app.user_id"]
MADE_UP = [*CUSTOM, "my.n", "my.made", "my.seeded", "my.started"]


def _name(g):
    return g.pick(*REPORTED) if g.chance(0.55) else g.pick(*SETTINGS)


def _value(g, name):
    values = SETTINGS[name]
    bad = len(values) > 1 and g.chance(0.07)
    if bad or len(values) == 1:
        g.fail()
    return (values[-1] if bad else g.pick(*(values[:-1] or values))).format(s=g.schema)


def settings(g):
    for _ in range(g.rng.choice([1, 1, 1, 2, 3])):
        yield _setting(g)
    if g.chance(0.3):
        yield f"show {_name(g)}"


def _setting(g):
    if g.chance(0.15):
        return g.pick(*SPECIAL).format(s=g.schema)
    name = _name(g)
    written = g.pick(name, name.lower(), name.upper())
    what = g.rng.random()
    if what < 0.2:
        return g.pick(f"reset {written}", f"set {written} to default")
    if what < 0.35:
        value = _value(g, name).strip("'").replace("''", "'")
        local = g.pick("true", "false", "false")
        return f"select set_config({g.quoted(name)}, {g.quoted(value)}, {local})"
    scope = g.pick("", "", "", "session ", "local ")
    return f"set {scope}{written} {g.pick('=', 'to')} {_value(g, name)}"


def customs(g):
    """Settings that nobody declared: there once they are set, and empty when that is undone."""
    name = g.pick(*CUSTOM)
    plain = name.replace('"', "")
    yield g.pick(
        f"set {name} = 'c{g.rng.randint(0, 9)}'",
        f"set {name} = 'it''s'",
        f"set local {name} = 'local'",
        f"select set_config('{plain}', 'f{g.rng.randint(0, 9)}', {g.pick('true', 'false')})",
        f"reset {name}",
        f"select {g.schema}.put('{plain}', 'put', {g.pick('true', 'false')})",
        f"set {name} to one, two",
        f"set {name} to default",
        "set my.bad-name = 1",
        "set my.1 = 1",
    )
    yield g.pick(
        f"show {name}",
        f"select current_setting('{plain}', true)",
        f"select current_setting('{plain}')",
    )


def characteristics(g):
    mode = g.pick(
        "isolation level serializable",
        "isolation level repeatable read",
        "isolation level read committed",
        "read only",
        "read write",
        "not deferrable",
        "isolation level read committed, read write",
    )
    yield f"set {g.pick('session characteristics as ', 'session characteristics as ', '')}" + (
        f"transaction {mode}"
    )
    yield g.pick(
        "show transaction_isolation",
        "show default_transaction_isolation",
        "show transaction_read_only",
        "show default_transaction_read_only",
    )


def roles(g):
    yield g.pick(
        "set role diff_r1",
        "set role 'diff_r2'",
        "set role none",
        "reset role",
        "set local role diff_r1",
        "set role diff_r3",
        "set role nosuch",
        "set session authorization diff_app",
        "set session authorization 'diff_r1'",
        "set session authorization default",
        "set local session authorization diff_app",
        "reset session authorization",
        "select set_config('role', 'diff_r1', false)",
        "select set_config('role', 'none', false)",
        "select set_config('session_authorization', 'diff_app', false)",
        "set session characteristics as transaction read write; set role diff_r2",
    )
    yield g.pick(
        "select current_user, session_user, current_role",
        "show role",
        "show session_authorization",
        "show is_superuser",
        f"select count(*) from {g.schema}.t",
        f"select v from {g.schema}b.t where id = 1",
        "select rolname from pg_authid where rolname = 'diff_app'",
        "select current_user::text, current_setting('role'), current_setting('is_superuser')",
    )


DO_BODIES = [
    "perform set_config('my.x', 'do', false);",
    "perform set_config('work_mem', '12MB', false); raise notice '%', current_setting('work_mem');",
    "set datestyle = 'German';",
    "set local intervalstyle = 'iso_8601'; raise notice '%', interval '1 day 2 hours';",
    "execute 'set timezone = ''Asia/Tokyo''';",
    "execute format('set search_path = %I', '{s}b');",
    "perform set_config('my.x', 'lost', false); raise exception 'undone';",
    "begin set work_mem = '13MB'; raise exception 'inner'; "
    "exception when others then raise notice '%', current_setting('work_mem'); end;",
    "set my.x = 'kept'; commit; set my.y = 'rolled back'; rollback;",
    "reset datestyle; reset my.x;",
    "set role diff_r1; raise notice '%', current_user;",
    "for i in 1..3 loop perform set_config('my.n', i::text, i = 3); end loop;",
    "execute 'prepare in_do as select 42';",
    "execute 'listen ch{n}_do';",
    "execute 'create temp table if not exists made_in_do (a int)';",
    "perform pg_advisory_lock({n}, 77);",
    "perform nextval('{s}.q');",
    "raise warning 'careful'; raise notice 'note'; raise log 'log'; raise debug 'debug';",
]


def in_functions(g):
    """Settings changed where no statement says SET."""
    body = g.pick(*DO_BODIES).format(s=g.schema, n=g.number)
    if "'undone'" in body:
        g.fail()
    yield g.pick(
        f"do $$ begin {body} end $$",
        f"do $$ begin {body} end $$",
        f"do $$ begin {body} end $$",
        f"select {g.schema}.put('datestyle', 'SQL, DMY', false)",
        f"select {g.schema}.put('timezone', 'Europe/Paris', {g.pick('true', 'false')})",
        f"select id, {g.schema}.put('my.n', v, false) from {g.schema}.t where id < 4 order by id",
        f"select {g.schema}.with_settings()",
        f"call {g.schema}.commits('c{g.rng.randint(0, 9)}')",
    )
    yield g.pick(
        "select current_setting('my.x', true), current_setting('my.y', true)",
        "select current_setting('my.n', true), current_setting('my.made', true)",
        "show datestyle",
        "show work_mem",
        "select date '2024-02-03', current_setting('timezone')",
    )
