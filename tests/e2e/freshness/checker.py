"""Writers and readers on different sessions; each read is held against what was acknowledged
before it was sent.

A table is a register: its one row has the number of the write that last changed it. A read that
shows a lower number than was acknowledged before it began is stale. Each read also tells which
node it ran on (port_here()), so that it can be said how many went to standbys.
"""

import asyncio
import random
import time
from dataclasses import dataclass, field

import asyncpg

HOT, COLD = 4, 8
# A cold table is written once in so many seconds.
COLD_PAUSE = 4.0


@dataclass
class Counts:
    reads: int = 0
    writes: int = 0
    stale: list = field(default_factory=list)
    errors: list = field(default_factory=list)
    quiet: int = 0  # reads of tables that were not written in the last second
    quiet_on_standby: int = 0
    by_port: dict = field(default_factory=dict)

    def standby_share(self):
        return self.quiet_on_standby / max(self.quiet, 1)

    def text(self):
        ports = ", ".join(f"{port}: {count}" for port, count in sorted(self.by_port.items()))
        return (f"{self.reads} reads, {self.writes} writes, {len(self.stale)} stale, "
                f"{len(self.errors)} errors; of {self.quiet} quiet reads "
                f"{self.standby_share():.0%} on standbys; by node {ports}")


class Register:
    """A table, and what is known of it."""

    def __init__(self, name):
        self.name, self.last, self.acknowledged, self.written = name, 0, 0, time.monotonic() - 60
        self.busy = asyncio.Lock()  # its writers go one by one: numbers are in order

    async def write(self, session, how):
        async with self.busy:
            self.last = number = self.last + 1
            await how(session, self.name, number)
            self.acknowledged, self.written = number, time.monotonic()


async def plain(session, table, number):
    await session.execute(f"update {table} set v = $1 where id = 1", number)


async def simple(session, table, number):
    await session.execute(f"update {table} set v = {number} where id = 1")


async def transaction(session, table, number):
    async with session.transaction():
        await session.execute(f"select v from {table} where id = 1 for update")
        await session.execute(f"update {table} set v = $1 where id = 1", number)


WAYS = [plain, simple, transaction]


def setup_sql(names):
    return "".join(
        f"drop table if exists {name}; create table {name} (id int primary key, v bigint);"
        f"insert into {name} values (1, 0);" for name in names)


class Checker:
    """`primary`: the port of the node that is no standby."""

    def __init__(self, primary, prefix="reg", seed=1):
        self.primary, self.random = str(primary), random.Random(seed)
        self.hot = [Register(f"{prefix}_h{i}") for i in range(HOT)]
        self.cold = [Register(f"{prefix}_c{i}") for i in range(COLD)]
        self.counts, self.done = Counts(), False

    def names(self):
        return [register.name for register in self.hot + self.cold]

    def pick(self):
        return self.random.choice(self.hot if self.random.random() < 0.4 else self.cold)

    async def read(self, session, register, expected, quiet_since=1.0):
        """One read; `expected`: the number it has to show at least."""
        quiet = time.monotonic() - register.written > quiet_since
        row = await session.fetchrow(
            f"select v, port_here() as port from {register.name} where id = 1")
        counts = self.counts
        counts.reads += 1
        port = row["port"]
        counts.by_port[port] = counts.by_port.get(port, 0) + 1
        if quiet:
            counts.quiet += 1
            counts.quiet_on_standby += port != self.primary
        if row["v"] < expected:
            counts.stale.append((register.name, expected, row["v"], port))

    async def guarded(self, work):
        try:
            await work
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
            self.counts.errors.append(f"{type(error).__name__}: {error}")
            self.done = True

    # -- what sessions do

    async def writer(self, session, pause=0.002):
        while not self.done:
            await self.random.choice(self.hot).write(session, self.random.choice(WAYS))
            self.counts.writes += 1
            await asyncio.sleep(pause)

    async def slow_writer(self, session):
        while not self.done:
            for register in self.cold:
                await register.write(session, plain)
                self.counts.writes += 1
                await asyncio.sleep(COLD_PAUSE / COLD)

    async def reader(self, session, reads):
        """strict: whoever wrote."""
        while self.counts.reads < reads and not self.done:
            register = self.pick()
            await self.read(session, register, register.acknowledged)

    async def own(self, session, reads):
        """session: what this very session has written, and nobody else does."""
        mine = Register(self.names()[0] + f"_own{id(session)}")
        await session.execute(setup_sql([mine.name]))
        while self.counts.reads < reads and not self.done:
            if self.random.random() < 0.1:
                await mine.write(session, self.random.choice(WAYS))
                self.counts.writes += 1
            await self.read(session, mine, mine.acknowledged, 0.2)

    async def carrier(self, writes, reads_from, reads):
        """group: a token goes from a session that writes to one that reads elsewhere."""
        mine = Register(self.names()[0] + f"_carried{id(writes)}")
        await writes.execute(setup_sql([mine.name]))
        await self.hand_over(writes, reads_from)
        while self.counts.reads < reads and not self.done:
            await mine.write(writes, self.random.choice(WAYS))
            self.counts.writes += 1
            await self.hand_over(writes, reads_from)
            for _ in range(self.random.randint(1, 20)):
                await self.read(reads_from, mine, mine.acknowledged, 0.1)

    @staticmethod
    async def hand_over(writes, reads_from):
        token = await writes.fetchval("show heimproxy.lsn")
        await reads_from.execute(f"set heimproxy.min_lsn = '{token}'")

    async def run(self, readers, writers=()):
        """Coroutines; the writers stop when the readers have read enough."""
        background = [asyncio.ensure_future(self.guarded(each)) for each in writers]
        await asyncio.gather(*(self.guarded(each) for each in readers))
        self.done = True
        await asyncio.gather(*background)
        return self.counts
