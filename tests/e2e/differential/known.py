"""Differences that are known, and why; docs/status.md says what they mean to users.

Each is as narrow as it can be said: a session that differs otherwise is a finding.
"""

import re

from harness import wire

QUOTED = re.compile(r'"[^"]*"')


def label(asked, one, two, direct, proxied):
    """What is known of two answers to `asked` (text) that part at these messages, or None."""
    for known in ALL:
        if known(asked, one, two, direct, proxied):
            return known.__doc__
    return None


def sqlstate(message):
    """Of an error; None if it is none."""
    return wire.error_fields(message[1]).get("C") if message[0] == "E" else None


def _text(message):
    return wire.error_fields(message[1]).get("M", "") if message[0] in "EN" else ""


def _reset(asked, one, two, *_):
    """behind a function or DO that resets, and within it, the server's default is seen"""
    return one[0] == two[0] == "D" and bool(re.search(r"do \$\$.*reset", asked, re.I))


def _failed(_asked, one, two, *_):
    """in a failed transaction, Describe of EXECUTE or FETCH that this server lacks is 25P02"""
    return one[0] == "t" and sqlstate(two) == "25P02"


def _values(_asked, one, two, *_):
    """what a Bind's values are wrong in comes behind what its statement, read anew, is wrong in"""
    return (sqlstate(one) or "").startswith("22") and sqlstate(two) == "42P01"


def _result(_asked, one, two, *_):
    """a statement whose columns have changed runs, instead of 0A000"""
    changed = sqlstate(one) == "0A000" and "must not change result type" in _text(one)
    return changed and two[0] == "2"


def _twins(_asked, one, two, *_):
    """an error names another statement of the same text"""
    return (sqlstate(one) == sqlstate(two) == "08P01"
            and QUOTED.sub("", _text(one)) == QUOTED.sub("", _text(two)))


def _order(_asked, _one, _two, direct, proxied):
    """a notification to oneself, or a parameter, comes at another place of the answer"""
    return any(kind in "AS" for kind, _ in direct) and sorted(direct) == sorted(proxied)


def _logged(_asked, one, two, *_):
    """client_min_messages = log shows the server's name of a statement"""
    return one[0] == two[0] == "N" and "heim_" in _text(two)


def _missing(asked, one, two, *_):
    """a statement of SQL's PREPARE is missing after a move"""
    return sqlstate(two) == "26000" and one[0] != "E" and "execute" in asked.lower()


def _plan(asked, one, two, *_):
    """EXECUTE of a statement that is EXECUTE describes its columns as they are now"""
    return one[0] in "nT" and two[0] == "T" and "execute" in asked.lower()


ALL = (_reset, _failed, _values, _result, _twins, _order, _logged, _missing, _plan)
