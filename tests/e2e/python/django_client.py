"""Django: migrations forward, back and forward again, and its ORM; prints what it sees."""

import os
import sys

import django
from django.conf import settings

APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "library",
]


def configure():
    env = os.environ
    settings.configure(
        INSTALLED_APPS=APPS,
        USE_TZ=True,
        TIME_ZONE="Europe/Berlin",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": env["PGDATABASE"],
                "USER": env["PGUSER"],
                "PASSWORD": env["PGPASSWORD"],
                "HOST": env["PGHOST"],
                "PORT": env["PGPORT"],
                "OPTIONS": {"isolation_level": 3, "options": "-c statement_timeout=600000"},
            }
        },
    )
    django.setup()


def migrate(*target):
    from django.core.management import call_command

    call_command("migrate", *target, verbosity=1, no_color=True, stdout=sys.stdout)


def orm():
    from django.db import IntegrityError, connection, transaction
    from django.db.models import Count, Sum
    from library.models import Author, Book

    first = Author.objects.get(name="first")
    print(Book.objects.filter(author=first).aggregate(Sum("pages"), Count("id")))
    with transaction.atomic():
        Author.objects.create(name="second", born="1950-06-07")
        try:
            with transaction.atomic():
                Author.objects.create(name="second")
        except IntegrityError as error:
            print(type(error.__cause__).__name__, error.__cause__.sqlstate)
        print(Author.objects.select_for_update().order_by("id").values_list("name", "born"))
    # A cursor of the server, held over transactions: iterator() outside of atomic().
    titles = [book.title for book in Book.objects.order_by("id").iterator(chunk_size=3)]
    print(titles[0], titles[-1], len(titles))
    print(Book.objects.order_by("-pages").values_list("added", flat=True)[0])
    with connection.cursor() as cursor:
        cursor.execute("show timezone")
        print(cursor.fetchone())
        cursor.execute("select count(*) from long_books")
        print(cursor.fetchone())


def main():
    configure()
    migrate()
    orm()
    migrate("library", "0001")
    migrate("library", "zero")
    migrate()
    orm()


main()
