"""The program: its arguments, signals, messages to the service manager, logs."""

import json
import os
import re
import signal
import socket
import subprocess
import threading

import psycopg
import pytest
from conftest import connect
from harness import ports, wire
from harness.paths import heimproxyd
from harness.process import poll

MINIMAL = """[proxy]
listen_address = "0.0.0.0:{port}"
admin_address = "0.0.0.0:{admin}"
[[nodes]]
host = "127.0.0.1"
port = {server}
role = "primary"
[[nodes]]
host = "localhost"
port = {standby}
role = "standby"
"""


OPTIONS = pytest.mark.daemon("its options")


def run(*args, **options):
    return subprocess.run(
        [heimproxyd(), *map(str, args)], capture_output=True, text=True, timeout=30, **options
    )


def check(tmp_path, text):
    path = tmp_path / "heimproxy.toml"
    path.write_text(text)
    done = run("--check", path)
    return done.returncode, done.stdout + done.stderr


@OPTIONS
def test_help_and_version():
    done = run("--help")
    assert done.returncode == 0 and "--check" in done.stdout and "--print-config" in done.stdout
    done = run("--version")
    assert done.returncode == 0 and re.search(r"heimproxy\S* \d+\.\d+\.\d+", done.stdout)
    done = run("--no-such-option")
    assert done.returncode != 0 and "no-such-option" in done.stderr + done.stdout
    done = run("/nowhere/at/all.toml")
    assert done.returncode != 0 and "/nowhere/at/all.toml" in done.stderr + done.stdout


@OPTIONS
def test_check_good(tmp_path):
    status, text = check(tmp_path, MINIMAL.format(port=6432, admin=9090, server=5432, standby=5433))
    assert status == 0, text


@OPTIONS
@pytest.mark.parametrize(
    "wrong, line, words",
    [
        ("[proxy]\npool_sise = 3\n[[nodes]]\nhost = \"a\"\n", 2, ["pool_sise", "pool_size"]),
        ("[proxy]\npool_mode = \"transactional\"\n[[nodes]]\nhost = \"a\"\n", 2, ["transaction"]),
        ("[proxi]\npool_size = 3\n[[nodes]]\nhost = \"a\"\n", 1, ["proxi", "proxy"]),
        ("[proxy]\npool_size = \"many\"\n[[nodes]]\nhost = \"a\"\n", 2, ["pool_size"]),
        (
            "[timeouts]\nquery_timeout = \"12 parsecs\"\n[[nodes]]\nhost = \"a\"\n",
            2,
            ["query_timeout"],
        ),
        ("[proxy]\npool_size = 3\n[[nodes]\n", 3, []),
        ("[[nodes]]\nport = 5432\n", 1, ["host"]),
    ],
    ids=["key", "word", "table", "number", "duration", "syntax", "missing"],
)
def test_check_says_where_and_what(wrong, line, words, tmp_path):
    status, text = check(tmp_path, wrong)
    assert status != 0
    assert re.search(rf"\b{line}\b", text), text
    for word in words:
        assert word in text


@OPTIONS
def test_print_config(tmp_path):
    """Effective values and where each came from; secrets are not shown."""
    path = tmp_path / "heimproxy.toml"
    path.write_text(
        '[proxy]\npool_size = "${SIZE:-7}"\n[[nodes]]\nhost = "db"\n'
        '[[databases]]\nname = "x"\nuser = "u"\npassword = "very-secret"\n'
    )
    done = run("--print-config", path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"pool_size\W+7\b", done.stdout) and "very-secret" not in done.stdout
    assert re.search(r"default_?pool|query_wait_timeout", done.stdout), "defaults are shown too"
    done = run("--print-config", path, env={**os.environ, "SIZE": "9"})
    assert re.search(r"pool_size\W+9\b", done.stdout)


def test_the_minimal_file_runs_as_it_stands(make_proxy, server, database):
    """Every address, no secret: it starts, warns about what that means, and serves."""
    admin = ports.take()
    proxy = make_proxy(start=False)
    text = MINIMAL.format(port=proxy.port, admin=admin, server=server.port, standby=server.port)
    proxy.write_config = lambda: proxy.path.write_text(text)
    proxy.start()
    with connect(proxy, database) as conn:
        assert conn.execute("select current_user").fetchone() == ("app",)
    assert re.search(r"(?i)warn", proxy.log())
    with socket.create_connection(("127.0.0.1", admin), 10) as probe:
        probe.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert probe.recv(100).startswith(b"HTTP/1.1 ")


def farewell(conn):
    """The SQLSTATE with which an idle client is closed, None without one."""
    kinds = wire.Wire.closed(conn)
    return re.search(rb"C(\w{5})\0", kinds).group(1).decode() if kinds else None


@pytest.mark.in_process
def test_sigterm_waits_for_clients(make_proxy, database):
    """No new client; the ones inside work on; when the last leaves it ends with status 0."""
    proxy = make_proxy()
    with connect(proxy, database) as conn:
        conn.execute("select 1")
        process = proxy.process
        process.signal(signal.SIGTERM)

        def closed():
            try:
                connect(proxy, database, connect_timeout=2).close()
                return False
            except psycopg.OperationalError:
                return True

        poll(closed, 10, "new clients to be refused")
        assert conn.execute("select 2").fetchone() == (2,)
        assert process.running()
    assert process.wait(20) == 0
    proxy.process = None


