# SPDX-License-Identifier: MIT
"""Disks that only PV drivers see, served by QEMU in the stub domain: from the start, and plugged in
while the guest runs; these and emulated ones, saved, restored and migrated under load."""
import time

import pytest

from guestlib import disks
from guestlib.disks import BLOCK, LINUX, PV
from guestlib.dom0host import ASSETS, mkdisk

FOLDER = f"{ASSETS}/run/pv"
DATA = 1 << 16


@pytest.fixture(name="folder")
def make_folder(dom0, leak_check):
    dom0.shell(f"rm -rf {FOLDER}; mkdir -p {FOLDER}; cd {FOLDER}; "
               f"for i in 0 1 2 3; do cp {ASSETS}/data$i.img $i.img; "
               "qemu-img convert -f raw -O qcow2 $i.img $i.qcow2; done")
    yield FOLDER
    dom0.shell(f"rm -rf {FOLDER}")


def content(dom0, path, fmt, blocks):
    """A disk's first blocks; a container must be whole."""
    if fmt == "qcow2":
        dom0.run("qemu-img", "check", "-q", path)
    dom0.run("qemu-img", "convert", "-f", fmt, "-O", "raw", path, f"{FOLDER}/flat")
    return dom0.rig.exec(["head", "-c", str(blocks * BLOCK), f"{FOLDER}/flat"]).stdout


def is_free(dom0, path):
    """No loop device has the file and nobody holds its lock."""
    return (dom0.run("losetup", "-j", path).stdout == "" and
            dom0.run("qemu-io", "-f", "raw", "-c", "read 0 512", path, check=False).status == 0)


def wait_free(dom0, path):
    """As soon as the toolstack has its answer; blkback closes a disk in the background."""
    end = time.monotonic() + 20
    while not is_free(dom0, path):
        assert time.monotonic() < end, dom0.run("losetup", "-j", path).stdout


def wait_disk(guest, name, there=True):
    """The guest lists it, or does not any more: looked at again and again."""
    end = time.monotonic() + 240
    while (name in disks.listed(guest)) != there:
        assert time.monotonic() < end, f"{name}: {disks.listed(guest)}\n{guest.log()}"


def check_data(guest, name, seed):
    assert disks.digest(guest, name, DATA) == disks.sha256(mkdisk.make_disk(seed)[:DATA]), name


def check_keyboard(dom0, guest):
    """The PV keyboard goes, and QEMU stays; one that comes is named in the log, also with the number
    of the first."""
    assert dom0.call("wait_xenstore", 120, path=f"/local/domain/{guest.domid}/device/vkbd/0/state",
                     value="4", seconds=120)
    dom0.run("xl", "vkb-detach", guest.name, "0")
    dom0.run("xl", "vkb-attach", guest.name, "backend-type=qemu")
    dom0.wait_file(guest.log_path, "new PV device vkbd 0 is not served: .* at its start only")
    dom0.run("xl", "vkb-detach", guest.name, "0")


