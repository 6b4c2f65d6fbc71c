"""A redis-server of a test's own."""

import shutil
import signal
import socket

from . import ports
from .process import Process, poll

PASSWORD = "redis-secret"
USER = "heim"
# What heimproxy needs of an ACL: its keys, its channel, and no more commands than these.
# For the store of answers, the last line as well.
ACL = (f"on >{PASSWORD} ~{{shop}}:* &{{shop}}:* -@all +hello +auth +ping +select +client|setname"
       " +info +time +set +get +incr +hset +hget +hdel +hgetall +publish +subscribe"
       " &__keyspace@0__:{shop}:answer:* +pttl +scan +psubscribe")


class Redis:
    """`tls`: a harness.tls.Tls; then it speaks TLS alone, and lets nobody in without a password.
    `cluster`: it is a node of one, whose bus has a port of its own; by default it would be one
    that the kernel may have handed out.
    """

    def __init__(self, directory, tls=None, cluster=False, **settings):
        self.directory, self.tls, self.settings = directory, tls, settings
        if cluster:
            self.bus = ports.take()
            self.settings |= {"cluster-enabled": "yes", "cluster-port": self.bus}
        self.host, self.port = "127.0.0.1", ports.take()
        self.process = None
        directory.mkdir(parents=True, exist_ok=True)

    def write_config(self):
        options = {"bind": self.host, "port": self.port, "dir": self.directory, "save": '""',
                   "daemonize": "no", **self.settings}
        if self.tls:
            crt, key = self.tls.cert("redis")
            options |= {"port": 0, "tls-port": self.port, "tls-cert-file": crt,
                        "tls-key-file": key, "tls-ca-cert-file": self.tls.ca,
                        "tls-auth-clients": "no", "requirepass": "other-secret",
                        "user": f"{USER} {ACL}"}
        path = self.directory / "redis.conf"
        path.write_text("".join(f"{name} {value}\n" for name, value in options.items()))
        return path

    def launch(self, *more):
        """It dies with the thread that calls this."""
        program = shutil.which("redis-server") or "redis-server"
        argv = [program, self.write_config(), *more]
        self.process = Process(argv, self.directory / "redis.log")

    def start(self):
        self.launch()
        poll(self._accepts, 30, f"redis-server listening on {self.port}")
        return self

    def _accepts(self):
        assert self.process.running(), self.process.tail()
        try:
            socket.create_connection((self.host, self.port), 1).close()
            return True
        except OSError:
            return False

    def ask(self, *words):
        """One command on a connection of its own, without TLS; the answer's bytes."""
        with socket.create_connection((self.host, self.port), 10) as client:
            request = b"*%d\r\n" % len(words)
            for word in map(str.encode, map(str, words)):
                request += b"$%d\r\n%s\r\n" % (len(word), word)
            client.sendall(request)
            return client.recv(65536)

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def stop(self):
        if self.process and self.process.running():
            self.process.signal(signal.SIGCONT)
            self.process.stop(signal.SIGKILL)


class Sentinel(Redis):
    """Looks after a server, which it calls "shop": alone it decides who is to stand in for it."""

    def __init__(self, directory, server):
        super().__init__(directory)
        self.server = server

    def write_config(self):
        path = self.directory / "sentinel.conf"
        path.write_text(
            f"bind {self.host}\nport {self.port}\ndir {self.directory}\n"
            f"sentinel monitor shop {self.server.host} {self.server.port} 1\n"
            "sentinel down-after-milliseconds shop 300\nsentinel failover-timeout shop 3000\n")
        return path

    def launch(self):
        super().launch("--sentinel")

    def names(self, server):
        return b"\r\n%d\r\n" % server.port in self.ask(
            "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "shop")

    def knows_replica(self):
        return b"slave" in self.ask("SENTINEL", "REPLICAS", "shop")
