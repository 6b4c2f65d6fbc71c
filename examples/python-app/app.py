"""A small web application: Flask and SQLAlchemy, with heimproxy inside the process.

    app.py USER DATABASE [PASSWORD]     serves on 127.0.0.1, port $PORT (0: any)
"""

import os
import sys
from pathlib import Path

import heimproxy
import sqlalchemy as sa
from flask import Flask, abort, jsonify, request
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.serving import make_server

CONFIG = Path(__file__).with_name("heimproxy.toml")


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.Text), default=list)

    def shown(self):
        return {"id": self.id, "text": self.text, "tags": self.tags}


def make_app(proxy, user, database, password=None):
    address = sa.URL.create("postgresql+heimproxy", user, password, database=database)
    engine = sa.create_engine(address, connect_args={"proxy": proxy})
    Base.metadata.create_all(engine)
    app = Flask(__name__)

    @app.get("/notes")
    def notes():
        found = sa.select(Note).order_by(Note.id)
        if tag := request.args.get("tag"):
            found = found.where(Note.tags.any(tag))
        with Session(engine) as session:
            return jsonify([note.shown() for note in session.scalars(found)])

    @app.post("/notes")
    def add():
        with Session(engine) as session:
            note = Note(text=request.json["text"], tags=request.json.get("tags", []))
            session.add(note)
            session.commit()
            return note.shown(), 201

    @app.delete("/notes/<int:number>")
    def remove(number):
        with Session(engine) as session:
            gone = session.execute(sa.delete(Note).where(Note.id == number)).rowcount
            session.commit()
        return ("", 204) if gone else abort(404)

    @app.get("/pools")
    def pools():
        return jsonify(proxy.show("POOLS"))

    return app


def main(*login):
    with heimproxy.Proxy(CONFIG) as proxy:  # after the fork, where a server forks
        app = make_app(proxy, *login)
        server = make_server("127.0.0.1", int(os.environ.get("PORT", 8000)), app, threaded=True)
        print(f"http://127.0.0.1:{server.port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()


if __name__ == "__main__":
    main(*sys.argv[1:])
