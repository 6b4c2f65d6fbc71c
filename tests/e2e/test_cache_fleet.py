"""Two proxies before one server, their caches kept in step by Redis."""

import asyncio
import signal
import sys
import time

import asyncpg
import pytest
from conftest import FULL, USERS, connect
from freshness.checker import Checker, setup_sql
from harness import redis
from harness.process import poll
from harness.relay import FaultRelay

READS = 200_000 if FULL else 12_000
LEASE = 0.5
KILLED = None


@pytest.fixture
def make_redis(tmp_path):
    made = []

    def make(**options):
        made.append(redis.Redis(tmp_path / f"redis{len(made)}", **options).start())
        if "tls" not in options:  # it is not new: nobody waits for who may join
            made[-1].ask("SET", "{shop}:life", "0 0")
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def looked_after(make_redis, tmp_path):
    """A server, one that copies it, and the Sentinel of both."""
    first = make_redis()
    second = make_redis(replicaof=f"{first.host} {first.port}")
    sentinel = redis.Sentinel(tmp_path / "sentinel", first).start()
    poll(sentinel.knows_replica, 30, "Sentinel to know of both")
    yield first, second, sentinel
    sentinel.stop()


@pytest.fixture
def make_pair(make_proxy):
    def make(*servers, **more):
        """One proxy for each address of Redis."""
        return [make_proxy({
            "proxy": {"pool_mode": "auto"},
            "cache": {"enabled": True},
            "cache.redis": {"servers": [f"{at.host}:{at.port}"], "namespace": "shop", **more},
        }) for at in servers]

    return make


@pytest.fixture
def shop(database, server):
    with connect(server, database) as direct:
        direct.execute("create table items (id int primary key, name text);"
                       "insert into items values (1, 'one')")
        yield direct


def counts(proxy):
    """SHOW CACHE, numbers as numbers."""
    rows = {row["what"]: row["value"] for row in proxy.console("show cache")}
    return {name: int(value) if value.isdigit() else value for name, value in rows.items()}


def in_step(*proxies):
    for proxy in proxies:
        poll(lambda: counts(proxy)["fleet"] == "in step", 30,
             f"in step: {counts(proxy)}\n{proxy.tail()}")


def name_of(client):
    return client.execute("select name from items where id = 1").fetchone()[0]


def warm(proxy, client, ask=name_of):
    """Until an answer is kept, and given."""

    def hit():
        before = counts(proxy)["hits"]
        ask(client), ask(client)
        return counts(proxy)["hits"] > before

    poll(hit, 30, f"an answer from the cache: {counts(proxy)}")


def test_a_write_at_one_is_seen_at_the_other(make_redis, make_pair, database, shop):
    server = make_redis()
    one, other = make_pair(server, server)
    in_step(one, other)
    with connect(one, database) as writer, connect(other, database) as reader:
        warm(other, reader)
        for number in range(20):
            assert name_of(reader)
            writer.execute("update items set name = %s", (f"name{number}",))
            poll(lambda: name_of(reader) == f"name{number}", 10, "the write is seen")
        assert counts(other)["fleet_commits_of_others"] >= 20
        warm(other, reader)
        shop.execute("update items set name = 'unheard'")
        assert name_of(reader) == "name19"


def test_a_cluster_of_redis(make_redis, make_pair, database, shop):
    nodes = [make_redis(cluster=True) for _ in range(2)]
    for node, (first, last) in zip(nodes, ((0, 8191), (8192, 16383))):
        node.ask("CLUSTER", "ADDSLOTSRANGE", first, last)
    nodes[0].ask("CLUSTER", "MEET", nodes[1].host, nodes[1].port, nodes[1].bus)
    for node in nodes:
        poll(lambda: b"cluster_state:ok" in node.ask("CLUSTER", "INFO"), 30, "the cluster")
        node.ask("SET", "{shop}:life", "0 0")  # one of them has it
    pair = make_pair(nodes[0], nodes[1])
    in_step(*pair)
    with connect(pair[0], database) as writer, connect(pair[1], database) as reader:
        warm(pair[1], reader)
        for number in range(5):
            writer.execute("update items set name = %s", (f"name{number}",))
            poll(lambda: name_of(reader) == f"name{number}", 10, "the write is seen")
    assert sum("the keys are at" in proxy.log() for proxy in pair) == 1


@pytest.mark.parametrize("what", ["items", "all", "like 'it%'",
                                  "query 'select name from items where id = 17'"])
