# SPDX-License-Identifier: MIT
"""The frames between the rig's host side and its agent in dom0. One type byte, four bytes of length
(big endian), a body of at most MAX_BODY bytes.

A host-side process that takes a port over cannot know what an earlier one left half-sent. So it
begins with PREAMBLE, which is longer than any frame, then a SYNC frame with a nonce. The agent
drops whatever ran for the earlier one and answers with PREAMBLE and an ACK of the nonce; everything
before that ACK is stale.
"""

import struct

MAX_BODY = 32768
WINDOW = 1 << 20        # unacknowledged input that the host side may have under way

# host side to agent
SYNC = b"S"             # nonce
EXEC = b"X"             # JSON: argv, env, cwd, timeout
STDIN = b"I"
STDIN_END = b"E"
TIME = b"T"             # seconds since the epoch
NUDGE = b"N"            # nothing to do; its interrupt is what counts
# agent to host side
ACK = b"A"              # nonce
STDOUT = b"O"
STDERR = b"R"
CREDIT = b"C"           # bytes of input consumed, decimal
EXIT = b"W"             # JSON: status, signal, timed_out

MAGIC = b"\0rig-sync\xff\1"
PREAMBLE = b"\0" * (MAX_BODY + 5) + MAGIC

# A serial line carries the ports of a machine without virtio (rig/dom0/serial.py): frames whose body
# begins with a channel's number, which is used once. Either side begins with LINE_PREAMBLE.
LINE_DATA = 1024        # bytes at most after the number
LINE_PREAMBLE = b"\0" * (LINE_DATA + 7) + MAGIC
LINE_OPEN = b"P"        # host side to agent
LINE_BYTES = b"D"       # both ways
LINE_CLOSE = b"Q"       # both ways

_CHANNEL = struct.Struct(">H")

_HEAD = struct.Struct(">cI")


def frame(kind, body=b""):
    """One frame, or as many as a long body takes."""
    if len(body) <= MAX_BODY:
        return _HEAD.pack(kind, len(body)) + body
    view = memoryview(body)
    return b"".join(frame(kind, bytes(view[i:i + MAX_BODY]))
                    for i in range(0, len(body), MAX_BODY))


def line_frame(kind, channel, data=b""):
    return frame(kind, _CHANNEL.pack(channel) + data)


def line_split(body):
    """A line frame's channel and data."""
    return _CHANNEL.unpack_from(body)[0], body[_CHANNEL.size:]


class Parser:
    """Takes a byte stream apart into frames; after nonsense it looks for MAGIC."""

    def __init__(self):
        self.data = bytearray()
        self.lost = False
        self.syncs = 0          # how often it has found MAGIC

    def feed(self, data):
        self.data += data
        frames = []
        while True:
            if self.lost:
                at = self.data.find(MAGIC)
                if at < 0:
                    del self.data[:max(0, len(self.data) - len(MAGIC) + 1)]
                    return frames
                del self.data[:at + len(MAGIC)]
                self.lost = False
                self.syncs += 1
            if len(self.data) < _HEAD.size:
                return frames
            kind, length = _HEAD.unpack_from(self.data)
            if length > MAX_BODY or not kind.isupper():
                self.lost = True
                continue
            if len(self.data) < _HEAD.size + length:
                return frames
            frames.append((kind, bytes(self.data[_HEAD.size:_HEAD.size + length])))
            del self.data[:_HEAD.size + length]
