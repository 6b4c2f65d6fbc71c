"""Many sessions at once from one thread; each waits for its own answers, all share one selector."""

import selectors
import socket
import struct
import time

from harness import wire

from . import masks, steps

COMPLETE = "123CsIn"  # what ends the answer to one message of the extended protocol, and T


class Conversation:
    """One session on one socket. `answers` has a list of (kind, body) for the startup packet, for
    each step, and for the end.
    """

    def __init__(self, session, target, database, mask):
        self.session, self.mask = session, mask
        self.answers, self.over = [[]], False
        self.buffer = b""
        self.sock = socket.create_connection((target.host, target.port), 60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._steps = iter(session.steps)
        self._parts = iter([(self._hello(database), ("Z", 1))])
        self._ready = 0
        self._next_part()

    def _hello(self, database):
        return wire.startup_packet(**{**self.session.startup, "database": database})

    def _next_part(self):
        data, self._wait = next(self._parts)
        self._complete = 0
        self._send(data)

    def _send(self, data):
        try:
            self.sock.sendall(data)
        except OSError:
            pass  # closed by the peer: reading will say so, after what it still had to say

    def _satisfied(self):
        what, count = self._wait
        if what == "closed":
            return False
        if what == "Z":
            return self._ready >= count
        if self._failed or self._ready:
            return True
        return self._complete >= count if what == "flush" else self._copying

    _failed = _copying = False

    def _go_on(self):
        """The next part, the next step, or the end."""
        while not self.over and self._satisfied():
            try:
                self._next_part()
            except StopIteration:
                self._next_step()

    def _next_step(self):
        step = next(self._steps, None)
        self.answers.append([])
        self._ready, self._failed, self._copying = 0, False, False
        if step is not None:
            self._parts = iter(steps.parts(step))
            self._next_part()
        elif self.session.ending == "terminate":
            self._wait = ("closed", 0)
            self._send(wire.TERMINATE)
        else:
            self._end()

    def _end(self):
        self.over = True
        self.sock.close()

    def hear(self):
        """Called when there is something to read."""
        try:
            data = self.sock.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.answers[-1].append(("closed", self.buffer))
            return self._end()
        self.buffer += data
        self._messages()
        return self._go_on()

    def _messages(self):
        at, buffer, answers = 0, self.buffer, self.answers[-1]
        while len(buffer) - at >= 5:
            (length,) = struct.unpack_from("!i", buffer, at + 1)
            if len(buffer) - at <= length:
                break
            kind = chr(buffer[at])
            answers.append((kind, self.mask(kind, buffer[at + 5 : at + 1 + length])))
            self._note(kind)
            at += 1 + length
        self.buffer = buffer[at:]

    def _note(self, kind):
        if kind == "Z":
            self._ready += 1
        elif kind == "E":
            self._failed = True
        elif kind == "G":
            self._copying = True
        elif kind in COMPLETE or kind == "T":
            self._complete += 1


def run(sessions, target, database, at_once, mask=masks.masked, patience=60):
    """{number: answers} of all sessions, at most `at_once` of them at a time."""
    waiting, open_now, answers = iter(sessions), set(), {}
    with selectors.DefaultSelector() as selector:

        def join():
            session = next(waiting, None)
            if session is not None:
                one = Conversation(session, target, database, mask)
                selector.register(one.sock, selectors.EVENT_READ, one)
                open_now.add(one)

        for _ in range(at_once):
            join()
        heard = time.monotonic()
        while open_now:
            for key, _ in selector.select(1):
                heard, one = time.monotonic(), key.data
                one.hear()
                if one.over:
                    selector.unregister(key.fileobj)
                    open_now.discard(one)
                    answers[one.session.number] = finished(one)
                    join()
            if time.monotonic() - heard > patience:
                for one in open_now:
                    one.sock.close()
                    answers[one.session.number] = [*finished(one), [("hangs", b"")]]
                return answers
    return answers


def finished(one):
    return [masks.startup(one.answers[0]), *one.answers[1:]]
