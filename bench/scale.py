#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts what each of several guests costs a host: 1, 2, 4, 8 and 16 small ones in one rig. Then four
are started at once. docs/scale.md reckons with these counts. bench.py calls measure(); alone it prints the
figures as JSON."""
import os
import statistics
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(TREE, p) for p in ("rig", "bench")]

import alone  # noqa: E402
import xentrace  # noqa: E402
from guestlib import grants  # noqa: E402
from guestlib.guest import Guest  # noqa: E402

GUESTS = (1, 2, 4, 8, 16)
AT_ONCE = 4
CREATE_SECONDS = 600
COUNT_SECONDS = 300  # on a busy machine
IDLE_SECONDS = 10
# name: the shell command in dom0 that prints the count
COUNTS = {
    "event_channels": "grep -c xen- /proc/interrupts",
    "xenstore_nodes": "xenstore-ls -f | wc -l",
    "loop_devices": "ls -d /sys/block/loop*/loop 2>/dev/null | wc -l",
    "xenstored_files": "ls /proc/$(pgrep -x 'o*xenstored')/fd | wc -l",
    "xenstored_kib": "sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$(pgrep -x 'o*xenstored')/status",
    "xenconsoled_files": "ls /proc/$(pgrep -x xenconsoled)/fd | wc -l",
    "open_files": "cut -f 1 /proc/sys/fs/file-nr",
    "xen_free_mib": "xl info | sed -n 's/^free_memory *: //p'",
    "dom0_available_kib": "sed -n 's/^MemAvailable: *\\([0-9]*\\).*/\\1/p' /proc/meminfo",
}


def count(dom0):
    return {name: int(dom0.shell(command, timeout=COUNT_SECONDS).stdout) for name, command in COUNTS.items()}


def owned(dom0, stub_domid):
    """Pages of the stub domain that others have mapped; and nodes that it owns."""
    nodes = dom0.shell(f"xenstore-ls -fp | grep -c '(n{stub_domid}[,)]'", timeout=COUNT_SECONDS).stdout
    try:
        granted = grants.count(dom0, stub_domid)
    except AssertionError as e:  # the other counts stay
        print(f"bench: scale, grants: {e}", file=sys.stderr, flush=True)
        granted = 0
    return {"grants": granted, "nodes_owned": int(nodes)}


def limits(dom0):
    return {f"{program.strip('o*')}_files_most": int(dom0.shell(
        f"awk '/Max open files/ {{print $4}}' /proc/$(pgrep -x '{program}')/limits").stdout)
            for program in ("o*xenstored", "xenconsoled")}


def wakeups(dom0, guests):
    """Of each guest's processes in dom0, in a second."""
    pids = [pid for g in guests for pid in
            [g.launcher_pid] + dom0.run("pgrep", "-P", g.launcher_pid).stdout.split()]

    def total():
        return sum(dom0.call("process_use", pid=pid)["wakeups"] for pid in pids)

    before, begin = total(), time.monotonic()
    time.sleep(IDLE_SECONDS)
    return (total() - before) / (time.monotonic() - begin) / len(guests)


def turns(dom0, guests):
    """Of each stub domain on the CPU, in a second: only without a wake-up there is none."""
    begin = time.monotonic()
    trace = xentrace.trace_during(dom0, xentrace.SWITCHES, lambda: time.sleep(IDLE_SECONDS))
    seconds = time.monotonic() - begin
    stubs = {guest.stub_domid for guest in guests}
    return sum(event == xentrace.TRC_SCHED_SWITCH and words[2] in stubs
               for event, words in xentrace.records(trace)) / seconds / len(guests)


def figures_of(dom0, guests, before):
    number, now = len(guests), count(dom0)
    found = {name: (now[name] - before[name]) / number for name in now}
    found["processes_kib"] = dom0.call(
        "memory_of", pattern=r"stubdom-(dm.*-xen-domid|relay )")["kilobytes"] / number
    found["wakeups_per_s"] = wakeups(dom0, guests)
    found["turns_per_s"] = turns(dom0, guests)
    return found


def measure(dom0, stub, _build, numbers=GUESTS):
    """Figures for each number of guests: the growth since there was none, wake-ups and turns, for each
    of them; the median time of an `xl create`. The guests rest: what is counted is not their doing."""
    guests, out, times = [], {}, []

    def add():
        guests.append(Guest(dom0, f"scale{len(guests)}", stub=stub, serial="pty").prepare())
        return guests[-1]

    def start(guest):
        """Seconds of `xl create`; the guest is idle afterwards."""
        try:
            begin = time.monotonic()
            guest.create(paused=True)
            seconds = time.monotonic() - begin
            guest.attach()
            dom0.run("xl", "unpause", guest.name)
            guest.wait_ready()
            guest.ask("rest", "bios-guest: rest")
            return seconds
        except Exception:
            guests.pop().remove()
            raise

    def grow(number):
        times.clear()
        while len(guests) < number:
            times.append(start(add()))
        found = figures_of(dom0, guests, before)
        found["create_s"] = statistics.median(times)
        found["create_all_s"] = [min(times), statistics.median(times), max(times)]
        return found

    before = count(dom0)
    try:
        out.update(alone.each("scale", {number: number for number in numbers[:1]}, grow))
        # Xen's buffer does not hold the lists of many.
        out.update(alone.each("scale", {"one": dom0}, lambda which: {
            **owned(which, guests[0].stub_domid), **limits(which)}))
        out.update(alone.each("scale", {number: number for number in numbers[1:]}, grow))
    finally:
        for guest in guests:
            guest.remove()
    out.update(alone.each("scale", {"at once": stub}, lambda which: at_once(dom0, which)))
    return out


def at_once(dom0, stub):
    """Guests whose `xl create` begin side by side: how many of them started, and the seconds until the
    last one had returned. libxl's scripts have 40 s each."""
    guests = [Guest(dom0, f"once{n}", stub=stub).prepare() for n in range(AT_ONCE)]
    begin = time.monotonic()
    try:
        said = dom0.shell("".join(f"(xl create -p {g.config_path} >{g.folder}/said 2>&1; echo status $?) & "
                                  for g in guests) + "wait", timeout=CREATE_SECONDS).stdout
        return {"starts_at_once": AT_ONCE, "started": said.count("status 0\n"),
                "all_s": time.monotonic() - begin}
    finally:
        for guest in guests:
            guest.remove()


def table(figures):
    numbers = [n for n in figures if n not in ("one", "at once")]
    lines = [f"{'of each guest':24}" + "".join(f"{n:>10}" for n in numbers)]
    lines += [f"{name:24}" + "".join(f"{figures[n][name]:>10.1f}" for n in numbers)
              for name, value in figures[numbers[0]].items() if not isinstance(value, list)]
    return "\n".join(lines + [f"{k:24}{v:>10.1f}" for part in ("one", "at once")
                              for k, v in figures.get(part, {}).items()])


if __name__ == "__main__":
    sys.exit(alone.main(measure, __doc__))
