# SPDX-License-Identifier: MIT
"""Disks of every kind that xl and QEMU take. Each arrives as the disk that it is, and the guest's
writes are in dom0's file and in no other."""
import re
import time

import pytest

from guestlib import disks
from guestlib.disks import BLOCK, LINUX, drive, sha256
from guestlib.dom0host import ASSETS, mkdisk

FOLDER = f"{ASSETS}/run/disks"
SIZE = 1 << 20
FLOPPY = 1440 << 10
DATA = 1 << 16  # the bytes of a test disk that are not zero


@pytest.fixture(name="folder")
def make_folder(dom0, leak_check):
    dom0.shell(f"rm -rf {FOLDER}; mkdir -p {FOLDER}")
    yield FOLDER
    # A loop device may be on its way out.
    dom0.shell(f"timeout 100 sh -c 'while mountpoint -q {FOLDER}/full && ! umount {FOLDER}/full; do sleep 0.2; done'; "
               f"rm -rf {FOLDER}", timeout=120)


def data_disk(dom0, path, seed=0, more=0):
    """A test disk in dom0, `more` zero bytes longer; its content."""
    dom0.shell(f"cp {ASSETS}/data{seed}.img {path} && truncate -s +{more} {path}")
    return mkdisk.make_disk(seed) + bytes(more)


def read_file(dom0, path, size, offset=0):
    return dom0.rig.exec(["dd", f"if={path}", "iflag=skip_bytes,count_bytes", f"skip={offset}",
                          f"count={size}", "bs=64k", "status=none"]).stdout


def start_linux(make_guest, name, modules, **config):
    """A direct-boot guest with these drivers, when it is ready."""
    config.setdefault("cmdline", LINUX + modules)
    guest = make_guest(name, kind="direct", disks=0, nics=(), **config)
    guest.start()
    return guest


@pytest.fixture(name="block_4k")
def make_block_4k(dom0, folder):
    """A block device of 4096-byte sectors, SIZE + 8192 bytes."""
    path = f"{folder}/block.img"
    data_disk(dom0, path, 0, 8192)
    loop = dom0.run("losetup", "--find", "--show", "--sector-size", "4096", path).stdout.strip()
    yield loop
    dom0.run("losetup", "--detach", loop)


def test_every_kind(dom0, folder, block_4k, make_guest):
    """IDE, CD drives full and empty, NVMe read-write and read-only, and a block device of 4096-byte
    sectors, on one guest. Lengths that are no multiple of 4096. The length tells which is which.
    (SCSI controllers look for 256 disks, which takes minutes here. QEMU's NVMe does not tell of a
    read-only disk: a write fails.)"""
    # length: (content, read-only, file in dom0)
    want = {SIZE + 8192: (mkdisk.make_disk(0) + bytes(8192), False, f"{folder}/block.img")}
    for i, kind in enumerate(["ide", "nvme", "nvme_ro", "cd"]):
        more = 2048 * 7 if kind == "cd" else 512 * (2 * i + 1)
        path = f"{folder}/{kind}.img"
        want[SIZE + more] = (data_disk(dom0, path, i, more), kind in ("nvme_ro", "cd"), path)
    # A disk that xl names costs its block script a second or more here; QEMU's own arguments make
    # the same devices.
    guest = start_linux(
        make_guest, "disks", "ata_piix,sd_mod,sr_mod,nvme",
        disk=[f"format=raw,vdev=hda,access=rw,target={folder}/ide.img",
              f"format=raw,vdev=hdc,devtype=cdrom,target={folder}/cd.img",
              "vdev=hdd,devtype=cdrom,format=empty"],
        device_model_args_hvm=(
            drive(f"{folder}/nvme.img", "nvme,serial=n0", "n0") +
            drive(f"{folder}/nvme_ro.img", "nvme,serial=n1", "n1", readonly="on") +
            drive(block_4k, "nvme,serial=n2", "n2")))
    found = disks.wait_listed(guest, len(want) + 1)
    # Besides ours there is the empty drive.
    assert len(found) == len(want) + 1, found
    for name, (size, _, mode) in sorted(found.items()):
        if size not in want:
            assert name.startswith("sr"), found
            continue
        content, readonly, _ = want[size]
        assert disks.digest(guest, name, DATA) == sha256(content[:DATA]), name
        assert name.startswith("sr") or mode == "rw", name
        if readonly:
            guest.ask(f"write {name} 0 1", f"write {name} 0 error")
    writable = {name: size for name, (size, _, _) in found.items()
                if size in want and not want[size][1]}
    for value, name in enumerate(writable, 0x41):
        last = writable[name] // 512 - 1
        guest.ask(f"write {name} {last} {value}", f"write {name} {last} ok")
    guest.destroy()
    # The very last sector of each, of the right one, and nothing else of it.
    for value, name in enumerate(writable, 0x41):
        content, _, path = want[writable[name]]
        expected = content[:-512] + bytes([value]) * 512
        assert read_file(dom0, path, len(content)) == expected, name
    assert read_file(dom0, f"{folder}/nvme_ro.img", SIZE) == mkdisk.make_disk(2)


