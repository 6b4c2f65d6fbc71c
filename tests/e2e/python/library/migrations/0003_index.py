"""CREATE INDEX CONCURRENTLY: no transaction around it."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("library", "0002_pages")]
    operations = [
        AddIndexConcurrently("book", models.Index(fields=["pages"], name="book_pages")),
        migrations.RunSQL(
            "set search_path to public; create view long_books as"
            " select id, title from library_book where pages > 10",
            "drop view long_books",
        ),
    ]
