"""TLS on both sides, in libpq's modes."""

import socket
import ssl

import psycopg
import pytest
from conftest import connect
from harness import wire
from harness.heimproxy import node
from harness.process import poll
from harness.relay import FaultRelay
from harness.tls import Tls


def client_side(proxy, dbname, **options):
    """Whether the connection to the proxy is encrypted."""
    with connect(proxy, dbname, **options) as conn:
        conn.execute("select 1")
        return bool(conn.pgconn.ssl_in_use)


@pytest.mark.parametrize(
    "mode, plain, encrypted",
    [
        ("disable", True, False),
        ("allow", True, True),
        ("prefer", True, True),
        ("require", False, True),
    ],
)
def test_towards_clients(mode, plain, encrypted, make_proxy, database):
    proxy = make_proxy({"client_tls": {"mode": mode}})
    for works, sslmode in ((plain, "disable"), (encrypted, "require")):
        if works:
            assert client_side(proxy, database, sslmode=sslmode) == (sslmode == "require")
        else:
            with pytest.raises(psycopg.OperationalError):
                client_side(proxy, database, sslmode=sslmode)


def test_verify_full_by_clients(make_proxy, database, tls, tmp_path):
    proxy = make_proxy()
    good = {"sslmode": "verify-full", "sslrootcert": str(tls.ca)}
    assert client_side(proxy, database, **good)
    stranger = Tls(tmp_path / "other", "stranger")
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        client_side(proxy, database, **{**good, "sslrootcert": str(stranger.ca)})


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_client_certificates(mode, make_proxy, database, tls, tmp_path):
    """verify-ca and verify-full want a certificate of our CA."""
    proxy = make_proxy({"client_tls": {"mode": mode, "ca_file": str(tls.ca)}})
    crt, key = tls.cert("app")
    assert client_side(proxy, database, sslmode="require", sslcert=str(crt), sslkey=str(key))
    crt, key = Tls(tmp_path / "other", "stranger").cert("app")
    for options in ({}, {"sslcert": str(crt), "sslkey": str(key)}):
        with pytest.raises(psycopg.OperationalError):
            client_side(proxy, database, sslmode="require", **options)


def test_direct_tls(make_proxy, database, tls):
    """sslnegotiation=direct: a TLS hello without an SSLRequest before it."""
    proxy = make_proxy()
    with wire.Wire(proxy) as probe:
        probe.start_tls(ask=False)
        assert probe.sock.selected_alpn_protocol() == "postgresql"
    if psycopg.pq.version() >= 170000:
        assert client_side(proxy, database, sslmode="require", sslnegotiation="direct")


def test_tls_1_1_is_refused(make_proxy, database):
    proxy = make_proxy()
    with wire.Wire(proxy) as probe:
        probe.send(b"\0\0\0\x08\x04\xd2\x16\x2f")
        assert probe.sock.recv(1) == b"S"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(probe.sock)
    assert client_side(proxy, database, sslmode="require")


def test_bytes_behind_the_request_are_not_taken_for_encrypted_ones(make_proxy):
    """An SSLRequest with a startup packet right behind it: injection, refused."""
    proxy = make_proxy()
    with wire.Wire(proxy) as probe:
        probe.send(
            b"\0\0\0\x08\x04\xd2\x16\x2f" + wire.startup_packet(user="app", database="postgres")
        )
        answer = probe.closed()
    assert not answer.startswith(b"S")


def server_side(proxy, dbname):
    """Whether the connection to the server is encrypted, as the server sees it."""
    with connect(proxy, dbname) as conn:
        return conn.execute("select ssl from pg_stat_ssl where pid = pg_backend_pid()").fetchone()[
            0
        ]


@pytest.mark.parametrize(
    "mode, encrypted",
    [
        ("disable", False),
        ("allow", False),
        ("prefer", True),
        ("require", True),
        ("verify-ca", True),
        ("verify-full", True),
    ],
)
def test_towards_the_server(mode, encrypted, make_proxy, database, tls):
    proxy = make_proxy({"server_tls": {"mode": mode, "ca_file": str(tls.ca)}})
    assert server_side(proxy, database) is encrypted


