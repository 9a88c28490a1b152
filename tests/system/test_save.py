# SPDX-License-Identifier: MIT
"""A guest that is saved, restored and migrated: the same guest goes on."""
import hashlib
import re

import pytest

from guestlib.dom0host import ASSETS


def check_same(guest, dom0, kept, sector):
    """Its memory, its disk and its devices are where they were."""
    guest.attach()
    assert guest.ask("kept", "kept").split()[-1] == kept
    assert guest.ask("read 0 1200", "read 0 1200").split()[-1] == sector
    assert "8086100e" in guest.ask("nics", "nics done")
    assert dom0.call("wait_domains", 120, names=[guest.name, guest.name + "-dm"], seconds=120), \
        dom0.domains()
    assert dom0.qemu_processes() == []


PICTURES = 12


def write_by_qmp(socket, dom0, path, command, **arguments):
    """The answer to a command whose file is a descriptor, opened here."""
    opened, *_, answer = dom0.qmp(
        ["a", "open", socket],
        ["a", "ask", {"execute": "qmp_capabilities"}],
        ["a", "ask", {"execute": "add-fd", "arguments": {"fdset-id": 3}}, path, "w"],
        ["a", "ask", {"execute": command,
                      "arguments": {"filename": "/dev/fdset/3", **arguments}}])
    assert "QMP" in opened
    return answer


def check_files(guest, dom0):
    """Files that QEMU writes by QMP end up where the client opened a file, and nowhere else."""
    folder = f"{guest.folder}/written"
    ours = f"/run/qemu-stubdom/{guest.domid}/qmp"
    memory = {"val": 16777216, "size": 1048576}
    dom0.run("mkdir", folder)
    assert write_by_qmp(ours, dom0, f"{folder}/memory", "pmemsave", **memory) == {"return": {}}
    expected = b"".join(bytes([(77 + page) % 256]) * 4096 for page in range(256))
    assert dom0.run("sha256sum", f"{folder}/memory").stdout.split()[0] == \
        hashlib.sha256(expected).hexdigest()
    assert write_by_qmp(ours, dom0, f"{folder}/screen", "screendump") == {"return": {}}
    assert dom0.rig.exec(["head", "-c", "3", f"{folder}/screen"]).stdout == b"P6\n"
    # The relay's channels take turns: the file's is opened whichever is first.
    for _ in range(PICTURES):
        assert write_by_qmp(f"/var/run/xen/qmp-libxl-{guest.domid}", dom0, f"{folder}/screen",
                            "screendump") == {"return": {}}
    # A name is refused wherever it leads, even where nothing is.
    for path in (f"{folder}/named", f"/var/lib/xen/qemu-save.{guest.domid}",
                 "/var/lib/qemu-stubdom/dump/x", "relative"):
        refused = dom0.run("stubdom", "qmp", guest.name, "screendump", f"filename={path}",
                           check=False)
        assert refused.status != 0 and "add-fd" in refused.text
        assert dom0.run("test", "-e", path, check=False).status != 0
    # dom0's disk is full.
    dom0.shell(f"rm {folder}/* && mount -t tmpfs -o size=64k,mode=0700 none {folder}")
    try:
        full = write_by_qmp(ours, dom0, f"{folder}/memory", "pmemsave", **memory)
    finally:
        dom0.shell(f"umount {folder}; rmdir {folder}")
    assert "No space left" in full["error"]["desc"]


def check_dirty_log(guest, dom0):
    """As libxl asks for it in a live migration: QEMU tells Xen what it writes to the guest's
    memory."""
    for enable in ("true", "false"):
        dom0.run("stubdom", "qmp", guest.name, "xen-set-global-dirty-log", f"enable={enable}")
        guest.ask("read 0 1200", "read 0 1200")
    assert not re.search("modified_memory.* (failed|refused)", dom0.read(guest.log_path))


def test_save_and_restore(make_guest, dom0):
    guest = make_guest("saved")
    guest.start()
    kept = guest.ask("keep 77", "keep").split()[-1]
    sector = guest.ask("write 0 1200 0x5a", "write 0 1200").split()[-1]
    state = f"{guest.folder}/state"
    check_files(guest, dom0)
    check_dirty_log(guest, dom0)

    # A checkpoint: the guest goes on where it is.
    dom0.run("xl", "save", "-c", guest.name, f"{state}.1", timeout=240)
    assert guest.ask("kept", "kept").split()[-1] == kept

    # Saved, it is gone, and its device model with it.
    dom0.run("xl", "save", guest.name, state, timeout=240)
    guest.detach()
    dom0.wait_gone(guest.name, guest.name + "-dm")
    dom0.run("xl", "restore", state, timeout=300)
    check_same(guest, dom0, kept, sector)

    # A migration that fails: it goes on where it was.
    assert dom0.run("xl", "migrate", "-s", "", guest.name, "false", timeout=240,
                    check=False).status != 0
    assert guest.ask("kept", "kept").split()[-1] == kept

    # To this very host, where for a while both are there.
    guest.detach()
    dom0.run("xl", "migrate", "-s", "", guest.name, "xl migrate-receive", timeout=400)
    check_same(guest, dom0, kept, sector)
    assert dom0.shell("ls /var/lib/xen/qemu-* 2>/dev/null || true").stdout == ""
    assert dom0.call("wait_xenstore", 60, path=f"/local/domain/0/stubdom/{guest.domid}/guest",
                     value=guest.name, seconds=60)
    assert "running" in dom0.run("stubdom", "status", guest.name).stdout


