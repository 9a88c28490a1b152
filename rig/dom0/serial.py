# SPDX-License-Identifier: MIT
"""The agent's ports on a serial line, for a machine without virtio-serial. Each channel is one
connection of the host side's; a process of its own serves it. Frames: wire.py."""

import os
import select
import signal
import socket
import termios

import wire

OUT_LIMIT = 4096        # bytes that wait for the line; more only makes answers late
LINE_PIECE = 512        # bytes for the line's driver at once


def open_raw(path):
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    attributes = termios.tcgetattr(fd)
    attributes[0] = attributes[1] = attributes[3] = 0
    attributes[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
    attributes[4] = attributes[5] = termios.B115200
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    termios.tcflush(fd, termios.TCIOFLUSH)
    return fd


class Line:
    """The line, and the socket of each channel to the process that serves it."""

    def __init__(self, fd, start):
        self.fd, self.start = fd, start
        self.parser = wire.Parser()
        self.out = bytearray(wire.LINE_PREAMBLE)
        self.sockets = {}
        self.pending = {}       # bytes for a channel's process

    def open(self, channel):
        ours, theirs = socket.socketpair()
        if os.fork() == 0:
            for other in [ours, *self.sockets.values()]:
                other.close()
            os.close(self.fd)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            theirs.setblocking(False)
            self.start(theirs.fileno())
            os._exit(0)
        theirs.close()
        ours.setblocking(False)
        self.sockets[channel], self.pending[channel] = ours, bytearray()

    def close(self, channel):
        if channel in self.sockets:
            self.sockets.pop(channel).close()
            del self.pending[channel]

    def handle(self, kind, body):
        channel, data = wire.line_split(body)
        if kind == wire.LINE_OPEN:
            self.open(channel)
        elif kind == wire.LINE_CLOSE:
            self.close(channel)
        elif kind == wire.LINE_BYTES and channel in self.pending:
            self.pending[channel] += data

    def move(self, channel, events):
        """Gives one channel's socket the bytes that it can take, and takes those that it has."""
        sock = self.sockets[channel]
        try:
            if events & select.POLLOUT:
                del self.pending[channel][:sock.send(self.pending[channel])]
            if events & (select.POLLIN | select.POLLHUP):
                data = sock.recv(wire.LINE_DATA)
                self.out += wire.line_frame(wire.LINE_BYTES if data else wire.LINE_CLOSE, channel, data)
                if not data:
                    self.close(channel)
        except BlockingIOError:
            pass
        except ConnectionError:
            self.out += wire.line_frame(wire.LINE_CLOSE, channel)
            self.close(channel)

    def step(self):
        poll = select.poll()
        poll.register(self.fd, select.POLLIN | (select.POLLOUT if self.out else 0))
        for channel, sock in self.sockets.items():
            wanted = (select.POLLIN if len(self.out) < OUT_LIMIT else 0) | \
                (select.POLLOUT if self.pending[channel] else 0)
            if wanted:
                poll.register(sock, wanted)
        events = dict(poll.poll())
        for channel, sock in list(self.sockets.items()):
            if sock.fileno() in events:
                self.move(channel, events[sock.fileno()])
        state = events.get(self.fd, 0)
        if state & select.POLLOUT:
            del self.out[:os.write(self.fd, self.out[:LINE_PIECE])]
        if state & select.POLLIN:
            for frame in self.parser.feed(os.read(self.fd, 4096)):
                self.handle(*frame)


def serve(path, start):
    """Serves the line for good. `start(fd)` serves one channel in a process of its own."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    line = Line(open_raw(path), start)
    while True:
        line.step()
