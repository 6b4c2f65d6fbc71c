#!/usr/bin/env python3
"""PostgreSQL 15's own regression suite, directly and through heimproxy.

  ./dev regression                                   direct, then pool_mode = "auto"
  ./dev regression --mode session --mode direct      these
  ./dev regression --test int4 --test guc            some tests, with test_setup before them

The last lines say `MODE: N of 217`. What differs is kept in build/regression/MODE/.
Server, psql, tests and regress.so are of one minor version, fetched into build/regression.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from harness import paths  # noqa: E402
from harness.heimproxy import Heimproxy, node  # noqa: E402
from harness.postgres import SUPERUSER, Postgres  # noqa: E402
from harness.process import server_account  # noqa: E402
from regression.fetch import fetch  # noqa: E402

BASE = paths.BUILD / "regression"
# What pg_regress writes into the configuration of a server of its own, and the size of the buffers
# that the order of rows in some tests depends on.
SETTINGS = {
    "max_prepared_transactions": "2",
    "shared_buffers": "128MB",
    "max_connections": "120",
    "log_min_messages": "panic",
    "lc_messages": "'C'",
}
# What it does to a database that it creates.
DATABASE = """
create database regression template template0 lc_collate 'C' lc_ctype 'C';
alter database regression set lc_messages to 'C';
alter database regression set lc_monetary to 'C';
alter database regression set lc_numeric to 'C';
alter database regression set lc_time to 'C';
alter database regression set bytea_output to 'hex';
alter database regression set timezone_abbreviations to 'Default';
"""
# What its psql asks for when it connects, as settings of the database too: RESET goes there.
STARTUP = """
alter database regression set intervalstyle to 'postgres_verbose';
alter database regression set timezone to '{PGTZ}';
alter database regression set datestyle to '{PGDATESTYLE}';
"""


def startup(suite):
    """The settings as this minor version has them: they have changed within 15."""
    text = (suite / "regress/pg_regress.c").read_text()
    return STARTUP.format(**dict(re.findall(r'setenv\("(PG\w+)", "([^"]+)"', text)))


def enterable(path, account):
    """Tests read and write files as the server: its account must come as far as here."""
    if subprocess.run(["test", "-x", str(path)], **account).returncode:
        sys.exit(f"regression: PostgreSQL's account cannot enter {path}")


def own(path, account):
    for each in (path, *path.rglob("*")) if account else ():
        os.chown(each, account["user"], account["group"])


def proxy_before(server, mode, directory, options):
    settings = {"pool_mode": mode, "pool_size": options.pool, "workers": 2}
    if options.fresh:
        settings["server_reset_query"] = "select pg_terminate_backend(pg_backend_pid())"
    config = {
        "proxy": settings,
        "auth": {"type": "trust"},
        "log": {"connections": False, "disconnections": False},
        "nodes": [node(server, name="primary")],
    }
    return Heimproxy(directory, config).start()


def command(suite, out, target, tests):
    (program,) = (suite / "root").rglob("pg_regress")
    return [
        program,
        f"--inputdir={suite / 'regress'}",
        f"--outputdir={out}",
        f"--bindir={os.environ['E2E_PG_BIN']}",
        f"--dlpath={suite / 'dl'}",
        f"--host={target.host}",
        f"--port={target.port}",
        f"--user={SUPERUSER}",
        "--dbname=regression",
        "--use-existing",
        "--max-connections=20",
        *(["test_setup", *tests] if tests else [f"--schedule={suite}/regress/parallel_schedule"]),
    ]


def scheduled(suite):
    """How many tests there are, also when a pass did not come to its end."""
    text = (suite / "regress/parallel_schedule").read_text()
    return sum(len(names.split()) for names in re.findall(r"(?m)^test:(.*)$", text))


def results(output):
    """(names that passed, names that failed)."""
    found = re.findall(r"(?m)^(?:test|parallel|    )?\s*(\S+)\s+\.\.\. (ok|FAILED)", output)
    return [n for n, how in found if how == "ok"], [n for n, how in found if how != "ok"]


def run_suite(argv, account, out, seconds):
    """Its output, shown as it comes; a suite that does not end is told to."""
    lines = []
    with subprocess.Popen(
        list(map(str, argv)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=out,
        env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
        **({"start_new_session": True} | account),
    ) as suite:
        timer = subprocess_timer(suite, seconds)
        for line in suite.stdout:
            lines.append(line)
            print(line, end="", flush=True)
        timer.cancel()
    return "".join(lines)


def subprocess_timer(process, seconds):
    import signal
    import threading

    def end():
        print(f"\nregression: not finished after {seconds} s", flush=True)
        os.killpg(process.pid, signal.SIGKILL)  # its own group: it and its psql

    timer = threading.Timer(seconds, end)
    timer.start()
    return timer


def run_mode(mode, suite, options):
    """(passed, failed) of one pass on a server of its own."""
    account = server_account()
    kept = BASE / mode
    shutil.rmtree(kept, ignore_errors=True)
    out = kept / "out"
    out.mkdir(parents=True)
    own(kept, account)
    enterable(out, account)
    enterable(suite / "regress", account)
    run = paths.run_dir(BASE / "runs", mode)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, run, True)
        server = Postgres(run / "primary", settings=SETTINGS).initdb()
        stack.callback(server.remove)
        server.write("pg_hba.conf", "local all all trust\nhost all all all trust\n")
        server.start()
        server.sql(DATABASE + ("" if options.plain else startup(suite)))
        target = server
        if mode != "direct":
            target = proxy_before(server, mode, kept / "heimproxy", options)
            stack.callback(target.stop)
        output = run_suite(command(suite, out, target, options.test), account, out, options.limit)
    for name in ("regression.diffs", "regression.out"):
        if (out / name).exists():
            shutil.copy(out / name, kept / name)
    return results(output)


def main():
    parser = argparse.ArgumentParser(
        prog="./dev regression", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--mode", action="append", help="direct, or a pool_mode; may be repeated")
    parser.add_argument("--test", action="append", default=[], help="may be repeated")
    parser.add_argument("--plain", action="store_true",
                        help="the database has no settings of psql's startup packet to RESET to")
    parser.add_argument("--fresh", action="store_true", help="no server connection serves twice")
    parser.add_argument("--pool", type=int, default=22, help="pool_size")
    parser.add_argument("--limit", type=int, default=1800, help="seconds for one pass")
    parser.add_argument("--daemon", type=Path, help="the heimproxyd to test")
    options = parser.parse_args()
    if options.daemon:
        os.environ["HEIMPROXYD"] = str(options.daemon.resolve())
    suite = fetch(BASE / "postgresql")
    os.environ["E2E_PG_BIN"] = str(suite / "root/usr/lib/postgresql/15/bin")
    totals = {}
    for mode in options.mode or ["direct", "auto"]:
        print(f"==> {mode}", flush=True)
        totals[mode] = run_mode(mode, suite, options)
    print()
    wanted = len(options.test) + 1 if options.test else scheduled(suite)
    for mode, (passed, failed) in totals.items():
        cut = "" if len(passed) + len(failed) == wanted else " (did not come to its end)"
        print(f"{mode}: {len(passed)} of {wanted}{cut} " + " ".join(failed))
    return 0 if all(len(passed) == wanted for passed, _ in totals.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
