"""LISTEN in mode auto: one connection listens for all, and nobody can tell."""

import threading
import time

import pytest
from conftest import connect
from harness.process import poll


@pytest.fixture
def auto(make_proxy):
    return make_proxy({"proxy": {"pool_mode": "auto", "pool_size": 3, "workers": 2}})


def heard(conn, count, timeout=20):
    """So many notifications, and no more that are there already."""
    notes = list(conn.notifies(timeout=timeout, stop_after=count))
    notes += list(conn.notifies(timeout=0))
    return [(note.channel, note.payload) for note in notes]


def servers(direct, database):
    sql = "select count(*) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"
    return direct.execute(sql, (database,)).fetchone()[0]


def pins(proxy, reason="listen"):
    rows = proxy.console("SHOW PINS")
    return next(int(row["clients"]) for row in rows if row["reason"] == reason)


def shared(proxy):
    """The listener has them all: nobody keeps a server for its channels."""
    poll(lambda: pins(proxy) == 0, 20, "channels moved to the listener")


def test_many_listeners_on_few_servers(auto, server, database):
    """Forty clients, three servers: each hears everything, once, in order, with the payload."""
    clients = [connect(auto, database) for _ in range(40)]
    for number, client in enumerate(clients):
        client.execute("listen everyone")
        client.execute(f"listen mine_{number}")
    shared(auto)
    with connect(server, database) as direct:
        assert servers(direct, database) <= 4
        for number in range(50):
            direct.execute("select pg_notify('everyone', %s)", (str(number),))
            direct.execute("select pg_notify(%s, 'own')", (f"mine_{number % 40}",))
        expected = [("everyone", str(number)) for number in range(50)]
        for number, client in enumerate(clients):
            own = 2 if number < 10 else 1
            notes = heard(client, 50 + own)
            assert [note for note in notes if note[0] == "everyone"] == expected
            mine = [note for note in notes if note[0] != "everyone"]
            assert mine == [(f"mine_{number}", "own")] * own
            # It has a server whenever it wants one.
            assert client.execute("select 1").fetchone() == (1,)
    for client in clients:
        client.close()


def test_nothing_is_lost_or_told_twice_while_channels_move(auto, server, database):
    """A stream of notifications, and listeners whose channels go to and fro."""
    total = 3000
    done = threading.Event()

    def notify():
        with connect(server, database) as direct:
            for number in range(total):
                direct.execute("select pg_notify('stream', %s)", (str(number),))
        done.set()

    listeners = [connect(auto, database) for _ in range(6)]
    for each in listeners:
        each.execute("listen stream")
    sender = threading.Thread(target=notify)
    sender.start()
    got = [[] for _ in listeners]
    turn = 0
    while not done.is_set() or any(len(notes) < total for notes in got):
        for number, each in enumerate(listeners):
            got[number] += heard(each, 1, timeout=0.02)
            turn += 1
            # Each of these takes the channels back to the client's own server.
            if turn % 7 == number:
                each.execute("begin")
                each.execute("select 1")
                each.execute("commit")
            elif turn % 11 == number:
                each.execute("listen another")
        if done.is_set() and all(len(notes) >= total for notes in got):
            break
    sender.join()
    for notes in got:
        assert notes == [("stream", str(number)) for number in range(total)]
    for each in listeners:
        each.close()


def test_unlisten(auto, server, database):
    with connect(auto, database) as client, connect(server, database) as direct:
        client.execute("listen a")
        client.execute("listen b")
        shared(auto)
        client.execute("unlisten a")
        direct.execute("select pg_notify('a', '1'), pg_notify('b', '2')")
        assert heard(client, 1) == [("b", "2")]
        shared(auto)
        # In a transaction that is rolled back, and in one that is not.
        for end, hears in (("rollback", [("b", "3")]), ("commit", [])):
            client.execute("begin")
            client.execute("unlisten *")
            client.execute(end)
            direct.execute("select pg_notify('b', '3')")
            direct.execute("select pg_notify('end', '')")
            client.execute("listen x")
            direct.execute("select pg_notify('x', 'last')")
            assert heard(client, len(hears) + 1) == [*hears, ("x", "last")]
        channels = client.execute("select * from pg_listening_channels()").fetchall()
        assert channels == [("x",)]


def test_what_changes_while_channels_move(auto, server, database):
    """LISTEN and UNLISTEN right behind a LISTEN: its channels are about to move then."""
    with connect(server, database) as direct:
        for number in range(100):
            with connect(auto, database) as client:
                client.execute("listen a")
                client.execute("listen b")
                client.execute("unlisten a")
                direct.execute("select pg_notify('a', '1'), pg_notify('b', %s)", (str(number),))
                assert heard(client, 1) == [("b", str(number))]


def test_own_notifications_come_before_the_answer_is_complete(auto, database):
    with connect(auto, database) as client:
        client.execute("listen mine")
        shared(auto)
        for number in range(20):
            client.execute("select pg_notify('mine', %s)", (str(number),))
            notes = list(client.notifies(timeout=0))
            assert [(note.payload, note.pid) for note in notes] == [
                (str(number), client.info.backend_pid)
            ]


def test_the_listener_comes_back_with_a_warning(auto, server, database):
    with connect(auto, database) as client, connect(server, database, user="postgres") as direct:
        notices = []
        client.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        client.execute("listen a")
        shared(auto)

        def listener():
            return [int(row["remote_pid"]) for row in auto.console("SHOW SERVERS")
                    if row["database"] == f"{database} (listener)" and int(row["remote_pid"])]

        [pid] = poll(listener, 10, "the listener's connection")
        assert direct.execute("select pg_terminate_backend(%s)", (pid,)).fetchone()[0]
        # Not to be missed for ever: sooner or later one arrives again.
        until = time.monotonic() + 20
        got = []
        while not got and time.monotonic() < until:
            direct.execute("select pg_notify('a', 'again')")
            got = list(client.notifies(timeout=0.2, stop_after=1))
        assert got and got[0].payload == "again"
        assert "notifications may have been lost" in notices


def test_discard_all_forgets_channels(auto, server, database):
    with connect(auto, database) as client, connect(server, database) as direct:
        client.execute("listen a")
        shared(auto)
        client.execute("discard all")
        direct.execute("select pg_notify('a', 'no')")
        client.execute("listen b")
        direct.execute("select pg_notify('b', 'yes')")
        assert heard(client, 1) == [("b", "yes")]
