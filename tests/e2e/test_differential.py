"""Random sessions, directly and through heimproxy: the same answers, message by message.

A short run of what `./dev differential` does for thousands; and that it finds and shrinks.
"""

from dataclasses import replace

import pytest
from conftest import FULL, RUN
from differential import generate, masks, steps
from differential.run import Differential, arguments
from differential.shrink import Shrinker
from differential.world import World

SESSIONS = 1000 if FULL else 150


@pytest.fixture
def equal(tmp_path):
    """equal(options...): compares so many sessions, and says where they part."""

    def check(*given, sessions=SESSIONS):
        options = arguments([*given, "--no-shrink", "--findings", "3"])
        said = []
        pool = 24 if options.mode == "session" else 3
        where = RUN.parent.parent / "template-differential"
        mask = masks.chosen(options)
        with World(tmp_path, options.mode, pool, options.fresh, where, mask,
                   options.touched) as world:
            run = Differential(world, options, said.append)
            run.batch(range(sessions))
        assert not run.findings, "\n".join(said)[:6000]
        assert run.compared == sessions and run.steps > 10 * sessions

    return check


def test_postgresql_equals_itself(equal):
    """What the sessions say has one right answer, whoever else is there."""
    equal("--mode", "direct", "--seed", "11")


def test_session_mode_fresh(equal):
    """A server connection of one's own, from its beginning: no difference at all."""
    equal("--mode", "session", "--fresh", "--without", "startup", "--seed", "12")


def test_session_mode(equal):
    """A server connection that others had before: but for what DISCARD ALL cannot take back."""
    equal("--mode", "session", "--touched", "--without", "startup", "--seed", "13")


def test_auto(equal):
    """Twenty clients, three server connections, and nobody can tell."""
    equal("--mode", "auto", "--touched", "--no-origin", "--seed", "14")


def test_auto_with_the_protocols_statements(equal):
    """Likewise with the statements of the protocol alone, as drivers send them."""
    equal("--mode", "auto", "--touched", "--no-origin", "--without", "sql_prepared", "--seed", "15")


def test_same_seed_same_sessions():
    """A session is its seed and number; a file gives it back whole; another seed is another."""
    for number in range(50):
        one = generate.session(5, number)
        assert one == generate.session(5, number)
        assert one == steps.from_json(one.to_json())
        assert one != generate.session(6, number)


class Crooked:
    """A world whose proxy forgets `set datestyle` when a companion is there."""

    mode = "auto"

    def direct(self, sessions, **_):
        return self._answers(sessions, False)

    def proxied(self, sessions, *_):
        return self._answers(sessions, len(sessions) > 1)

    def _answers(self, sessions, forgets):
        return {one.number: self._one(one, forgets) for one in sessions}, None

    def _one(self, session, forgets):
        answers, style = [[]], "ISO"
        for (_, sql), *_ in session.steps:
            if sql == "set datestyle" and not forgets:
                style = "German"
            answers.append([("C", (style if sql == "show datestyle" else sql).encode())])
        return answers


def test_shrinks_to_the_bone():
    """Of twenty steps and nineteen companions, two steps and one companion remain."""
    noise = [[["Q", f"select {number}"]] for number in range(6)]
    setup, put, show = [["Q", "setup"]], [["Q", "set datestyle"]], [["Q", "show datestyle"]]
    session = steps.Session(0, {"user": "a"}, [setup, *noise, put, *noise, show, *noise])
    companions = [replace(session, number=number, steps=[setup, *noise]) for number in range(1, 20)]
    small = Shrinker(Crooked(), session, companions)
    assert small.find()
    direct, proxied, index = small.shrink()
    assert small.session.steps == [setup, put, show]
    assert [one.steps for one in small.companions] == [[setup]]
    assert (direct[index], proxied[index]) == ([("C", b"German")], [("C", b"ISO")])


def test_masks():
    """A row's value keeps its size right when the number of a temporary schema goes."""
    row = b"\0\2\0\0\0\x0apg_temp_12\xff\xff\xff\xff"
    assert masks.masked("D", row) == b"\0\2\0\0\0\x09pg_temp_N\xff\xff\xff\xff"
    assert masks.masked("D", b"\0\1\0\0\0\1x") == b"\0\1\0\0\0\1x"
    assert masks.masked("A", b"\0\0\1\2ch\0pay\0") == b"\0\0\0\0ch\0pay\0"
    error = b"SERROR\0C22012\0Mno\0Fint.c\0L12\0Rdiv\0\0"
    assert masks.without_origin("E", error) == b"SERROR\0C22012\0Mno\0\0"
    assert masks.masked("E", error) == error
