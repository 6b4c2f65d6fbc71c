"""A session that answers differently, made small: alone if that shows it, else with others that
share one server connection with it.
"""

from dataclasses import replace

from . import compare

# How to show a difference, the simplest first: how many companions, which pool size.
STAGES = [(0, 1), (2, 1), (5, 2), (19, 3)]


class Shrinker:
    """`wanted`: the signature that the small session must have as well; None: any."""

    def __init__(self, world, session, companions, wanted=None, attempts=150):
        self.world, self.session = world, session
        self.companions, self.pool_size = companions, 1
        self.wanted, self.left = wanted, attempts
        self.last, self.steady = None, True  # the newest difference; whether it shows every time

    def difference(self, session, companions):
        """(direct answers, proxied answers, index) or None. Companions run through the proxy."""
        self.left -= 1
        direct, _ = self.world.direct([session], look=False)
        everyone = [session, *companions]
        proxied, _ = self.world.proxied(everyone, len(everyone), self.pool_size, False)
        pair = direct[session.number], proxied[session.number]
        index = compare.first_difference(*pair)
        if index is None or self.wanted not in (None, compare.signature(*pair, index)):
            return None
        self.last = (*pair, index)
        return self.last

    def find(self):
        """The simplest stage that shows it; False if none does."""
        everyone = self.companions
        for count, self.pool_size in STAGES:
            self.companions = everyone[:count]
            if self.mode_needs_room():
                self.pool_size = count + 1
            for _ in range(2):
                found = self.difference(self.session, self.companions)
                if found:
                    self.wanted = compare.signature(*found)
                    self.session = cut(self.session, found[2])
                    return True
        return False

    def mode_needs_room(self):
        """In session mode a client that waits for a server says nothing: all need one."""
        return self.world.mode == "session"

    def _try(self, session, companions):
        if self.left <= 0:
            return False
        found = self.difference(session, companions)
        if found:
            self.session, self.companions = cut(session, found[2]), companions
        return bool(found)

    def shrink(self):
        """Drops companions, steps, then messages of steps, while the difference stays."""
        for companion in list(self.companions):
            rest = [one for one in self.companions if one is not companion]
            self._try(self.session, rest)
        size = max(1, len(self.session.steps) // 2)
        while size and self.left > 0:
            at = len(self.session.steps) - size
            while at >= 1:  # the first step makes what the others need
                self._try(without(self.session, at, size), self.companions)
                at = min(at, len(self.session.steps)) - size
            size //= 2
        if len(self.session.startup) > 1:
            self._try(replace(self.session, startup={"user": self.session.startup["user"]}),
                      self.companions)
        self._companion_steps()
        self.steady = bool(self.difference(self.session, self.companions))
        return self.last

    def _companion_steps(self):
        for index in range(len(self.companions)):
            size = max(1, len(self.companions[index].steps) // 2)
            while size and self.left > 0:
                at = len(self.companions[index].steps) - size
                while at >= 1 and self.left > 0:
                    changed = [*self.companions]
                    changed[index] = without(changed[index], at, size)
                    self._try(self.session, changed)
                    at -= size
                size //= 2


def without(session, at, size):
    """Without these steps."""
    return replace(session, steps=session.steps[:at] + session.steps[at + size :])


def cut(session, index):
    """Without the steps behind the difference."""
    return replace(session, steps=session.steps[:index])
