# SPDX-License-Identifier: MIT
"""The Xen host that every rig starts from: its files, and a saved copy of it just booted.

The saved host has two parts: a migration file of QEMU, and the disk's changes since dom0's image.
In the file each page of memory has a fixed place ("mapped-ram"), so that zero pages are neither
stored nor read.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time

from . import console
from .errors import RigDead, RigError
from .link import Link, NoAnswer
from .machine import PORTS, Machine, arguments, initrd
from .paths import RIG, Lock

BOOT_TIMEOUT = 900      # it takes 30 s on an idle machine of two cores
RECIPE = 2              # part of the saved host's key: raise it when hosts must be saved anew


def say(text):
    print(f"rig: {text}", file=sys.stderr, flush=True)


def ensure_cached(*command):
    """Runs a maker of something cached, which prints where it is; returns that and a shared
    lock that keeps it."""
    while True:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              text=True, check=False)
        if done.returncode:
            raise RigError(f"{os.path.basename(command[0])} failed (see above)")
        where = done.stdout.strip()
        lock = Lock(f"{where}.use", shared=True)
        if os.path.isdir(where):
            return where, lock
        lock.close()


def workbench_lock():
    """The descriptor, if any, of the lock that rig/workbench took on its root for us."""
    try:
        return [9] if os.readlink("/proc/self/fd/9").endswith(".use") else []
    except OSError:
        return []


def dom0_files(platform):
    """The directory of rig/dom0/make, and the lock that keeps it."""
    return ensure_cached(f"{RIG}/dom0/make", platform)


def saved_host(dom0, memory, kind="standard"):
    """The directory of a saved host, made if need be, and the lock that keeps it."""
    return ensure_cached(f"{RIG}/dom0/save", saved_key(dom0, memory, kind), dom0,
                         str(memory), kind)


def saved_key(dom0, memory, kind="standard"):
    """A hash of all that a saved host depends on."""
    h = hashlib.sha256()
    version = subprocess.run([arguments("", "", 0)[0], "--version"], check=True,
                             stdout=subprocess.PIPE).stdout
    # The guest's time stamp counter follows the machine's; Xen measured it at boot.
    with open("/proc/cpuinfo", encoding="ascii") as f:
        cpu = [line.strip() for line in f if line.startswith("model name")][:1]
    # A dom0 made anew has the same name, but its disk is not the one that the save stands on.
    disk = os.stat(f"{dom0}/root.img").st_mtime_ns
    for part in (RECIPE, version, cpu, disk, arguments("", dom0, memory, kind)):
        h.update(repr(part).encode())
    h.update(initrd(dom0))
    return h.hexdigest()[:12]


def wait_for_agent(machine, timeout):
    """Waits until the booted host answers; its clock is then ours."""
    deadline = time.monotonic() + timeout
    while True:
        pause = min(deadline, time.monotonic() + machine.slow)
        try:
            with Link(machine.folder, PORTS) as link:
                link.sync(max(0.1, pause - time.monotonic()))
                link.set_time(20 * machine.slow)
                return
        except NoAnswer:
            pass
        if not machine.pid():
            raise RigDead(machine.diagnosis("its machine ended while it booted"))
        if console.panicked(machine.path("console.log")):
            console.settle(machine.path("console.log"))
            raise RigDead(machine.diagnosis("Xen or dom0 panicked while it booted"))
        if time.monotonic() > deadline:
            raise RigDead(machine.diagnosis(f"it did not boot within {timeout:.0f} s"))
        time.sleep(0.05)


def boot(machine, dom0, memory, kind, **how):
    """Boots the host afresh in machine.folder."""
    machine.prepare(dom0, f"{dom0}/root.img", "raw", kind)
    machine.start(machine.arguments(dom0, memory, kind), **how)
    wait_for_agent(machine, BOOT_TIMEOUT)


def save(target, dom0, memory, kind):
    """Boots the host and saves it as the directory `target`."""
    os.mkdir(target)
    machine = Machine(target)
    say("booting a Xen host to start rigs from")
    start = time.monotonic()
    try:
        boot(machine, dom0, memory, kind, die_with_us=True)
        say(f"[{time.monotonic() - start:3.0f} s] booted, saving it")
        with machine.qmp() as qmp:
            qmp.command("stop")
            _mapped_ram(qmp, True)
            qmp.command("migrate", uri="file:state")
            _migrated(qmp, "saving the host")
            qmp.command("quit")
        machine.wait(20)
        for name in os.listdir(target):
            if name not in ("state", "disk.qcow2", "console.log"):
                os.unlink(os.path.join(target, name))
    finally:
        machine.kill()


def resume(machine, saved, dom0, memory, kind, **how):
    """Starts a rig in machine.folder from a saved host."""
    machine.prepare(dom0, f"{saved}/disk.qcow2", "qcow2", kind)
    shutil.copy(f"{saved}/console.log", machine.folder)
    machine.start(arguments(machine.folder, dom0, memory, kind, incoming=True), **how)
    with machine.qmp() as qmp:
        _mapped_ram(qmp, True)
        qmp.command("migrate-incoming", uri=f"file:{saved}/state")
        _migrated(qmp, "starting from the saved host")
        _mapped_ram(qmp, False)     # savevm cannot be with it
        qmp.command("cont")
    wait_for_agent(machine, 300)


def _mapped_ram(qmp, state):
    qmp.command("migrate-set-capabilities", capabilities=[
        {"capability": "mapped-ram", "state": state}])


def _migrated(qmp, what):
    answer = qmp.wait_until(
        "query-migrate", lambda a: a.get("status") in ("completed", "failed", "cancelled"),
        300, what)
    if answer["status"] != "completed":
        raise RigError(f"{what} failed: {answer.get('error-desc', answer['status'])}")


def main():
    """rig/dom0/save's maker: DOM0 MEMORY MACHINE TARGET."""
    dom0, memory, kind, target = sys.argv[1:]
    try:
        save(target, dom0, int(memory), kind)
    except RigError as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