def test_invalidate_reaches_the_other(make_redis, make_pair, database, shop, what):
    server = make_redis()
    one, other = make_pair(server, server)
    in_step(one, other)
    with connect(one, database) as here, connect(other, database) as there:

        def unheard():
            """Both give an answer that is out of date. On a busy machine a lease may lapse."""
            warm(one, here), warm(other, there)
            shop.execute("update items set name = name || '!'")
            return name_of(shop) not in (name_of(here), name_of(there))

        poll(unheard, 30, "answers from both caches")
        one.console("invalidate " + what)
        assert name_of(here) == name_of(shop)
        poll(lambda: name_of(there) == name_of(shop), 10, "it is told")


NEW_TABLE = """create table notes (id int primary key, note text);
    insert into notes values (1, 'first')"""
NEW_TRIGGER = """create or replace function noting() returns trigger language plpgsql as
    $$ begin update notes set note = new.name; return new; end $$;
    create trigger noting after update on items for each row execute function noting()"""


def note_of(client):
    return client.execute("select note from notes where id = 1").fetchone()[0]


def shown_to(client):
    return client.execute("select shown from shown").fetchone()[0]


@pytest.mark.parametrize("coherence", ["push", "strict"])
def test_ddl_at_one_is_known_to_the_other(make_redis, make_pair, database, shop, coherence):
    server = make_redis()
    one, other = make_pair(server, server, coherence=coherence)
    in_step(one, other)

    def sees(ask, client, wanted):
        if coherence == "strict":
            assert ask(client) == wanted
        poll(lambda: ask(client) == wanted, 10, f"{wanted} is seen")

    with connect(one, database) as here, connect(other, database) as there:
        both = ((one, here), (other, there))
        warm(other, there)
        here.execute(NEW_TABLE)
        sees(note_of, there, "first")
        for proxy, client in both:
            warm(proxy, client, note_of)
        for number in range(8):  # what the one has made, fires at the other's next statement
            here.execute(NEW_TRIGGER)
            there.execute("update items set name = %s", (f"fired{number}",))
            for _, client in both:
                sees(note_of, client, f"fired{number}")
            there.execute("drop trigger noting on items")
            here.execute("update items set name = 'alone'")
            if number % 4 == 0:
                for proxy, client in both:
                    warm(proxy, client, note_of)
            for _, client in both:
                sees(note_of, client, f"fired{number}")
        here.execute("create view shown as select name as shown from items")
        for proxy, client in both:
            sees(shown_to, client, "alone")
            warm(proxy, client, shown_to)
        here.execute("create or replace view shown as select note as shown from notes")
        for proxy, client in both:
            sees(shown_to, client, "fired7")
            warm(proxy, client, shown_to)
        there.execute("update notes set note = 'last'")
        for proxy, client in both:
            sees(shown_to, client, "last")
            warm(proxy, client, shown_to)
        # Reads are not told as if they wrote.
        before = counts(one)["fleet_commits_of_others"]
        for ask in (name_of, note_of, shown_to) * 5:
            ask(there)
        there.execute("update items set name = 'end'")
        sees(name_of, here, "end")
        assert counts(one)["fleet_commits_of_others"] < before + 8


def test_tls_and_a_user_with_no_more_rights_than_needed(make_redis, make_pair, database, shop, tls):
    server = make_redis(tls=tls)
    access = {"tls": "verify-ca", "tls_ca_file": tls.ca, "user": redis.USER,
              "password": redis.PASSWORD}
    one, other = make_pair(server, server, **access)
    in_step(one, other)
    with connect(one, database) as writer, connect(other, database) as reader:
        warm(other, reader)
        writer.execute("update items set name = 'new'")
        poll(lambda: name_of(reader) == "new", 10, "the write is seen")
    [wrong] = make_pair(server, **{**access, "password": "no", "member": "stranger"})
    poll(lambda: "WRONGPASS" in counts(wrong)["fleet"], 10, "the password is refused")
    with connect(wrong, database) as reader:
        shop.execute("update items set name = 'direct'")
        assert name_of(reader) == "direct"
    assert counts(wrong)["hits"] == 0


