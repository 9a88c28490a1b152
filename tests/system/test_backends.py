# SPDX-License-Identifier: MIT
"""Back ends in dom0 that fail, stall, go away and come back, under a running guest; and many of
them."""
import pytest

from guestlib import disks
from guestlib.disks import BLOCK, LINUX, drive
from guestlib.dom0host import ASSETS, mkdisk

FOLDER = f"{ASSETS}/run/backends"
DM = "stubdom_test"
SECTORS = 32768  # 16 MiB
MANY = 28  # xvda to xvdz, xvdaa, xvdab
STATE_SECONDS = 60


@pytest.fixture(name="folder")
def make_folder(dom0, leak_check):
    dom0.shell(f"rm -rf {FOLDER}; mkdir -p {FOLDER}")
    yield FOLDER
    dom0.run("rm", "-rf", FOLDER)


@pytest.fixture(name="mapped")
def make_mapped(dom0, folder):
    """A device of device-mapper's, linear on a loop device, and what its table is made anew of."""
    dom0.shell(f"modprobe -a dm-mod dm-flakey; truncate -s {SECTORS * 512} {folder}/mapped.img")
    loop = dom0.run("losetup", "--find", "--show", f"{folder}/mapped.img").stdout.strip()
    dom0.run("dmsetup", "create", DM, "--table", f"0 {SECTORS} linear {loop} 0")
    # without udev nobody makes /dev/mapper/NAME
    name = dom0.run("dmsetup", "info", "-c", "--noheadings", "-o", "blkdevname", DM).stdout.strip()
    yield f"/dev/{name}", loop
    # The launcher of its guest may still have it open.
    dom0.shell(f"dmsetup resume {DM}; timeout 100 sh -c 'until dmsetup remove --retry {DM}; do sleep 0.2; done'; "
               f"losetup --detach {loop}; modprobe -r dm-flakey", timeout=150, check=False)


def load(dom0, table):
    dom0.shell(f"dmsetup reload {DM} --table '0 {SECTORS} {table}' && dmsetup resume {DM}")


def failing(guest, command):
    return "error Input/output error" in guest.ask(command, command.rsplit(" ", 1)[0] + " .*")


def bounce(dom0, guest, kind, device):
    """The back end of the stub domain's device goes through Closing and Closed and comes back."""
    state = f"/local/domain/0/backend/{kind}/{guest.stub_domid}/{device}/state"
    dom0.run("xenstore-write", state, "5")
    assert dom0.call("wait_xenstore", STATE_SECONDS, path=state, value="4",
                     seconds=STATE_SECONDS), dom0.xenstore(state)


def test_faults_and_returns(dom0, folder, mapped, make_guest):
    """One guest, a disk on device-mapper, another on a file, two NICs."""
    device, loop = mapped
    dom0.run("truncate", "-s", "8M", f"{folder}/plain.img")
    guest = make_guest(
        "back", kind="direct", disks=0, disk=[], nics=("virtio-net-pci", "virtio-net-pci"),
        split=True, networks=[0, 1], device_model_args_hvm=(
            drive(device, "nvme,serial=n0", "n0") +
            drive(f"{folder}/plain.img", "nvme,serial=n1", "n1")))
    guest.config["cmdline"] = guest.config["cmdline"].replace("guest.load=", "guest.load=nvme,")
    guest.write_config()
    guest.start()
    found = disks.wait_listed(guest, 2)
    bad = next(name for name, disk in found.items() if disk[0] == SECTORS * 512)
    plain = next(name for name, disk in found.items() if disk[0] == 8 << 20)
    for n in range(2):
        guest.bring_up(n)
    errors(dom0, guest, bad, plain, loop)
    stall(dom0, guest, bad)
    if guest.stub.options["kernel"] == "nub":
        # Linux gives a disk up when its back end closes; nub waits for the next one.
        disk_returns(dom0, guest, plain, f"{folder}/plain.img")
    nic_returns(dom0, guest)
    guest.destroy()
    dom0.wait_gone("back", "back-dm")


