"""SQLAlchemy over the package: its own suite for dialects, and what that does not ask for."""

import asyncio
import datetime
import decimal
import enum
import gc
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import uuid
import weakref
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, registry
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

import case
import heimproxy
from heimproxy.sqlalchemy import proxy_of

SUITE = Path(__file__).resolve().parent / "sqlalchemy_suite"
registry.register("postgresql.heimproxy", "heimproxy.sqlalchemy", "Dialect")
registry.register("postgresql.heimproxy_async", "heimproxy.sqlalchemy_async", "AsyncDialect")


def url(driver="heimproxy", more=""):
    return f"postgresql+{driver}://app:app-secret@127.0.0.1:{case.PORT}/postgres{more}"


class Mood(enum.Enum):
    sad = "sad"
    glad = "glad"


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "sa_owner"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    things: Mapped[list["Thing"]] = relationship(back_populates="owner", cascade="all")


class Thing(Base):
    __tablename__ = "sa_thing"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    owner_id: Mapped[int] = mapped_column(sa.ForeignKey("sa_owner.id"))
    owner: Mapped[Owner] = relationship(back_populates="things")
    mood: Mapped[Mood] = mapped_column(default=Mood.glad)
    moods: Mapped[list[Mood] | None] = mapped_column(sa.ARRAY(sa.Enum(Mood)))
    tags: Mapped[list[str]] = mapped_column(postgresql.ARRAY(sa.Text), default=list)
    data: Mapped[dict] = mapped_column(postgresql.JSONB, default=dict)
    during: Mapped[postgresql.Range | None] = mapped_column(postgresql.TSTZRANGE)
    days: Mapped[postgresql.MultiRange | None] = mapped_column(postgresql.DATEMULTIRANGE)
    address: Mapped[str | None] = mapped_column(postgresql.INET)
    lasts: Mapped[datetime.timedelta | None] = mapped_column(sa.Interval)
    price: Mapped[decimal.Decimal | None] = mapped_column(sa.Numeric(10, 2))
    made: Mapped[datetime.datetime] = mapped_column(
        sa.DateTime(timezone=True), server_default=sa.func.now()
    )


