"""A column, and rows changed by Python in the same transaction."""

import datetime

from django.db import migrations, models


def fill(apps, editor):
    author = apps.get_model("library", "Author").objects.create(name="first")
    when = datetime.datetime(2024, 2, 3, tzinfo=datetime.timezone.utc)
    books = apps.get_model("library", "Book").objects
    for number in range(20):
        books.create(title=f"book {number}", author=author, pages=number, added=when)


def empty(apps, editor):
    apps.get_model("library", "Author").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("library", "0001_initial")]
    operations = [
        migrations.AddField("book", "pages", models.PositiveIntegerField(default=0)),
        migrations.RunPython(fill, empty),
    ]
