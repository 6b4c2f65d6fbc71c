"""The question that the catalog of objects is made from, put to a real server: its answer for the
schema of tests/data/catalog is the one that the unit tests read."""

import re
from pathlib import Path

from harness.paths import SOURCE

DATA = Path(SOURCE) / "tests" / "data" / "catalog"


def question():
    source = (Path(SOURCE) / "lib" / "sql" / "objects_query.cpp").read_text()
    return re.search(r'R"sql\((.*)\)sql"', source, re.DOTALL).group(1)


def rows(connection):
    connection.execute("set search_path = pg_catalog")
    answer = connection.execute(question()).fetchall()
    return sorted("\t".join(column or "" for column in row) for row in answer)


def test_answer_is_the_recorded_one(postgres):
    with postgres.connect(autocommit=True) as admin:
        admin.execute("create database objects")
    try:
        with postgres.connect(dbname="objects", autocommit=True) as connection:
            connection.execute((DATA / "schema.sql").read_text())
            found = rows(connection)
    finally:
        with postgres.connect(autocommit=True) as admin:
            admin.execute("drop database objects")
    assert found == (DATA / "answer.tsv").read_text().splitlines()
