"""Who may log in, how, and what a wrong login learns."""

import os
import re
import socket
import statistics
import time

import psycopg
import pytest
from conftest import USERS, connect
from harness import ports, wire
from harness.heimproxy import node

PLUS = {"sslmode": "require", "channel_binding": "require"}


def whoami(proxy, dbname, user, **options):
    with connect(proxy, dbname, user, **options) as conn:
        return conn.execute("select current_user").fetchone()[0]


# (auth type, user, client options)
ACCEPTED = [
    ("scram-sha-256", "app", {}),
    ("scram-sha-256", "app", {"sslmode": "require"}),
    ("scram-sha-256", "app", PLUS),
    ("md5", "u_md5", {}),
    ("md5", "u_md5", {"sslmode": "require"}),
    ("password", "app", {"sslmode": "require"}),
    ("trust", "app", {"password": ""}),
    ("relay", "app", {}),
    ("relay", "u_md5", {}),
    ("relay", "u_plain", {"sslmode": "require"}),
    ("relay", "u_trust", {"password": ""}),
]


@pytest.mark.parametrize("method, user, options", ACCEPTED)
def test_accepted(method, user, options, make_proxy, database):
    proxy = make_proxy({"auth": {"type": method}})
    for _ in range(3):
        assert whoami(proxy, database, user, **options) == user


@pytest.mark.parametrize(
    "method, user, options", [row for row in ACCEPTED if row[0] != "trust" and row[1] != "u_trust"]
)
def test_wrong_password(method, user, options, make_proxy, database):
    proxy = make_proxy({"auth": {"type": method}})
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        whoami(proxy, database, user, **{**options, "password": "wrong"})
    assert whoami(proxy, database, user, **options) == user


def test_relay_is_the_default(make_proxy, database):
    """No secret configured: the server judges, and a wrong password is the server's own answer."""
    proxy = make_proxy({"auth": {"type": "relay", "file": ""}})
    assert whoami(proxy, database, "app") == "app"
    with pytest.raises(
        psycopg.OperationalError, match='password authentication failed for user "app"'
    ):
        whoami(proxy, database, "app", password="wrong")
    with pytest.raises(
        psycopg.OperationalError, match='password authentication failed for user "nobody"'
    ):
        whoami(proxy, database, "nobody", password="wrong")


def verifiers(server, directory, users):
    """A userlist of what the server itself stores: no plain secret in it."""
    path = directory / "verifiers.txt"
    rows = [
        server.sql(f"select passwd from pg_shadow where usename = '{user}'")[0][0] for user in users
    ]
    path.write_text("".join(f'"{user}" "{secret}"\n' for user, secret in zip(users, rows)))
    return path


@pytest.mark.parametrize("user", ["app", "u_md5"])
def test_no_plain_secret_anywhere(user, make_proxy, database, server, tmp_path):
    """Verifiers only: the server is opened with what the client's own login revealed."""
    path = verifiers(server, tmp_path, ["app", "u_md5"])
    proxy = make_proxy({"auth": {"type": "md5", "file": str(path)}})
    assert whoami(proxy, database, user) == user
    assert whoami(proxy, database, user, **({} if user == "u_md5" else PLUS)) == user


