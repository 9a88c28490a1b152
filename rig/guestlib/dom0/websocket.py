# SPDX-License-Identifier: MIT
"""The client's side of a websocket (RFC 6455), as much as a VNC viewer in a browser uses."""
import base64
import hashlib
import os
import struct

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10


class WebSocket:
    """Takes a connected socket; is used like one."""

    def __init__(self, sock):
        self.sock = sock
        self.raw = b""  # read and no frame yet
        self.data = b""  # of frames, not asked for yet
        key = base64.b64encode(os.urandom(16)).decode()
        sock.sendall(("GET / HTTP/1.1\r\nHost: dom0\r\nUpgrade: websocket\r\n"
                      f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\n"
                      "\r\n").encode())
        while b"\r\n\r\n" not in self.raw:
            self._more()
        head, self.raw = self.raw.split(b"\r\n\r\n", 1)
        want = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        lines = head.decode().split("\r\n")
        if " 101 " not in lines[0] or f"Sec-WebSocket-Accept: {want}" not in lines:
            raise OSError(f"no websocket: {head!r}")

    def _more(self):
        part = self.sock.recv(65536)
        if not part:
            raise OSError("the server closed the connection")
        self.raw += part

    def _take(self, length):
        while len(self.raw) < length:
            self._more()
        taken, self.raw = self.raw[:length], self.raw[length:]
        return taken

    def _frame(self):
        first, second = self._take(2)
        length = second & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack(">Q", self._take(8))
        return first & 0x0F, self._take(length)

    def recv(self, length):
        while not self.data:
            kind, data = self._frame()
            if kind == CLOSE:
                return b""
            if kind == PING:
                self.sendall(data, PONG)
            elif kind != PONG:
                self.data = data
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def sendall(self, data, kind=BINARY):
        size = bytes([0x80 | len(data)]) if len(data) < 126 else \
            bytes([0x80 | 126]) + struct.pack(">H", len(data))
        mask = os.urandom(4)
        masked = bytes(c ^ mask[i % 4] for i, c in enumerate(data))
        self.sock.sendall(bytes([0x80 | kind]) + size + mask + masked)

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    def close(self):
        self.sock.close()