# Guest "cut" once its migration was cut in a phase (guestlib/dom0/cut.py): names of its domains that run, and
# of those that are paused or suspended. Both sides are on this host.
CUTS = {
    "greeting": ({"cut"}, set()),
    "memory": ({"cut"}, set()),
    "state": ({"cut"}, set()),
    "ready": ({"cut"}, {"cut--incoming"}),
    "go": (set(), {"cut--incoming", "cut--migratedaway"}),
    "report": ({"cut"}, {"cut--migratedaway"}),
}


def guests_by_state(dom0):
    """Names of the guests that run, and of those that are paused or suspended."""
    runs, waits = set(), set()
    for line in dom0.run("xl", "list").stdout.splitlines()[2:]:
        name, *_, state, _ = line.split()
        if not name.endswith("-dm"):
            (waits if "p" in state or "s" in state else runs).add(name)
    return runs, waits


@pytest.mark.long("a migration, cut in each of its phases")
@pytest.mark.timeout(900)
@pytest.mark.parametrize("phase", CUTS)
def test_a_migration_that_is_cut(make_guest, dom0, phase):
    """The guest runs once at most. Of what stays, xl's own commands make one that runs, with what it
    had (docs/cluster.md)."""
    guest = make_guest("cut")
    guest.start()
    first = guest.domid
    kept = guest.ask("keep 77", "keep").split()[-1]
    sector = guest.ask("write 0 1200 0x5a", "write 0 1200").split()[-1]
    guest.detach()
    assert dom0.run("xl", "migrate", "-s", "", guest.name,
                    f"{ASSETS}/dom0/cut.py {phase} pipe xl migrate-receive", timeout=400, check=False).status != 0
    runs, waits = CUTS[phase]
    dom0.wait_listed(*runs, *waits, *(f"{name}-dm" for name in runs | waits), seconds=200)
    assert guests_by_state(dom0) == (runs, waits)
    for name in waits - {"cut--migratedaway"} if phase == "go" else waits:
        dom0.run("xl", "destroy", name, timeout=120)
    if phase == "go":
        dom0.run("xl", "rename", "cut--migratedaway", guest.name)
        dom0.run("xl", "resume", guest.name)
    dom0.wait_gone("cut--incoming", "cut--incoming-dm", "cut--migratedaway", "cut--migratedaway-dm")
    assert (guest.domid == first) == (phase != "report")
    check_same(guest, dom0, kept, sector)
    assert "running" in dom0.run("stubdom", "status", guest.name).stdout


CONF = "/etc/qemu-stubdom/guests/saved.conf"
WORDS = "the guest was saved with QEMU's machine 'xenfv-"


def restore_refused(dom0, image, name, *command):
    """By an image whose QEMU has another machine by the guest's name of it."""
    dom0.write(CONF, f"image = {image}\n")
    try:
        done = dom0.run(*command, timeout=400, check=False)
    finally:
        dom0.run("rm", CONF)
    assert done.status != 0 and WORDS in done.text, done
    assert dom0.read(f"/var/log/xen/qemu-dm-{name}.log").count(WORDS) == 1
    dom0.wait_gone(name, f"{name}-dm")


@pytest.mark.long("a guest's state, and another QEMU's machine")
@pytest.mark.timeout(900)
def test_state_of_another_machine(make_guest, dom0, other_image):
    """It is refused in words. QEMU in dom0 takes it, and its own is taken as it is."""
    guest = make_guest("saved")
    guest.start()
    kept = guest.ask("keep 77", "keep").split()[-1]
    sector = guest.ask("write 0 1200 0x5a", "write 0 1200").split()[-1]
    ours, its = f"{guest.folder}/state", f"{guest.folder}/state.dom0"
    image = other_image(lambda qemu: qemu["machines"].update(xenfv="xenfv-99.0"))
    guest.detach()

    dom0.run("xl", "save", guest.name, ours, timeout=240)
    dom0.wait_gone(guest.name, guest.name + "-dm")
    restore_refused(dom0, image, "saved", "xl", "restore", ours)

    plain = f"{guest.folder}/dom0.cfg"
    dom0.shell(f"grep -v device_model {guest.config_path} >{plain}")
    dom0.run("xl", "restore", plain, ours, timeout=300)
    guest.attach()
    assert guest.ask("kept", "kept").split()[-1] == kept
    assert len(dom0.qemu_processes()) == 1
    guest.detach()
    dom0.run("xl", "save", guest.name, its, timeout=240)
    dom0.wait_gone(guest.name)
    dom0.run("xl", "restore", guest.config_path, its, timeout=300)
    check_same(guest, dom0, kept, sector)

    guest.detach()
    restore_refused(dom0, image, "saved--incoming",
                    "xl", "migrate", "-s", "", guest.name, "xl migrate-receive")
    check_same(guest, dom0, kept, sector)
