"""What the migrations lead to."""

from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=100, unique=True)
    born = models.DateField(null=True)


class Book(models.Model):
    title = models.CharField(max_length=200, db_index=True)
    author = models.ForeignKey(Author, on_delete=models.CASCADE)
    pages = models.PositiveIntegerField(default=0)
    added = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["pages"], name="book_pages")]