class Engines(unittest.TestCase):
    def setUp(self):
        self.engine = sa.create_engine(url())
        self.addCleanup(self.engine.dispose)
        Base.metadata.drop_all(self.engine)
        Base.metadata.create_all(self.engine)
        self.addCleanup(Base.metadata.drop_all, self.engine)

    def test_orm(self):
        day = datetime.datetime(2024, 2, 29, tzinfo=datetime.timezone.utc)
        values = {
            "mood": Mood.sad, "moods": [Mood.sad, Mood.glad], "tags": ["a", 'b "c"', "{}"],
            "data": {"deep": [1, {"x": None}]}, "during": postgresql.Range(day, None),
            "days": postgresql.MultiRange([postgresql.Range(day.date(), None)]),
            "lasts": datetime.timedelta(hours=1.5), "price": decimal.Decimal("9.50"),
        }
        with Session(self.engine) as session:
            session.add(Owner(name="ann", things=[Thing(**values), Thing(tags=[])]))
            session.commit()
        with Session(self.engine) as session:
            thing = session.scalars(sa.select(Thing).where(Thing.mood == Mood.sad)).one()
            self.assertEqual({key: getattr(thing, key) for key in values}, values)
            self.assertIsInstance(thing.id, uuid.UUID)
            self.assertEqual(thing.owner.name, "ann")
            found = sa.select(Thing.id).where(Thing.data["deep"][1].contains({"x": None}))
            self.assertEqual(session.scalars(found).all(), [thing.id])
            found = sa.select(Thing.id).where(Thing.tags.contains(["a"]))
            self.assertEqual(session.scalars(found).all(), [thing.id])
            found = sa.select(Thing.id).where(Thing.during.contains(day))
            self.assertEqual(session.scalars(found).all(), [thing.id])
            session.delete(thing.owner)
            session.commit()
            self.assertEqual(session.scalar(sa.select(sa.func.count()).select_from(Thing)), 0)

    def test_returning_and_many(self):
        with self.engine.begin() as connection:
            rows = [{"name": f"owner {number}"} for number in range(2500)]
            insert = sa.insert(Owner).returning(Owner.id, sort_by_parameter_order=True)
            ids = connection.scalars(insert, rows).all()
            self.assertEqual(ids, sorted(ids))
            self.assertEqual(len(ids), 2500)
            upsert = postgresql.insert(Owner).values(name="owner 7")
            upsert = upsert.on_conflict_do_update(index_elements=["name"], set_={"name": "seven"})
            self.assertEqual(connection.scalar(upsert.returning(Owner.id)), ids[7])
            some = sa.update(Owner).where(Owner.id < ids[100]).values(name=Owner.name + "!")
            changed = connection.execute(some)
            self.assertEqual(changed.rowcount, 100)
            stream = connection.execution_options(yield_per=100).execute(sa.select(Owner.id))
            self.assertEqual(len(stream.scalars().all()), 2500)

    def test_transactions_and_isolation(self):
        with self.engine.connect() as connection:
            connection.execute(sa.insert(Owner).values(name="lost"))
            with connection.begin_nested() as inner:
                connection.execute(sa.insert(Owner).values(name="never"))
                inner.rollback()
            connection.rollback()
            self.assertEqual(connection.execute(sa.select(Owner)).all(), [])
        for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
            options = {"isolation_level": level, "postgresql_readonly": True}
            with self.engine.connect().execution_options(**options) as connection:
                self.assertEqual(connection.get_isolation_level(), level)
                shown = connection.scalar(sa.text("show transaction_isolation"))
                self.assertEqual(shown.upper(), level)
                with self.assertRaises(sa.exc.InternalError):
                    connection.execute(sa.insert(Owner).values(name="read only"))
        automatic = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with automatic.connect() as connection:
            connection.execute(sa.insert(Owner).values(name="kept"))
        with self.engine.connect() as connection:
            self.assertEqual(connection.scalars(sa.select(Owner.name)).all(), ["kept"])
            with self.assertRaises(sa.exc.IntegrityError) as caught:
                connection.execute(sa.insert(Owner).values(name="kept"))
            self.assertEqual(caught.exception.orig.constraint, "sa_owner_name_key")

    def test_reflection(self):
        metadata = sa.MetaData()
        metadata.reflect(self.engine, only=["sa_owner", "sa_thing"])
        columns = metadata.tables["sa_thing"].columns
        self.assertIsInstance(columns["data"].type, postgresql.JSONB)
        self.assertIsInstance(columns["mood"].type, postgresql.ENUM)
        self.assertIsInstance(columns["tags"].type, postgresql.ARRAY)
        self.assertIsInstance(columns["during"].type, postgresql.TSTZRANGE)
        (key,) = columns["owner_id"].foreign_keys
        self.assertEqual(str(key.column), "sa_owner.id")

    def test_serializers(self):
        engine = sa.create_engine(url(), json_deserializer=lambda text: ("mine", text))
        with engine.connect() as connection:
            self.assertEqual(connection.scalar(sa.text("select '[1]'::json")), ("mine", "[1]"))
        engine.dispose()

    def test_lost_connections(self):
        engine = sa.create_engine(url(), pool_size=1, max_overflow=0)
        kill = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'"
        with engine.connect() as connection:
            connection.execute(sa.text("select 1"))
            pid = connection.scalar(sa.text("select pg_backend_pid()"))
            with heimproxy.connect(case.config(), "postgres", "postgres") as other:
                other.execute(kill + " and pid = %s", [pid])
            with self.assertRaises(sa.exc.DBAPIError):
                connection.execute(sa.text("select 1"))
        with engine.connect() as connection:
            self.assertEqual(connection.scalar(sa.text("select 1")), 1)
        engine.dispose()


