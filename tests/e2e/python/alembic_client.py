"""Alembic: up, down and up again; prints what it did."""

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

HERE = Path(__file__).resolve().parent


def main():
    config = Config(stdout=sys.stdout)
    config.set_main_option("script_location", str(HERE / "alembic"))
    for step, target in (("upgrade", "head"), ("downgrade", "base"), ("upgrade", "head")):
        getattr(command, step)(config, target)
        command.current(config, verbose=False)
    engine = create_engine("postgresql+psycopg://")
    with engine.connect() as connection:
        print(connection.execute(text("select count(*), max(born) from person")).all())
        print(connection.execute(text("select enum_range(null::mood)::text")).all())
    engine.dispose()


main()