def test_floppy(dom0, folder, make_guest):
    path = f"{folder}/floppy.img"
    content = data_disk(dom0, path, 0, FLOPPY - SIZE)
    guest = start_linux(make_guest, "floppy", "floppy", disk=[], device_model_args_hvm=[
        "-drive", f"file={path},if=floppy,index=0,format=raw"])
    assert disks.digest(guest, "fd0", DATA) == sha256(content[:DATA])
    last = FLOPPY // 512 - 1
    guest.ask(f"write fd0 {last} 65", f"write fd0 {last} ok")
    guest.destroy()
    assert read_file(dom0, path, FLOPPY) == content[:-512] + b"A" * 512


def test_flushed_writes_survive(dom0, folder, make_guest):
    """A raw file, a qcow2 file that grows, and one on a backing file. A guest writes to them over
    AHCI until stub domain and launcher are killed. Every block that the guest was told to be
    flushed is in dom0's files, and the containers are whole. (Debian's QEMU for Xen has no other
    formats.)"""
    dom0.run("truncate", "-s", "64M", f"{folder}/d.raw")
    dom0.run("qemu-img", "create", "-q", "-f", "qcow2", f"{folder}/d.qcow2", "64M")
    base = data_disk(dom0, f"{folder}/base.raw", 1, 15 << 20)
    dom0.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", f"{folder}/base.raw", "-F", "raw",
             f"{folder}/top.qcow2")
    files = [("d.raw", "raw"), ("d.qcow2", "qcow2"), ("top.qcow2", "qcow2")]
    guest = make_guest(
        "disks", kind="direct", disks=0, nics=(), hdtype="ahci", cmdline=LINUX + "ahci,sd_mod",
        disk=[f"format={fmt},vdev=hd{'abc'[i]},access=rw,target={folder}/{name}"
              for i, (name, fmt) in enumerate(files)])
    guest.config["device_model_args"] += ["-stubdom", f"backing={folder}"]
    guest.write_config()
    guest.start()
    found = disks.wait_listed(guest, 3)
    names = ",".join(sorted(found))
    # AHCI's ports are looked at side by side: the length tells the disks apart.
    top = [name for name, disk in found.items() if disk[0] == len(base)]
    assert disks.digest(guest, top[0], DATA) == sha256(base[:DATA])
    guest.ask(f"journal {names} 0 4000", f"journal {names} 48", 120)
    # Under load, with requests on their way.
    dom0.run("kill", "-KILL", str(guest.launcher_pid))
    dom0.run("xl", "destroy", "disks-dm", check=False)
    dom0.wait_gone("disks-dm")
    said = dom0.call("console_ask", 60, name="disks", text="", pattern="nothing more", seconds=2)
    acked = [int(line.split()[-1]) for line in said["text"].splitlines()
             if line.startswith(f"guest: journal {names} ") and line.split()[-1].isdigit()]
    flushed = max(acked, default=48)
    assert flushed < 4000
    guest.destroy()
    for name, fmt in files:
        if fmt == "qcow2":
            # 3: clusters that are lost, but nothing that is wrong; a crash may leave these
            assert dom0.run("qemu-img", "check", "-q", f"{folder}/{name}",
                            check=False).status in (0, 3)
        dom0.run("qemu-img", "convert", "-f", fmt, "-O", "raw", f"{folder}/{name}",
                 f"{folder}/flat")
        assert read_file(dom0, f"{folder}/flat", flushed * BLOCK) == disks.journal(flushed), name
    assert read_file(dom0, f"{folder}/base.raw", len(base)) == base


@pytest.mark.parametrize("side", ["stub", pytest.param("dom0", marks=pytest.mark.long("the measure, QEMU in dom0"))])
def test_unflushed_writes_survive(dom0, folder, make_guest, stub, side):
    """Of a container: QEMU has its tables in its own cache, and writes them back as the guest is destroyed."""
    path, far = f"{folder}/boot.qcow2", 100000  # in a cluster that is not there yet
    guest = make_guest("disks", stub=stub if side == "stub" else None, disk=[
        f"format=qcow2,vdev=hda,access=rw,target={path}"])
    dom0.run("qemu-img", "convert", "-O", "qcow2", guest.disks[0], path)
    dom0.run("qemu-img", "resize", "-q", path, "64M")
    guest.start()
    guest.ask(f"write 0 {far} 0x6b", f"write 0 {far}")
    guest.end()
    dom0.run("qemu-img", "check", "-q", path)
    dom0.run("qemu-img", "convert", "-O", "raw", path, f"{folder}/flat")
    assert dom0.sector(f"{folder}/flat", far) == b"\x6b" * 512


