# SPDX-License-Identifier: MIT
"""Media and disks that come and go while the guest runs."""
import hashlib
import time

import pytest

from guestlib.disks import LINUX


# The same body with QEMU in dom0 is the measure; it needs no second look at each change.
SIDES = ["stub", pytest.param("dom0", marks=pytest.mark.long("the measure, QEMU in dom0"))]


def make_image(dom0, path, sectors, seed):
    """An image of so many CD sectors; returns what `sum` says of it."""
    data = hashlib.sha256(str(seed).encode()).digest() * 64 * sectors
    dom0.write(path, data)
    return f"{len(data)} {hashlib.sha256(data).hexdigest()}"


def read_cd(guest):
    """Size and checksum. QEMU's drive answers a changed medium's first commands with "not ready"
    and "medium may have changed". Linux makes an I/O error of that: try again."""
    for _ in range(3):
        line = guest.ask("sum sr0", "sum sr0", 180).splitlines()[-1]
        if "error" not in line:
            break
    return line.removeprefix("guest: sum sr0 ")


def loop_files(dom0):
    return dom0.shell("cat /sys/block/loop*/loop/backing_file 2>/dev/null || true").stdout


def wait_no_loop(dom0, path):
    """As soon as the toolstack has its answer; the kernel closes a loop device in the background."""
    end = time.monotonic() + 20
    while path in loop_files(dom0):
        assert time.monotonic() < end, loop_files(dom0)


def stub_disks(dom0, guest):
    return dom0.run("xenstore-list", f"/local/domain/0/backend/vbd/{guest.stub_domid}",
                    check=False).stdout.split()


def test_cd_change(make_guest, dom0):
    """xl cd-insert and cd-eject: the guest reads what is in the drive now."""
    guest = make_guest("cd", kind="direct", nics=(), modules=("sr_mod",))
    one, two = f"{guest.folder}/one.img", f"{guest.folder}/two.img"
    first = make_image(dom0, one, 40, 1)
    second = make_image(dom0, two, 60, 2)
    guest.config["disk"].append(f"format=raw,vdev=hdc,access=ro,devtype=cdrom,target={one}")
    guest.write_config()
    guest.start()
    before = stub_disks(dom0, guest)
    assert read_cd(guest) == first

    dom0.run("xl", "cd-insert", guest.name, "hdc", two)
    assert read_cd(guest) == second
    assert two in loop_files(dom0)
    wait_no_loop(dom0, one)
    assert len(stub_disks(dom0, guest)) == len(before)

    dom0.run("xl", "cd-eject", guest.name, "hdc")
    assert "error" in read_cd(guest)
    wait_no_loop(dom0, two)
    assert len(stub_disks(dom0, guest)) == len(before) - 1

    # A failure leaves the drive as it was, and says why.
    assert dom0.run("xl", "cd-insert", guest.name, "hdc", f"{guest.folder}/none",
                    check=False).status != 0
    dom0.run("xl", "cd-insert", guest.name, "hdc", one)
    assert read_cd(guest) == first

    # A guest that uses the drive has locked its tray: QEMU's own refusal.
    guest.ask("hold sr0", "hold sr0 ok")
    refused = dom0.run("xl", "cd-insert", guest.name, "hdc", two, check=False)
    assert refused.status != 0 and "locked" in refused.text
    guest.ask("hold", "hold  none")
    assert read_cd(guest) == first

    # By HMP, too, the file is free afterwards.
    assert guest.monitor("eject ide-5632").strip() == ""
    wait_no_loop(dom0, one)
    dom0.run("xl", "cd-insert", guest.name, "hdc", one)

    # Paravirtual disks of the guest's own are libxl's alone; this one has no driver for them,
    # so it does not let go by itself.
    extra = f"{guest.folder}/extra.img"
    make_image(dom0, extra, 100, 3)
    dom0.run("xl", "block-attach", guest.name, f"format=raw,vdev=xvde,access=rw,target={extra}")
    assert extra in loop_files(dom0)
    dom0.run("xl", "block-detach", "--force", guest.name, "xvde")
    wait_no_loop(dom0, extra)

    # A disk of QEMU's by QMP, from a descriptor of the caller's.
    added = {"node-name": "more", "driver": "raw", "read-only": True,
             "file": {"driver": "file", "filename": "/dev/fdset/0"}}
    *_, fd, add, nodes, gone = dom0.qmp(
        ["a", "open", f"/var/run/xen/qmp-libxl-{guest.domid}"],
        ["a", "ask", {"execute": "qmp_capabilities"}],
        ["a", "ask", {"execute": "add-fd"}, two],
        ["a", "ask", {"execute": "blockdev-add", "arguments": added}],
        ["a", "ask", {"execute": "query-named-block-nodes", "arguments": {"flat": True}}],
        ["a", "ask", {"execute": "blockdev-del", "arguments": {"node-name": "more"}}])
    assert fd["return"]["fdset-id"] == 0
    assert add == gone == {"return": {}}
    assert "more" in [node["node-name"] for node in nodes["return"]]
    wait_no_loop(dom0, two)
    assert len(stub_disks(dom0, guest)) == len(before)
    assert dom0.qemu_processes() == []


@pytest.fixture(name="drive")
def make_drive(dom0, leak_check):
    """A CD drive of the host's, without a disc: its tray is open, and opening does not close it."""
    dom0.shell("modprobe sr_mod; modprobe scsi_debug ptype=5 dev_size_mb=8 sector_size=2048; "
               "timeout 50 sh -c 'until [ -b /dev/sr0 ]; do sleep 0.1; done'; "
               "echo 0 >/proc/sys/dev/cdrom/autoclose")
    move_tray(dom0, CDROMEJECT)
    yield "/dev/sr0"
    # The guest is gone by now; its stub domain may be on its way.
    dom0.shell("timeout 100 sh -c 'until modprobe -r scsi_debug 2>/dev/null; do sleep 0.5; done'", timeout=120)


CDROMEJECT, CDROMCLOSETRAY = 0x5309, 0x5319


def move_tray(dom0, order):
    dom0.run("python3", "-c", "import fcntl, os; fcntl.ioctl(os.open('/dev/sr0', "
             f"os.O_RDONLY | os.O_NONBLOCK), {order})")


@pytest.mark.parametrize("side", SIDES)
def test_host_drive_without_a_disc(drive, make_guest, dom0, stub, side):
    """The guest starts with an empty drive, as with QEMU in dom0. The command that the log names
    puts a later disc into the guest's drive."""
    guest = make_guest("tray", kind="direct", disks=0, nics=(), stub=stub if side == "stub" else None,
                       cmdline=LINUX + "ata_piix,sr_mod")
    guest.config["disk"] = [f"format=raw,vdev=hdc,access=ro,devtype=cdrom,target={drive}"]
    guest.write_config()
    guest.create(paused=True)  # fails where libxl waits 60 s for a disk
    guest.attach()
    dom0.run("xl", "unpause", guest.name)
    guest.wait_ready()
    assert "error" in read_cd(guest)
    move_tray(dom0, CDROMCLOSETRAY)
    if side == "stub":
        assert "/dev/sr0 has no disc" in guest.log()
        dom0.run("xl", "cd-insert", guest.name, "hdc", drive)
    assert "error" not in read_cd(guest)
    said = guest.monitor("change ide-5632 /nowhere.iso")
    assert ("xl cd-insert" if side == "stub" else "Could not open") in said
