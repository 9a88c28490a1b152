# SPDX-License-Identifier: MIT
"""A death under a running guest, idle, with writes on their way, or in a save (docs/deaths.md). One line
says what died and why, and nothing is left. The next start works, and acknowledged writes are there."""
import re

import pytest

from guestlib import schema
from guestlib.dom0host import mkdisk

FIRST = 1300  # a sector that the guest writes
WRITES = 8
MORE = 400  # writes that nobody waits for
SAVED_MB = 512  # a save of them takes seconds
SETTINGS = "/etc/qemu-stubdom/guests/dies.conf"


def kill_launcher(dom0, guest):
    dom0.run("kill", "-KILL", guest.launcher_pid)


def kill_relay(dom0, guest):
    dom0.run("pkill", "-KILL", "-P", guest.launcher_pid, "-x", "stubdom-relay")


def crash_kernel(dom0, guest):
    assert dom0.call("shut_down", domid=guest.stub_domid, why="crash") == 0


def destroy_stub(dom0, guest):
    dom0.run("xl", "destroy", f"{guest.name}-dm", timeout=120)


def quit_qemu(dom0, guest):
    dom0.run("stubdom", "qmp", guest.name, "quit", check=False)


# The victim, its end, and the reason that is told.
DEATHS = {
    "launcher": (kill_launcher, "stubdom-dm was killed"),
    "relay": (kill_relay, "the relay was killed: Killed"),
    "kernel": (crash_kernel, "ended without a word"),
    "stub": (destroy_stub, "ended without a word"),
    "qemu": (quit_qemu, "says that QEMU ended"),
}


def write_some(guest):
    for n in range(WRITES):
        guest.ask(f"write 0 {FIRST + n} {n + 1}", f"write 0 {FIRST + n} ")


def check_written(dom0, guest):
    for n in range(WRITES):
        assert dom0.sector(guest.disks[0], FIRST + n) == bytes([n + 1]) * mkdisk.SECTOR


def wait_told(dom0, domid):
    assert dom0.call("wait_xenstore_there", 120, path=f"/local/domain/0/stubdom/{domid}/died",
                     seconds=120)


def check_told(dom0, guest, why):
    """By the log in one line, by the list with the remedy, and by the evidence."""
    wait_told(dom0, guest.domid)
    (found,) = schema.check("list", dom0.run("stubdom", "list", "--json").stdout)["guests"]
    assert found["state"] == "stub gone" and why in found["error"]
    lines = [line for line in dom0.read(guest.log_path).splitlines()
             if re.search(r": error: the device model of domain \d+ has died", line)]
    assert len(lines) == 1 and why in lines[0] and f"xl destroy {guest.domid}" in lines[0], lines
    assert why in evidence(dom0, guest)[0]["why"]


def evidence(dom0, guest):
    """Of its deaths, the newest first."""
    found = schema.check("crashes", dom0.run("stubdom", "crashes", "--json").stdout)["crashes"]
    return [one for one in reversed(found) if one["guest"] == guest.name]


def check_next(dom0, guest):
    """The guest goes, its writes stay, and it starts again."""
    guest.destroy()
    dom0.wait_gone(guest.name, f"{guest.name}-dm")
    check_written(dom0, guest)
    guest.detach()
    assert "bios-guest: disk 0 ok" in guest.start()


def begin_writes(dom0, guest):
    for n in range(MORE):
        dom0.call("console_send", name=guest.name, text=f"write 0 {FIRST + 100} {n % 256}\n")


def begin_save(dom0, guest):
    """Ends once the state's first bytes are there."""
    state = f"{guest.folder}/state"
    dom0.run("rm", "-f", f"{state}.rc")
    dom0.shell(f"{{ xl save {guest.name} {state} >{state}.log 2>&1; echo $? >{state}.rc; }} & "
               f"timeout 60 sh -c 'until [ -s {state} ]; do sleep 0.05; done'", timeout=90)


def end_save(dom0, guest):
    """A save that says that it worked has a state: the guest comes back from it. Else the guest is
    still there."""
    state = f"{guest.folder}/state"
    dom0.wait_file(f"{state}.rc", r"^[0-9]+\n", seconds=90)
    if dom0.read(f"{state}.rc") != "0\n":
        assert dom0.domid(guest.name) is not None, dom0.read(f"{state}.log")
        return
    dom0.wait_gone(guest.name, f"{guest.name}-dm")
    guest.detach()
    dom0.run("xl", "restore", state, timeout=300)
    guest.attach()
    guest.ask("echo goes on", "echo goes on")


def forget_deaths(dom0):
    """Forgets the deaths that on_dm_crash=restart counts."""
    dom0.shell("rm -rf /var/lib/qemu-stubdom/crash/dies-*")


MOMENTS = {"idle": lambda dom0, guest: None, "writing": begin_writes, "saving": begin_save}


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.parametrize("when", MOMENTS)
@pytest.mark.parametrize("what", DEATHS)
def test_death(make_guest, dom0, what, when):
    strike, why = DEATHS[what]
    guest = make_guest("dies", memory=SAVED_MB if when == "saving" else None)
    guest.start()
    write_some(guest)
    MOMENTS[when](dom0, guest)
    strike(dom0, guest)
    check_told(dom0, guest, why)
    if when == "saving":
        end_save(dom0, guest)
    check_next(dom0, guest)


def guardian_of(dom0, guest):
    return dom0.run("pgrep", "-P", guest.launcher_pid, "-x", "stubdom-guard").stdout.strip()


