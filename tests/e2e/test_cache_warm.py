"""Warm start: what was asked most often is asked anew after a restart."""

import os
import signal
import stat

import psycopg
import pytest
from caching import CACHE, counts, shop, warm  # noqa: F401
from conftest import connect
from harness.process import poll


@pytest.fixture
def file(tmp_path):
    return tmp_path / "questions"


@pytest.fixture
def proxy(make_proxy, file):
    cache = {"enabled": True, "warm_start": str(file), "warm_start_interval": "1s"}
    return make_proxy({**CACHE, "cache": cache})


def restart(proxy, number=signal.SIGINT):
    proxy.stop(number)
    proxy.start()


def refilled(proxy):
    """Until all is asked anew; what there is then."""
    poll(lambda: counts(proxy)["warm_start_left"] == 0, 20, "the questions to be asked anew")
    return counts(proxy)


def ask_all(proxy, client):
    """In each way that a driver has, under settings of its own."""
    client.execute("set timezone = 'Asia/Tokyo'")
    client.execute("set search_path = public, pg_catalog")
    counts(proxy)  # what follows a SET at once is not for the cache
    binary, simple = client.cursor(binary=True), psycopg.ClientCursor(client)
    sql = "select id, name, at from items where id = %s"
    return [client.execute(sql, (1,)).fetchall(), binary.execute(sql, (2,)).fetchall(),
            simple.execute(sql, (2,)).fetchall(),
            client.execute("select * from many", prepare=True).fetchall()]


def test_what_was_asked_is_there_after_a_restart(proxy, database, shop, file):
    with connect(proxy, database) as client:
        warm(proxy, client)
        answers = ask_all(proxy, client)
        assert ask_all(proxy, client) == answers
    restart(proxy)
    assert refilled(proxy)["warm_start_asked"] >= 5
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
    shop.execute("update items set name = 'unheard'; update lines set count = 0")
    before = counts(proxy)
    with connect(proxy, database) as client:
        assert ask_all(proxy, client) == answers
    after = counts(proxy)
    assert after["hits"] - before["hits"] == 4 and after["misses"] == before["misses"]


def test_what_it_asks_is_asked_of_the_database(proxy, database, shop):
    """Answers are not kept in the file: what has changed meanwhile is seen."""
    with connect(proxy, database) as client:
        warm(proxy, client)
        client.execute("select name from items where id = 1")
    proxy.stop(signal.SIGINT)
    shop.execute("update items set name = 'changed' where id = 1")
    proxy.start()
    refilled(proxy)
    with connect(proxy, database) as client:
        assert client.execute("select name from items where id = 1").fetchone()[0] == "changed"


def test_what_would_not_be_kept_is_not_asked(proxy, database, shop):
    """Nobody waits for it."""
    with connect(proxy, database) as client:
        warm(proxy, client)
        for number in range(20):
            client.execute("select name from items where id = %s", (number,))
    proxy.stop(signal.SIGINT)
    proxy.write_config(rules=[{"table": "items", "cache": False}])
    proxy.start()
    found = refilled(proxy)
    assert found["warm_start_asked"] >= 21 and found["entries"] == 1
    asked = sum(int(row["statements"]) for row in proxy.console("show routes"))
    assert asked < 10


def test_a_proxy_that_is_killed(proxy, database, shop, file):
    with connect(proxy, database) as client:
        warm(proxy, client)
        client.execute("select name from items where id = 2")

        def is_written():
            return file.exists() and b"from items where id = 2" in file.read_bytes()

        poll(is_written, 10, "it is written")
    restart(proxy, signal.SIGKILL)
    assert refilled(proxy)["entries"] >= 2


def test_what_was_not_asked_yet_is_kept(proxy, database, shop, file, server):
    """Nothing can be asked: nothing is lost by a restart then."""
    with connect(proxy, database) as client:
        warm(proxy, client)
        client.execute("select name from items where id = 2")
    proxy.stop(signal.SIGINT)
    nodes = proxy.config["nodes"]
    proxy.write_config(nodes=[{**nodes[0], "port": 1}])
    proxy.start()
    assert counts(proxy)["warm_start_left"] >= 2
    proxy.stop(signal.SIGINT)
    assert b"from items where id = 2" in file.read_bytes()
    proxy.write_config(nodes=nodes)
    proxy.start()
    assert refilled(proxy)["entries"] >= 2


