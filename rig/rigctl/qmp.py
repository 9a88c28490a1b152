# SPDX-License-Identifier: MIT
"""A small client of QEMU's machine protocol (QMP) on a unix socket, for one command at a time."""

import json
import time

from .errors import RigError
from .sock import connect


class Qmp:
    def __init__(self, path, timeout=20):
        self.sock = connect(path, timeout)
        self.buf = b""
        self._message(time.monotonic() + timeout)
        self.command("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def _message(self, deadline):
        while b"\n" not in self.buf:
            self.sock.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                data = self.sock.recv(65536)
            except TimeoutError:
                raise RigError("the rig's QEMU does not answer on its monitor") from None
            if not data:
                raise RigError("the rig's QEMU closed its monitor")
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return json.loads(line)

    def command(self, name, timeout=60, **arguments):
        request = {"execute": name}
        if arguments:
            request["arguments"] = {k.replace("_", "-"): v for k, v in arguments.items()}
        self.sock.sendall(json.dumps(request).encode())
        deadline = time.monotonic() + timeout
        while True:
            message = self._message(deadline)
            if "return" in message:
                return message["return"]
            if "error" in message:
                raise RigError(f"QEMU: {name}: {message['error']['desc']}")

    def wait_until(self, name, done, timeout, what, **arguments):
        """Asks `name` again until done(answer); returns that answer."""
        deadline = time.monotonic() + timeout
        while True:
            answer = self.command(name, **arguments)
            if done(answer):
                return answer
            if time.monotonic() > deadline:
                raise RigError(f"{what} took more than {timeout} s")
            time.sleep(0.02)
