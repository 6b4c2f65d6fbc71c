"""The processes of a bench: servers and the proxies in front of them.

Each is ours, has its own port and is ended by its pid."""
import os
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

POOL_SIZE = 20
MAX_CLIENTS = 12000
STATEMENT = "SELECT aid, abalance FROM pgbench_accounts WHERE aid = $1"


class BenchError(Exception):
    """What the bench cannot go on without; the text is for a person."""


def free_port():
    """A port below the kernel's own range, so that no outgoing connection takes it meanwhile."""
    while True:
        port = random.randint(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Owner:
    """Who runs the servers: PostgreSQL and PgBouncer refuse root, so postgres does then."""

    def __init__(self, work):
        self.work = work
        self.prefix = []
        self.user = None
        if os.geteuid() == 0:
            self.user = "postgres"
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
            if subprocess.run([*self.prefix, "test", "-x", work], check=False).returncode != 0:
                # The checkout lies in a closed directory (/root): let it be walked through.
                self.prefix += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]

    def give(self, path):
        if self.user:
            shutil.chown(path, self.user, self.user)


class Process:
    """A child that dies with us, even when we are killed."""

    def __init__(self, name, command, owner, log, port, core=None, stop_signal=signal.SIGTERM):
        self.name, self.port, self.stop_signal = name, port, stop_signal
        self.log = log
        setpriv = (owner.prefix or ["setpriv"]) + [f"--pdeathsig={stop_signal.name[3:]}"]
        pin = ["taskset", "-c", str(core)] if core is not None else []
        with open(log, "wb") as output:
            self.child = subprocess.Popen(
                [*setpriv, *pin, *map(str, command)], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True)
        self.pid = self.child.pid

    def wait_until_listening(self, seconds=30):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.child.poll() is not None:
                raise BenchError(f"{self.name} ended with {self.child.returncode}:\n{self.tail()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise BenchError(f"{self.name} does not listen after {seconds} s:\n{self.tail()}")

    def tail(self):
        return "\n".join(Path(self.log).read_text(errors="replace").splitlines()[-8:])

    def alive(self):
        return self.child.poll() is None

    def memory_kib(self):
        """Its private share of memory (PSS): what is mapped by others too counts in part."""
        text = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M).group(1))

    def stop(self):
        if self.alive():
            self.child.send_signal(self.stop_signal)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def find_postgres_bin():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"),
                   key=lambda path: int(path.parts[4]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).parent
    raise BenchError("no PostgreSQL server programs (Debian: apt-get install postgresql)")