@pytest.mark.parametrize("options", [{}, PLUS], ids=["plain", "plus"])
def test_auth_query(options, make_proxy, make_database, lookup_auth):
    dbname = make_database()
    proxy = make_proxy({"auth": lookup_auth})
    assert whoami(proxy, dbname, "app", **options) == "app"
    assert whoami(proxy, dbname, "other", **options) == "other"
    for user in ("app", "nobody"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            whoami(proxy, dbname, user, password="wrong", **options)


def test_auth_query_sees_a_new_password(make_proxy, make_database, server, lookup_auth):
    """A changed password counts once the cached answer is too old."""
    dbname, user = make_database(), f"changing_{time.monotonic_ns()}"
    server.sql(f"create role {user} login password 'first'")
    proxy = make_proxy({"auth": {**lookup_auth, "cache_ttl": "1s"}})
    assert whoami(proxy, dbname, user, password="first") == user
    server.sql(f"alter role {user} password 'second'")
    deadline = time.monotonic() + 20
    while True:
        try:
            assert whoami(proxy, dbname, user, password="second") == user
            break
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    time.sleep(1.1)  # the other worker's answer may be younger
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        whoami(proxy, dbname, user, password="first")


@pytest.mark.parametrize("method", ["scram-sha-256", "relay"])
def test_wrong_unknown_and_expired_are_told_the_same(method, make_proxy, database):
    """Same SQLSTATE, same words; only the name differs."""
    proxy = make_proxy({"auth": {"type": method}})
    answers = set()
    for user, password in (
        ("app", "wrong"),
        ("nobody", "wrong"),
        ("u_expired", USERS["u_expired"]),
    ):
        with pytest.raises(psycopg.OperationalError) as caught:
            whoami(proxy, database, user, password=password)
        text = str(caught.value).split("FATAL:", 1)[1].splitlines()[0]
        answers.add(text.replace(user, "USER").strip())
    assert answers == {'password authentication failed for user "USER"'}


def test_wrong_and_unknown_take_the_same_time(make_proxy, database):
    """Medians of interleaved tries within a factor of 1.5: no user list can be read off the
    clock. A busy machine may blur some rounds; a user list that shows would show in all of them.
    """
    proxy = make_proxy()

    def ratio():
        times = {"app": [], "nobody": []}
        for _ in range(25):
            for user, spent in times.items():
                begin = time.perf_counter()
                with pytest.raises(psycopg.OperationalError):
                    whoami(proxy, database, user, password="wrong", sslmode="disable")
                spent.append(time.perf_counter() - begin)
        known, unknown = (statistics.median(spent) for spent in times.values())
        return known / unknown

    assert any(1 / 1.5 < ratio() < 1.5 for _ in range(5))


def outside_address():
    """An address of this machine that is not loopback; None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
            return probe.getsockname()[0]
        except OSError:
            return None


@pytest.mark.skipif(not outside_address(), reason="this machine has the loopback interface only")
def test_password_wants_a_private_channel(make_proxy, database):
    """A cleartext password is never asked for over plain TCP; over TLS it is."""
    proxy = make_proxy({"auth": {"type": "password"}}, start=False)
    proxy.config["proxy"]["listen_address"] = f"0.0.0.0:{proxy.port}"
    proxy.start()
    proxy.host = outside_address()
    with wire.Wire(proxy) as probe:
        probe.send(wire.startup_packet(user="app", database=database))
        kind, _ = probe.receive()
    assert kind == "E"
    assert whoami(proxy, database, "app", sslmode="require") == "app"


def test_certificate(make_proxy, database, tls):
    """cert: the user is who the certificate says, and no password is asked."""
    crt, key = tls.cert("u_cert")
    proxy = make_proxy(
        {"auth": {"type": "cert"}, "client_tls": {"mode": "verify-full", "ca_file": str(tls.ca)}}
    )
    options = {"sslmode": "require", "sslcert": str(crt), "sslkey": str(key), "password": ""}
    # The server wants the certificate too: from the proxy it gets a stored secret's login instead.
    app_crt, app_key = tls.cert("app")
    app = {**options, "sslcert": str(app_crt), "sslkey": str(app_key)}
    assert whoami(proxy, database, "app", **app) == "app"
    with pytest.raises(psycopg.OperationalError):
        whoami(proxy, database, "app", **options)
    with pytest.raises(psycopg.OperationalError):
        whoami(proxy, database, "app", sslmode="require", password="app-secret")


def test_certificate_to_the_server(make_proxy, database, tls):
    crt, key = tls.cert("u_cert")
    proxy = make_proxy(
        {
            "auth": {"type": "scram-sha-256"},
            "server_tls": {
                "mode": "verify-full",
                "ca_file": str(tls.ca),
                "cert_file": str(crt),
                "key_file": str(key),
            },
        }
    )
    with connect(proxy, database, "u_cert") as conn:
        assert conn.execute(
            "select client_dn from pg_stat_ssl where pid = pg_backend_pid()"
        ).fetchone() == ("/CN=u_cert",)


HBA = """
# first match wins
host    all  u_plain  127.0.0.1/32  reject
hostssl all  u_plain  all           password
hostnossl {db} app     127.0.0.0/8   scram-sha-256
host    sameuser u_trust all        trust
hostssl all  u_md5    127.0.0.1 255.255.255.255  md5
"""


def test_hba(make_proxy, make_database, tmp_path):
    dbname, elsewhere = make_database(), make_database()
    path = tmp_path / "hba.conf"
    path.write_text(HBA.format(db=dbname))
    proxy = make_proxy({"auth": {"type": "hba", "hba_file": str(path)}})
    assert whoami(proxy, dbname, "app", sslmode="disable") == "app"
    assert whoami(proxy, dbname, "u_md5", sslmode="require") == "u_md5"
    for user, where, options in (
        ("app", elsewhere, {}),
        ("app", dbname, {"sslmode": "require"}),
        ("u_plain", dbname, {"sslmode": "require"}),
        ("u_md5", dbname, {"sslmode": "disable"}),
        ("u_trust", dbname, {}),
    ):
        with pytest.raises(psycopg.OperationalError):
            whoami(proxy, where, user, **{"sslmode": "disable", **options})


def test_stored_server_user(make_proxy, database, server):
    """[[databases]] user and password: everyone is that user on the server."""
    proxy = make_proxy(
        {
            "databases": [
                {"name": "shared", "dbname": database, "user": "other", "password": USERS["other"]}
            ]
        }
    )
    assert whoami(proxy, "shared", "app") == "other"


def test_unknown_database(make_proxy, database):
    """Only what is configured; and a server's refusal reaches the client as it is."""
    proxy = make_proxy({"databases": [{"name": "known", "dbname": database}]})
    assert whoami(proxy, "known", "app") == "app"
    with pytest.raises(psycopg.OperationalError, match="(?i)database"):
        whoami(proxy, "unknown", "app")
    anything = make_proxy()
    with pytest.raises(psycopg.OperationalError, match='database "nowhere" does not exist'):
        whoami(anything, "nowhere", "app")


def test_unix_socket(make_proxy, database, tmp_path):
    directory = tmp_path / "s"
    directory.mkdir()
    # Socket paths end at 107 bytes: go by a short name.
    link = f"/proc/{os.getpid()}/cwd"
    proxy = make_proxy({"proxy": {"unix_socket_dir": str(directory)}})
    before = os.getcwd()
    os.chdir(directory)
    try:
        assert whoami(proxy, database, "app", host=link) == "app"
        assert whoami(proxy, database, "app", host=link, channel_binding="disable") == "app"
    finally:
        os.chdir(before)
    assert (directory / f".s.PGSQL.{proxy.port}").is_socket()
    proxy.stop()
    assert not (directory / f".s.PGSQL.{proxy.port}").exists()


@pytest.mark.skipif(not ports.has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(make_proxy, database, server):
    proxy = make_proxy({"nodes": [{**node(server), "host": "::1"}]}, start=False)
    proxy.config["proxy"]["listen_address"] = [f"127.0.0.1:{proxy.port}", f"[::1]:{proxy.port}"]
    proxy.start()
    with connect(proxy, database, host="::1") as conn:
        assert conn.execute("select host(inet_server_addr())").fetchone() == ("::1",)
    assert whoami(proxy, database, "app") == "app"


def test_secrets_stay_out_of_the_log(make_proxy, database):
    proxy = make_proxy({"log": {"level": "debug"}})
    whoami(proxy, database, "app")
    with pytest.raises(psycopg.OperationalError):
        whoami(proxy, database, "app", password="wrong-and-visible")
    log = proxy.log()
    assert "app-secret" not in log and "wrong-and-visible" not in log
    assert not re.search(r"SCRAM-SHA-256\$\d+:", log)
