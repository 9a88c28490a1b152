# SPDX-License-Identifier: MIT
"""The host side of rig/dom0/agent.py: one command over one virtio-serial port."""

import json
import os
import select
import time

from . import wire
from .errors import RigError
from .paths import Lock
from .sock import connect

SILENCE = 1             # seconds


class NoAnswer(RigError):
    """The agent did not answer in time, or (`closed`) its port went away."""

    closed = False


class Link:
    """A port that is ours until close()."""

    def __init__(self, folder, ports, wait=60):
        self.sock = None
        if not os.path.isdir(folder):
            raise NoAnswer("it is not there")
        self.lock = self._take(folder, ports, time.monotonic() + wait)
        self.parser = wire.Parser()
        self.out = bytearray()
        self.alive = lambda: None       # called in silence; raises when waiting is in vain

    def _take(self, folder, ports, deadline):
        while True:
            for n in range(ports):
                try:
                    lock = Lock(os.path.join(folder, f"agent-{n}.lock"), wait=False)
                except BlockingIOError:
                    continue
                try:
                    self.sock = connect(os.path.join(folder, f"agent-{n}.sock"))
                except OSError as e:
                    lock.close()
                    raise NoAnswer(f"no connection to its agent: {e.strerror}") from None
                return lock
            if time.monotonic() > deadline:
                raise RigError(f"all {ports} of the rig's command ports are in use")
            time.sleep(0.05)

    def close(self):
        if self.sock:
            self.sock.close()
            self.sock = None
        self.lock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def sync(self, timeout):
        """Takes the port over; the agent answers, or NoAnswer."""
        nonce = os.urandom(16)
        deadline = time.monotonic() + timeout
        self.out += wire.PREAMBLE + wire.frame(wire.SYNC, nonce)
        for kind, body in self._frames(deadline):
            if kind == wire.ACK and body == nonce:
                return

    def _frames(self, deadline, extra=lambda poll: None, on_extra=lambda events: None):
        """Moves bytes both ways, yields the frames that come in."""
        self.sock.setblocking(False)
        while True:
            poll = select.poll()
            extra(poll)
            poll.register(self.sock, select.POLLIN | (select.POLLOUT if self.out else 0))
            left = deadline - time.monotonic() if deadline else SILENCE
            if left <= 0:
                raise NoAnswer("its agent does not answer")
            events = dict(poll.poll(min(left, SILENCE) * 1000))
            if not events:
                self.alive()
                # TCG loses an interrupt now and then; the next one shows it the one before
                # (docs/upstream-bugs.md).
                if not self.out:
                    self.out += wire.frame(wire.NUDGE)
            state = events.get(self.sock.fileno(), 0)
            if state & select.POLLOUT:
                n = self.sock.send(self.out[:1 << 17])
                del self.out[:n]
            if state & (select.POLLIN | select.POLLHUP | select.POLLERR):
                try:
                    data = self.sock.recv(1 << 17)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    data = b""
                if not data:
                    gone = NoAnswer("its agent's port was closed")
                    gone.closed = True
                    raise gone
                yield from self.parser.feed(data)
            on_extra(events)

    def set_time(self, timeout=20):
        self.out += wire.frame(wire.TIME, repr(time.time()).encode())
        for kind, _ in self._frames(time.monotonic() + timeout):
            if kind == wire.EXIT:
                return

    def run(self, spec, source, sink, deadline=None):
        """Runs a command. `source` is an Input, `sink(kind, data)` takes what it prints. Returns
        the agent's account of its end: a dict with status, signal and timed_out."""
        head = json.dumps(spec).encode()
        if len(head) > wire.MAX_BODY:
            raise RigError("the command is too long")
        self.out += wire.frame(wire.EXEC, head)
        window = wire.WINDOW

        def take():
            nonlocal window
            data = source.read(min(window, 1 << 17))
            window -= len(data)
            self.out += wire.frame(wire.STDIN, data) if data else wire.frame(wire.STDIN_END)

        def extra(poll):
            if not source.ended and window > 0 and len(self.out) < 1 << 18:
                if source.fd is None:
                    take()
                else:
                    poll.register(source.fd, select.POLLIN)

        def on_extra(events):
            if source.fd is not None and events.get(source.fd):
                take()

        for kind, body in self._frames(deadline, extra, on_extra):
            if kind in (wire.STDOUT, wire.STDERR):
                sink(kind, body)
            elif kind == wire.CREDIT:
                window += int(body)
            elif kind == wire.EXIT:
                return json.loads(body)
        return None


class BytesInput:
    """Input from memory."""

    fd = None

    def __init__(self, data=b""):
        self.data = memoryview(data)
        self.ended = False

    def read(self, limit):
        data = bytes(self.data[:limit])
        self.data = self.data[limit:]
        self.ended = not data
        return data


class FdInput:
    """Input from a file descriptor."""

    def __init__(self, fd):
        self.fd = fd
        self.ended = False

    def read(self, limit):
        data = os.read(self.fd, limit)
        self.ended = not data
        return data
