# SPDX-License-Identifier: MIT
"""The rig's ports on a serial line: the agent's side and the host's, joined by a socket for the line."""

import os
import signal
import socket
import sys
import threading

import pytest
from rigctl import wire
from rigctl.link import BytesInput, Link, NoAnswer
from rigctl.paths import RIG
from rigctl.serialline import SerialLine, listen

PORTS = 3


@pytest.fixture
def rigdir(tmp_path):
    """A folder as a rig's, whose ports end at an agent in a process of its own."""
    ours, theirs = socket.socketpair()
    listeners = [listen(str(tmp_path / f"agent-{n}.sock")) for n in range(PORTS)]
    pid = os.fork()
    if pid == 0:
        try:
            ours.close()
            run_agent(theirs)
        finally:
            os._exit(1)
    theirs.close()
    thread = threading.Thread(target=SerialLine(ours, listeners).run, daemon=True)
    thread.start()
    yield str(tmp_path)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    thread.join(20)
    assert not thread.is_alive()


def run_agent(sock):
    sys.path[:0] = [f"{RIG}/dom0", f"{RIG}/rigctl"]
    import agent
    import serial
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sock.setblocking(False)
    line = serial.Line(sock.fileno(), lambda fd: agent.serve(agent.ChannelPort(fd)))
    while True:
        line.step()


def link(folder):
    client = Link(folder, PORTS)
    # A connection of before the agent's preamble is not answered.
    for _ in range(100):
        try:
            client.sync(0.5)
            return client
        except NoAnswer:
            client.close()
            client = Link(folder, PORTS)
    raise AssertionError("the agent never answered")


def run(client, argv, data=b"", **spec):
    out = {wire.STDOUT: b"", wire.STDERR: b""}

    def sink(kind, piece):
        out[kind] += piece
    end = client.run({"argv": argv, "cwd": "/", **spec}, BytesInput(data), sink)
    return end["status"], out[wire.STDOUT], out[wire.STDERR]


def test_a_command_s_input_outputs_and_status(rigdir):
    data = os.urandom(300_000)
    with link(rigdir) as client:
        assert run(client, ["sh", "-c", "cat; echo so >&2; exit 7"], data) == (7, data, b"so\n")


def test_commands_run_side_by_side(rigdir):
    with link(rigdir) as one, link(rigdir) as two:
        done = []
        thread = threading.Thread(target=lambda: done.append(run(one, ["cat"], b"x" * 200_000)))
        thread.start()
        assert run(two, ["echo", "two"]) == (0, b"two\n", b"")
        thread.join(60)
    assert done == [(0, b"x" * 200_000, b"")]


def test_a_client_that_goes_takes_its_command_with_it(rigdir, tmp_path):
    """And nothing of it reaches the next one on the same port."""
    client = link(rigdir)
    client.sock.setblocking(True)
    client.sock.sendall(wire.frame(wire.EXEC, b'{"argv": ["sh", "-c", "echo $$ >%s/p; mv %s/p %s/pid; '
                                   b'yes"], "cwd": "/"}' % ((str(tmp_path).encode(),) * 3)))
    while not (tmp_path / "pid").exists():
        client.sock.recv(100)
    pid = int((tmp_path / "pid").read_text())
    client.close()
    with link(rigdir) as other:
        assert run(other, ["echo", "next"]) == (0, b"next\n", b"")
        script = f"for n in $(seq 1200); do kill -0 {pid} 2>/dev/null || exit 0; sleep 0.05; done; exit 1"
        assert run(other, ["sh", "-c", script])[0] == 0
