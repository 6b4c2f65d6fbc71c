"""The question that the catalog of objects is made from, put to a real server: its answer for the
schema of tests/data/catalog is the one that the unit tests read.
"""

import re

import psycopg
import pytest
from conftest import connect
from harness.paths import ROOT

DATA = ROOT / "tests" / "data" / "catalog"


def question():
    source = (ROOT / "lib" / "sql" / "objects_query.cpp").read_text()
    return re.search(r'R"sql\((.*)\)sql"', source, re.DOTALL).group(1)


@pytest.fixture
def objects(server, database):
    with connect(server, database, user="postgres") as conn:
        conn.execute((DATA / "schema.sql").read_text())
        conn.execute("set search_path = pg_catalog")
        yield conn


def test_answer_is_the_recorded_one(objects):
    rows = psycopg.ClientCursor(objects).execute(question()).fetchall()
    found = sorted("\t".join(column or "" for column in row) for row in rows)
    assert found == (DATA / "answer.tsv").read_text().splitlines()
