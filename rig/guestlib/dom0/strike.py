# SPDX-License-Identifier: MIT
"""Does something to a guest at a stage of its stub domain's start, or of its replacement."""
import os
import signal
import subprocess
import tempfile
import time

from clients import qmp_run
from hypervisor import pause, shut_down
from xs import Xenstore

# In the order in which they are passed; a later one means that an earlier one was passed.
# "spawned": the launcher runs. "domain": the stub domain is there. The rest is the agent's.
STAGES = ["spawned", "domain", "boot", "disks", "net", "qemu", "channels", "running"]


def is_device_model(pid):
    """libxl writes the pid of its probe (-machine none) to the same node before. Either is
    still libxl's own image for a moment, and then without arguments: both are waited for."""
    try:
        while True:
            image = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                argv = f.read().split(b"\0")
            if image != "xl" and argv != [b""]:
                return b"none,accel=xen" not in argv
            time.sleep(0.01)
    except (FileNotFoundError, ProcessLookupError):  # it has ended, maybe between open and read
        return False


def stage_of(xs, guest):
    """(stage, guest's domid, launcher's pid), as far as there is one."""
    domid = xs.domid(guest)
    if domid is None:
        return None
    pid = xs.read(f"/local/domain/{domid}/image/device-model-pid")
    if pid is None or not is_device_model(pid):
        return None
    stub = xs.domid(guest + "-dm")
    if stub is None:
        return "spawned", domid, int(pid)
    stage = xs.read(f"/local/domain/{stub}/data/stubdom/stage")
    return stage or "domain", domid, int(pid)


def destroy(domain, log, seconds):
    subprocess.run(["xl", "destroy", str(domain)], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                   check=False, timeout=seconds)


def run_struck(argv, xs, path, reached, blow, seconds):
    """Starts a command. Calls blow() with what reached() has found below `path` in time, and with the
    command's output and process. Returns that, when it was, and how the command ended and what it said."""
    with tempfile.TemporaryFile() as log:
        command = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            found = xs.wait(path, reached, seconds)
            struck = time.monotonic()
            if found:
                blow(found, log, command)
            try:
                status = command.wait(seconds)
            except subprocess.TimeoutExpired:
                status = None
        finally:
            command.kill()
            command.wait()
        log.seek(0)
        return found, struck, {"status": status, "text": log.read().decode(errors="replace")}


def strike(command, guest, stage, action, seconds):
    """Starts a command of xl's that makes the guest. `action` is "kill" (SIGKILL to the launcher) or
    one of CHILDREN (to that process). "crash" and "stub" are the stub domain's crash and destruction, "destroy"
    is `xl destroy` of the guest. Returns the stage it was done at, how the command ended, what it said, how
    long it went on."""
    xs = Xenstore()

    def reached():
        now = stage_of(xs, guest)
        if now and now[0] in STAGES and STAGES.index(now[0]) >= STAGES.index(stage):
            return now
        return None

    def blow(found, log, _):
        if action == "kill":
            os.kill(found[2], signal.SIGKILL)
        elif action in CHILDREN:
            os.kill(wait_child(found[2], CHILDREN[action], seconds), signal.SIGKILL)
        elif action == "crash":
            shut_down(int(xs.domid(guest + "-dm")), "crash")  # None would be dom0
        elif action == "stub":
            destroy(guest + "-dm", log, seconds)
        else:
            destroy(found[1], log, seconds)

    found, struck, out = run_struck(command, xs, "/local/domain", reached, blow, seconds)
    xs.close()
    return {"stage": found and found[0], "seconds": time.monotonic() - struck, **out}


# Of docs/replace.md, in this order.
PHASES = ["check", "build", "boot", "save", "load", "switch", "end"]


def child_of(launcher, comm):
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8") as f:
                name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
        except OSError:  # it has ended, maybe between the two
            continue
        if name == comm and int(rest.split()[1]) == launcher:
            return int(entry)
    return None