@pytest.mark.parametrize("harm", ["cut", "altered", "foreign", "empty", "open", "theirs"])
def test_a_file_that_is_of_no_use(proxy, database, shop, file, harm):
    with connect(proxy, database) as client:
        warm(proxy, client)
    proxy.stop(signal.SIGINT)
    bytes_ = file.read_bytes()
    file.write_bytes({"cut": bytes_[:-5], "altered": bytes_[:40] + b"?" + bytes_[41:],
                      "foreign": b"something else", "empty": b"", "open": bytes_,
                      "theirs": bytes_}[harm])
    if harm == "open":
        file.chmod(0o666)
    if harm == "theirs":
        if os.geteuid() != 0:
            pytest.skip("only root can give a file away")
        os.chown(file, 65534, -1)
    proxy.start()
    assert counts(proxy)["warm_start_left"] == 0
    assert ("is of no use" in proxy.log()) == (harm != "empty")
    assert file.with_name("questions.unusable").exists() == (harm != "empty")
    with connect(proxy, database) as client:
        warm(proxy, client)


def test_what_ends_its_session_is_asked_once(make_proxy, database, shop, file):
    """Here by a time limit; it might be a crash. Meanwhile clients find their places."""
    cache = {"enabled": True, "warm_start": str(file)}
    proxy = make_proxy({**CACHE, "cache": cache})
    slow = "select count(*) from items, generate_series(1, 20000000)"
    with connect(proxy, database) as client:
        warm(proxy, client)
        for _ in range(3):
            client.execute(slow)
    proxy.stop(signal.SIGINT)
    assert b"generate_series" in file.read_bytes()
    proxy.write_config(timeouts={"query_timeout": "1s"},
                       proxy={**proxy.config["proxy"], "max_client_conn": 2})  # and the console
    proxy.start()
    with connect(proxy, database) as client:
        poll(lambda: counts(proxy)["warm_start_left"] == 0, 30, "the questions to be asked")
        assert client.execute("select name from items where id = 1").fetchone()[0] == "one"
    proxy.stop(signal.SIGINT)
    assert b"generate_series" not in file.read_bytes()


def test_what_lies_where_it_writes(make_proxy, database, shop, file, tmp_path):
    """It is not written through."""
    cache = {"enabled": True, "warm_start": str(file), "warm_start_interval": "1s"}
    proxy = make_proxy({**CACHE, "cache": cache})
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"untouched")
    beside = file.with_name(f"questions.{proxy.process.pid}.new")
    with connect(proxy, database) as client:
        poll(file.exists, 10, "it is written")
        beside.symlink_to(theirs)
        warm(proxy, client)
        client.execute("select name from items where id = 2")
        poll(lambda: b"from items where id = 2" in file.read_bytes(), 10, "it is written again")
    assert theirs.read_bytes() == b"untouched"
    assert not file.is_symlink()


def test_a_file_that_cannot_be_written(make_proxy, database, shop, tmp_path):
    """It is said once, and again when it works."""
    folder = tmp_path / "later"
    cache = {"enabled": True, "warm_start": str(folder / "questions"), "warm_start_interval": "1s"}
    proxy = make_proxy({**CACHE, "cache": cache})
    proxy.wait_log("was not written: cannot make .*No such file or directory")
    with connect(proxy, database) as client:
        warm(proxy, client)
        folder.mkdir()
        proxy.wait_log("is written again")
    assert proxy.log().count("was not written") == 1


def test_where_only_logins_bring_connections(make_proxy, database, shop, file):
    """Nothing can be asked before somebody has logged in."""
    cache = {"enabled": True, "warm_start": str(file)}
    proxy = make_proxy({**CACHE, "cache": cache, "auth": {"type": "relay", "file": ""}})
    with connect(proxy, database) as client:
        warm(proxy, client)
        client.execute("select name from items where id = 2")
    restart(proxy)
    assert counts(proxy)["warm_start_left"] >= 2
    with connect(proxy, database):
        assert refilled(proxy)["entries"] >= 2


def test_who_is_not_let_in_any_more(proxy, database, shop, server):
    """A database that is gone is left out; the others are asked for."""
    with connect(server, "postgres", user="postgres", autocommit=True) as direct:
        direct.execute("create database gone owner app")
    with connect(proxy, database) as client, connect(proxy, "gone") as other:
        other.execute("create table t as select 1 as v")
        warm(proxy, client)

        def kept():
            before = counts(proxy)["hits"]
            other.execute("select v from t")
            other.execute("select v from t")
            return counts(proxy)["hits"] > before

        poll(kept, 20, "an answer of it")
    proxy.stop(signal.SIGINT)
    with connect(server, "postgres", user="postgres", autocommit=True) as direct:
        direct.execute("drop database gone with (force)")
    proxy.start()
    found = refilled(proxy)
    assert found["warm_start_left_out"] >= 1 and found["entries"] >= 1
