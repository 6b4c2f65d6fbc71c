#!/usr/bin/env python3
"""Random sessions, directly and through heimproxy, compared message by message.

  ./dev differential --sessions 5000 --seed 7        many sessions of one seed
  ./dev differential --seed 7 --session 123          that one, in the company of those around it
  ./dev differential --replay FILE                   a finding, as it was written down
  ./dev differential --mode direct                   PostgreSQL against itself: must be equal

Findings lie under build/differential/findings, made small. Every one prints how to run it again.
"""

import argparse
import json
import os
import shutil
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from differential import compare, generate, known, masks, steps  # noqa: E402
from differential.shrink import Shrinker  # noqa: E402
from differential.world import World  # noqa: E402
from harness import paths  # noqa: E402

FINDINGS = paths.BUILD / "differential/findings"


class Differential:
    """Batches of sessions; `say` prints."""

    def __init__(self, world, options, say=print):
        self.world, self.options, self.say = world, options, say
        self.compared = self.steps = 0
        self.findings = []
        self.known = Counter()

    def session(self, number):
        given = self.options
        return generate.session(given.seed, number, given.without, given.only, given.touched)

    def batch(self, numbers):
        sessions = [self.session(number) for number in numbers]
        direct, direct_rows = self.world.direct(sessions)
        proxied, proxied_rows = self.world.proxied(sessions, self.options.clients)
        self.compared += len(sessions)
        self.steps += sum(len(session.steps) for session in sessions)
        for session in sessions:
            self._compare(session, direct[session.number], proxied.get(session.number, []))
        if direct_rows != proxied_rows and not self.findings:
            odd = sorted(set(map(tuple, direct_rows)) ^ set(map(tuple, proxied_rows)))
            self.say(f"the rows left in the database differ: {odd[:10]}")
            self.findings.append(None)

    def _compare(self, session, direct, proxied):
        if len(direct) > 1 and any(kind == "E" for kind, _ in direct[1]):
            raise RuntimeError(f"session {session.number}: its first step fails: {direct[1]}")
        index = compare.first_difference(direct, proxied)
        if index is None:
            return
        why = self.world.mode == "auto" and compare.excuse(session, direct, proxied, index)
        if why:
            self.known[why] += 1
            if not self.options.strict:
                return
        self.findings.append(session)
        if len(self.findings) > self.options.findings:
            return
        number = session.number
        self.say(f"\n=== seed {self.options.seed}, session {number} differs at step {index}")
        self.say(compare.report(session, direct, proxied, index))
        self.say(f"again: ./dev differential --mode {self.world.mode} --seed {self.options.seed}"
                 f" --session {number}{chosen(self.options)}")
        if self.options.shrink:
            self.shrink(session, compare.signature(direct, proxied, index))

    def shrink(self, session, wanted):
        numbers = range(session.number + 1, session.number + 20)
        companions = [self.session(number) for number in numbers]
        small = Shrinker(self.world, session, companions, wanted)
        if not small.find():
            self.say("by itself, and with 19 others, this difference does not show")
            return
        found = small.shrink()
        if not small.steady:
            self.say("the small session does not show it every time")
        self.say(f"--- small, pool of {small.pool_size}, {len(small.companions)} companions")
        for one in small.companions:
            self.say(f"companion {one.number}, startup {one.startup}, its setup, {one.ending}")
            for step in one.steps[1:]:
                self.say("       " + "\n       ".join(steps.readable(step)))
        self.say(compare.report(small.session, *found))
        self.say(f"again: ./dev differential --mode {self.world.mode} --replay "
                 + str(write(small, self.options.seed).relative_to(paths.ROOT)))


def chosen(options):
    """The options that choose kinds, as they were given."""
    given = [("without", options.without), ("only", options.only)]
    flags = "".join(f" --{name}" for name in ("touched", "fresh", "strict", "no-origin")
                    if getattr(options, name.replace("-", "_")))
    return flags + "".join(f" --{name} {','.join(kinds)}" for name, kinds in given if kinds)