def wait_child(launcher, comm, seconds):
    """A new one has its name a moment after the old one is gone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = child_of(launcher, comm)
        if found:
            return found
        time.sleep(0.01)
    raise TimeoutError(f"process {launcher} has no {comm}")


# The launcher's processes, and what they are called (PR_SET_NAME). The "asker" asks the old QEMU.
CHILDREN = {"guardian": "stubdom-guard", "relay": "stubdom-relay", "asker": "stubdom-asker"}


def strike_replace(guest, domid, phase, victims, args, seconds):
    """Starts `stubdom replace` with these arguments and strikes in that phase, or a later one if the phase was
    too short to be seen. A victim is a process, "launcher", "guardian", "asker" or "command" (SIGKILL), or a stub
    domain, "old" or "new" (it crashes), or "guest" (xl destroy). "client" is none: QEMU is told to stop, by
    QMP. An asker stands still from `boot` on, so it is there in `save`, which is short. Returns the phase at
    the blow, and how the command ended."""
    xs = Xenstore()
    launcher = int(xs.read(f"/local/domain/{domid}/image/device-model-pid"))
    stubs = {"old": xs.domid(guest + "-dm")}
    asker = []

    def reached():
        now = xs.read(f"/local/domain/0/stubdom/{domid}/replace/phase")
        if now == "boot" and "asker" in victims and not asker:
            asker.append(wait_child(launcher, CHILDREN["asker"], seconds))
            os.kill(asker[0], signal.SIGSTOP)
        if now == "boot":  # in `end` it gets the old one's name
            stubs["new"] = xs.domid(guest + "-dm-new")
        return now if now in PHASES and PHASES.index(now) >= PHASES.index(phase) else None

    def strike_one(victim, log, command):
        if victim == "launcher":
            os.kill(launcher, signal.SIGKILL)
        elif victim == "command":
            command.kill()
        elif victim in CHILDREN:
            os.kill(wait_child(launcher, CHILDREN[victim], seconds), signal.SIGKILL)
        elif victim == "guest":
            destroy(domid, log, seconds)
        elif victim == "client":
            qmp_run(f"/var/run/xen/qmp-libxenstat-{domid}", ["stop"])
        else:
            shut_down(int(stubs[victim]), "crash")  # None would be dom0

    def blow(_, log, command):
        if "new" in victims and not stubs.get("new"):  # it may still be on its way
            stubs["new"] = xs.wait("/local/domain", lambda: xs.domid(guest + "-dm-new"), seconds)
        for victim in victims:
            strike_one(victim, log, command)

    found, _, out = run_struck(["stubdom", "replace", guest, *args], xs,
                               f"/local/domain/0/stubdom/{domid}", reached, blow, seconds)
    xs.close()
    return {"phase": found, **out}


def strike_take(guest, domid, fate, seconds):
    """Starts `stubdom replace`. The new stub domain stands still once its QEMU has the state, so it is told
    to take the guest and gives no answer. "late": it stays so. "crash": it crashes. "torn": it crashes, and
    has said that the guest is its own; we say it for it. Returns how the command ended, and "lost" if the stub
    domain had taken the guest before it stood still; then it goes on. None: the replacement ended before
    that."""
    xs = Xenstore()
    launcher = int(xs.read(f"/local/domain/{domid}/image/device-model-pid"))
    out = {"lost": None}

    def stop_new(new, take):
        data = f"/local/domain/{new}/data/stubdom"
        assert xs.wait(data, lambda: xs.read(f"{data}/stage") == "running", seconds)
        os.kill(launcher, signal.SIGSTOP)
        try:
            pause(new)
            # xenstored may still have that word to read.
            return bool(xs.wait(take, lambda: xs.read(take) == "mine", 1))
        finally:
            os.kill(launcher, signal.SIGCONT)

    def blow(*_):
        new = xs.domid(guest + "-dm-new")
        take = f"/local/domain/{new}/control/stubdom-take"
        out["lost"] = stop_new(new, take)
        if out["lost"]:
            pause(new, False)
            return
        assert xs.wait(take, lambda: xs.read(take), seconds)
        if fate == "torn":
            xs.write(take, "mine")
        if fate != "late":
            shut_down(new, "crash")

    node = f"/local/domain/0/stubdom/{domid}"
    _, _, ended = run_struck(["stubdom", "replace", guest], xs, node,
                             lambda: xs.read(f"{node}/replace/phase") == "boot", blow, seconds)
    xs.close()
    return {**out, **ended}
