# SPDX-License-Identifier: MIT
"""A small xenstore client for dom0: reads, writes, and waits by watches (xs_wire.h's protocol)."""
import os
import select
import struct
import time

DIRECTORY, READ, WATCH, UNWATCH, WRITE, WATCH_EVENT, ERROR = 1, 2, 4, 5, 11, 15, 16
HEADER = struct.Struct("<IIII")


class Xenstore:
    def __init__(self):
        self.fd = os.open("/dev/xen/xenbus", os.O_RDWR | os.O_CLOEXEC)
        self.events = 0

    def close(self):
        os.close(self.fd)

    def _message(self):
        header = self._exactly(HEADER.size)
        kind, request, _, length = HEADER.unpack(header)
        return kind, request, self._exactly(length)

    def _exactly(self, length):
        data = b""
        while len(data) < length:
            data += os.read(self.fd, length - len(data))
        return data

    def _ask(self, kind, *parts):
        body = b"".join(p.encode() + b"\0" for p in parts)
        os.write(self.fd, HEADER.pack(kind, 1, 0, len(body)) + body)
        return self._answer()

    def _answer(self):
        while True:
            got, _, answer = self._message()
            if got == WATCH_EVENT:
                self.events += 1
            elif got == ERROR:
                return None
            else:
                return answer

    def read(self, path):
        """The value, or None when there is no such node."""
        answer = self._ask(READ, path)
        return None if answer is None else answer.decode(errors="replace")

    def write(self, path, value):
        body = path.encode() + b"\0" + value.encode()  # the value has no end of its own
        os.write(self.fd, HEADER.pack(WRITE, 1, 0, len(body)) + body)
        self._answer()

    def list(self, path):
        answer = self._ask(DIRECTORY, path)
        return [n for n in (answer or b"").decode().split("\0") if n]

    def wait(self, path, condition, seconds):
        """Calls condition() now and after each change below `path` until it returns something
        true; returns that, or None when time is up."""
        end = time.monotonic() + seconds
        self._ask(WATCH, path, "wait")
        try:
            while True:
                result = condition()
                if result:
                    return result
                while not self.events:
                    left = end - time.monotonic()
                    if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                        return None
                    if self._message()[0] == WATCH_EVENT:
                        self.events += 1
                self.events = 0
        finally:
            self._ask(UNWATCH, path, "wait")

    def domid(self, name):
        """The domain with this name, or None."""
        for domid in self.list("/local/domain"):
            if self.read(f"/local/domain/{domid}/name") == name:
                return int(domid)
        return None
