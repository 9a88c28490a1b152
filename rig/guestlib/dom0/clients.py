# SPDX-License-Identifier: MIT
"""Clients of unix sockets in dom0, and the resources that a process has used."""
import hashlib
import os
import re
import select
import socket
import subprocess
import threading
import time

CHUNK = 65536
LOOK_SECONDS = 0.05
QUESTION = b'{"execute": "query-status"}\r\n'


def drain(paths, seconds, silent=(), stalled=(), until=(), pause=0.2):
    """Reads from every socket for that time, as much as comes; connects again when it is closed. Of
    each: the bytes that came and how often it was connected. The silent ones are connected and not
    read; the stalled ones ask for an answer first. Ends once all of `until` were closed. `pause` is
    before a client comes again."""
    end = time.monotonic() + seconds
    found = {path: {"bytes": 0, "connections": 0} for path in paths}
    socks, idle = {}, [connect(path) for path in (*silent, *stalled)]
    for sock in idle[len(silent):]:
        sock.sendall(QUESTION)
    due = dict.fromkeys(paths, 0.0)
    while time.monotonic() < end:
        if until and all(found[path]["connections"] > 1 for path in until):
            break
        for path in [p for p, when in due.items() if when <= time.monotonic()]:
            del due[path]
            sock = connect(path)
            found[path]["connections"] += 1
            try:
                sock.sendall(QUESTION)
            except ConnectionError:
                pass  # closed already, which the read tells
            socks[sock] = path
        for sock in select.select(list(socks), [], [], LOOK_SECONDS)[0]:
            try:
                data = sock.recv(CHUNK)
            except ConnectionError:
                data = b""
            found[socks[sock]]["bytes"] += len(data)
            if not data:
                due[socks.pop(sock)] = time.monotonic() + pause
                sock.close()
    for sock in (*socks, *idle):
        sock.close()
    return found


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(60)
    sock.connect(path)
    return sock


def digest(path, length, seconds, check=True):
    """SHA-256 of the first `length` bytes that a socket answers, and their time. Without `check` no
    sum is made, and the time is that of the way alone."""
    begin = time.monotonic()
    sock = connect(path)
    sock.settimeout(seconds)
    sock.sendall(b"\n")
    total, left = hashlib.sha256(), length
    while left > 0:
        data = sock.recv(min(CHUNK, left))
        if not data:
            raise OSError(f"{path}: closed with {left} bytes to come")
        if check:
            total.update(data)
        left -= len(data)
    sock.close()
    return {"sha256": total.hexdigest(), "seconds": time.monotonic() - begin}


def qmp_run(path, commands):
    """Seconds that each took, one after another on one connection. EOFError: one has failed."""
    sock = connect(path)
    stream = sock.makefile("rwb")
    stream.readline()
    times = []
    for command in ("qmp_capabilities", *commands):
        begin = time.monotonic()
        stream.write(b'{"execute": "%s"}\r\n' % command.encode())
        stream.flush()
        line = b""
        while b'"return"' not in line:
            line = stream.readline()
            if not line or b'"error"' in line:
                raise EOFError(f"{command}: {line!r}")
        times.append(time.monotonic() - begin)
    sock.close()
    return times[1:]


def qmp_round_trips(path, count):
    """Seconds of each of so many query-status."""
    return qmp_run(path, ["query-status"] * count)


def socat_stream(length, seconds):
    """The time that so many bytes take from one unix socket to another through socat."""
    a, b = "/tmp/bench-a", "/tmp/bench-b"
    for path in (a, b):
        if os.path.exists(path):
            os.unlink(path)
    source = socket.socket(socket.AF_UNIX)
    source.bind(a)
    source.listen()
    socat = subprocess.Popen(["socat", f"UNIX-LISTEN:{b}", f"UNIX-CONNECT:{a}"])

    def feed():
        sock = source.accept()[0]
        sock.recv(1)
        for _ in range(length // 4096):
            sock.sendall(block)
        sock.close()

    block = bytes(4096)
    threading.Thread(target=feed, daemon=True).start()
    end = time.monotonic() + seconds
    while not os.path.exists(b) and time.monotonic() < end:
        time.sleep(0.05)
    try:
        return digest(b, length, seconds, check=False)["seconds"]
    finally:
        socat.kill()
        socat.wait()
        source.close()
        for path in (a, b):
            if os.path.exists(path):
                os.unlink(path)


def process_use(pid):
    """A process's memory in KB and its context switches so far."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        found = dict(re.findall(r"^(\w+):\s+(\d+)", f.read(), re.M))
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rpartition(")")[2].split()
    return {"peak_kb": int(found["VmHWM"]), "rss_kb": int(found["VmRSS"]),
            "wakeups": int(found["voluntary_ctxt_switches"]),
            "ticks": int(fields[11]) + int(fields[12])}
