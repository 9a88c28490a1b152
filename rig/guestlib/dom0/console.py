# SPDX-License-Identifier: MIT
"""A guest's serial terminal, or a socket, held open in dom0: what it said up to some text, after
typing."""
import os
import re
import select
import socket
import termios
import threading
import time
import tty

LIMIT = 1 << 20
CONNECT_SECONDS = 60


def open_terminal(terminal):
    """The descriptor of a tty's path, of "unix:PATH" or of "tcp:HOST:PORT"."""
    kind, _, where = terminal.partition(":")
    if kind == "unix":
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(CONNECT_SECONDS)
        sock.connect(where)
    elif kind == "tcp":
        host, port = where.rsplit(":", 1)
        sock = socket.create_connection((host, int(port)), CONNECT_SECONDS)
    else:
        fd = os.open(terminal, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(fd, termios.TCSANOW)
        return fd
    sock.setblocking(False)
    return sock.detach()


class Console:
    def __init__(self, fd):
        self.fd = fd
        self.seen = ""
        self.open = True
        self.changed = threading.Condition()
        self.wake, self.stop = os.pipe()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            ready = select.select([self.fd, self.wake], [], [])[0]
            try:
                data = b"" if self.wake in ready else os.read(self.fd, 65536)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            with self.changed:
                text = data.decode(errors="replace").replace("\r", "")
                self.seen = (self.seen + text)[-LIMIT:]
                self.open = bool(data)
                self.changed.notify_all()
            if not data:
                os.close(self.fd)
                return

    def close(self):
        os.close(self.stop)

    def ask(self, text, pattern, seconds):
        """Types `text`, then waits for a line with `pattern`. All up to the end of that line is
        the answer, and is asked for only once."""
        end = time.monotonic() + seconds
        pattern = re.compile(pattern)
        data = text.encode()
        while data and self.open:
            select.select([], [self.fd], [], seconds)
            data = data[os.write(self.fd, data[:1]) :]  # small: a UART has little room
        with self.changed:
            while True:
                match = pattern.search(self.seen)
                at = self.seen.find("\n", match.end()) if match else -1
                left = end - time.monotonic()
                if at >= 0:
                    answer, self.seen = self.seen[: at + 1], self.seen[at + 1 :]
                    return {"found": True, "open": self.open, "text": answer}
                if left <= 0 or not self.open:
                    return {"found": False, "open": self.open, "text": self.seen}
                self.changed.wait(left)