def errors(dom0, guest, bad, plain, loop):
    """A request that the device cannot serve is the guest's I/O error, and no more than that."""
    guest.ask(f"write {bad} 40 0x11", f"write {bad} 40 ok")
    load(dom0, "error")
    assert failing(guest, f"read {bad} 48") and failing(guest, f"write {bad} 40 0x12")
    disks.write_journal(guest, plain, 8)
    # reads are right, writes fail: a device that is about to die
    load(dom0, f"flakey {loop} 0 0 1000 1 error_writes")
    assert failing(guest, f"write {bad} 40 0x12")
    guest.ask(f"read {bad} 40", f"read {bad} 40 {disks.sha256(bytes([0x11]) * 512)}")
    load(dom0, f"linear {loop} 0")
    guest.ask(f"write {bad} 41 0x13", f"write {bad} 41 ok")
    assert dom0.sector(loop, 40) == b"\x11" * 512 and dom0.sector(loop, 41) == b"\x13" * 512
    assert "failed 0" not in guest.on_nic(0, f"ping {guest.peers[0]} 1", "ping ")


def stall(dom0, guest, bad):
    """A device that does not answer holds up who asked it, and nothing else."""
    dom0.run("dmsetup", "suspend", "--nolockfs", "--noflush", DM)
    try:
        guest.dom0.call("console_send", name=guest.name, text=f"write {bad} 50 0x14\n")
        assert "running" in guest.monitor("info status")
        for n in range(2):
            dom0.run("ping", "-c", "1", "-W", "10", guest.addresses[n])
        assert not dom0.call("console_ask", name=guest.name, text="",
                             pattern=f"write {bad} 50 ", seconds=0)["found"]
    finally:
        dom0.run("dmsetup", "resume", DM)
    guest.wait(f"write {bad} 50 ok")


def disk_returns(dom0, guest, name, path):
    """In the midst of writes: they wait, and all of them get there."""
    guest.ask(f"journal {name} 0 600", f"journal {name} 48")
    xvd = 51712 + 16  # the second disk of the stub domain
    bounce(dom0, guest, "vbd", xvd)
    said = guest.wait(f"journal {name} (done|error)")
    assert f"journal {name} done" in said, said
    content = dom0.rig.exec(["head", "-c", str(600 * BLOCK), path]).stdout
    assert content == disks.journal(600)


def nic_returns(dom0, guest):
    """Frames are lost meanwhile; the other NIC does not notice. The log tells of it. The back end comes
    back at the stub domain's word: that is paused until the log has been read."""
    state = f"/local/domain/0/backend/vif/{guest.stub_domid}/0/state"
    nic = rf"xenif0 \({guest.macs[0]} of the guest, on xenbr0\): its back end is"
    dom0.run("xl", "pause", f"{guest.name}-dm")
    dom0.run("xenstore-write", state, "5")
    dom0.wait_file(guest.log_path, rf"{nic} not connected any more \(Closing\); the guest's NIC has no link")
    assert dom0.call("wait_xenstore_there", STATE_SECONDS, seconds=STATE_SECONDS,
                     path=f"/local/domain/0/stubdom/{guest.domid}/no-link")
    dom0.run("xl", "unpause", f"{guest.name}-dm")
    assert dom0.call("wait_xenstore", STATE_SECONDS, path=state, value="4",
                     seconds=STATE_SECONDS), dom0.xenstore(state)
    dom0.wait_file(guest.log_path, f"{nic} connected again")
    for n in (1, 0):
        assert "ok 3/3" in guest.on_nic(n, f"ping {guest.peers[n]} 3", "ping ")


def test_many_disks(dom0, folder, make_guest):
    """More than the alphabet has letters: each is the right one, the last one too."""
    dom0.shell(f"cd {folder}; n=0; while [ $n -lt {MANY} ]; do cp {ASSETS}/data$((n % 4)).img $n.img; "
               "truncate -s +$((512 * n)) $n.img; n=$((n + 1)); done")
    args = ["-device", "nvme,id=many,serial=many"]
    for n in range(MANY):
        args += drive(f"{folder}/{n}.img", f"nvme-ns,bus=many,nsid={n + 1}", f"many{n}")
    guest = make_guest("many", kind="direct", disks=0, nics=(), disk=[],
                       cmdline=LINUX + "nvme", device_model_args_hvm=args)
    guest.start()
    # The length tells which is which: Linux gives names in the order in which they answer.
    found = {size: name for name, (size, _, _) in disks.wait_listed(guest, MANY).items()}
    assert sorted(found) == [(1 << 20) + 512 * n for n in range(MANY)]
    for n in (0, 25, 26, MANY - 1):
        name = found[(1 << 20) + 512 * n]
        assert disks.digest(guest, name, 65536) == disks.sha256(mkdisk.make_disk(n % 4)[:65536])
        guest.ask(f"write {name} 1800 {n + 1}", f"write {name} 1800 ok")
        assert dom0.sector(f"{folder}/{n}.img", 1800) == bytes([n + 1]) * 512
