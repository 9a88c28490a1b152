#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Serves the tests' questions in dom0, one process for a whole run. To start Python for each would
cost more there than most of the answers.

A request is a line of JSON on standard input, {"id", "op", "args": {...}}; its answer, on standard
output, {"id", "result"} or {"id", "error"}. Requests are served side by side.
"""
import ctypes
import json
import os
import pty
import re
import socket
import subprocess
import sys
import threading
import time
import traceback

import leakscan
import measure
from capture import capture_senders, capture_start, capture_stop, frame_send
from clients import digest, drain, process_use, qmp_round_trips, socat_stream
from console import Console, open_terminal
from hypervisor import shut_down, xenctrl
from pxe import pxe_start, pxe_stop
from startcount import counted_run
from strike import strike, strike_replace, strike_take
from traffic import traffic_serve, traffic_to
from vncshot import (viewer_close, viewer_encodings, viewer_open, viewer_picture, viewer_press, viewer_stall, viewer_type,
                     viewer_wait_filled, vnc_shot)
from xs import Xenstore

POLL_SECONDS = 0.1
HVM_PARAM_ACPI_S_STATE = 14  # xen/include/public/hvm/params.h

consoles = {}
commands = {}
listeners = {}


def console_open(name, terminal):
    if name in consoles:
        console_close(name)
    consoles[name] = Console(open_terminal(terminal))


def console_run(name, argv):
    """A command on a terminal of its own is the console of that name."""
    if name in consoles:
        console_close(name)
    ours, its = pty.openpty()
    commands[name] = subprocess.Popen(argv, stdin=its, stdout=its, stderr=its,
                                      start_new_session=True)
    os.close(its)
    os.set_blocking(ours, False)
    consoles[name] = Console(ours)


def listen(name, port):
    """A TCP server of one connection at a time; console_accept waits for each."""
    listeners[name] = socket.create_server(("127.0.0.1", port))


def console_accept(name, seconds):
    """The next connection to that server is the console of that name."""
    if name in consoles:
        console_close(name)
    listeners[name].settimeout(seconds)
    sock = listeners[name].accept()[0]
    sock.setblocking(False)
    consoles[name] = Console(sock.detach())


def listen_close(name):
    console_close(name)
    listeners.pop(name).close()


def console_ask(name, text, pattern, seconds):
    return consoles[name].ask(text, pattern, seconds)


def console_send(name, text):
    """Types, and waits for no answer."""
    consoles[name].ask(text, "$^", 0)


def console_close(name):
    console = consoles.pop(name, None)
    if console:
        console.close()
    command = commands.pop(name, None)
    if command:
        command.kill()
        command.wait()


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


def xenstore_write(nodes):
    """Path to value, as many as there are."""
    xs = Xenstore()
    for path, value in nodes.items():
        xs.write(path, value)
    xs.close()


def wait_xenstore(path, value, seconds):
    """Whether the node comes to have this value in time."""
    xs = Xenstore()
    try:
        return poll(lambda: xs.read(path) == value, seconds)
    finally:
        xs.close()


def wait_xenstore_there(path, seconds):
    """Whether there comes to be such a node in time."""
    xs = Xenstore()
    try:
        return poll(lambda: xs.read(path) is not None, seconds)
    finally:
        xs.close()


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


def wait_domains(names, seconds):
    """Whether the domains there come to be just these in time."""
    return poll(lambda: set(names) == set(domains()), seconds)


def wait_crashed(name, seconds):
    """Whether `xl list` comes to show the domain as crashed in time."""
    return poll(lambda: state_of(name)[4:5] == "c", seconds)


def state_of(name):
    done = subprocess.run(["xl", "list", name], capture_output=True, text=True, check=False)
    return done.stdout.split()[-2] if done.returncode == 0 else ""


def wait_asleep(domid, seconds):
    """Whether the guest comes to have its ACPI state S3 in time: Xen then lets no vCPU run."""
    xc, handle = xenctrl()
    value = ctypes.c_uint64()

    def asleep():
        xc.xc_hvm_param_get(handle, domid, HVM_PARAM_ACPI_S_STATE, ctypes.byref(value))
        return value.value == 3

    try:
        return poll(asleep, seconds)
    finally:
        xc.xc_interface_close(handle)


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
    f.__name__: f for f in (console_open, console_ask, console_send, console_close, console_run, listen, console_accept,
                            listen_close, viewer_open, viewer_picture, viewer_stall, viewer_type, viewer_close,
                            domains, xenstore_read, xenstore_write, wait_xenstore, wait_xenstore_there,
                            timed_run, memory_of, wait_domain, wait_domains, wait_no_domain,
                            wait_no_process, wait_file, shut_down, wait_crashed, wait_asleep,
                            strike, strike_replace, strike_take, vnc_shot, digest, drain, process_use,
                            qmp_round_trips, socat_stream, leakscan.scan, measure.measure,
                            capture_start, capture_stop, capture_senders, frame_send, traffic_serve, traffic_to,
                            pxe_start, pxe_stop, counted_run, viewer_wait_filled, viewer_encodings, viewer_press)
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
