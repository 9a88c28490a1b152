# SPDX-License-Identifier: MIT
"""The host side of rig/dom0/serial.py: unix sockets, as many as the rig has command ports, whose
connections travel over one serial line."""

import os
import selectors
import socket

from . import wire

OUT_LIMIT = 1 << 16


def listen(path):
    """A unix socket at `path`, which may be too long for a socket's address."""
    folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
    try:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
        sock.listen()
        sock.setblocking(False)
        return sock
    finally:
        os.close(folder)


class Connection:
    """A client of ours, and the line's channel that is its own."""

    def __init__(self, sock, channel):
        self.sock, self.channel = sock, channel
        self.head = bytearray()     # what came before the end of its preamble
        self.greeted = False
        self.out = bytearray()      # for the client

    def receive(self):
        """The bytes for the agent; None at the end. A channel is new, so a preamble, which ends
        what an earlier client left half-sent, stays here: the line is slow."""
        try:
            data = self.sock.recv(wire.LINE_DATA if self.greeted else 1 << 16)
        except BlockingIOError:
            return b""
        except ConnectionError:
            return None
        if not data:
            return None
        if self.greeted:
            return data
        self.head += data
        at = self.head.find(wire.MAGIC)
        if at < 0:
            return b""
        self.greeted = True
        return bytes(self.head[at + len(wire.MAGIC):])


class SerialLine:
    """Carries the connections to `listeners` over `sock`, the line, until that ends."""

    def __init__(self, sock, listeners):
        self.sock, self.listeners = sock, listeners
        self.sock.setblocking(False)
        self.parser = wire.Parser()
        self.parser.lost = True     # up to the agent's preamble
        self.out = bytearray()
        self.connections = {}
        self.next_channel = 0
        self.selector = selectors.DefaultSelector()

    def run(self):
        self.selector.register(self.sock, selectors.EVENT_READ, self._line)
        for listener in self.listeners:
            self.selector.register(listener, selectors.EVENT_READ, self._accept)
        while True:
            self.selector.modify(self.sock, selectors.EVENT_READ |
                                 (selectors.EVENT_WRITE if self.out else 0), self._line)
            for connection in self.connections.values():
                self._watch(connection)
            for key, events in self.selector.select():
                if key.data(key.fileobj, events) is False:
                    return

    def _watch(self, connection):
        wanted = (selectors.EVENT_READ if len(self.out) < OUT_LIMIT else 0) | \
            (selectors.EVENT_WRITE if connection.out else 0)
        registered = connection.sock in self.selector.get_map()
        if wanted and registered:
            self.selector.modify(connection.sock, wanted, connection.serve)
        elif wanted:
            self.selector.register(connection.sock, wanted, connection.serve)
        elif registered:
            self.selector.unregister(connection.sock)

    def _accept(self, listener, _events):
        sock, _ = listener.accept()
        sock.setblocking(False)
        self.next_channel = (self.next_channel + 1) & 0xFFFF
        connection = Connection(sock, self.next_channel)
        connection.serve = lambda _sock, events: self._client(connection, events)
        self.connections[connection.channel] = connection
        self._send(wire.LINE_OPEN, connection.channel)

    def _send(self, kind, channel, data=b""):
        # Nobody listens before the agent's preamble; a connection of before will not be answered.
        if not self.parser.lost:
            self.out += wire.line_frame(kind, channel, data)

    def _drop(self, connection, tell=True):
        if self.connections.pop(connection.channel, None):
            if connection.sock in self.selector.get_map():
                self.selector.unregister(connection.sock)
            connection.sock.close()
            if tell:
                self._send(wire.LINE_CLOSE, connection.channel)

    def _client(self, connection, events):
        if connection.channel not in self.connections:
            return
        if events & selectors.EVENT_WRITE:
            try:
                del connection.out[:connection.sock.send(connection.out)]
            except BlockingIOError:
                pass
            except ConnectionError:
                self._drop(connection)
                return
        if events & selectors.EVENT_READ:
            data = connection.receive()
            if data is None:
                self._drop(connection)
                return
            for at in range(0, len(data), wire.LINE_DATA):
                self._send(wire.LINE_BYTES, connection.channel, data[at:at + wire.LINE_DATA])

    def _line(self, sock, events):
        data = None
        try:
            if events & selectors.EVENT_WRITE:
                del self.out[:sock.send(self.out[:4096])]
            if not events & selectors.EVENT_READ:
                return True
            data = sock.recv(1 << 16)
        except ConnectionError:
            pass
        if not data:
            return False
        times = self.parser.syncs
        frames = self.parser.feed(data)
        if self.parser.syncs != times:
            # A new agent, which waits for our preamble; the connections were to an earlier one.
            for connection in list(self.connections.values()):
                self._drop(connection, tell=False)
            self.out[:] = wire.LINE_PREAMBLE
            frames = []
        for kind, body in frames:
            channel, data = wire.line_split(body)
            connection = self.connections.get(channel)
            if connection and kind == wire.LINE_BYTES:
                connection.out += data
            elif connection and kind == wire.LINE_CLOSE:
                self._drop(connection, tell=False)
        return True
