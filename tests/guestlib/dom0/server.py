#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Serves the tests' questions in dom0, one process for a whole run: to start Python for each
would cost more there than most of the answers.

A request is a line of JSON on standard input, {"id", "op", "args": {...}}; its answer, on
standard output, {"id", "result"} or {"id", "error"}. Requests are served side by side.
"""
import json
import os
import re
import subprocess
import sys
import threading
import time
import traceback

import leakscan
from console import Console
from strike import strike
from vncshot import vnc_shot
from xs import Xenstore

POLL_SECONDS = 0.1

consoles = {}


def console_open(name, terminal):
    if name in consoles:
        console_close(name)
    consoles[name] = Console(terminal)


def console_ask(name, text, pattern, seconds):
    return consoles[name].ask(text, pattern, seconds)


def console_close(name):
    console = consoles.pop(name, None)
    if console:
        console.close()


def domains():
    """Name to domid, dom0 left out, as xenstore has them."""
    xs = Xenstore()
    found = {xs.read(f"/local/domain/{d}/name"): int(d) for d in xs.list("/local/domain")}
    xs.close()
    return {name: domid for name, domid in found.items() if name and domid}


def xenstore_read(path):
    xs = Xenstore()
    value = xs.read(path)
    xs.close()
    return value


def poll(condition, seconds):
    """Whether the condition came true in time. For what gives no event to wait for."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_SECONDS)
    return True


def wait_no_domain(names, seconds):
    """Whether no domain of these names is left in time."""
    return poll(lambda: not set(names) & set(domains()), seconds)


def wait_domain(name, other, seconds):
    """Whether a domain of this name with another id than `other` is there in time."""
    return poll(lambda: domains().get(name) not in (None, other), seconds)


def timed_run(argv, seconds):
    """Runs a command; how long it took here, without the way to the host side and back."""
    start = time.monotonic()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, timeout=seconds)
    return {"status": done.returncode, "seconds": time.monotonic() - start,
            "text": done.stdout.decode(errors="replace")}


def memory_of(pattern):
    """Kilobytes of the processes whose command line matches, shared pages divided (PSS)."""
    total = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                command = f.read().replace(b"\0", b" ").decode(errors="replace")
            if not re.search(pattern, command) or int(entry) == os.getpid():
                continue
            with open(f"/proc/{entry}/smaps_rollup", encoding="ascii") as f:
                total[entry] = int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
        except (OSError, AttributeError):
            continue
    return {"processes": len(total), "kilobytes": sum(total.values())}


def wait_no_process(pid, seconds):
    return poll(lambda: not os.path.exists(f"/proc/{pid}"), seconds)


def wait_file(path, pattern, count, seconds):
    """Whether the file holds the pattern this often in time, and its content."""
    text = ""

    def enough():
        nonlocal text
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as f:
                text = f.read()
        return len(re.findall(pattern, text)) >= count

    return {"found": poll(enough, seconds), "text": text.replace("\r", "")}


OPERATIONS = {
    f.__name__: f for f in (console_open, console_ask, console_close, domains, xenstore_read,
                            timed_run, memory_of, wait_domain, wait_no_domain, wait_no_process, wait_file,
                            strike, vnc_shot, leakscan.scan)
}


def serve(request, lock):
    try:
        answer = {"result": OPERATIONS[request["op"]](**request["args"])}
    except Exception:
        answer = {"error": traceback.format_exc()}
    line = json.dumps({"id": request["id"], **answer}) + "\n"
    with lock:
        sys.stdout.write(line)
        sys.stdout.flush()


def main():
    lock = threading.Lock()
    for line in sys.stdin:
        threading.Thread(target=serve, args=(json.loads(line), lock), daemon=True).start()


if __name__ == "__main__":
    main()
