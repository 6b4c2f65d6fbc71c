#!/usr/bin/env python3
"""Writes builtins.inc: the functions of PostgreSQL's own and how volatile they are.

    builtins.py [psql options] > builtins.inc

Asks a fresh PostgreSQL 15 database, nothing installed in it. Of functions with one name the most
volatile counts. Types stand among them: `date(x)` is a cast in the form of a call.
"""

import subprocess
import sys

QUERY = """
select name, max(kind) from (
    select proname::text as name,
           case provolatile when 'v' then '3v' when 's' then '2s' else '1i' end as kind
    from pg_proc where pronamespace = 'pg_catalog'::regnamespace
    union all
    select typname::text, '2s' from pg_type
    where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'd', 'r', 'm', 'p')
      and typname !~ '^_' and typrelid = 0
) as names group by name order by name collate "C"
"""


def main():
    command = ["psql", *sys.argv[1:], "-XAtF", " ", "-c", QUERY]
    rows = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    print("// Written by builtins.py. v: volatile, s: stable, i: immutable.")
    for row in filter(None, rows):
        name, kind = row.split()
        print(f'{{"{name}", \'{kind[1]}\'}},')


if __name__ == "__main__":
    main()
