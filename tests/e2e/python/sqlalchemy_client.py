"""A workload on SQLAlchemy's ORM over psycopg 3: a connection pool of its own above ours."""

import os
import threading

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from transcript import show


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(100), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author", order_by="Book.id")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    pages: Mapped[int]
    meta: Mapped[dict] = mapped_column(sa.JSON, default=dict)
    author_id: Mapped[int] = mapped_column(sa.ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def fill(engine):
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        for a in range(20):
            books = [Book(title=f"book {a}.{b}", pages=100 * b, meta={"b": b}) for b in range(5)]
            session.add(Author(name=f"author {a}", books=books))
        session.commit()
    with Session(engine) as session:
        session.execute(
            sa.insert(Book),
            [
                {"title": f"bulk {i}", "pages": i, "meta": {}, "author_id": 1 + i % 20}
                for i in range(2000)
            ],
        )
        session.commit()


def read(engine):
    with Session(engine) as session:
        query = (
            sa.select(Author.name, sa.func.count(), sa.func.sum(Book.pages))
            .join(Author.books)
            .group_by(Author.name)
            .order_by(Author.name)
        )
        for row in session.execute(query):
            show("author", *row)
        for author in session.scalars(sa.select(Author).order_by(Author.id).limit(3)):
            show("books", author.name, len(author.books), author.books[4].meta)
        for n in range(12):  # past psycopg's threshold: prepared on the server
            show("by id", session.scalar(sa.select(Author.name).where(Author.id == n + 1)))
        streamed = session.execute(
            sa.select(Book.pages).order_by(Book.id).execution_options(yield_per=100)
        )
        show("streamed", sum(row[0] for row in streamed))


def write(engine):
    with Session(engine) as session:
        author = session.get(Author, 1)
        author.name = "renamed"
        with session.begin_nested():
            session.execute(sa.update(Book).where(Book.author_id == 2).values(pages=Book.pages + 1))
        try:
            with session.begin_nested():
                session.add(Author(name="author 5"))
                session.flush()
        except sa.exc.IntegrityError as error:
            show("integrity", error.orig.sqlstate)
        session.commit()
        show("renamed", session.get(Author, 1).name)
        author.name = "lost"
        session.flush()
        session.rollback()
        show("rolled back", session.get(Author, 1).name)


def concurrent(engine):
    def work(number):
        for _ in range(10):
            with Session(engine) as session, session.begin():
                author = session.get(Author, number % 4 + 1, with_for_update=True)
                author.books[0].pages += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    with Session(engine) as session:
        show("pages", session.scalar(sa.select(sa.func.sum(Book.pages))))


def main():
    engine = sa.create_engine(
        "postgresql+psycopg://", pool_size=10, max_overflow=5, pool_pre_ping=True
    )
    if os.environ["E2E_MODE"] == "session":
        with engine.connect() as conn:
            conn.execute(sa.text("create temp table t (id int)"))
            conn.execute(sa.text("insert into t values (1)"))
            conn.commit()
            show("temp", conn.execute(sa.text("select * from t")).all())
        return
    for part in (fill, read, write, concurrent):
        show(f"--- {part.__name__}")
        part(engine)
    show(
        "tables",
        sa.inspect(engine).get_table_names(),
        [c["name"] for c in sa.inspect(engine).get_columns("book")],
    )
    Base.metadata.drop_all(engine)
    engine.dispose()


main()
