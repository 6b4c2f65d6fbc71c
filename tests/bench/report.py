"""Medians, ratios and tables.

Ratios are taken within a round, where both sides saw the same machine; their median is shown."""
from statistics import median

# Per kind: (rate field, its heading), (cost field, its heading). A high rate is good, a low cost.
FIELDS = {
    "query": (("qps", "q/s"), ("cpu_us", "CPU us")),
    "connect": (("qps", "conn/s"), ("cpu_us", "CPU us")),
    "large": (("mb_per_s", "MB/s"), ("cpu_s_per_gb", "CPU s/GB")),
    "cache": (("qps", "q/s"), ("cpu_us", "CPU us")),
}
PAIRS = (("pgbouncer", "relay"), ("heimproxy", "relay"), ("heimproxy", "pgbouncer"))
CACHE_PAIRS = (("cached", "uncached"), ("cached", "direct"))


def pairs_of(kind):
    return CACHE_PAIRS if kind == "cache" else PAIRS


KEPT = ("qps", "p50_us", "p90_us", "p99_us", "max_us", "cpu_us", "load_cpu_us", "mb_per_s",
        "cpu_s_per_gb")


def summarize(rounds):
    """Median of each field over the rounds of one target."""
    return {key: median(run[key] for run in rounds) for key in KEPT} if rounds else None


def ratio(results, above, below, key):
    """Median over the rounds that both have; None when a figure is missing or zero."""
    pairs = zip(results.get(above, ()), results.get(below, ()))
    values = [a[key] / b[key] for a, b in pairs if a[key] and b[key]]
    return median(values) if values else None


def ratios(kind, results):
    (rate, _), (cost, _) = FIELDS[kind]
    out = {}
    for above, below in pairs_of(kind):
        out[f"{above}/{below} cost"] = ratio(results, above, below, cost)
        out[f"{above}/{below} rate"] = ratio(results, above, below, rate)
    return out


def number(value):
    if value is None:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.2f}"


def cell(kind, target, summary):
    if summary is None:
        return "-"
    (rate, _), (cost, _) = FIELDS[kind]
    parts = [number(summary[rate])]
    if target != "direct":
        parts.append(number(summary[cost]))
    if kind != "large":
        parts.append(f"{number(summary['p50_us'])}/{number(summary['p99_us'])}")
    return " · ".join(parts)


def table(rows, targets):
    """`rows`: dicts with workload, kind, results (target -> runs). Markdown, one table a kind."""
    lines = []
    for kind, ((_, rate), (_, cost)) in FIELDS.items():
        chosen = [row for row in rows if row["kind"] == kind]
        if not chosen:
            continue
        shape = f"{rate} · {cost}" + ("" if kind == "large" else " · p50/p99 us")
        measured = [name for name in targets if any(name in row["results"] for row in chosen)]
        pairs = [pair for pair in pairs_of(kind) if set(pair) <= set(measured)]
        heads = ["workload", *(f"{target}" for target in measured),
                 *(f"{above}/{below} {cost.split()[0]}" for above, below in pairs),
                 *(f"{above}/{below} {rate}" for above, below in pairs[-1:])]
        lines += ["", f"Each cell: {shape} (direct has no proxy, so no {cost}).", "",
                  "| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
        for row in chosen:
            results, rated = row["results"], ratios(kind, row["results"])
            cells = [row["workload"]]
            cells += [row["errors"].get(target) and "FAILED" or
                      cell(kind, target, summarize(results.get(target))) for target in measured]
            cells += [number(rated[f"{a}/{b} cost"]) for a, b in pairs]
            cells += [number(rated[f"{a}/{b} rate"]) for a, b in pairs[-1:]]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def memory_table(memory):
    lines = ["", "| idle clients | " + " | ".join(memory) + " |", "|---|" + "---|" * len(memory)]
    lines.append("| KiB of the process each | " + " | ".join(
        "FAILED" if "error" in entry else f"{entry['kib_per_client']:.2f}"
        for entry in memory.values()) + " |")
    return "\n".join(lines)
