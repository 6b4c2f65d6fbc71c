"""heimproxy in a plain program: statements, transactions, COPY, rows in portions, errors."""

import datetime
import sys
from pathlib import Path

import heimproxy

CONFIG = Path(__file__).with_name("heimproxy.toml")
DAY = datetime.date(2024, 2, 29)


def fill(connection):
    connection.execute(
        "create temp table sales (day date, item text, price numeric check (price > 0))"
    )
    lines = (f"{DAY}\titem {number}\t{number}.50\n".encode() for number in range(1, 10001))
    copied = connection.cursor().copy_in("copy sales from stdin", lines)
    print("copied", copied)


def report(connection):
    sql = "select item, price from sales where day = %(day)s and price > %(price)s order by price"
    for item, price in connection.execute(sql, {"day": DAY, "price": 9998}):
        print(f"{item}: {price}")
    with connection.cursor(streaming=True) as cursor:  # never all in memory
        cursor.execute("select price from sales")
        print("total", sum(price for price, in cursor))


def refuse(connection):
    try:
        connection.execute("insert into sales values (%s, %s, %s)", [DAY, "gift", 0])
    except heimproxy.IntegrityError as error:
        print(error.sqlstate, error.constraint)
        connection.rollback()


def main(user, database, password=None):
    with heimproxy.Proxy(CONFIG) as proxy:  # one a process
        with proxy.connect(user, database, password) as connection:
            fill(connection)
            report(connection)
            connection.commit()
            refuse(connection)
        print("pools", sorted(pool["database"] for pool in proxy.show("POOLS")))


if __name__ == "__main__":
    main(*sys.argv[1:])