def test_behind_the_emulated_ones(dom0, folder, make_guest):
    """A container and a file that only PV drivers see; others that come and go."""
    guest = make_guest(
        "pv", kind="direct", disks=0, nics=(), cmdline=f"{PV},xen-kbdfront",
        disk=[f"format=qcow2,vdev=hda,access=rw,target={folder}/0.qcow2",
              f"format=qcow2,vdev=xvde,access=rw,target={folder}/1.qcow2",
              f"format=raw,vdev=xvdf,access=rw,backendtype=qdisk,target={folder}/2.img"])
    guest.start()
    disks.wait_listed(guest, 3)
    for seed, name in enumerate(("xvda", "xvde", "xvdf")):
        check_data(guest, name, seed)
    assert " is not there" not in dom0.read(guest.log_path)
    check_keyboard(dom0, guest)
    node = "/local/domain/0/backend/qdisk"
    assert dom0.xenstore(f"{node}/{guest.domid}/51776/state") == "4"  # xvde

    plug = ["xl", "block-attach", "pv"]
    for name, fmt, file in (("xvdg", "qcow2", "3.qcow2"), ("xvdh", "raw", "3.img")):
        dom0.run(*plug, f"format={fmt},vdev={name},access=rw,backendtype=qdisk,"
                 f"target={folder}/{file}")
        wait_disk(guest, name)
        check_data(guest, name, 3)
    disks.write_journal(guest, "xvde,xvdf,xvdg,xvdh", 32)
    assert not is_free(dom0, f"{folder}/3.qcow2")
    for name, file in (("xvdg", "3.qcow2"), ("xvdh", "3.img")):
        dom0.run("xl", "block-detach", "pv", name)
        wait_disk(guest, name, there=False)
        wait_free(dom0, f"{folder}/{file}")
        fmt = file.split(".")[1].replace("img", "raw")
        assert content(dom0, f"{folder}/{file}", fmt, 32) == disks.journal(32)
    # The same name again, and one that was there from the start.
    dom0.run(*plug, f"format=qcow2,vdev=xvdg,access=rw,target={folder}/3.qcow2")
    wait_disk(guest, "xvdg")
    dom0.run("xl", "block-detach", "pv", "xvdf")
    wait_free(dom0, f"{folder}/2.img")
    assert content(dom0, f"{folder}/2.img", "raw", 32) == disks.journal(32)

    # A disk that cannot be served is named in the log, and can be taken away again.
    dom0.shell(f"truncate -s 1M {folder}/bad.qcow2")
    for access, file, says in (("rw", "bad.qcow2", "is no qcow2 image"),
                               ("ro", "3.img", "is never read-only"),
                               ("rw", "1.qcow2", "has it open")):
        dom0.run(*plug, f"format={'raw' if file == '3.img' else 'qcow2'},vdev=xvdi,"
                 f"access={access},backendtype=qdisk,target={folder}/{file}")
        dom0.wait_file(guest.log_path, f"qdisk xvdi is not served: .*{says}")
        dom0.run("xl", "block-detach", "pv", "xvdi")
    guest.end()  # its files are locked until then
    assert content(dom0, f"{folder}/1.qcow2", "qcow2", 32) == disks.journal(32)


@pytest.mark.long("the same for AHCI")
def test_behind_ahci(dom0, folder, make_guest):
    """libxl emulates six disks there, and PV drivers see the seventh alone."""
    guest = make_guest(
        "pv", kind="direct", disks=0, nics=(), hdtype="ahci", cmdline=PV,
        disk=[f"format=qcow2,vdev={name},access=rw,target={folder}/{i}.qcow2"
              for i, name in enumerate(("xvda", "xvdf", "xvdg"))])
    guest.start()
    disks.wait_listed(guest, 3)
    for seed, name in enumerate(("xvda", "xvdf", "xvdg")):
        check_data(guest, name, seed)
    emulated = dom0.run("stubdom", "plan", guest.name).stdout
    assert emulated.count("ide-hd") == 2, emulated
    disks.write_journal(guest, "xvdf,xvdg", 32)
    guest.end()
    for i in (1, 2):
        assert content(dom0, f"{folder}/{i}.qcow2", "qcow2", 32) == disks.journal(32)


SIX = [f"xvd{letter}" for letter in "efghij"]


@pytest.mark.long("six disks")
def test_six(dom0, folder, make_guest):
    """QEMU answers nobody while it takes the guest's PV devices, and libxl gives up an answer after
    10 s. So the toolstack is told that it runs when it has taken all."""
    dom0.shell(f"cd {folder}; for i in {' '.join(SIX)}; do cp 1.qcow2 $i; done")
    guest = make_guest("pv", kind="direct", disks=0, nics=(), cmdline=PV, disk=[
        f"format=qcow2,vdev={name},access=rw,target={folder}/{name}" for name in SIX])
    guest.create(paused=True)
    node = f"/local/domain/0/backend/qdisk/{guest.domid}"
    states = [dom0.xenstore(f"{node}/{n}/state") for n in dom0.run("xenstore-list", node).stdout.split()]
    assert states == ["2"] * len(SIX), states  # none of them is waited for
    guest.attach()
    dom0.run("xl", "unpause", guest.name)
    guest.wait_ready()
    disks.wait_listed(guest, len(SIX))
    check_data(guest, SIX[-1], 1)
    guest.end()


