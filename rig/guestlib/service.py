# SPDX-License-Identifier: MIT
"""Calls the operations of dom0/server.py, which runs in the rig for as long as this exists."""
import json
import os
import queue
import sys
import threading

GRACE_SECONDS = 60  # past an operation's own limit, for a machine under load


class ServiceError(Exception):
    """The operation raised an exception in dom0, or did not answer."""


class Service:
    def __init__(self, rig, command):
        from rigctl.link import FdInput
        self.slow = rig.machine.slow
        self.next_id = 0
        self.lock = threading.Lock()
        self.waiting = {}
        self.partial = b""
        self.errors = b""
        read_end, self.fd = os.pipe()
        self.thread = threading.Thread(
            target=self._run, args=(rig, command, FdInput(read_end), read_end), daemon=True)
        self.thread.start()

    def _run(self, rig, command, source, read_end):
        try:
            rig.run(command, source, self._output)
        except Exception as e:
            self.errors += str(e).encode()
        os.close(read_end)
        with self.lock:
            for answer in self.waiting.values():
                answer.put({"error": "the service has ended: "
                                     + self.errors.decode(errors="replace")})

    def _output(self, kind, data):
        from rigctl import wire
        if kind != wire.STDOUT:
            self.errors += data
            return
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            with self.lock:
                waiting = self.waiting.pop(answer["id"], None)
            if waiting:
                waiting.put(answer)

    def call(self, op, limit=60, /, **args):
        """The operation's result; `limit` is how many seconds it may take by itself."""
        answer = queue.Queue()
        with self.lock:
            self.next_id += 1
            number = self.next_id
            self.waiting[number] = answer
            if not self.thread.is_alive():
                answer.put({"error": "the service has ended: "
                                     + self.errors.decode(errors="replace")})
            else:
                request = {"id": number, "op": op, "args": args}
                os.write(self.fd, json.dumps(request).encode() + b"\n")
        try:
            got = answer.get(timeout=(limit + GRACE_SECONDS) * self.slow)
        except queue.Empty:
            raise ServiceError(f"{op}: no answer from dom0 within "
                               f"{limit + GRACE_SECONDS} s") from None
        if "error" in got:
            raise ServiceError(f"{op}: {got['error']}")
        return got["result"]

    def close(self):
        os.close(self.fd)
        self.thread.join(30)
        if self.thread.is_alive():
            print("the tests' service in dom0 does not end", file=sys.stderr)