@pytest.mark.daemon("what a second SIGTERM means")
def test_sigterm_twice(make_proxy, database):
    """The second one is immediate, with a proper farewell."""
    proxy = make_proxy({"auth": {"type": "trust"}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        process = proxy.process
        process.signal(signal.SIGTERM)
        process.wait_log(r"(?i)(shut|term|wait)")
        assert process.running()
        process.signal(signal.SIGTERM)
        assert farewell(conn) == "57P01"
    assert process.wait(20) == 0
    proxy.process = None


def test_sigint_waits_for_servers(make_proxy, database):
    """A transaction ends in peace; idle clients are told 57P01."""
    proxy = make_proxy({"auth": {"type": "trust"}})
    with wire.Wire(proxy) as idle, connect(proxy, database, autocommit=False) as busy:
        idle.login("app", database)
        busy.execute("create table t (i int)")
        process = proxy.process
        process.signal(signal.SIGINT)
        assert farewell(idle) == "57P01"
        busy.execute("insert into t values (1)")
        busy.commit()
    assert process.wait(20) == 0
    proxy.process = None


def test_sigquit_is_immediate(make_proxy, server, database):
    proxy = make_proxy({"auth": {"type": "trust"}})
    with wire.Wire(proxy) as conn:
        conn.login("app", database)
        conn.ask("begin")
        process = proxy.process
        process.signal(signal.SIGQUIT)
        assert farewell(conn) == "57P01"
        assert process.wait(10) == 0
    proxy.process = None
    query = f"select 1 from pg_stat_activity where datname = '{database}'"
    poll(lambda: not server.sql(query), 10, "no server connection left behind")


@pytest.mark.in_process
def test_sighup_reloads(make_proxy, server, database):
    proxy = make_proxy({"proxy": {"pool_size": 1}})
    with connect(proxy, database, autocommit=False) as one, connect(proxy, database) as two:
        one.execute("select 1")
        proxy.reload(proxy={**proxy.config["proxy"], "pool_size": 3})
        assert two.execute("select 2").fetchone() == (2,)
        one.rollback()
        proxy.path.write_text("[proxy]\nnonsense = true\n")
        seen = len(proxy.log())
        proxy.process.signal(signal.SIGHUP)
        proxy.wait_log("nonsense", start=seen)
        assert two.execute("select 3").fetchone() == (3,)


@pytest.mark.daemon("its service manager")
def test_sd_notify(make_proxy, tmp_path, database):
    """READY=1, RELOADING=1 and READY=1 again, STOPPING=1."""
    name = f"\0heimproxy-notify-{os.getpid()}-{database}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(name)
        listener.settimeout(20)
        proxy = make_proxy(env={"NOTIFY_SOCKET": "@" + name[1:]})

        def until(word):
            while True:
                text = listener.recv(4096).decode()
                if word in text:
                    return text

        until("READY=1")
        proxy.process.signal(signal.SIGHUP)
        assert "MONOTONIC_USEC=" in until("RELOADING=1")
        until("READY=1")
        proxy.stop(signal.SIGQUIT)
        until("STOPPING=1")


@pytest.mark.daemon("the form of its log")
def test_json_log(make_proxy, database):
    """One object a line, each with a time, a level and a message."""
    proxy = make_proxy({"log": {"format": "json"}})
    with connect(proxy, database) as conn:
        conn.execute("select 1")
    with pytest.raises(psycopg.OperationalError):
        connect(proxy, database, password="wrong")
    poll(
        lambda: "wrong" in proxy.log() or "authentication" in proxy.log(),
        10,
        "the failed login in the log",
    )
    lines = [json.loads(line) for line in proxy.log().splitlines()]
    assert lines and all(
        {"level", "message"} <= set(line) or {"level", "msg"} <= set(line) for line in lines
    )


def test_log_is_limited(make_proxy):
    """What a peer can trigger at will does not fill the disk."""
    proxy = make_proxy()
    for _ in range(2000):
        with wire.Wire(proxy) as probe:
            probe.send(b"\0\0\0\0\0\0\0\0")
    poll(lambda: proxy.fds() < 200, 20, "the connections closed")
    assert len(proxy.log().splitlines()) < 1500


def test_two_on_one_port(make_proxy):
    """The second says which address is taken, and ends."""
    first = make_proxy()
    second = make_proxy({"proxy": {"listen_address": f"127.0.0.1:{first.port}"}}, start=False)
    second.start(wait=False)
    assert second.process.wait(20) != 0
    assert str(first.port) in second.log()
    second.process = None


def test_no_processes_or_threads_pile_up(make_proxy, database):
    proxy = make_proxy()

    def one():
        with connect(proxy, database) as conn:
            conn.execute("select 1")

    one()
    threads, fds = proxy.status("Threads"), proxy.fds()
    for _ in range(5):
        pack = [threading.Thread(target=one) for _ in range(20)]
        [t.start() for t in pack]
        [t.join() for t in pack]
    assert proxy.status("Threads") == threads and proxy.children() == []
    poll(lambda: proxy.fds() <= fds + 8, 20, "descriptors given back")  # 8: pool_size
