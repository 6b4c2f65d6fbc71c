"""A Django application with migrations of every awkward kind."""