def test_pv_drivers(dom0, folder, make_guest):
    """A Linux guest with all PV drivers, which unplugs the emulated disks. It waits for no device
    that libxl expects a QEMU in dom0 to serve. It has its disks, also the one in a container."""
    raw = data_disk(dom0, f"{folder}/raw.img")
    dom0.run("qemu-img", "convert", "-f", "raw", "-O", "qcow2", f"{ASSETS}/data1.img",
             f"{folder}/d.qcow2")
    guest = make_guest(
        "disks", kind="direct", disks=0, nics=(),
        cmdline="console=ttyS0 loglevel=5 panic=-1 tsc=reliable "
                "guest.load=ata_piix,sd_mod,xen_blkfront,xen_netfront",
        disk=[f"format=raw,vdev=hda,access=rw,target={folder}/raw.img",
              f"format=qcow2,vdev=hdb,access=rw,target={folder}/d.qcow2",
              "vdev=hdc,devtype=cdrom,format=empty"])
    said = guest.start()
    assert "Waiting for devices" not in said
    found = disks.wait_listed(guest, 2)
    assert {"xvda", "xvdb"} <= set(found) and not {"sda", "sdb"} & set(found), found
    path = f"/local/domain/{guest.domid}/device"
    assert dom0.xenstore(f"{path}/vkbd/0/state") == "4"
    for device in ("vbd/832", "vkbd/0"):  # hdb
        assert dom0.xenstore(f"{path}/{device}/backend-id") == str(guest.stub_domid)
    assert disks.digest(guest, "xvda", DATA) == sha256(raw[:DATA])
    assert disks.digest(guest, "xvdb", DATA) == sha256(mkdisk.make_disk(1)[:DATA])
    disks.write_journal(guest, "xvda,xvdb", 64)
    guest.end()  # its files are locked until then
    dom0.run("qemu-img", "check", "-q", f"{folder}/d.qcow2")
    dom0.run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", f"{folder}/d.qcow2",
             f"{folder}/flat")
    for name in ("raw.img", "flat"):
        assert read_file(dom0, f"{folder}/{name}", 64 * BLOCK) == disks.journal(64), name


@pytest.fixture(name="bad_disk")
def make_bad_disk(dom0, folder):
    """A block device of 16 MiB whose sectors 2048 to 2055 can be neither read nor written."""
    config = "/sys/kernel/config/nullb/stubdom_bad"
    dom0.shell("modprobe null_blk nr_devices=0; "
               "mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config; "
               f"mkdir {config} && cd {config} && echo 16 >size && echo 1 >memory_backed && "
               "echo +2048-2055 >badblocks && echo 1 >power")
    yield "/dev/stubdom_bad"
    # The launcher of its last guest may still have it open.
    dom0.shell(f"echo 0 >{config}/power; rmdir {config}; "
               "timeout 100 sh -c 'until modprobe -r null_blk; do sleep 0.2; done'", timeout=120)


def stops_and_goes_on(dom0, guest, folder, name):
    """QEMU is asked to stop the guest for an error: it is said why, until the guest goes on."""
    dom0.call("console_ask", name=guest.name, text=f"write {name} 4096 0x41\n", pattern="^$",
              seconds=0)
    why = "disk n2: write: .*; QEMU has stopped the guest"
    dom0.wait_file(guest.log_path, "agent: " + why)
    status = dom0.run("stubdom", "status", guest.name).stdout
    assert re.search(why, status) and "io-error" in status, status
    dom0.run("mount", "-o", "remount,size=20M", f"{folder}/full")
    dom0.run("stubdom", "qmp", guest.name, "cont")
    guest.wait(f"write {name} 4096 ok")
    end = time.monotonic() + 60
    while re.search("disk n2|io-error", status):
        assert time.monotonic() < end, status
        status = dom0.run("stubdom", "status", guest.name).stdout


