#!/usr/bin/env python3
"""The bench: heimproxyd side by side with PgBouncer, a bare relay and no proxy at all.

Rounds interleave the targets, so that a slow moment of the machine hits all alike; figures are
medians. README.md says how to read them. Needs the tools built (`ninja -C build/DIR`), PostgreSQL
and PgBouncer installed."""
import argparse
import datetime
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import peers
import report
import workloads

ROOT = Path(__file__).resolve().parents[2]
IDLE_CLIENTS = 5000


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few sizes, 5 rounds: about 3 minutes")
    parser.add_argument("--rounds", type=int, help="default 12; 5 with --quick")
    parser.add_argument("--seconds", type=float,
                        help="of each measurement; default 0.4; 0.3 with --quick")
    parser.add_argument("--only", metavar="REGEX", default="", help="workloads whose name matches")
    parser.add_argument("--list", action="store_true", help="print the workloads' names and end")
    parser.add_argument("--canned-only", action="store_true", help="not against PostgreSQL")
    parser.add_argument("--postgres-only", action="store_true", help="not against canned")
    parser.add_argument("--targets", default=",".join(workloads.ALL_TARGETS),
                        help="comma-separated, of: %(default)s")
    parser.add_argument("--idle-clients", type=int, default=IDLE_CLIENTS)
    parser.add_argument("--build", type=Path,
                        help="build directory; default: build/release, or the newest")
    parser.add_argument("--pgbouncer", default=shutil.which("pgbouncer") or shutil.which(
        "pgbouncer", path="/usr/sbin"), help="its program; default: the installed one")
    parser.add_argument("--heimproxyd", type=Path, help="default: the build directory's")
    parser.add_argument("--pool-mode", default="transaction",
                        help="heimproxy's; auto wants --postgres-only: it reads the catalog")
    parser.add_argument("--show", type=Path, metavar="JSON", help="print an earlier result's table")
    parser.add_argument("--output", type=Path, help="JSON; default build/bench/result-DATE.json")
    return parser.parse_args()


def find_build(given):
    """build/release (what ./dev makes), else the newest build directory that has the tools."""
    found = [given] if given else sorted(
        (path.parents[2] for path in ROOT.glob("build/*/tests/bench/bench-load")),
        key=lambda path: (path.name == "release", path.stat().st_mtime))
    if not found or not (found[-1] / "tests/bench/bench-load").exists():
        raise peers.BenchError("the bench tools are not built (./dev build, or ninja -C build/DIR)")
    return found[-1].resolve()


class Bed:
    """One server with every target in front of it."""

    STARTERS = {"relay": "start_relay", "pgbouncer": "start_pgbouncer",
                "heimproxy": "start_heimproxy", "uncached": "start_uncached",
                "cached": "start_cached"}

    def __init__(self, bench, server, targets, core):
        self.core = core
        self.server = bench.start_canned(core) if server == "canned" else bench.start_postgres()
        self.targets = {target: self.server if target == "direct" else
                        getattr(bench, self.STARTERS[target])(self.server.port, core)
                        for target in targets}


