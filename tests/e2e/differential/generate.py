"""One seed and one number make one session, whatever the answers are and whoever else is there.

A session keeps to its own schemas (`s7` and `s7b` for number 7), keys and channels, and says only
what has one right answer. KINDS says what there is; `without` and `only` choose among them.
"""

import random
import re

from . import (
    act_copy,
    act_cursors,
    act_objects,
    act_prepared,
    act_protocol,
    act_read,
    act_settings,
    act_strings,
    act_transactions,
)
from .steps import Session

# Kind -> (how often, what makes its statements).
KINDS = {
    "settings": (16, act_settings.settings),
    "customs": (5, act_settings.customs),
    "characteristics": (3, act_settings.characteristics),
    "roles": (6, act_settings.roles),
    "do": (6, act_settings.in_functions),
    "strings": (3, act_strings.strings),
    "random": (2, act_strings.seeded),
    "transactions": (14, act_transactions.transactions),
    "savepoints": (6, act_transactions.savepoints),
    "errors": (4, act_transactions.errors),
    "data": (6, act_objects.data),
    "temporary": (6, act_objects.temporary),
    "sequences": (4, act_objects.sequences),
    "locks": (4, act_objects.locks),
    "notify": (5, act_objects.notifications),
    "discard": (2, act_objects.discard),
    "cursors": (6, act_cursors.cursors),
    "sql_prepared": (10, act_prepared.sql_prepared),
    "protocol_prepared": (10, act_protocol.prepared),
    "portals": (4, act_protocol.portals),
    "pipelines": (5, act_protocol.pipelines),
    "flush": (2, act_protocol.flushed),
    "functioncall": (2, act_protocol.function_calls),
    "copy": (5, act_copy.copies),
    "read": (18, act_read.read),
}

LEAVE = {"idle": 0, "open": 0.2, "failed": 0.8}  # how likely the next step ends a transaction
STARTUP = "startup"  # a kind as well: parameters in the startup packet

# The first step of every session: what it works on.
SETUP = """
create schema {s}; create schema {s}b;
create table {s}.t (id int primary key, v text, n numeric, d timestamptz);
insert into {s}.t select i, 'v' || i, i * 1.5,
  timestamptz '2024-01-31 12:00:00+00' + i * interval '1 day 1 hour 1.5 sec'
  from generate_series(1, 10) i;
create table {s}b.t (id int primary key, v text);
insert into {s}b.t values (1, 'other'), (2, 'schema');
create table {s}.u as select i as a from generate_series(1, 3) i;
create sequence {s}.q; create sequence {s}.q2 increment 10;
create function {s}.put(name text, value text, only_here bool) returns text language plpgsql
  as $$ begin return set_config(name, value, only_here); end $$;
create function {s}.with_settings() returns text language plpgsql
  set work_mem = '3MB' set datestyle = 'German'
  as $$ begin perform set_config('my.made', 'f', false);
    return current_setting('work_mem') || ' ' || date '2024-02-03'; end $$;
create procedure {s}.commits(value text) language plpgsql
  as $$ begin perform set_config('my.x', value, false); commit;
    perform set_config('my.y', value, false); rollback; end $$;
grant usage on schema {s} to diff_r1; grant select on {s}.t to diff_r1
"""

# What a backend never forgets, whatever DISCARD ALL says: the names of settings that nobody
# declared, and that it had a temporary schema. --touched: every session begins with them.
TOUCHED = "".join(
    [
        "; create temp table touched (a int); insert into touched values (1); drop table touched",
        *(f"; set {name} = ''; reset {name}" for name in act_settings.MADE_UP),
    ]
)


class Gen:
    """What the actions share: the dice, names, and a guess at the transaction's state."""

    def __init__(self, seed, number):
        self.rng = random.Random(f"{seed}:{number}")
        self.number, self.schema = number, f"s{number}"
        self.user = "diff_super" if self.rng.random() < 0.35 else "diff_app"
        self.tx = "idle"  # or "open", or "failed"
        self.savepoints = []
        self.started = []  # settings that the startup packet names

    def pick(self, *choices):
        return self.rng.choice(choices)

    def chance(self, probability):
        return self.rng.random() < probability

    def fail(self):
        """A statement that certainly fails was made."""
        if self.tx == "open":
            self.tx = "failed"

    def quoted(self, text):
        return "'" + text.replace("'", "''") + "'"


def startup_parameters(g):
    """A third of the sessions bring nothing; others `options`, or settings of their own."""
    startup = {"user": g.user}
    if g.chance(0.4):
        startup["application_name"] = g.pick("diff", "a b", "")
    if g.chance(0.005):
        startup["application_name"] = "x" * 80  # a notice, before all else
    for name, *values in act_settings.AT_STARTUP:
        if g.chance(0.08):
            startup[name] = g.pick(*values)
    if g.chance(0.35):
        chosen = g.rng.sample(act_settings.IN_OPTIONS, g.rng.randint(1, 3))
        chosen = [one for one in chosen if "DateStyle" not in startup or "datestyle" not in one]
        startup["options"] = " ".join(one.format(s=g.schema) for one in chosen)
    if g.chance(0.01):
        startup["options"] = g.pick("-c nosuch=1", "-c work_mem=lots", "-c role=nosuch")
    return startup


def settings_of(startup):
    """The names of the settings that a startup packet asks for."""
    names = re.findall(r"(?:-c |--)([\w.-]+)=", startup.get("options", ""))
    names += [name for name in startup if name not in ("user", "options")]
    return sorted({name.lower().replace("-", "_") for name in names})


def session(seed, number, without=(), only=(), touched=False):
    g = Gen(seed, number)
    startup = startup_parameters(g)
    if STARTUP in without or (only and STARTUP not in only):
        startup = {"user": g.user}
    g.started = settings_of(startup)
    made = Session(number, startup)
    kinds = {k: v for k, v in KINDS.items() if k not in without and (not only or k in only)}
    weights, actions = zip(*kinds.values())
    path = f"; set search_path = {g.schema}" if g.chance(0.8) else ""
    path += TOUCHED if touched else ""
    made.steps.append([["Q", SETUP.format(s=g.schema).strip() + path]])
    length = g.rng.randint(10, 60)
    while len(made.steps) < length:
        if g.chance(LEAVE[g.tx]):
            action = act_transactions.end
        else:
            action = g.rng.choices(actions, weights)[0]
        add(g, made.steps, list(action(g)))
    del made.steps[length:]
    made.ending = "abort" if g.chance(0.15) else "terminate"
    return made


def add(g, steps, items):
    """Statements (text) travel as the dice say; steps (lists of messages) as they are."""
    statements = []
    for item in items:
        if isinstance(item, str):
            statements.append(item)
        else:
            steps += carried(g, statements) + [item]
            statements = []
    steps += carried(g, statements)


def simple(g, statements):
    return [[["Q", sql]] for sql in statements]


def together(g, statements):
    """One simple query of several statements."""
    return [[["Q", "; ".join(statements) + g.pick("", ";", " ; ")]]]


def extended(g, statements):
    return [[*act_protocol.unnamed(g, sql), ["S"]] for sql in statements]


def pipeline(g, statements):
    """All at once, a Sync here and there, and one at the end."""
    messages = []
    for sql in statements:
        messages += act_protocol.unnamed(g, sql)
        if g.chance(0.4):
            messages.append(["S"])
    return [[*messages, ["S"]]]


def carried(g, statements):
    """The steps that bring these statements to the server."""
    if not statements:
        return []
    ways = [simple, extended, together, pipeline]
    return g.rng.choices(ways, [55, 20, 14, 11])[0](g, statements)
