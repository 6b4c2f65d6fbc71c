"""Where two runs part, told to people."""

from itertools import zip_longest

from harness import wire

from . import known, masks, steps

LONG = 60  # messages of one answer that are shown

def first_difference(one, two):
    """The index of the first answer that differs (0: startup; then the steps), or None."""
    for index, (left, right) in enumerate(zip(one, two)):
        if left != right:
            return index
    return None if len(one) == len(two) else min(len(one), len(two))


def signature(one, two, index):
    """What kind of difference it is: the first two messages that differ, and their SQLSTATE."""
    left, right = (answers[index] if index < len(answers) else [] for answers in (one, two))
    return [(message[0], known.sqlstate(message)) for message in _parting(left, right)]


def _parting(left, right):
    """The first two messages that differ; none if all are equal."""
    pairs = zip_longest(left, right, fillvalue=("none", b""))
    return next((pair for pair in pairs if pair[0] != pair[1]), ())


def _shown(message):
    kind, body = message
    if kind in "EN":
        fields = wire.error_fields(body)
        rest = {k: v for k, v in fields.items() if k not in "SVCM"}
        return f"{kind} {fields.get('S')} {fields.get('C')} {fields.get('M')!r} {rest or ''}"
    if kind == "D":
        return f"D {masks.columns(body)}"
    return f"{kind} {body!r}"


def excuse(session, direct, proxied, index):
    """What is known of a difference at this index; None: it is a finding."""
    if index < 2 or index >= min(len(direct), len(proxied)):
        return None
    asked = "\n".join(_question(session, index))
    left, right = direct[index], proxied[index]
    return known.label(asked, *_parting(left, right), left, right)


def _answer(answers, index):
    if index >= len(answers):
        return ["(none)"]
    shown = [_shown(message) for message in answers[index]]
    return shown if len(shown) <= LONG else [*shown[:LONG], f"({len(shown) - LONG} more)"]


def _question(session, index):
    if index == 0:
        return [f"(startup {session.startup})"]
    if index > len(session.steps):
        return [f"(end: {session.ending})"]
    if index == 1:
        return [f"(schema s{session.number} is set up)"]
    return steps.readable(session.steps[index - 1])


def report(session, direct, proxied, index):
    """The steps up to the difference, and both answers to the last."""
    lines = []
    for step in range(index + 1):
        question = _question(session, step)
        lines += [f"{step:4} {question[0]}", *("     " + line for line in question[1:])]
    lines += ["--- direct"] + [f"  {line}" for line in _answer(direct, index)]
    lines += ["+++ proxied"] + [f"  {line}" for line in _answer(proxied, index)]
    return "\n".join(lines)