def test_without_redis_nothing_is_given_out(make_redis, make_pair, database, shop):
    """Stopped, and started again without what it knew."""
    server = make_redis()
    one, other = make_pair(server, server)
    in_step(one, other)
    with connect(one, database) as writer, connect(other, database) as reader:
        warm(other, reader)
        server.kill()
        poll(lambda: counts(other)["fleet"] != "in step", 10, "the loss is noticed")
        writer.execute("update items set name = 'meanwhile'")
        assert name_of(reader) == "meanwhile"
        hits = counts(other)["hits"]
        for _ in range(5):
            name_of(reader)
        assert counts(other)["hits"] == hits
        server.start()
        in_step(one, other)
        warm(other, reader)
        assert name_of(reader) == "meanwhile"


@pytest.mark.parametrize("fault", ["stalled", "black_hole"])
def test_one_is_cut_off(make_redis, make_pair, database, shop, fault):
    """The other one waits for it: what it commits, nobody hears of."""
    server = make_redis()
    with FaultRelay((server.host, server.port)) as relay:
        cut, other = make_pair(relay, server)
        in_step(cut, other)
        with connect(cut, database) as there, connect(other, database) as here:
            warm(other, here)
            warm(cut, there)
            setattr(relay, fault, True)
            for proxy in (cut, other):
                poll(lambda: counts(proxy)["fleet"] != "in step", 10, "the silence is noticed")
            there.execute("update items set name = 'there'")
            assert [name_of(here), name_of(there)] == ["there", "there"]
            here.execute("update items set name = 'here'")
            assert [name_of(here), name_of(there)] == ["here", "here"]
            setattr(relay, fault, False)
            relay.reset_all()
            in_step(cut, other)
            warm(cut, there)
            assert name_of(there) == "here"


def test_who_is_killed_is_waited_for(make_redis, make_pair, database, shop):
    server = make_redis()
    one, other = make_pair(server, server)
    in_step(one, other)
    one.stop(signal.SIGKILL)
    name = f":{one.port}"
    poll(lambda: counts(other)["fleet"].endswith(name), 10, f"it waits for {name}")
    one.start()
    in_step(one, other)
    with connect(other, database) as reader:
        warm(other, reader)
        one.stop()  # with a goodbye
        assert counts(other)["fleet"] == "in step"
    assert "fleet_other" not in counts(other)
    one.start()


def test_a_server_that_is_full(make_redis, make_pair, database, shop):
    server = make_redis()
    one, other = make_pair(server, server)
    in_step(one, other)
    server.ask("CONFIG", "SET", "maxmemory", "1")
    with connect(one, database) as writer, connect(other, database) as reader:
        for number in range(5):
            warm(other, reader)
            writer.execute("update items set name = %s", (f"name{number}",))
            poll(lambda: name_of(reader) == f"name{number}", 10, "the write is seen")
    server.ask("CONFIG", "SET", "maxmemory", "0")
    in_step(one, other)


class FleetChecker(Checker):
    """Notes how long before a read was sent the first write was acknowledged that it lacks."""

    def __init__(self):
        super().__init__(0)
        self.when, self.ages = {}, []

    async def read(self, session, register, expected, quiet_since=1.0):
        sent = time.monotonic()
        [row] = await session.fetch(f"select v from {register.name} where id = $1", 1)
        self.counts.reads += 1
        if row["v"] < expected:
            age = sent - self.when[register.name, row["v"] + 1]
            self.ages.append(age)
            if age > LEASE:
                self.counts.stale.append((register.name, expected, row["v"], age))

    async def writer(self, session, pause=0.01):
        while not self.done:
            await self.note(self.random.choice(self.hot), session)
            await asyncio.sleep(pause)

    async def slow_writer(self, session):
        while not self.done:
            for register in self.cold:
                await self.note(register, session)
                await asyncio.sleep(0.2)

    async def note(self, register, session):
        await register.write(session, self.random.choice([update, block]))
        self.when[register.name, register.acknowledged] = register.written
        self.counts.writes += 1


async def update(session, table, number):
    await session.execute(f"update {table} set v = $1 where id = 1", number)


async def block(session, table, number):
    async with session.transaction():
        await session.execute(f"update {table} set v = $1 where id = 1", number)


