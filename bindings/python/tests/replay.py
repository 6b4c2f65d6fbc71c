"""The conformance script of all bindings (bindings/spec/README.md), for any driver of Python.

A driver's Proxy has: `missing`, the verbs that it has no call for; `Error`, what it raises, and
told(error), its SQLSTATE (None: not told), message and fields; connect(...), show(what),
invalidate(...); begin_call(connection, sql), which gives what waits for the outcome. Its
connections are like those of heimproxy.
"""

import json
import re
import time

OIDS = {"bool": 16, "bytea": 17, "int8": 20, "int2": 21, "int4": 23, "text": 25, "json": 114,
        "float4": 700, "float8": 701, "unknown": 705, "varchar": 1043, "date": 1082,
        "timestamp": 1114, "timestamptz": 1184, "numeric": 1700, "uuid": 2950, "jsonb": 3802}
EXPECTED = {"rows", "count", "columns", "types", "tag", "affected"}
ANY = {"do", "on", "error", "until", "cached"}
# Keys of each verb, beside those of all.
KEYS = {
    "open": {"user", "database", "password", "application_name", "settings"},
    "close": set(),
    "query": {"sql", "results"} | EXPECTED,
    "run": {"sql", "args", "streamed", "binary"} | EXPECTED,
    "begin": {"modes"},
    "commit": set(),
    "rollback": set(),
    "copy_in": {"sql", "data", "fail", "affected", "tag"},
    "copy_out": {"sql", "data"},
    "start": {"sql"},
    "finish": {"results"} | EXPECTED,
    "cancel": set(),
    "notification": {"channel", "payload", "none"},
    "state": {"transaction"},
    "parameter": {"name", "value"},
    "route": {"sql", "has"},
    "show": {"what", "has"},
    "invalidate": {"database", "table", "like", "sql"},
    "value": {"type", "text", "binary"},
}


class Different(Exception):
    pass


def same(what, expected, came):
    if expected != came:
        raise Different(f"{what}: expected {expected!r}, came {came!r}")


def known(keys, allowed, where):
    if set(keys) - allowed:
        raise Different(f"{where} has what is not known: {sorted(set(keys) - allowed)}")


class Failing(Exception):
    """The program's own, for data that shall fail."""


