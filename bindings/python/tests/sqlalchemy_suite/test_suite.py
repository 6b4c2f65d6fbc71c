"""All of it."""

from sqlalchemy.testing.suite import *  # noqa: F401, F403
from sqlalchemy.testing.suite import ServerSideCursorsTest as _ServerSideCursorsTest


class ServerSideCursorsTest(_ServerSideCursorsTest):
    def _is_server_side(self, cursor):
        """The suite knows how its own drivers say it."""
        return getattr(cursor, "server_side", False) or getattr(cursor, "streaming", False)