def check(proxies, database, coherence, trouble=None):
    made = FleetChecker()

    async def session(number):
        target = proxies[number % 2]
        return await asyncpg.connect(host=target.host, port=target.port, user="app",
                                     password=USERS["app"], database=database)

    async def main():
        reads = sys.maxsize if trouble else READS
        readers = [made.reader(await session(i), reads) for i in range(6)]
        writers = [made.writer(await session(i)) for i in range(4)]
        writers.append(made.slow_writer(await session(1)))
        if trouble:
            writers.append(trouble(made))
        return await made.run(readers, writers)

    found = asyncio.run(main())
    ages = sorted(made.ages) or [0]
    print(f"{coherence}: {found.reads} reads, {found.writes} writes, {len(made.ages)} behind; ms: "
          + ", ".join(f"{name} {1000 * ages[int(part * (len(ages) - 1))]:.2f}"
                      for name, part in (("median", 0.5), ("p99", 0.99), ("max", 1))))
    assert not found.errors, found.errors
    assert not found.stale, found.stale[:5]
    assert not made.ages or coherence == "push", ages[-5:]
    return found


def hits(proxies):
    return sum(counts(proxy)["hits"] for proxy in proxies)


@pytest.mark.parametrize("coherence", ["push", "strict"])
def test_no_answer_is_older_than_it_may_be(make_redis, make_pair, database, shop, coherence):
    server = make_redis()
    shop.execute(setup_sql(FleetChecker().names()))
    proxies = make_pair(server, server, coherence=coherence)
    in_step(*proxies)
    for proxy in proxies:
        with connect(proxy, database) as client:
            warm(proxy, client)
    before = hits(proxies)
    found = check(proxies, database, coherence)
    print([counts(proxy)["fleet_lag_us"] for proxy in proxies], hits(proxies) - before)
    assert hits(proxies) - before > found.reads / 10


@pytest.mark.parametrize("coherence", ["push", "strict"])
def test_nor_while_redis_is_stopped_and_killed(make_redis, make_pair, database, shop, coherence):
    server = make_redis(appendonly="yes")  # else they wait 5 s for each other behind each kill
    shop.execute(setup_sql(FleetChecker().names()))
    proxies = make_pair(server, server, coherence=coherence)
    in_step(*proxies)
    for proxy in proxies:
        with connect(proxy, database) as client:
            warm(proxy, client)
    before = hits(proxies)

    async def trouble(made):
        for seconds in (0.1, 0.4, 0.8, KILLED, 0.6, 1.5, KILLED) * (10 if FULL else 1):
            await asyncio.sleep(0.6)
            if seconds is KILLED:
                server.kill()
                await asyncio.sleep(0.3)
                server.launch()
            else:
                server.process.signal(signal.SIGSTOP)
                await asyncio.sleep(seconds)
                server.process.signal(signal.SIGCONT)
        made.done = True

    found = check(proxies, database, coherence, trouble)
    print([counts(proxy)["fleet_joins"] for proxy in proxies], hits(proxies) - before)
    assert hits(proxies) - before > found.reads / 50
    in_step(*proxies)


@pytest.mark.parametrize("coherence", ["push", "strict"])
def test_nor_while_another_server_takes_over(looked_after, make_pair, database, shop, coherence):
    first, second, sentinel = looked_after
    shop.execute(setup_sql(FleetChecker().names()))
    proxies = make_pair(sentinel, sentinel, coherence=coherence, sentinel="shop")
    in_step(*proxies)
    for proxy in proxies:
        with connect(proxy, database) as client:
            warm(proxy, client)

    async def trouble(made):
        await asyncio.sleep(1)
        first.kill()
        await asyncio.to_thread(poll, lambda: sentinel.names(second), 30, "Sentinel's choice")
        await asyncio.to_thread(in_step, *proxies)
        before = hits(proxies)
        await asyncio.to_thread(poll, lambda: hits(proxies) > before, 60, "answers from the caches")
        made.done = True

    found = check(proxies, database, coherence, trouble)
    assert found.writes
    assert b"{shop}:life:" in second.ask("KEYS", "*")  # nobody trusted the list at once


def test_strict_goes_on_without_those_who_are_gone(make_redis, make_pair, database, shop):
    """A commit waits for a lease at most; those after it for nothing."""
    server = make_redis()
    one, other = make_pair(server, server, coherence="strict")
    in_step(one, other)
    with connect(one, database) as writer:
        other.stop(signal.SIGKILL)
        for number in range(50):
            writer.execute("update items set name = %s", (f"name{number}",))
        server.kill()
        for number in range(50):
            writer.execute("update items set name = %s", (f"name{number}",))
        assert name_of(writer) == "name49"
    server.start()
    other.start()
    in_step(one, other)
