# SPDX-License-Identifier: MIT
"""A death under a running guest, at each moment of docs/deaths.md. One line says what died and why, and
nothing is left. The next start works, and acknowledged writes are there."""
import os
import re
import time

import pytest

from guestlib import leaks, schema
from guestlib.dom0host import mkdisk
from guestlib.guest import Stub
from test_wrong import lose_root, make_image_read_page_by_page  # noqa: F401

FIRST = 1300  # a sector that the guest writes
WRITES = 8
MORE = 400  # writes that nobody waits for
SAVED_MB = 512  # a save of them takes seconds
MOVED_MB = 256  # there are two for a while
ISO = "/opt/guests/boot.iso"
SETTINGS = "/etc/qemu-stubdom/guests/dies.conf"
HEARS_INT = "env --default-signal=INT"  # a shell without jobs has its background ignore it
GUARDED = "the guardian ended; starting another"


def kill_launcher(dom0, guest, pid):
    dom0.run("kill", "-KILL", pid)


def kill_relay(dom0, guest, pid):
    dom0.run("pkill", "-KILL", "-P", pid, "-x", "stubdom-relay")


def kill_guardian(dom0, guest, pid):
    dom0.run("pkill", "-KILL", "-P", pid, "-x", "stubdom-guard")


def crash_kernel(dom0, guest, pid=None):
    assert dom0.call("shut_down", domid=guest.stub_domid, why="crash") == 0


def destroy_stub(dom0, guest, pid=None):
    dom0.run("xl", "destroy", f"{guest.name}-dm", timeout=120)


def quit_qemu(dom0, guest, pid):
    dom0.run("stubdom", "qmp", guest.name, "quit", check=False)


# The victim, its end, and the reason that is told. None: the guest goes on.
DEATHS = {
    "launcher": (kill_launcher, "stubdom-dm was killed"),
    "relay": (kill_relay, "the relay was killed: Killed"),
    "kernel": (crash_kernel, "ended without a word"),
    "stub": (destroy_stub, "ended without a word"),
    "qemu": (quit_qemu, "says that QEMU ended"),
    "guardian": (kill_guardian, None),
}
VICTIMS = os.environ.get("DEATHS", ",".join(DEATHS)).split(",")


def write_some(guest, turn=0):
    for n in range(WRITES):
        guest.ask(f"write 0 {FIRST + n} {n + 1 + 16 * turn}", f"write 0 {FIRST + n} ")


def check_written(dom0, guest, turn=0):
    for n in range(WRITES):
        assert dom0.sector(guest.disks[0], FIRST + n) == bytes([n + 1 + 16 * turn]) * mkdisk.SECTOR


def wait_told(dom0, domid):
    assert dom0.call("wait_xenstore_there", 120, path=f"/local/domain/0/stubdom/{domid}/died",
                     seconds=120)


def check_told(dom0, guest, why):
    """By the log in one line, by the list with the remedy, and by the evidence."""
    wait_told(dom0, guest.domid)
    found = schema.check("list", dom0.run("stubdom", "list", "--json").stdout)["guests"]
    (found,) = [one for one in found if one["guest"] == guest.name]
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


class Nothing:
    """The moment of a death: the guest is idle."""

    def __init__(self, dom0, guest):
        self.dom0, self.guest = dom0, guest

    memory = None  # MiB of the guest
    disks = ()  # besides

    def begin(self):
        pass

    def end(self, lives):
        """After the blow. lives: the guest has its device model, and everything works."""


class Writes(Nothing):
    """Nobody waits for them."""

    def begin(self):
        for n in range(MORE):
            self.dom0.call("console_send", name=self.guest.name, text=f"write 0 {FIRST + 100} {n % 256}\n")


class Command(Nothing):
    """A command of the toolstack's, which is under way; it may fail."""

    def run(self, command, until):
        """Returns once the shell's `until` holds; the command runs then."""
        self.said, self.status = f"{self.guest.folder}/said", f"{self.guest.folder}/status"
        self.dom0.shell(f"rm -f {self.status}; {{ {command}; echo $? >{self.status}; }} "
                        f">{self.said} 2>&1 </dev/null & "
                        f"timeout 60 sh -c 'until {until}; do sleep 0.05; done' && test ! -e {self.status}",
                        timeout=90)

    def wait(self, seconds=180):
        """Whether it says that it worked."""
        self.dom0.wait_file(self.status, r"^[0-9]+\n", seconds=seconds)
        return self.dom0.read(self.status) == "0\n"