class Case:
    def __init__(self, proxy):
        self.proxy = proxy
        self.sessions = {}
        self.started = {}  # what waits for their outcomes

    def close(self):
        for connection in self.sessions.values():
            connection.close()

    def step(self, step):
        verb = step["do"]
        if verb not in KEYS:
            raise Different(f"no such verb: {verb}")
        known(step, KEYS[verb] | ANY, "the step")
        if not step.get("until"):
            return self.once(step)
        end = time.monotonic() + 30
        while True:
            try:
                return self.once(step)
            except (Different, self.proxy.Error):
                if time.monotonic() > end:
                    raise
            time.sleep(0.02)

    def once(self, step):
        before = self.hits() if "cached" in step else 0
        try:
            getattr(self, "do_" + step["do"])(step)
        except self.proxy.Error as error:
            if "error" not in step:
                raise
            return self.check_error(step, *self.proxy.told(error))
        except Failing as failed:
            # A driver raises what its caller did, and swallows what the server made of it.
            return self.check_error(step, "57014", str(failed), {})
        if "error" in step:
            raise Different(f"expected the error {step['error']}, and it succeeded")
        if "cached" in step:
            same("cached", step["cached"], self.hits() > before)

    def hits(self):
        [hits] = [row["value"] for row in self.proxy.show("CACHE") if row["what"] == "hits"]
        return int(hits)

    def check_error(self, step, sqlstate, message, fields):
        expected = step["error"]
        known(expected, {"sqlstate", "message", "fields", "ended"}, "the error")
        states = expected.get("sqlstate", [sqlstate])
        told = sqlstate is not None
        if told and sqlstate not in ([states] if isinstance(states, str) else states):
            raise Different(f"expected SQLSTATE {states}, came {sqlstate}: {message}")
        if expected.get("message", "") not in message:
            raise Different(f"expected a message with {expected['message']!r}, came {message}")
        for letter, text in expected.get("fields", {}).items():
            if text not in fields.get(letter, ""):
                raise Different(f"expected {letter} with {text!r}, came {fields}")
        connection = self.sessions.get(step["on"])
        if connection is not None:
            same("ended", expected.get("ended", False), connection.transaction == "ended")

    # ---- expectations ---------------------------------------------------------------------------

    def check(self, expected, cursor):
        rows = cursor.fetchall() if cursor.description else []
        if "rows" in expected:
            same("rows", expected["rows"], [list(row) for row in rows])
        if "count" in expected:
            same("count", expected["count"], len(rows))
        if "columns" in expected and (cursor.description or not expected.get("streamed")):
            same("columns", expected["columns"], [column.name for column in cursor.description])
        if "types" in expected:
            types = [column.type_code for column in cursor.description]
            same("types", [OIDS[name] for name in expected["types"]], types)
        counted = re.search(r" (\d+)$", expected.get("tag", ""))
        if counted:
            same("tag", int(counted[1]), cursor.rowcount)
        if "affected" in expected:
            # PEP 249 has -1 where the tag counts nothing.
            same("affected", expected["affected"], max(cursor.rowcount, 0))

    def check_results(self, step, cursor):
        if "results" not in step:
            return self.check(step, cursor)
        for number, expected in enumerate(step["results"]):
            known(expected, EXPECTED, "the result")
            if number and not cursor.nextset():
                raise Different(f"expected {len(step['results'])} results, came {number}")
            self.check(expected, cursor)
        if cursor.nextset():
            raise Different(f"expected {len(step['results'])} results, came more")

    # ---- verbs ----------------------------------------------------------------------------------

    def on(self, step):
        return self.sessions[step["on"]]

    def do_open(self, step):
        user = step.get("user", "app")
        password = step.get("password", "app-secret" if user == "app" else None)
        options = {key: step[key] for key in ("application_name", "settings") if key in step}
        login = user, step.get("database", "postgres"), password
        options["autocommit"] = True
        self.sessions[step["on"]] = self.proxy.connect(*login, **options)

    def do_close(self, step):
        self.sessions.pop(step["on"]).close()

    def do_query(self, step):
        self.check_results(step, self.on(step).execute(step["sql"]))

    def do_run(self, step):
        values = {f"p{number}": value for number, value in enumerate(step.get("args", []), 1)}
        sql = re.sub(r"\$(\d+)", r"%(p\1)s", step["sql"])
        cursor = self.on(step).cursor(streaming=step.get("streamed", False))
        self.check(step, cursor.execute(sql, values))

    def do_begin(self, step):
        self.on(step).execute("begin " + step.get("modes", ""))

    def do_commit(self, step):
        self.on(step).commit()

    def do_rollback(self, step):
        self.on(step).rollback()

    def do_copy_in(self, step):
        def pieces():
            for text in step["data"]:
                yield text.encode()
            if "fail" in step:
                raise Failing(step["fail"])

        cursor = self.on(step).cursor()
        cursor.copy_in(step["sql"], pieces())
        self.check({key: step[key] for key in ("affected", "tag") if key in step}, cursor)

    def do_copy_out(self, step):
        data = b"".join(self.on(step).cursor().copy_out(step["sql"])).decode()
        same("data", step.get("data", data), data)

    def do_start(self, step):
        self.started[step["on"]] = self.proxy.begin_call(self.on(step), step["sql"])

    def do_finish(self, step):
        self.check_results(step, self.started.pop(step["on"])())

    def do_cancel(self, step):
        self.on(step).cancel()

    def do_notification(self, step):
        told = self.on(step).notification(0 if step.get("none") else 30)
        if step.get("none"):
            return same("notification", None, told)
        if told is None:
            raise Different("no notification came")
        same("channel", step.get("channel", told.channel), told.channel)
        same("payload", step.get("payload", told.payload), told.payload)

    def do_state(self, step):
        same("transaction", step["transaction"], self.on(step).transaction)

    def do_parameter(self, step):
        same(step["name"], step["value"], self.on(step).parameter(step["name"]))

    def do_route(self, step):
        explained = json.dumps(self.on(step).explain_route(step["sql"]))
        if step["has"] not in explained:
            raise Different(f"expected {step['has']!r} in {explained}")

    def do_show(self, step):
        rows = self.proxy.show(step["what"])
        if not any(step["has"].items() <= row.items() for row in rows):
            raise Different(f"expected {step['has']} among {rows}")

    def do_invalidate(self, step):
        self.proxy.invalidate(step.get("table"), database=step.get("database"),
                              like=step.get("like"), sql=step.get("sql"))

    def do_value(self, step):
        connection, kind = self.on(step), step["type"]
        text = "'" + step["text"].replace("'", "''") + "'"
        got = connection.execute(f"select {text}::{kind}").fetchone()[0]
        sql = f"select %s::{kind}::text = {text.replace('%', '%%')}::{kind}::text"
        if connection.execute(sql, [got]).fetchone() != (True,):
            raise Different(f"{kind} {text} came as {got!r}, and went as something else")
        if isinstance(got, str) and kind in ("bool", "int4", "date", "timestamptz", "uuid"):
            raise Different(f"{kind} came as a text")


def merged(base, more):
    return {**base, **{key: {**base[key], **value} if isinstance(base.get(key), dict) else value
                       for key, value in more.items()}}


def read(path):
    """The file at `path`."""
    script = json.loads(path.read_text())
    known(script, {"about", "config", "cases"}, path.name)
    return script


def configuration(script, ports):
    """Of a proxy before the server at that port, or the primary and its standby at those two."""
    nodes = [{"host": "127.0.0.1", "port": port, "role": "primary"} for port in ports]
    if len(ports) > 1:
        nodes = [{**node, "name": f"n{number}", "role": "auto"}
                 for number, node in enumerate(nodes)]
    return merged({"proxy": {"listen_address": []}, "nodes": nodes}, script.get("config", {}))


def run_case(proxy, described):
    """What went wrong, or None."""
    case = Case(proxy)
    number, step = -1, {}
    try:
        for number, step in enumerate(described["steps"]):
            case.step(step)
        return None
    except (Different, proxy.Error) as wrong:
        return f"{described['name']}: step {number} {step}: {wrong!r}"
    finally:
        case.close()


def left_out(proxy, described):
    return any(step["do"] in proxy.missing for step in described["steps"])