class Runner:
    def __init__(self, bench, args, targets, chosen=()):
        self.bench, self.args, self.targets, self.chosen = bench, args, targets, chosen
        self.rounds = args.rounds or (5 if args.quick else 12)
        self.seconds = args.seconds or (0.3 if args.quick else 0.4)
        self.bouncer_prepares = bench.bouncer_prepares()
        self.core = max(os.sched_getaffinity(0))
        self.beds = {}
        self.loads = []

    def bed(self, server):
        if server not in self.beds:
            say(f"starting {server} and what stands in front of it")
            core = self.core if server == "canned" else None
            wanted = {name for item in self.chosen if item.server == server
                      for name in item.targets}
            targets = [name for name in self.targets if name in wanted]
            self.beds[server] = Bed(self.bench, server, targets, core)
        return self.beds[server]

    def load_command(self, bed, target, extra):
        process = bed.targets[target]
        pin = ["taskset", "-c", str(bed.core)] if bed.core is not None else []
        watch = [] if target == "direct" else [f"--watch-pid={process.pid}"]
        return ["setpriv", "--pdeathsig=KILL", *pin, str(self.bench.tools / "bench-load"),
                f"--port={process.port}", *watch, *extra]

    def measure(self, workload, target):
        """One run: load's figures, or a text that says what went wrong."""
        bed = self.bed(workload.server)
        if not bed.targets[target].alive():
            return f"{target} is dead:\n{bed.targets[target].tail()}"
        extra = (*workload.for_target(target, self.bouncer_prepares), "--warmup=0.15",
                 f"--seconds={self.seconds}")
        try:
            done = subprocess.run(self.load_command(bed, target, extra), capture_output=True,
                                  text=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return "no end after 120 s"
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr.strip()

    def run(self, chosen):
        rows = [{"workload": item.name, "kind": item.kind, "results": {}, "errors": {}}
                for item in chosen]
        begin, done = time.monotonic(), 0
        total = self.rounds * sum(len(set(item.targets) & set(self.targets)) for item in chosen)
        for number in range(self.rounds):
            for item, row in zip(chosen, rows):
                targets = [target for target in self.targets if target in item.targets]
                shift = number % len(targets) if targets else 0
                for target in targets[shift:] + targets[:shift]:  # nobody is always first
                    done += 1
                    if target in row["errors"]:
                        continue
                    progress(done, total, begin, f"round {number + 1} {item.name} {target}")
                    result = self.measure(item, target)
                    if isinstance(result, str):
                        row["errors"][target] = result
                        say(f"FAILED {item.name} {target}: {result}")
                    else:
                        row["results"].setdefault(target, []).append(result)
        clear_progress()
        return rows

    def idle_memory(self, count):
        """What `count` clients that logged in and ran a query cost each target's process.

        Fresh processes: memory that another workload left behind would hide it."""
        bed = self.bed("canned")
        memory = {}
        for target in (name for name in self.targets if name in workloads.TARGETS[1:]):
            progress(1, 1, time.monotonic(), f"memory of {count} idle clients: {target}")
            process = getattr(self.bench, Bed.STARTERS[target])(bed.server.port, bed.core)
            try:
                memory[target] = self.idle_memory_of(process, count)
            except peers.BenchError as error:
                memory[target] = {"error": str(error)}
                say(f"FAILED memory {target}: {error}")
            finally:
                self.bench.stop(process)
        clear_progress()
        return memory

    def idle_memory_of(self, process, count):
        load = str(self.bench.tools / "bench-load")
        subprocess.run([load, f"--port={process.port}", "--warmup=0.1", "--seconds=0.1"],
                       stdout=subprocess.DEVNULL, check=False)  # its own start-up is over then
        before = process.memory_kib()
        with subprocess.Popen(
                ["setpriv", "--pdeathsig=KILL", load, f"--port={process.port}", "--mode=idle",
                 f"--clients={count}"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True) as child:
            ready = child.stdout.readline()
            after = process.memory_kib() if ready else 0
            child.stdin.close()
            error = child.stderr.read().strip()
        if not ready:
            raise peers.BenchError(error)
        return {"clients": count, "before_kib": before, "after_kib": after,
                "kib_per_client": (after - before) / count}


def say(text):
    clear_progress()
    print(text, file=sys.stderr, flush=True)


def progress(done, total, begin, what):
    if not sys.stderr.isatty():
        return
    spent = time.monotonic() - begin
    left = spent / max(done - 1, 1) * (total - done + 1)
    line = f"\r\033[K[{done}/{total}, {left:.0f} s left] {what}"
    print(line, end="", file=sys.stderr, flush=True)


def clear_progress():
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def available_targets(args):
    wanted = [name for name in workloads.ALL_TARGETS if name in args.targets.split(",")]
    unknown = set(args.targets.split(",")) - set(workloads.ALL_TARGETS)
    if unknown:
        raise peers.BenchError(f"unknown target: {', '.join(sorted(unknown))}")
    if not args.heimproxyd.exists():
        say(f"no heimproxyd at {args.heimproxyd}: measuring without it")
        wanted = [name for name in wanted if name not in ("heimproxy", "uncached", "cached")]
    if "pgbouncer" in wanted and not args.pgbouncer:
        say("no pgbouncer installed: measuring without it")
        wanted.remove("pgbouncer")
    return wanted


def describe_machine(bench):
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], check=False,
                            capture_output=True, text=True).stdout.strip()
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    version = bench.bouncer_version()
    return {"cores": len(os.sched_getaffinity(0)), "processor": model.group(1) if model else "?",
            "kernel": platform.release(), "load_average": os.getloadavg(), "commit": commit,
            "pgbouncer": ".".join(map(str, version)) if version else None}


