"""Literals whose reading depends on settings, encodings, and the seed of random()."""

STRINGS = [
    r"select 'a\nb', length('\\')",
    r"select E'a\tb\x41', U&'\0041'",
    r"select 'x\'; select 1; --'",
    r"select 'it\'s', 1 as ""one""",
    r"select '\', 'two -- '",
    "select $q$ ; $$ $q$, $$ it's $$",
    "select /* outer /* inner ; */ ; */ 1 -- ; end",
    "select chr(233), chr(8364)",
    "select 'caf\u00e9', length('caf\u00e9'), octet_length('caf\u00e9')",
    r"select '\x00ff'::bytea, 'abc'::bytea",
    "select 0.1::float8 + 0.2, 1e100::float8, 0.1::float4",
    "select '{{1,NULL,3}}'::int[], array['NULL', null]",
    "select date '2024-02-03', timestamptz '2024-07-01 12:00:00+00', time '04:05'",
    "select interval '1 year 2 mons -3 days 04:05:06.7', interval '-1 hour'",
    "select '1/2/2024'::date",
    "select '13/12/2024'::date",
    "select '12.34'::money",
    "select quote_ident('plain'), quote_literal(E'a\\\\b')",
    "select null = null, 1 as t",
    "select ''; ; select 2",
    "",
    " ; ",
    "-- nothing but a comment",
]


def strings(g):
    yield g.pick(*STRINGS)


def seeded(g):
    """random() only where this very session holds a seed: the setting says so, as it is taken back
    with everything that could have kept the seed from being set.
    """
    seed = g.rng.randint(1, 99) / 100
    yield f"select setseed({seed}), set_config('my.seeded', '{g.number}', false)"
    for _ in range(g.rng.randint(1, 3)):
        yield (
            f"select case current_setting('my.seeded', true) when '{g.number}'"
            " then random() end as r"
        )