class Save(Command):
    memory = SAVED_MB

    def begin(self):
        self.state = f"{self.guest.folder}/state"
        self.dom0.run("rm", "-f", self.state)
        self.run(f"{HEARS_INT} xl save {self.guest.name} {self.state}", f"[ -s {self.state} ]")

    def end(self, lives):
        """A save that says that it worked has a state: the guest comes back from it. Else the guest is
        still there."""
        if not self.wait():
            assert not lives and self.dom0.domid(self.guest.name) is not None, self.dom0.read(self.said)
            return
        self.dom0.wait_gone(self.guest.name, f"{self.guest.name}-dm")
        self.guest.detach()
        self.dom0.run("xl", "restore", self.state, timeout=300)
        self.guest.attach()
        self.guest.ask("echo goes on", "echo goes on")


class Migration(Command):
    """To this very host, as its memory is copied; the source's part dies."""

    memory = MOVED_MB

    def begin(self):
        self.first = self.guest.domid
        self.run(f'{HEARS_INT} xl migrate -s "" {self.guest.name} "xl migrate-receive"',
                 f"xl domid {self.guest.name}--incoming >/dev/null 2>&1")

    def end(self, lives):
        """It is on one side: with its device model there, or without one here."""
        worked, name = self.wait(300), self.guest.name
        self.dom0.wait_gone(f"{name}--incoming", f"{name}--incoming-dm", f"{name}--migratedaway",
                            f"{name}--migratedaway-dm")
        assert worked == (self.guest.domid != self.first) and self.guest.domid is not None
        assert worked or not lives, self.dom0.read(self.said)
        if worked:
            self.guest.detach()
            self.guest.attach()
            self.guest.ask("echo goes on", "echo goes on")


class Turns(Command):
    """Commands of the toolstack's again and again, as long as they work."""

    commands = ()

    def begin(self):
        self.on = f"{self.guest.folder}/on"
        turn = " && ".join(f"timeout 60 {one}" for one in self.commands)
        self.dom0.shell(f"rm -f {self.on}.*; touch {self.on}")
        self.run(f"(while [ -e {self.on} ]; do {turn} || exit; echo turn >{self.on}.1; done)", f"[ -e {self.on}.1 ]")

    def end(self, lives):
        """The command ends, well or not, and long before it is killed."""
        self.dom0.run("rm", self.on)
        assert self.wait() or not lives, self.dom0.read(self.said)
        assert self.dom0.read(self.status) not in ("124\n", "137\n"), self.dom0.read(self.said)


class CdChanges(Turns):
    disks = (f"format=raw,vdev=hdc,access=ro,devtype=cdrom,target={ISO}",)
    commands = ("xl cd-eject dies hdc", f"xl cd-insert dies hdc {ISO}")


class HotPlugs(Turns):
    """A disk of QEMU's; the guest has no driver for it."""

    commands = (f"xl block-attach dies format=raw,vdev=xvdg,access=ro,backendtype=qdisk,target={ISO}",
                "xl block-detach dies xvdg")


MOMENTS = {"idle": Nothing, "writing": Writes, "saving": Save, "migrating": Migration,
           "changing": CdChanges, "plugging": HotPlugs}


def strike_one(dom0, guest, what, moment):
    strike, why = DEATHS[what]
    moment.begin()
    strike(dom0, guest, guest.launcher_pid)
    if why:
        check_told(dom0, guest, why)
    else:
        dom0.wait_file(guest.log_path, GUARDED, seconds=60)
    moment.end(lives=why is None)
    if why is None:
        guest.ask("echo goes on", "echo goes on")


def check_nothing_left(dom0, before):
    left = leaks.settle(dom0, before)
    assert not left, left


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("when", MOMENTS)
def test_death(make_guest, dom0, when):
    """Each victim at this moment. The start of the next one is the next start."""
    guest = make_guest("dies", memory=MOMENTS[when].memory)
    guest.config["disk"] += MOMENTS[when].disks
    guest.write_config()
    before = dom0.scan()
    for turn, what in enumerate(VICTIMS):
        print(f"{when}: {what}", flush=True)
        assert "bios-guest: disk 0 ok" in guest.start()
        write_some(guest, turn)
        strike_one(dom0, guest, what, MOMENTS[when](dom0, guest))
        guest.destroy()
        guest.detach()
        dom0.wait_gone(guest.name, f"{guest.name}-dm")
        check_written(dom0, guest, turn)
        check_nothing_left(dom0, before)
    assert "bios-guest: disk 0 ok" in guest.start()


