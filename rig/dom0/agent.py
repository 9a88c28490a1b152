#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Agent of the rig in dom0: runs commands for the host side, one at a time per port, and carries
their standard streams. Ports are virtio-serial ports, or channels of a serial line (serial.py).
Protocol: rig/rigctl/wire.py (a copy lies beside us)."""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time

import serial
import wire

PORTS = "/sys/class/virtio-ports"


class Port:
    """One port: a byte stream to and from the host side, both directions buffered. A peer takes it
    over by `greeting`, which ends what an earlier one left half-sent."""

    greeting = wire.PREAMBLE

    def __init__(self, fd):
        self.fd = fd
        self.parser = wire.Parser()
        self.out = bytearray()
        self.peer = True

    def wait_peer(self):
        """Returns when there may be a peer again."""
        os._exit(0)

    def send(self, kind, body=b""):
        self.out += wire.frame(kind, body)

    def flush(self):
        while self.out:
            try:
                n = os.write(self.fd, self.out[:65536])
            except BlockingIOError:
                return
            del self.out[:n]

    def receive(self):
        """The frames that have arrived. A port without a peer reads as end of file."""
        frames = []
        self.peer = True
        for _ in range(16):
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                break
            if not data:
                self.peer = False
                break
            frames += self.parser.feed(data)
        return frames


class VirtioPort(Port):
    """A virtio-serial port, which stays when its peer goes."""

    def __init__(self, path):
        super().__init__(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        # The driver says by SIGIO that a peer came or went; poll() cannot wait for that.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGIO])
        fcntl.fcntl(self.fd, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(self.fd, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)

    def wait_peer(self):
        signal.sigtimedwait([signal.SIGIO], 60)
        self.peer = True


class ChannelPort(Port):
    """A channel of a serial line, which has one peer in its life."""

    greeting = b""


class Job:
    """One command, its pipes and its deadline."""

    def __init__(self, spec):
        env = dict(os.environ)
        env.update(spec.get("env") or {})
        self.proc = subprocess.Popen(
            spec["argv"], env=env, cwd=spec.get("cwd") or "/root",
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            bufsize=0, start_new_session=True,
            preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGIO]))
        self.stdin = self.proc.stdin.fileno()
        self.outputs = {self.proc.stdout.fileno(): wire.STDOUT,
                        self.proc.stderr.fileno(): wire.STDERR}
        for fd in (self.stdin, *self.outputs):
            os.set_blocking(fd, False)
        self.pidfd = os.pidfd_open(self.proc.pid)
        self.pending = bytearray()
        self.stdin_ended = False
        self.timed_out = False
        timeout = spec.get("timeout")
        self.deadline = time.monotonic() + timeout if timeout else None

    def kill(self):
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def feed(self):
        """Passes pending input on; returns how many bytes it got rid of."""
        done = 0
        while self.pending and self.stdin is not None:
            try:
                n = os.write(self.stdin, self.pending[:65536])
            except BlockingIOError:
                return done
            except BrokenPipeError:
                n = len(self.pending)
                self.stdin_ended = True
            del self.pending[:n]
            done += n
        if self.stdin is None:
            done += len(self.pending)
            self.pending.clear()
        elif self.stdin_ended:
            self.proc.stdin.close()
            self.stdin = None
        return done

    def drain(self, fd, port):
        """Passes output on; False at its end."""
        try:
            data = os.read(fd, wire.MAX_BODY)
        except BlockingIOError:
            return None
        if not data:
            del self.outputs[fd]
            return False
        port.send(self.outputs[fd], data)
        return True

    def close(self):
        os.close(self.pidfd)
        for f in (self.proc.stdin, self.proc.stdout, self.proc.stderr):
            try:
                f.close()
            except OSError:
                pass


def start(port, body):
    try:
        spec = json.loads(body)
        return Job(spec)
    except OSError as e:
        # As a shell would: 127 for a command that is not there, 126 for one that cannot run.
        status = 127 if isinstance(e, FileNotFoundError) else 126
        name = spec["argv"][0] if not e.filename else e.filename
        port.send(wire.STDERR, f"{name}: {e.strerror}\n".encode())
        port.send(wire.EXIT, json.dumps({"status": status}).encode())
    return None


def finish(port, job):
    """The command has ended: what is still in its pipes, then its status. Output that its
    left-over children might write later is not waited for."""
    while any(job.drain(fd, port) for fd in list(job.outputs)):
        pass
    code = job.proc.wait()
    status = 124 if job.timed_out else code if code >= 0 else 128 - code
    port.send(wire.EXIT, json.dumps(
        {"status": status, "signal": -code if code < 0 else 0,
         "timed_out": job.timed_out}).encode())
    job.close()


def handle(port, job, kind, body):
    if kind == wire.SYNC:
        # A new peer: nothing of an earlier one may reach it or live on.
        if job:
            job.kill()
            job.proc.wait()
            job.close()
        port.out[:] = port.greeting
        port.send(wire.ACK, body)
        return None
    if kind == wire.EXEC and not job:
        return start(port, body)
    if kind == wire.TIME:
        time.clock_settime(time.CLOCK_REALTIME, float(body))
        port.send(wire.EXIT, b'{"status": 0}')
    elif job and kind == wire.STDIN:
        job.pending += body
    elif job and kind == wire.STDIN_END:
        job.stdin_ended = True
    return job


def serve(port):
    job = None
    while True:
        poll = select.poll()
        if port.peer:
            poll.register(port.fd, select.POLLIN | (select.POLLOUT if port.out else 0))
        elif job:
            job.kill()
        else:
            port.wait_peer()
            continue
        if job:
            poll.register(job.pidfd, select.POLLIN)
            if len(port.out) < 1 << 20:
                for fd in job.outputs:
                    poll.register(fd, select.POLLIN)
            if job.pending:
                poll.register(job.stdin, select.POLLOUT)
        wait = None
        if job and job.deadline:
            wait = max(0, job.deadline - time.monotonic()) * 1000 + 1
        events = dict(poll.poll(wait))

        for kind, body in port.receive() if port.fd in events else []:
            job = handle(port, job, kind, body)
        if job:
            taken = job.feed()
            if taken:
                port.send(wire.CREDIT, str(taken).encode())
            for fd in [fd for fd in job.outputs if fd in events]:
                job.drain(fd, port)
            if job.deadline and not job.timed_out and time.monotonic() >= job.deadline:
                job.timed_out = True
                job.kill()
            if job.pidfd in events:
                finish(port, job)
                job = None
        port.flush()


def ports():
    """The device nodes of the rig's ports."""
    found = []
    for dev in sorted(os.listdir(PORTS)) if os.path.isdir(PORTS) else []:
        with open(f"{PORTS}/{dev}/name", encoding="ascii") as f:
            if f.read().startswith("rig."):
                found.append(f"/dev/{dev}")
    return found


def line():
    """The serial line that the kernel's command line names, or None."""
    with open("/proc/cmdline", encoding="ascii") as f:
        return next((word.removeprefix("rig.serial=") for word in f.read().split()
                     if word.startswith("rig.serial=")), None)


def main():
    if line():
        serial.serve(line(), lambda fd: serve(ChannelPort(fd)))
    found = ports()
    if not found:
        print("rig agent: no virtio-serial port", file=sys.stderr)
        return 1
    for path in found:
        if os.fork() == 0:
            serve(VirtioPort(path))
    while True:
        try:
            _, status = os.wait()
        except ChildProcessError:
            return 1
        print(f"rig agent: a port's server ended with {status:#x}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
