# SPDX-License-Identifier: MIT
"""Counts what a start of a guest makes dom0 do: programs, processes, requests to xenstored, bytes that are
read and written."""
import collections
import os
import re
import subprocess
import time

TRACING = "/sys/kernel/tracing"
EVENTS = ("sched/sched_process_fork", "sched/sched_process_exec")
XENSTORE_LOG = "/tmp/xenstore.log"
SAID = "/tmp/counted.said"
# The device model's processes in dom0, which stay.
STAYING = r"stubdom-(dm|relay)|qemu-system.*-xen-domid"


def _switch(name, value):
    with open(f"{TRACING}/{name}", "w", encoding="ascii") as f:
        f.write(value)


def _watch_processes():
    if not os.path.exists(f"{TRACING}/trace"):
        subprocess.run(["mount", "-t", "tracefs", "none", TRACING], check=True)
    _switch("trace", "")
    for event in EVENTS:
        _switch(f"events/{event}/enable", "1")
    _switch("tracing_on", "1")


def _end_processes():
    """(processes and threads made, a Counter of the programs that ran)."""
    for event in EVENTS:
        _switch(f"events/{event}/enable", "0")
    with open(f"{TRACING}/trace", encoding="utf-8", errors="replace") as f:
        text = f.read()
    programs = re.findall(r"sched_process_exec: filename=(\S+)", text)
    return text.count("sched_process_fork:"), collections.Counter(map(os.path.basename, programs))


def _xenstore(*words):
    subprocess.run(["xenstore-control", *words], check=True, stdout=subprocess.DEVNULL, timeout=60)


def _requests():
    """A Counter of the requests by kind."""
    with open(XENSTORE_LOG, encoding="utf-8", errors="replace") as f:
        kinds = re.findall(r"^(?:io: )?IN .*? ([A-Z_]{2,}) \(", f.read(), re.M)
    os.unlink(XENSTORE_LOG)
    return collections.Counter(kinds)


def _bytes_of(pid):
    """Read and written, by this process and those that it has waited for."""
    with open(f"/proc/{pid}/io", encoding="ascii") as f:
        found = dict(re.findall(r"(\w+): (\d+)", f.read()))
    return int(found["rchar"]) + int(found["wchar"])


def _staying(before):
    """The sum of those that were not there before."""
    total = 0
    for entry in set(filter(str.isdigit, os.listdir("/proc"))) - before:
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                command = f.read().replace(b"\0", b" ").decode(errors="replace")
            if re.search(STAYING, command):
                total += _bytes_of(entry)
        except OSError:
            continue
    return total


def counted_run(argv, seconds):
    """Runs it; what it made dom0 do until it returned."""
    there = set(filter(str.isdigit, os.listdir("/proc")))
    _xenstore("logfile", XENSTORE_LOG)
    _watch_processes()
    try:
        with open(SAID, "wb") as said:  # no pipe: xl leaves somebody who holds it
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        end = time.monotonic() + seconds
        while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            if time.monotonic() > end:
                child.kill()
            time.sleep(0.01)
        moved = _bytes_of(child.pid) + _staying(there)
        status = child.wait()
    finally:
        processes, programs = _end_processes()
        _xenstore("log", "off")
    requests = _requests()
    with open(SAID, encoding="utf-8", errors="replace") as said:
        text = said.read()
    return {"status": status, "text": text, "processes": processes, "programs": programs.total(),
            "by_program": dict(programs.most_common()), "xenstore": requests.total(),
            "by_request": dict(requests.most_common()), "bytes": moved}