def print_report(result):
    machine, targets = result["machine"], result["targets"]
    print(f"{machine['cores']} cores, {machine['processor']}, Linux {machine['kernel']}, PgBouncer "
          f"{machine['pgbouncer']}, medians of {result['rounds']} x {result['seconds']} s")
    if result["workloads"]:
        print(report.table(result["workloads"], targets))
    if result["idle_memory"]:
        print(report.memory_table(result["idle_memory"]))
    if "pgbouncer" in targets and not result["pgbouncer_prepares"]:
        print("\nThis PgBouncer has no prepared statements in transaction mode: its servers prepare"
              "\nby connect_query and its clients send no Parse, so it forwards blindly: its best"
              "\ncase.")


def run_bench(args, chosen, targets, with_memory):
    """Measures, and returns the result that is printed and kept."""
    work = ROOT / "build" / "bench"
    with peers.Bench(work, args.build / "tests/bench", args.pgbouncer, args.heimproxyd,
                     args.pool_mode) as bench:
        runner = Runner(bench, args, targets, chosen)
        result = {"date": datetime.datetime.now().isoformat(timespec="seconds"),
                  "machine": describe_machine(bench), "targets": targets,
                  "rounds": runner.rounds, "seconds": runner.seconds,
                  "pgbouncer_prepares": runner.bouncer_prepares}
        result["workloads"] = runner.run(chosen)
        result["idle_memory"] = runner.idle_memory(args.idle_clients) if with_memory else {}
    for row in result["workloads"]:
        row["medians"] = {name: report.summarize(runs) for name, runs in row["results"].items()}
        row["ratios"] = report.ratios(row["kind"], row["results"])
    return result


def keep(result, output):
    stamp = re.sub(r"[-:]", "", result["date"]).replace("T", "-")
    output = output or ROOT / "build" / "bench" / f"result-{stamp}.json"
    output.write_text(json.dumps(result, indent=1) + "\n")
    print(f"\n{output}")


def failed(result):
    return (any(row["errors"] for row in result["workloads"])
            or any("error" in entry for entry in result["idle_memory"].values()))


def main():
    args = parse_arguments()
    if args.show:
        print_report(json.loads(args.show.read_text()))
        return 0
    servers = [name for name in ("canned", "postgres")
               if not (args.canned_only and name == "postgres")
               and not (args.postgres_only and name == "canned")]
    chosen = [item for item in workloads.all_workloads(servers, args.quick)
              if re.search(args.only, item.name)]
    with_memory = "canned" in servers and bool(re.search(args.only, "idle-memory"))
    if args.list:
        print("\n".join([item.name for item in chosen] + ["idle-memory"] * with_memory))
        return 0
    if not chosen and not with_memory:
        raise peers.BenchError(f"no workload matches {args.only!r} (see --list)")
    args.build = find_build(args.build)
    args.heimproxyd = args.heimproxyd or args.build / "daemon/heimproxyd"
    result = run_bench(args, chosen, available_targets(args), with_memory)
    print_report(result)
    keep(result, args.output)
    return 1 if failed(result) else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds: everything is stopped
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except peers.BenchError as error:
        sys.exit(f"bench: {error}")
