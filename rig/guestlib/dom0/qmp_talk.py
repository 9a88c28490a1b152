# SPDX-License-Identifier: MIT
"""Talks QMP on several sockets: steps in JSON on stdin, what came of each on stdout."""
import array
import json
import os
import socket
import subprocess
import sys

SECONDS = 120


class Client:
    def __init__(self, address):
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(SECONDS)
            self.sock.connect(address)
        else:
            self.sock = socket.create_connection(address, timeout=SECONDS)
        self.lines = self.sock.makefile()
        self.events = []
        self.greeting = json.loads(self.lines.readline())

    def wait(self, wanted):
        """The next message that is wanted; events on the way are kept."""
        while True:
            message = json.loads(self.lines.readline())
            if wanted(message):
                return message
            self.events.append(message)

    def ask(self, message, path=None, mode="r"):
        """The answer; with `path`, that file's descriptor goes beside the command."""
        rights = []
        if path:
            fd = os.open(path, os.O_RDONLY if mode == "r" else os.O_WRONLY | os.O_CREAT)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        self.sock.sendmsg([json.dumps(message).encode()], rights)
        if path:
            os.close(fd)
        return self.wait(lambda m: "event" not in m)

    def event(self, name):
        for i, message in enumerate(self.events):
            if message["event"] == name:
                return self.events.pop(i)
        return self.wait(lambda m: m.get("event") == name)

    def raw(self, text):
        """The answer to text that is no QMP, until the end."""
        self.sock.sendall(text.encode())
        return self.lines.read()


clients, results = {}, []
for name, what, *args in json.load(sys.stdin):
    if what == "open":
        clients[name] = Client(*args)
        results.append(clients[name].greeting)
    elif what == "run":  # a command of dom0's, beside the clients
        results.append(subprocess.run(args, capture_output=True, text=True).returncode)
    elif what == "close":
        clients.pop(name).sock.close()
        results.append(None)
    else:
        results.append(getattr(clients[name], what)(*args))
print(json.dumps(results))