def test_faults(dom0, folder, bad_disk, make_guest):
    """An I/O error of the back end is the guest's I/O error; a full file system's, too. A disk that
    a guest has is nobody else's. Nothing else fails."""
    dom0.shell(f"mkdir {folder}/full && mount -t tmpfs -o size=1M none {folder}/full && "
               f"truncate -s 8M {folder}/full/disk.img; truncate -s 9M {folder}/full/ide.img; "
               f"truncate -s 10M {folder}/full/stop.img")
    try:
        guest = start_linux(
            make_guest, "disks", "nvme,ata_piix,sd_mod",
            disk=[f"format=raw,vdev=hda,access=rw,target={folder}/full/ide.img"],
            device_model_args_hvm=(
                drive(bad_disk, "nvme,serial=n0", "n0") +
                drive(f"{folder}/full/disk.img", "nvme,serial=n1", "n1") +
                drive(f"{folder}/full/stop.img", "ide-hd,bus=ide.0,unit=1,werror=stop", "n2")))
        found = disks.wait_listed(guest, 4)
        # Linux probes disks side by side, so only a size tells which disk has a name.
        full, ide, stop, bad = (next(name for name, disk in found.items() if disk[0] == size << 20)
                                for size in (8, 9, 10, 16))
        for what in (f"read {bad} 2050", f"write {bad} 2050 1"):
            assert "error Input/output error" in guest.ask(what, what.rsplit(" ", 1)[0]), what
        guest.ask(f"write {bad} 2056 0x21", f"write {bad} 2056 ok")
        assert dom0.sector(bad_disk, 2056) == b"\x21" * 512
        said = guest.ask(f"journal {full} 0 2000", f"journal {full} (done|error)", 120)
        # NVMe's write fault; Linux says "No data available" for it
        assert f"journal {full} error" in said, said
        assert guest.ask("echo alive", "echo").endswith("alive\n")
        # The log and `stubdom status` name the disk, when QEMU tells of its error and always.
        assert "error" in guest.ask(f"write {ide} 4096 1", f"write {ide} 4096")
        dom0.wait_file(guest.log_path, "agent: disk ide0-hd0: write: ")
        assert "disk ide0-hd0: write: " in dom0.run("stubdom", "status", "disks").stdout
        assert " I/O error" in dom0.run("grep", "kernel: ", guest.log_path).stdout
        stops_and_goes_on(dom0, guest, folder, stop)

        # Another guest, and a program of dom0's, are kept off it.
        other = make_guest("other", kind="direct", disks=0, nics=(), disk=[],
                           device_model_args_hvm=drive(bad_disk, "nvme,serial=n0", "n0"))
        assert other.create(check=False).status != 0
        assert "another guest or program has it open" in other.log()
        done = dom0.run("qemu-io", "-f", "raw", "-c", "write 0 512", f"{folder}/full/disk.img",
                        check=False)
        assert done.status != 0 and "lock" in done.text
        # Its own end is the end of the lock.
        guest.destroy()
        dom0.wait_gone("disks", "disks-dm")
        other.config["device_model_args_hvm"] = drive(
            f"{folder}/full/disk.img", "nvme,serial=n0", "n0", readonly="on")
        other.write_config()
        other.create()
        other.destroy()
        dom0.wait_gone("other", "other-dm")
    finally:
        dom0.run("umount", f"{folder}/full", check=False)  # busy: the folder's end does it


@pytest.mark.parametrize("make,fmt,says", [
    (": >{}", "raw", "is empty"), ("truncate -s 1M {}", "qcow2", "is no qcow2 image"),
    ("mkdir {}", "raw", "is a directory"),
    ("qemu-img create -q -f vmdk {} 1M", "vmdk", "qemu-img convert -O qcow2"),
])
def test_wrong_disk(dom0, folder, make, fmt, says, make_guest):
    dom0.shell(make.format(f"{folder}/disk"))
    guest = make_guest("disks", disks=0, nics=(), disk=[],
                       device_model_args_hvm=drive(f"{folder}/disk", "nvme,serial=n0", "n0", fmt))
    done = guest.create(check=False)
    assert done.status != 0 and "timed out" not in done.text
    assert len([line for line in guest.log().splitlines() if says in line]) == 1, guest.log()


def test_boot_from_cd(dom0, folder, make_guest):
    """SeaBIOS boots the CD and not the disk, which the guest then finds; two guests have one CD."""
    data_disk(dom0, f"{folder}/disk.img")
    cd = f"format=raw,vdev=hdc,devtype=cdrom,target={ASSETS}/boot.iso"
    guest = make_guest("disks", disks=0, nics=(), boot="d",
                       disk=[f"format=raw,vdev=hda,access=rw,target={folder}/disk.img", cd])
    assert f"disk 0 ok {mkdisk.data_crc(mkdisk.make_disk(0))}" in guest.start()
    other = make_guest("other", disks=0, nics=(), boot="d", disk=[cd])
    other.start()
    for who in (guest, other):
        who.ask(f"echo {who.name} lives", f"bios-guest: echo {who.name} lives")