class Addresses(unittest.TestCase):
    def shown(self, engine):
        with engine.connect() as connection:
            row = connection.execute(sa.text("select current_user, :x"), {"x": 1}).one()
            self.assertEqual(row, ("app", 1))
            return connection.scalar(sa.text("show application_name"))

    def test_settings(self):
        engine = sa.create_engine(url(more="?application_name=mine&search_path=pg_catalog"))
        self.assertEqual(self.shown(engine), "mine")
        engine.dispose()

    def test_engines_share_a_proxy(self):
        path = Path(tempfile.mkdtemp()) / "heimproxy.toml"
        self.addCleanup(shutil.rmtree, path.parent)
        path.write_text(
            "[proxy]\nlisten_address = []\n[[nodes]]\nhost = \"127.0.0.1\"\n"
            f"port = {case.PORT}\nrole = \"primary\"\n"
        )
        proxy = proxy_of(str(path), None, 5432)
        self.assertIsNot(proxy_of(None, "127.0.0.1", case.PORT), proxy)
        engine = sa.create_engine(f"postgresql+heimproxy://app:app-secret@/postgres?config={path}")
        self.shown(engine)
        self.assertIs(engine.dialect._kept, proxy)
        gone = weakref.ref(proxy)
        engine.dispose()
        del engine, proxy
        gc.collect()
        self.assertIsNone(gone())

    def test_a_proxy_that_is_there(self):
        with heimproxy.Proxy(case.config()) as proxy:
            asked = {"proxy": proxy}
            engine = sa.create_engine(
                "postgresql+heimproxy://app:app-secret@/postgres", connect_args=asked
            )
            self.shown(engine)
            engine.dispose()

    def test_what_is_missing(self):
        for text in ("postgresql+heimproxy://app@/db", "postgresql+heimproxy://127.0.0.1/db"):
            with self.subTest(text=text), self.assertRaises(sa.exc.ArgumentError):
                sa.create_engine(text).connect()


class AsyncEngines(unittest.TestCase):
    def test_orm(self):
        async def body():
            engine = create_async_engine(url("heimproxy"))  # as create_engine() names it
            self.assertEqual(engine.dialect.driver, "heimproxy_async")
            async with engine.begin() as connection:
                await connection.run_sync(Base.metadata.drop_all)
                await connection.run_sync(Base.metadata.create_all)
            async with AsyncSession(engine) as session:
                session.add_all([Owner(name=f"owner {number}") for number in range(100)])
                await session.commit()

            async def count():
                async with AsyncSession(engine) as session:
                    return await session.scalar(sa.select(sa.func.count()).select_from(Owner))

            self.assertEqual(set(await asyncio.gather(*[count() for _ in range(10)])), {100})
            async with engine.connect() as connection:
                stream = await connection.stream(sa.select(Owner.name))
                self.assertEqual(len([row async for row in stream]), 100)
                await connection.rollback()
                with self.assertRaises(asyncio.TimeoutError):
                    sleep = connection.execute(sa.text("select pg_sleep(60)"))
                    await asyncio.wait_for(sleep, 0.1)
                await connection.run_sync(lambda _: None)
            async with engine.begin() as connection:
                await connection.run_sync(Base.metadata.drop_all)
            await engine.dispose()

        asyncio.run(body())


class Suite(unittest.TestCase):
    """Named last: it is long."""

    def setUp(self):
        with heimproxy.connect(case.config(), "postgres", "postgres") as connection:
            for name in ("test_schema", "test_schema_2"):
                connection.execute(f"create schema if not exists {name}")
            connection.execute("create extension if not exists hstore")

    def run_suite(self, driver):
        uri = f"postgresql+{driver}://postgres@127.0.0.1:{case.PORT}/postgres"
        argv = [sys.executable, "-m", "pytest", "-q", "--dburi", uri, "."]
        env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(argv, cwd=SUITE, env=env, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout[-20000:] + done.stderr[-2000:])
        print(driver, done.stdout.rstrip().rsplit("\n", 1)[-1])
        self.assertGreater(int(re.search(r"(\d+) passed", done.stdout)[1]), 1700)

    def test_suite(self):
        self.run_suite("heimproxy")

    @unittest.skipUnless("HEIM_TEST_FULL" in os.environ, "long: ./dev test --full")
    def test_suite_async(self):
        self.run_suite("heimproxy_async")