def write(small, seed):
    FINDINGS.mkdir(parents=True, exist_ok=True)
    path = FINDINGS / f"{seed}-{small.session.number}.json"
    everyone = [vars(one) for one in (small.session, *small.companions)]
    path.write_text(json.dumps({"pool_size": small.pool_size, "sessions": everyone}, indent=1))
    return path


def replay(world, path, say):
    """True if a finding is gone."""
    finding = json.loads(path.read_text())
    session, *companions = [steps.Session(**one) for one in finding["sessions"]]
    again = Shrinker(world, session, companions)
    again.pool_size = finding["pool_size"]
    found = again.difference(session, companions)
    say(compare.report(session, *found) if found else "equal")
    return not found


def kinds(text):
    """A list with commas of what there is."""
    unknown = set(text.split(",")) - {*generate.KINDS, generate.STARTUP}
    if unknown:
        raise argparse.ArgumentTypeError(f"no such kind: {', '.join(unknown)}")
    return text.split(",")


def arguments(argv=None):
    parser = argparse.ArgumentParser(
        prog="./dev differential",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--session", type=int, help="this one, in its company")
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--first", type=int, default=0, help="the number to start with")
    parser.add_argument("--mode", default="auto", help="pool_mode, or direct")
    parser.add_argument("--clients", type=int, default=20, help="how many at once")
    parser.add_argument("--pool", type=int, help="server connections (3; session mode: 24)")
    parser.add_argument("--batch", type=int, default=250)
    parser.add_argument("--findings", type=int, default=5, help="how many to show")
    parser.add_argument("--no-shrink", dest="shrink", action="store_false")
    parser.add_argument("--without", type=kinds, default=[], help="kinds of statements: "
                        + ", ".join([*generate.KINDS, generate.STARTUP]))
    parser.add_argument("--only", type=kinds, default=[])
    parser.add_argument("--touched", action="store_true",
                        help="each session begins with what DISCARD ALL cannot undo")
    parser.add_argument("--fresh", action="store_true", help="no server connection serves twice")
    parser.add_argument("--no-origin", action="store_true",
                        help="errors: file, line and routine are not compared")
    parser.add_argument("--strict", action="store_true",
                        help="what is known to differ is a finding, too")
    parser.add_argument("--allowed", action="store_true", help="print what may differ")
    parser.add_argument("--show", type=int, help="print that session and do nothing")
    parser.add_argument("--daemon", type=Path, help="the heimproxyd to test")
    return parser.parse_args(argv)


def show(options):
    session = Differential(None, options).session(options.show)
    print(session.startup, session.ending)
    for number, step in enumerate(session.steps, 1):
        print(f"{number:4} " + "\n     ".join(steps.readable(step)))


def compare_all(world, options):
    run = Differential(world, options)
    started = time.monotonic()
    last = options.first + options.sessions
    for start in range(options.first, last, options.batch):
        run.batch(range(start, min(start + options.batch, last)))
        print(f"{run.compared} sessions, {run.steps} steps, {len(run.findings)} differ, "
              f"{time.monotonic() - started:.0f} s", flush=True)
        if len(run.findings) >= options.findings:
            break
    for why, count in run.known.most_common():
        print(f"known, {count}: {why}")
    return not run.findings


def one_session(world, options):
    run = Differential(world, options)
    around = range(options.session, options.session + options.clients)
    run.batch(around)
    ok = all(one is None or one.number != options.session for one in run.findings)
    print("equal" if ok else "differs")
    return ok


def main():
    options = arguments()
    if options.allowed:
        for what, why in masks.ALLOWED.items():
            print(f"{what}: {why}")
        for one in known.ALL:
            print(f"in mode auto: {one.__doc__}")
        return 0
    if options.show is not None:
        return show(options)
    if options.daemon:
        os.environ["HEIMPROXYD"] = str(options.daemon.resolve())
    pool = options.pool or (24 if options.mode == "session" else 3)
    directory = paths.run_dir(paths.BUILD / "differential/runs")
    try:
        with World(directory, options.mode, pool, options.fresh,
                   mask=masks.chosen(options), touched=options.touched) as world:
            if options.replay:
                ok = replay(world, options.replay, print)
            elif options.session is not None:
                ok = one_session(world, options)
            else:
                ok = compare_all(world, options)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
