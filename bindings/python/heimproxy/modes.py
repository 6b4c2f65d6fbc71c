"""How transactions begin by themselves: from the next one on."""

from typing import Optional

from .talk import Talk


class Modes:
    """Of both kinds of connections."""

    _talk: Talk

    @property
    def autocommit(self) -> bool:
        return self._talk.autocommit

    @autocommit.setter
    def autocommit(self, wanted: bool) -> None:
        self._talk.autocommit = wanted

    @property
    def isolation_level(self) -> Optional[str]:
        """As in SQL: "REPEATABLE READ". None: the server's default."""
        return self._talk.isolation_level

    @isolation_level.setter
    def isolation_level(self, wanted: Optional[str]) -> None:
        self._talk.isolation_level = wanted

    @property
    def read_only(self) -> Optional[bool]:
        return self._talk.read_only

    @read_only.setter
    def read_only(self, wanted: Optional[bool]) -> None:
        self._talk.read_only = wanted

    @property
    def deferrable(self) -> Optional[bool]:
        return self._talk.deferrable

    @deferrable.setter
    def deferrable(self, wanted: Optional[bool]) -> None:
        self._talk.deferrable = wanted
