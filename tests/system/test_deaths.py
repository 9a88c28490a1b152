# SPDX-License-Identifier: MIT
"""A death under a running guest (docs/deaths.md): its fate, nothing left behind, a next start, and
acknowledged writes that are there."""
import pytest

from guestlib import schema
from guestlib.dom0host import mkdisk

FIRST = 1300  # a sector that the guest writes
WRITES = 8
MORE = 400  # writes that nobody waits for
SETTINGS = "/etc/qemu-stubdom/guests/dies.conf"


def destroy_stub(dom0, guest):
    dom0.run("xl", "destroy", f"{guest.name}-dm", timeout=120)


def write_some(guest):
    for n in range(WRITES):
        guest.ask(f"write 0 {FIRST + n} {n + 1}", f"write 0 {FIRST + n} ")


def check_written(dom0, guest):
    for n in range(WRITES):
        assert dom0.sector(guest.disks[0], FIRST + n) == bytes([n + 1]) * mkdisk.SECTOR


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


@pytest.mark.long("docs/deaths.md: make check-deaths")
def test_xenconsoled(make_guest, dom0):
    """It only looks on: the guest goes on without it, and everything works with the next one."""
    guest = make_guest("dies")
    guest.start()
    write_some(guest)
    dom0.shell("pid=$(pgrep -x xenconsoled); again=$(tr '\\0' ' ' </proc/$pid/cmdline); "
               "kill -KILL $pid; while [ -e /proc/$pid ]; do sleep 0.1; done; $again")
    guest.ask("echo goes on", "echo goes on")
    assert dom0.run("stubdom", "list").stdout.split("\n")[1].split()[0] == guest.name
    check_next(dom0, guest)


def wait_next(dom0, guest, first):
    """Until a later domain of its has its device model."""
    dom0.wait_file(guest.log_path, "domain [0-9]+, runs the device model of domain "
                                   f"(?!{first}\n)[0-9]+\n", seconds=180)


@pytest.mark.long("docs/deaths.md: make check-deaths")
def test_restarted_then_destroyed(make_guest, dom0):
    """on_dm_crash=: the guest reboots with a new stub domain, by its own toolstack, though its virtual
    CPU waits for the dead QEMU. Then it ends with the next one."""
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