def begin_destroy(dom0, guest, pid):
    """Returns when the launcher has heard of it; it stands still then, with its stub domain."""
    dom0.shell(f"xl destroy {guest.name} >/dev/null 2>&1 </dev/null & timeout 60 sh -c 'until grep -q "
               f"\"signal .* from process\" {guest.log_path}; do sleep 0.02; done' && kill -STOP {pid}", timeout=90)
    assert guest.stub_domid is not None


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.timeout(3600)
def test_death_in_destroy(make_guest, dom0):
    """Each victim while the guest is destroyed: all of it goes, and nobody takes it for a death."""
    guest = make_guest("dies")
    before = dom0.scan()
    deaths = [one["name"] for one in evidence(dom0, guest)]
    for turn, what in enumerate(one for one in VICTIMS if one != "qemu"):  # it has nobody left to tell it
        print(f"destroying: {what}", flush=True)
        assert "bios-guest: disk 0 ok" in guest.start()
        write_some(guest, turn)
        pid = guest.launcher_pid
        begin_destroy(dom0, guest, pid)
        if what == "stub":  # libxl's lock may be the launcher's
            dom0.shell(f"xl destroy {guest.name}-dm >/dev/null 2>&1 </dev/null &")
        else:
            DEATHS[what][0](dom0, guest, pid)
        dom0.run("kill", "-CONT", pid, check=False)
        dom0.wait_gone(guest.name, f"{guest.name}-dm")
        guest.detach()
        check_written(dom0, guest, turn)
        check_nothing_left(dom0, before)
        assert [one["name"] for one in evidence(dom0, guest)] == deaths
    assert "bios-guest: disk 0 ok" in guest.start()


# A victim during a start or a restore, for Dom0.strike; the word of the log that tells it; and whether that is of an
# error. QEMU has no monitor then.
ARRIVALS = {
    "kill": "the launcher of dies.*-dm was killed",
    "relay": "error: .*the relay was killed: Killed",
    "crash": "error: .*ended without a word",
    "stub": "error: .*ended without a word",
    "guardian": GUARDED,
}


def strike_arrival(dom0, guest, name, what, *command):
    """A blow at a guest that arrives, as its QEMU waits for its state."""
    found = dom0.strike(guest, "qemu", what, name=name, command=command)
    assert found["stage"] in ("qemu", "channels"), found
    assert (found["status"] == 0) == (what == "guardian"), found
    log = f"/var/log/xen/qemu-dm-{name}.log"
    assert len(re.findall(ARRIVALS[what], dom0.wait_file(log, ARRIVALS[what]))) == 1


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.timeout(3600)
def test_death_in_start(make_guest, dom0):
    """The start fails in words, and nothing is left."""
    guest = make_guest("dies")
    before = dom0.scan()
    for what in ARRIVALS:
        print(f"starting: {what}", flush=True)
        strike_arrival(dom0, guest, guest.name, what, "xl", "create", guest.config_path)
        if what == "guardian":
            guest.attach()
            guest.ask_awake()
            guest.end()
            guest.detach()
        dom0.wait_gone(guest.name, f"{guest.name}-dm")
        check_nothing_left(dom0, before)
    assert "bios-guest: disk 0 ok" in guest.start()


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.timeout(3600)
def test_death_in_restore(make_guest, dom0):
    """The restore fails in words, nothing is left, and the same state can be restored after it."""
    guest = make_guest("dies")
    before = dom0.scan()
    guest.start()
    write_some(guest)
    kept = guest.ask("keep 77", "keep").split()[-1]
    state = f"{guest.folder}/state"
    dom0.run("xl", "save", guest.name, state, timeout=240)
    guest.detach()
    for what in ARRIVALS:
        print(f"restoring: {what}", flush=True)
        check_nothing_left(dom0, before)
        strike_arrival(dom0, guest, guest.name, what, "xl", "restore", state)
        if what != "guardian":
            dom0.wait_gone(guest.name, f"{guest.name}-dm")
            check_nothing_left(dom0, before)
            dom0.run("xl", "restore", state, timeout=300)
        guest.attach()
        guest.ask_awake()
        assert guest.ask("kept", "kept").split()[-1] == kept
        assert guest.ask(f"read 0 {FIRST}", f"read 0 {FIRST}")
        guest.end()
        guest.detach()
        check_written(dom0, guest)


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.timeout(3600)
def test_death_at_the_target(make_guest, dom0):
    """A migration whose target's part dies: the guest goes on where it was, and can go later."""
    guest = make_guest("dies")
    guest.start()
    write_some(guest)
    kept = guest.ask("keep 77", "keep").split()[-1]
    for what in ARRIVALS:
        print(f"arriving: {what}", flush=True)
        first = guest.domid
        strike_arrival(dom0, guest, f"{guest.name}--incoming", what,
                       "xl", "migrate", "-s", "", guest.name, "xl migrate-receive")
        dom0.wait_listed(guest.name, f"{guest.name}-dm")
        assert (guest.domid != first) == (what == "guardian")
        guest.attach()
        guest.ask_awake()
        assert guest.ask("kept", "kept").split()[-1] == kept
    check_next(dom0, guest)


