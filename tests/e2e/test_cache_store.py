"""The store that proxies share in Redis: what one has asked the database for, another one finds."""

import pytest
from conftest import USERS, connect
from freshness.checker import setup_sql
from harness import redis
from harness.process import poll
from test_cache_fleet import (  # noqa: F401
    FleetChecker, check, counts, in_step, make_redis, name_of, shop, warm)

# A machine in use may stop a proxy for longer than the usual lease.
STORE = {"store": True, "store_secret": "fleet-secret", "store_timeout": "1s", "lease": "10s"}
NOTIFIES = {"notify-keyspace-events": "K$gxe"}


@pytest.fixture
def make_pair(make_proxy):
    def make(*servers, **more):
        """One proxy for each address of Redis. Who is the primary has to be known."""
        return [make_proxy({
            "proxy": {"pool_mode": "auto"},
            "monitor": {"user": "app", "password": USERS["app"]},
            "cache": {"enabled": True},
            "cache.redis": {"servers": [f"{at.host}:{at.port}"], "namespace": "shop", **more},
        }) for at in servers]

    return make


def keys(server):
    """Of the answers that it holds."""
    return len(names(server))


def names(server):
    answer = server.ask("EVAL", "return redis.call('keys', '*:answer:*')", 0)
    return [word.decode() for word in answer.split(b"\r\n")
            if b":answer:" in word and not word.endswith(b":probe")]


def ready(database, *proxies):
    """In step, with a store that is asked, and they know what the database's tables are."""
    in_step(*proxies)
    for proxy in proxies:
        poll(lambda: counts(proxy)["store"] == "on", 10, f"the store: {counts(proxy)}")
        with connect(proxy, database) as client:
            warm(proxy, client, lambda client: client.execute("select 1 from items where id = 9"))


def put_by(proxy, client, ask=name_of):
    """Until it has put an answer into the store: on a busy machine a lease may lapse."""
    before = counts(proxy)["store_put"]

    def put():
        ask(client)
        return counts(proxy)["store_put"] > before

    poll(put, 30, f"an answer in the store: {counts(proxy)}")


def put_there(proxy, client, server):
    before = keys(server)
    put_by(proxy, client)
    poll(lambda: keys(server) > before, 10, "it is there")


@pytest.mark.parametrize("encrypts", [False, True])
def test_what_one_asked_the_other_finds(make_redis, make_pair, database, shop, encrypts):
    server = make_redis(**NOTIFIES)
    one, other = make_pair(server, server, **STORE, store_encrypt=encrypts,
                           store_compress_above="1KB")
    ready(database, one, other)
    shop.execute("update items set name = repeat('plain', 1000)")
    with connect(one, database) as here, connect(other, database) as there:
        put_there(one, here, server)
        shop.execute("update items set name = 'not asked for'")  # past both
        poll(lambda: counts(other)["store_holds"] == keys(server), 10, "the other one is told")
        assert name_of(there) == "plain" * 1000
        assert counts(other)["store_taken"] >= 1
        # A write through either is seen by both, whatever lies there.
        for number, writer in enumerate((here, there, here)):
            writer.execute("update items set name = %s", (f"name{number}",))
            for reader in (here, there):
                poll(lambda: name_of(reader) == f"name{number}", 10, "the write is seen")
    readable = any(b"name" in server.ask("GET", name) for name in names(server))
    assert readable != encrypts


def test_what_was_kept_before_it_joined_is_not_believed(make_redis, make_pair, database, shop):
    """Nobody can tell what was written since, and by whom."""
    server = make_redis(**NOTIFIES)
    [proxy] = make_pair(server, **STORE)
    ready(database, proxy)
    with connect(proxy, database) as client:
        put_there(proxy, client, server)
    proxy.stop()
    shop.execute("update items set name = 'meanwhile'")
    proxy.start()
    ready(database, proxy)
    with connect(proxy, database) as client:
        assert name_of(client) == "meanwhile"
    assert counts(proxy)["store_taken"] == 0


def test_what_somebody_altered_is_not_believed(make_redis, make_pair, database, shop):
    server = make_redis()
    one, other = make_pair(server, server, **STORE)
    ready(database, one, other)
    with connect(one, database) as here, connect(other, database) as there:
        put_there(one, here, server)
        script = ("for _, k in ipairs(redis.call('keys', '*:answer:*')) do local v = "
                  "redis.call('get', k); redis.call('set', k, (string.gsub(v, 'one', 'two')), "
                  "'px', 60000) end")
        server.ask("EVAL", script, 0)
        assert name_of(there) == "one"
        assert counts(other)["store_spoilt"] == 1


def test_what_is_certainly_not_there_is_not_asked_for(make_redis, make_pair, database, shop):
    server = make_redis(**NOTIFIES)
    [proxy] = make_pair(server, **STORE)
    ready(database, proxy)
    poll(lambda: counts(proxy)["store_holds"] == keys(server), 10, "it knows what is there")
    numbers = iter(range(10_000))

    def another(client):
        client.execute("select name from items where id = %s", (next(numbers),))

    with connect(proxy, database) as client:
        before = counts(proxy)["store_asked"]
        for _ in range(20):
            put_by(proxy, client, another)
        assert counts(proxy)["store_asked"] == before
        poll(lambda: counts(proxy)["store_holds"] == keys(server), 10, "it is told of all")


def test_a_server_that_does_not_tell(make_redis, make_pair, database, shop):
    server = make_redis()
    one, other = make_pair(server, server, **STORE)
    ready(database, one, other)
    assert "notify-keyspace-events" in counts(one)["store_holds"]
    with connect(one, database) as here, connect(other, database) as there:
        put_there(one, here, server)
        assert name_of(there) == "one"
        assert counts(other)["store_taken"] >= 1


def test_a_user_with_no_more_rights_than_needed(make_redis, make_pair, database, shop, tls):
    server = make_redis(tls=tls, **NOTIFIES)
    access = {"tls": "verify-ca", "tls_ca_file": tls.ca, "user": redis.USER,
              "password": redis.PASSWORD}
    one, other = make_pair(server, server, **access, **STORE)
    ready(database, one, other)
    with connect(one, database) as here, connect(other, database) as there:
        before = counts(other)["store_holds"]
        put_by(one, here)
        poll(lambda: counts(other)["store_holds"] == before + 1, 10, f"{counts(other)}")
        assert name_of(there) == "one"
        assert counts(other)["store_taken"] >= 1


def test_a_store_that_is_full(make_redis, make_pair, database, shop):
    server = make_redis()
    [proxy] = make_pair(server, **STORE)
    ready(database, proxy)
    server.ask("CONFIG", "SET", "maxmemory", "1")
    with connect(proxy, database) as client:
        put_by(proxy, client)
        poll(lambda: "OOM" in counts(proxy)["store"], 10, "it is refused")
        for number in range(20):
            client.execute("select name from items where id = %s", (number,))
        assert counts(proxy)["store_not_put"] > 0
        server.ask("CONFIG", "SET", "maxmemory", "0")
        ready(database, proxy)


@pytest.mark.parametrize("coherence", ["push", "strict"])
def test_no_answer_is_older_than_it_may_be(make_redis, make_pair, database, shop, coherence):
    server = make_redis(**NOTIFIES)
    shop.execute(setup_sql(FleetChecker().names()))
    proxies = make_pair(server, server, coherence=coherence, **STORE | {"lease": "500ms"})
    ready(database, *proxies)
    check(proxies, database, coherence)
    print([{name: count for name, count in counts(proxy).items() if name.startswith("store_")}
           for proxy in proxies])
    assert sum(counts(proxy)["store_put"] for proxy in proxies) > 0