@pytest.mark.parametrize("mode, works", [("disable", True), ("prefer", True), ("require", False)])
def test_a_server_without_tls(mode, works, make_proxy, make_server, make_database):
    plain = make_server(ssl="off")
    dbname = make_database(plain)
    proxy = make_proxy({"server_tls": {"mode": mode}}, on=plain)
    if works:
        assert server_side(proxy, dbname) is False
    else:
        with pytest.raises(psycopg.OperationalError):
            server_side(proxy, dbname)


def test_a_server_with_a_strange_certificate(make_proxy, database, tmp_path):
    stranger = Tls(tmp_path / "other", "stranger")
    proxy = make_proxy({"server_tls": {"mode": "verify-ca", "ca_file": str(stranger.ca)}})
    with pytest.raises(psycopg.OperationalError):
        server_side(proxy, database)


def test_a_server_with_another_name(make_proxy, make_server, make_database, tls):
    """verify-full looks at the name, verify-ca does not."""
    server = make_server()
    crt, key = tls.cert("elsewhere", san="DNS:elsewhere.example")
    server.write("server.crt", crt.read_text())
    server.write("server.key", key.read_text())
    server.restart()
    dbname = make_database(server)
    assert server_side(
        make_proxy({"server_tls": {"mode": "verify-ca", "ca_file": str(tls.ca)}}, on=server), dbname
    )
    with pytest.raises(psycopg.OperationalError):
        server_side(
            make_proxy({"server_tls": {"mode": "verify-full", "ca_file": str(tls.ca)}}, on=server),
            dbname,
        )


def serial(proxy):
    with wire.Wire(proxy) as probe:
        return probe.start_tls().sock.getpeercert(binary_form=True)


def test_reload_takes_a_new_certificate(make_proxy, database, tls, tmp_path):
    """New connections get the new one; the old ones live on, encrypted as they were."""
    crt, key = tmp_path / "live.crt", tmp_path / "live.key"

    def install(name):
        for source, target in zip(tls.cert(name), (crt, key)):
            target.write_bytes(source.read_bytes())

    install("server")
    proxy = make_proxy({"client_tls": {"cert_file": str(crt), "key_file": str(key)}})
    before = serial(proxy)
    with connect(proxy, database, sslmode="require") as old:
        install("renewed")
        proxy.reload()
        poll(lambda: serial(proxy) != before, 20, "the new certificate")
        assert old.execute("select 1").fetchone() == (1,)
        assert client_side(proxy, database, sslmode="verify-full", sslrootcert=str(tls.ca))
        # A broken one is refused, and the one in use stays.
        now = serial(proxy)
        crt.write_text("not a certificate")
        proxy.reload()
        assert serial(proxy) == now
        assert old.execute("select 1").fetchone() == (1,)


def test_tls_records_cut_anywhere(make_proxy, database, server):
    """Both links through a relay that passes 7 bytes at a time."""
    with FaultRelay((server.host, server.port)) as behind:
        proxy = make_proxy(
            {"nodes": [node(behind, name="primary")], "server_tls": {"mode": "require"}}
        )
        with FaultRelay((proxy.host, proxy.port)) as before:
            behind.split = before.split = 7
            with connect(before, database, sslmode="require") as conn:
                assert conn.execute("select repeat('x', 5000)").fetchone() == ("x" * 5000,)
                with conn.pipeline():
                    cursors = [conn.execute("select %s::int", (i,)) for i in range(20)]
                assert [c.fetchone()[0] for c in cursors] == list(range(20))


def test_a_handshake_that_never_ends(make_proxy, database):
    """Closed within client_login_timeout; others are served meanwhile."""
    proxy = make_proxy({"timeouts": {"client_login_timeout": "1s"}})
    with wire.Wire(proxy) as probe:
        probe.send(b"\0\0\0\x08\x04\xd2\x16\x2f")
        assert probe.sock.recv(1) == b"S"
        probe.send(b"\x16\x03\x01\x02\x00\x01")  # a hello that stops
        assert client_side(proxy, database, sslmode="require")
        try:
            probe.closed(10)
        except socket.timeout:
            pytest.fail("still open after ten seconds")