@pytest.mark.long("docs/deaths.md: make check-deaths")
def test_silence(make_guest, dom0, stub):
    """silence-max=: a QEMU that answers in time is none; one that does not is dead, and on_dm_crash= is for it.
    The seconds in which nobody waits do not count."""
    guest = make_guest("dies", stub=Stub(**stub.options, **{"silence-max": 20}, on_dm_crash="destroy"))
    guest.start()
    write_some(guest)
    domid = guest.domid
    dom0.run("xl", "pause", "dies-dm")
    assert dom0.run("stubdom", "qmp", "-t", "10", guest.name, "query-status", check=False).status != 0
    assert dom0.call("wait_xenstore_there", 60, path=f"/local/domain/0/stubdom/{domid}/silent", seconds=60)
    time.sleep(20)
    dom0.run("xl", "unpause", "dies-dm")
    assert "running" in dom0.run("stubdom", "qmp", guest.name, "query-status").stdout
    dom0.wait_file(guest.log_path, "answers again", seconds=60)
    guest.ask("echo goes on", "echo goes on")
    dom0.run("xl", "pause", "dies-dm")
    assert dom0.run("stubdom", "qmp", "-t", "120", guest.name, "query-status", check=False).status != 0
    dom0.wait_gone(guest.name, "dies-dm")
    (found, *_) = evidence(dom0, guest)
    assert (found["action"], found["guest_domid"]) == ("destroy", domid)
    assert "commands have waited for 24 s, and 'silence-max' is 20 s" in found["why"]
    check_written(dom0, guest)


@pytest.mark.long("docs/deaths.md: make check-deaths")
def test_core(make_guest, dom0, stub, image_read_page_by_page):
    """core=yes: of a QEMU that crashes the memory is kept, with what it had there, for root alone."""
    if stub.options["kernel"] != "nub":
        pytest.skip("Linux takes a process's memory back before the stub domain ends")
    guest = make_guest("dies", nics=(), stub=Stub(
        **{**stub.options, "image": image_read_page_by_page, "core": "yes", "on_dm_crash": "destroy"}))
    guest.start()
    dom0.run("stubdom", "qmp", guest.name, "migrate-set-parameters", "tls-hostname=kept-in-its-core")
    lose_root(dom0, guest)
    dom0.wait_gone(guest.name, f"{guest.name}-dm")
    (found, *_) = evidence(dom0, guest)
    assert re.search(r"qemu-\S+ ends with signal 7", found["why"]), found
    core = f"/var/lib/qemu-stubdom/crash/{found['name']}/core"
    assert [one["bytes"] for one in found["files"] if one["name"] == "core"] == \
        [int(dom0.run("stat", "-c", "%s", core).stdout)]
    assert dom0.run("stat", "-c", "%a %u", core).stdout.split() == ["600", "0"]
    assert dom0.run("head", "-c", "4", core).stdout == "\x7fELF"
    assert int(dom0.run("grep", "-a", "-c", "kept-in-its-core", core).stdout) > 0
    assert core in dom0.run("stubdom", "crashes", found["name"]).stdout
    dom0.run("rm", core)


def forget_deaths(dom0):
    """Forgets the deaths that on_dm_crash=restart counts."""
    dom0.shell("rm -rf /var/lib/qemu-stubdom/crash/dies-*")


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
    dom0.wait_file(guest.log_path, GUARDED, seconds=60)
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
    dom0.shell(f"{HEARS_INT} xl create {guest.config_path} >/dev/null 2>&1 </dev/null & "
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