@pytest.mark.long("docs/deaths.md: make check-deaths")
def test_guardian_then_both(make_guest, dom0):
    """A guardian that is killed is replaced. Launcher and guardian at once leave the stub domain to the
    next start."""
    guest = make_guest("dies")
    guest.start()
    write_some(guest)
    first = guardian_of(dom0, guest)
    dom0.run("kill", "-KILL", first)
    dom0.wait_file(guest.log_path, "the guardian ended; starting another", seconds=60)
    dom0.shell(f"timeout 60 sh -c 'until pgrep -P {guest.launcher_pid} -x stubdom-guard; "
               "do sleep 0.1; done'", timeout=90)
    guest.ask("echo goes on", "echo goes on")
    second = guardian_of(dom0, guest)
    assert second and second != first
    dom0.run("kill", "-KILL", second, guest.launcher_pid)
    assert dom0.domid("dies-dm") is not None
    guest.destroy()
    guest.detach()
    assert "bios-guest: disk 0 ok" in guest.start()
    check_written(dom0, guest)


def bystander_xenconsoled(dom0, guest):
    dom0.shell("pid=$(pgrep -x xenconsoled); again=$(tr '\\0' ' ' </proc/$pid/cmdline); "
               "kill -KILL $pid; while [ -e /proc/$pid ]; do sleep 0.1; done; $again")


def bystander_xl(dom0, guest):
    """The `xl` that waits for the guest's end."""
    dom0.run("pkill", "-KILL", "-f", f"[x]l create .*{guest.config_path}")


def bystander_xenstored(dom0, guest):
    """It is replaced live: a new program, the same process. The status is that program's."""
    dom0.shell("xenstore-control live-update $(readlink -f /proc/$(cat /run/xenstored.pid)/exe)",
               timeout=120)


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.parametrize("who", [bystander_xenconsoled, bystander_xenstored, bystander_xl],
                         ids=["xenconsoled", "xenstored", "xl"])
def test_bystander(make_guest, dom0, who):
    """A process of Xen's that only looks on: the guest goes on, and everything after it works."""
    guest = make_guest("dies")
    guest.start()
    write_some(guest)
    who(dom0, guest)
    guest.ask("echo goes on", "echo goes on")
    assert dom0.run("stubdom", "list").stdout.split("\n")[1].split()[0] == guest.name
    check_next(dom0, guest)


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.parametrize("signal", ["INT", "KILL"])
def test_xl_killed_at_start(make_guest, dom0, signal):
    """The guest is left half made, as with QEMU in dom0; `xl destroy` takes all of it away."""
    guest = make_guest("dies")
    # A shell without jobs has its background ignore SIGINT.
    dom0.shell(f"env --default-signal=INT xl create {guest.config_path} >/dev/null 2>&1 </dev/null & "
               f"timeout 60 sh -c 'until xenstore-exists /local/domain/0/stubdom || "
               "pgrep -x stubdom-dm; do sleep 0.05; done' >/dev/null; "
               f"kill -{signal} $!", timeout=90)
    dom0.run("xl", "destroy", guest.name, timeout=120, check=False)
    dom0.wait_gone("dies", "dies-dm")
    assert "bios-guest: disk 0 ok" in guest.start()


def wait_next(dom0, guest, first):
    """Until a later domain of its runs: its toolstack has finished with it."""
    dom0.wait_file(guest.log_path, "domain [0-9]+, runs the device model of domain "
                                   f"(?!{first}\n)[0-9]+\n", seconds=180)
    guest.detach()
    assert dom0.call("wait_xenstore_there", 120, seconds=120,
                     path=f"/local/domain/{guest.domid}/{guest.terminal}")
    guest.attach()
    guest.wait("bios-guest: ready", 180)


@pytest.mark.long("docs/deaths.md: make check-deaths")
def test_restarted_then_destroyed(make_guest, dom0):
    """on_dm_crash=: the guest reboots with a new stub domain, by its own toolstack, though its virtual
    CPU waits for the dead QEMU. Then it ends with the next one."""
    forget_deaths(dom0)
    dom0.write(SETTINGS, "on_dm_crash = restart\n")
    try:
        guest = make_guest("dies")
        guest.start()
        write_some(guest)
        first = guest.domid
        dom0.write(SETTINGS, "on_dm_crash = destroy\n")
        begin_writes(dom0, guest)
        destroy_stub(dom0, guest)
        wait_next(dom0, guest, first)
        assert guest.domid not in (None, first)
        old = dom0.read(f"{guest.log_path}.1")  # libxl begins a log of its own for each start
        assert f"on_dm_crash=restart: domain {first} reboots" in old, old
        check_written(dom0, guest)
        destroy_stub(dom0, guest)
        dom0.wait_gone("dies", "dies-dm")
    finally:
        dom0.run("rm", "-f", SETTINGS)
    assert [one["action"] for one in evidence(dom0, guest)[:2]] == ["destroy", "restart"]


@pytest.mark.long("docs/deaths.md: make check-deaths")
def test_restarts_end(make_guest, dom0):
    """A guest that dies again and again is left after three restarts."""
    forget_deaths(dom0)
    dom0.write(SETTINGS, "on_dm_crash = restart\n")
    try:
        guest = make_guest("dies")
        guest.start()
        for _ in range(3):
            domid = guest.domid
            destroy_stub(dom0, guest)
            wait_next(dom0, guest, domid)
        domid = guest.domid
        destroy_stub(dom0, guest)
        wait_told(dom0, domid)
        dom0.wait_file(guest.log_path, "has died 3 times in ten minutes before; its guest is left")
        assert guest.domid == domid
    finally:
        dom0.run("rm", "-f", SETTINGS)
    guest.destroy()
