"""What is measured: a table of workloads, each a way to call `load`."""
from dataclasses import dataclass, field

TARGETS = ("direct", "relay", "pgbouncer", "heimproxy")
POOLERS = ("pgbouncer", "heimproxy")
# In mode auto, which keeps answers, and beside it one that keeps none.
CACHES = ("direct", "uncached", "cached")
ALL_TARGETS = (*TARGETS, *CACHES[1:])
KEYS = 1000  # of the workloads that ask for the same again
PROTOCOLS = ("simple", "extended", "prepared")
ALL_CLIENTS = (1, 8, 32, 100, 1000)
QUICK_CLIENTS = (8, 100)
DIRECT_MAX = 180  # what the bench's PostgreSQL takes: direct and relay need one server per client


@dataclass(frozen=True)
class Workload:
    """`kind` says which figures count: per query, per connection (connect) or per byte (large)."""
    name: str
    server: str  # canned or postgres
    kind: str
    args: tuple = field(default=())
    targets: tuple = TARGETS

    def for_target(self, target, bouncer_prepares):
        """PgBouncer before 1.21 cannot share servers among clients that Parse: its servers have
        the statement from connect_query, and its clients leave Parse out."""
        skip = (target == "pgbouncer" and not bouncer_prepares
                and "--protocol=prepared" in self.args)
        return (*self.args, "--parse=no") if skip else self.args


def saturated(server, clients):
    for protocol in PROTOCOLS:
        for count in clients:
            many = server == "postgres" and count > DIRECT_MAX
            yield Workload(f"{server}/{protocol}/c{count}", server, "query",
                           (f"--protocol={protocol}", f"--clients={count}"),
                           POOLERS if many else TARGETS)


def special(server, quick):
    """Paced, pipelined, in transactions, connecting, large: once each."""
    rate = 10000 if server == "canned" else 4000
    rows = {"short": (200000, 10), "wide": (5000, 8000)}
    cases = [
        ("paced-simple/c50", "query", ("--protocol=simple", "--clients=50", f"--rate={rate}")),
        ("paced-prepared/c50", "query", ("--protocol=prepared", "--clients=50", f"--rate={rate}")),
        ("pipeline16-prepared/c20", "query",
         ("--protocol=prepared", "--clients=20", "--pipeline=16")),
        ("pipeline16-simple/c20", "query", ("--protocol=simple", "--clients=20", "--pipeline=16")),
        ("transaction-simple/c16", "query", ("--mode=transaction", "--clients=16")),
        ("connect/c8", "connect", ("--mode=connect", "--clients=8")),
    ] + [(f"large-{name}/c1", "large", ("--mode=large", f"--rows={count}", f"--width={width}"))
         for name, (count, width) in rows.items()]
    if quick:
        dropped = ("paced-prepared/c50",) if server == "canned" else (
            "paced-simple/c50", "paced-prepared/c50", "pipeline16-prepared/c20",
            "pipeline16-simple/c20", "transaction-simple/c16", "large-wide/c1")
        cases = [case for case in cases if case[0] not in dropped]
    for name, kind, args in cases:
        yield Workload(f"{server}/{name}", server, kind, args)


def caching():
    """What others asked before, and what nobody did: all rows are asked for, and there are more
    than the cache has room for."""
    for kind, keys in (("hits", (f"--keys={KEYS}",)), ("misses", ())):
        for protocol in ("simple", "prepared"):
            for clients in (1, 8):
                args = (f"--protocol={protocol}", f"--clients={clients}", *keys)
                yield Workload(f"cache/{kind}-{protocol}/c{clients}", "postgres", "cache", args,
                               CACHES)
    yield Workload("cache/hits-transaction/c8", "postgres", "cache",
                   ("--mode=transaction", "--clients=8", f"--keys={KEYS}"), CACHES)


def all_workloads(servers, quick):
    clients = QUICK_CLIENTS if quick else ALL_CLIENTS
    for server in servers:
        yield from saturated(server, (8,) if quick and server == "postgres" else clients)
        yield from special(server, quick)
    if "postgres" in servers:
        yield from caching()
