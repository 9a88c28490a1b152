# SPDX-License-Identifier: MIT
"""The frames between the rig's two sides, and taking a port over from a peer that died."""

import os
import socket
import threading

import pytest
from rigctl import wire
from rigctl.link import FdInput, Link


def in_pieces(data, size):
    return [data[i:i + size] for i in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 3, 5, 4096, 1 << 20])
def test_frames_survive_any_cut(size):
    sent = [(wire.STDIN, os.urandom(n)) for n in (0, 1, 4, 1000, wire.MAX_BODY)]
    parser = wire.Parser()
    got = []
    for piece in in_pieces(b"".join(wire.frame(*f) for f in sent), size):
        got += parser.feed(piece)
    assert got == sent


def test_a_long_body_becomes_several_frames():
    body = os.urandom(3 * wire.MAX_BODY + 1)
    got = wire.Parser().feed(wire.frame(wire.STDOUT, body))
    assert [kind for kind, _ in got] == [wire.STDOUT] * 4
    assert b"".join(part for _, part in got) == body


@pytest.mark.parametrize("left", [0, 1, 4, 5, 6, 100, wire.MAX_BODY + 4])
def test_preamble_ends_whatever_was_half_sent(left):
    """A peer died after `left` bytes of a frame; the next one's first frame is understood."""
    parser = wire.Parser()
    parser.feed(wire.frame(wire.STDIN, os.urandom(wire.MAX_BODY))[:left])
    got = parser.feed(wire.PREAMBLE + wire.frame(wire.SYNC, b"nonce"))
    assert got[-1] == (wire.SYNC, b"nonce")


def test_nonsense_is_skipped_up_to_the_next_preamble():
    parser = wire.Parser()
    assert parser.feed(b"garbage in lower case" * 5000) == []
    assert parser.feed(wire.PREAMBLE + wire.frame(wire.ACK, b"n")) == [(wire.ACK, b"n")]


def test_a_length_beyond_the_limit_is_not_believed():
    parser = wire.Parser()
    assert parser.feed(b"I\xff\xff\xff\xff" + b"x" * 100) == []
    assert len(parser.data) < 200 and parser.lost


def test_a_command_that_waits_nudges_the_machine(tmp_path):
    """An agent that hears nothing for a while would say nothing, if TCG lost its interrupt."""
    heard = []

    def agent():
        port = server.accept()[0]
        parser = wire.Parser()
        while wire.NUDGE not in heard:
            heard.extend(kind for kind, _ in parser.feed(port.recv(4096)))
        port.sendall(wire.frame(wire.EXIT, b'{"status": 7}'))

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "agent-0.sock"))
        server.listen()
        thread = threading.Thread(target=agent, daemon=True)
        thread.start()
        with open(os.devnull, "rb") as nothing, Link(str(tmp_path), 1) as link:
            assert link.run({"argv": ["sleep"]}, FdInput(nothing.fileno()),
                            lambda kind, data: None) == {"status": 7}
        thread.join(10)
    assert heard == [wire.EXEC, wire.STDIN_END, wire.NUDGE]