MANY = 16384  # blocks, 64 MiB: more than are written meanwhile


def progress(text, names):
    """How many blocks the guest has flushed, as far as it has said."""
    said = [line.split()[-1] for line in text.splitlines()
            if line.startswith(f"guest: journal {names} ")]
    return max((int(n) for n in said if n.isdigit()), default=0)


# The guest's names of the disks that it writes, and what xl emulates of them. The other two that
# PV drivers see are behind the emulated ones.
DRIVERS = {
    "pv": (PV, "xvdb,xvdc,xvde,xvdf", ("hdb", "hdc", "xvde", "xvdf")),
    "emulated": (LINUX + "ata_piix,sd_mod", "sda,sdb,sdc,sdd", ("hda", "hdb", "hdc", "hdd")),
}


@pytest.mark.parametrize("drivers", DRIVERS)
@pytest.mark.long("a guest is saved three times under load")
def test_saved_and_migrated(dom0, folder, make_guest, drivers):
    """Containers and files in QEMU's hands, by PV drivers (two emulated and two behind them) and by
    the emulated controller. The guest writes a journal meanwhile: checkpoint, migration to this
    very host, save and restore. Blocks that it was told are flushed are there, and the
    containers are whole."""
    cmdline, names, places = DRIVERS[drivers]
    files = ("b.qcow2", "c.img", "e.qcow2", "f.img")
    dom0.shell(f"cd {folder}; truncate -s 64M c.img f.img; "
               "for i in b e; do qemu-img create -q -f qcow2 $i.qcow2 64M; done")
    first = [f"format=raw,vdev=hda,access=rw,target={folder}/0.img"] if drivers == "pv" else []
    guest = make_guest("pv", kind="direct", disks=0, nics=(), cmdline=cmdline, disk=first + [
        ("format=qcow2" if file.endswith("qcow2") else "format=raw,backendtype=qdisk") +
        f",vdev={place},access=rw,target={folder}/{file}"
        for place, file in zip(places, files)])
    guest.start()
    disks.wait_listed(guest, len(guest.config["disk"]))
    flushed = progress(guest.ask(f"journal {names} 0 {MANY}", f"journal {names} \\d+"), names)

    def goes_on():
        """It writes on, and has forgotten nothing."""
        nonlocal flushed
        before = flushed
        while flushed <= before:
            said = guest.wait(f"journal {names} (\\d+|error|done)", 240)
            assert "error" not in said and "done" not in said, said
            flushed = max(flushed, progress(said, names))

    dom0.run("xl", "save", "-c", guest.name, f"{folder}/state", timeout=400)
    goes_on()
    guest.detach()
    dom0.run("xl", "migrate", "-s", "", guest.name, "xl migrate-receive", timeout=400)
    guest.attach()
    goes_on()
    guest.detach()
    dom0.run("xl", "save", guest.name, f"{folder}/state", timeout=400)
    dom0.wait_gone("pv", "pv-dm")
    dom0.run("xl", "restore", f"{folder}/state", timeout=400)
    guest.attach()
    goes_on()
    guest.destroy()
    dom0.wait_gone("pv", "pv-dm")
    for file in files:
        fmt = "raw" if file.endswith("img") else "qcow2"
        assert content(dom0, f"{folder}/{file}", fmt, flushed) == disks.journal(flushed), file


@pytest.mark.parametrize("file,access,says", [("top", "rw", "flatten it"),
                                              ("1", "ro", "is never read-only")])
def test_refused(dom0, folder, make_guest, file, access, says):
    """A disk that QEMU cannot serve is refused before the guest runs, with the remedy."""
    dom0.run("qemu-img", "create", "-q", "-f", "qcow2", "-b", f"{folder}/0.img", "-F", "raw",
             f"{folder}/top.qcow2")
    guest = make_guest("pv", disks=0, nics=(), disk=[
        f"format=qcow2,vdev=xvde,access={access},target={folder}/{file}.qcow2"])
    guest.config["device_model_args"] += ["-stubdom", f"backing={folder}"]
    guest.write_config()
    assert guest.create(check=False).status != 0
    assert "disk of xvde (PV drivers only)" in guest.log() and says in guest.log()