class Bench:
    """Where everything of one run lives. Use as a context: leaving it stops every process."""

    def __init__(self, work, tools, pgbouncer, heimproxyd, pool_mode="transaction"):
        self.work, self.tools = Path(work), Path(tools)
        self.pgbouncer_path, self.heimproxyd_path = pgbouncer, heimproxyd
        self.pool_mode = pool_mode
        self.work.mkdir(parents=True, exist_ok=True)
        self.owner = Owner(self.work)
        self.processes = []

    def __enter__(self):
        raise_file_limit()
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()

    def start(self, name, command, port, **how):
        log = self.work / f"{name}-{port}.log"
        process = Process(name, command, self.owner, log, port, **how)
        self.processes.append(process)
        return process.wait_until_listening()

    def stop(self, process):
        process.stop()
        self.processes.remove(process)

    # --- servers

    def start_canned(self, core):
        port = free_port()
        return self.start("canned", [self.tools / "bench-canned", port], port, core=core)

    def start_postgres(self):
        """PostgreSQL with pgbench's tables at scale 10. The data directory stays for later."""
        bin_dir, data, port = find_postgres_bin(), self.work / "postgres", free_port()
        fresh = not (data / "bench-filled").exists()
        if fresh:
            self._init_postgres(bin_dir, data)
        server = self.start("postgres", [bin_dir / "postgres", "-D", data, "-p", port], port,
                            stop_signal=signal.SIGINT)
        if fresh:
            self._fill_postgres(bin_dir, data, port)
        return server

    def _init_postgres(self, bin_dir, data):
        shutil.rmtree(data, ignore_errors=True)
        data.mkdir()
        self.owner.give(data)
        self._run([bin_dir / "initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8",
                   "--locale=C", "--no-sync"])
        with open(data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\n"
                       "max_connections = 200\nshared_buffers = 512MB\nfsync = off\n"
                       "synchronous_commit = off\nautovacuum = off\njit = off\n")
        with open(data / "pg_hba.conf", "w", encoding="utf-8") as hba:
            hba.write("host all all 127.0.0.0/8 trust\n")  # the load comes from all of 127.0.1.x

    def _fill_postgres(self, bin_dir, data, port):
        at = ["-h", "127.0.0.1", "-p", str(port), "-U", "bench"]
        deadline = time.monotonic() + 30
        while subprocess.run([bin_dir / "createdb", *at, "bench"], check=False,
                             stderr=subprocess.DEVNULL).returncode != 0:
            if time.monotonic() > deadline:
                raise BenchError("PostgreSQL takes no connection")
            time.sleep(0.1)
        pgbench = shutil.which("pgbench") or bin_dir / "pgbench"
        self._run([pgbench, *at, "-i", "-q", "-s", "10", "bench"])
        (data / "bench-filled").touch()

    def _run(self, command):
        done = subprocess.run([*self.owner.prefix, *map(str, command)], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(f"{command[0]} failed:\n{done.stdout[-500:]}{done.stderr[-1500:]}")

    # --- what stands between

    def start_relay(self, server_port, core):
        port = free_port()
        return self.start("relay", [self.tools / "bench-relay", port, server_port], port, core=core)

    def start_pgbouncer(self, server_port, core):
        port = free_port()
        ini, users = self.work / f"pgbouncer-{port}.ini", self.work / "pgbouncer-users.txt"
        users.write_text('"bench" ""\n')
        prepares = self.bouncer_prepares()
        prepared = "" if prepares else f" connect_query='PREPARE bench (int) AS {STATEMENT}'"
        ini.write_text(
            f"[databases]\nbench = host=127.0.0.1 port={server_port}{prepared}\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
            f"auth_type = trust\nauth_file = {users}\npool_mode = transaction\n"
            f"default_pool_size = {POOL_SIZE}\nmax_client_conn = {MAX_CLIENTS}\n"
            "log_connections = 0\nlog_disconnections = 0\nlog_stats = 0\n"
            + ("max_prepared_statements = 200\n" if prepares else ""))
        return self.start("pgbouncer", [self.pgbouncer_path, ini], port, core=core)

    def bouncer_version(self):
        """(1, 18), or None without PgBouncer."""
        if not self.pgbouncer_path:
            return None
        text = subprocess.run([self.pgbouncer_path, "--version"], capture_output=True, text=True,
                              check=True).stdout
        return tuple(int(part) for part in re.search(r"(\d+)\.(\d+)", text).groups())

    def bouncer_prepares(self):
        """Whether it knows prepared statements in transaction mode."""
        return (self.bouncer_version() or (0, 0)) >= (1, 21)

    def start_uncached(self, server_port, core):
        return self.start_heimproxy(server_port, core, "auto")

    def start_cached(self, server_port, core):
        """What is asked for once is kept, too: a miss is to cost what it costs."""
        return self.start_heimproxy(server_port, core, "auto",
                                    '[cache]\nenabled = true\nsize = "8MiB"\n'
                                    "[[rules]]\ncache = true\n")

    def start_heimproxy(self, server_port, core, pool_mode=None, more=""):
        port = free_port()
        config = self.work / f"heimproxy-{port}.toml"
        config.write_text(
            f'[proxy]\nlisten_address = "127.0.0.1:{port}"\n'
            f'pool_mode = "{pool_mode or self.pool_mode}"\n'
            f"pool_size = {POOL_SIZE}\nworkers = 1\nmax_client_conn = {MAX_CLIENTS}\n"
            '[auth]\ntype = "trust"\n[server_tls]\nmode = "disable"\n'
            '[log]\nlevel = "warning"\nconnections = false\ndisconnections = false\n'
            f'[[nodes]]\nhost = "127.0.0.1"\nport = {server_port}\nrole = "primary"\n'
            + more)
        return self.start("heimproxy", [self.heimproxyd_path, config], port, core=core)
