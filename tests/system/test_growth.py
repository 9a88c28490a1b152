# SPDX-License-Identifier: MIT
"""Disks that get longer, and internal snapshots, while the guest runs: what QEMU needs, dom0's file
and the stub domain's disk have."""
import json
import time

import pytest

from guestlib import disks
from guestlib.disks import PV
from guestlib.dom0host import ASSETS

FOLDER = f"{ASSETS}/run/growth"
MIB = 1 << 20
CLUSTER = 2 * MIB  # one sector that is overwritten after a snapshot takes as much room
CLUSTERS = 24


@pytest.fixture(name="folder")
def make_folder(dom0, leak_check):
    dom0.shell(f"rm -rf {FOLDER}; mkdir -p {FOLDER}; cd {FOLDER}; "
               f"yes old | head -c {CLUSTERS * CLUSTER} >old; "
               "qemu-img convert -f raw -O qcow2 -o cluster_size=2M old d.qcow2; "
               "truncate -s 16M d.raw")
    yield FOLDER
    dom0.shell(f"rm -rf {FOLDER}")


def nodes(dom0, guest):
    """dom0's file to the name of QEMU's PV node on it."""
    found = json.loads(dom0.run("stubdom", "qmp", guest.name, "query-block").stdout)
    return {entry["inserted"]["file"].split("/")[-1]: entry["inserted"]["node-name"] for entry in found
            if "inserted" in entry and not entry["device"]}


def wait_size(guest, name, size):
    end = time.monotonic() + 240
    while disks.listed(guest)[name][0] != size:
        assert time.monotonic() < end, disks.listed(guest)


def length(dom0, path):
    return int(dom0.run("stat", "-c", "%s", path).stdout)


def test_growth(dom0, folder, make_guest):
    guest = make_guest(
        "growth", kind="direct", disks=0, nics=(), cmdline=PV,
        disk=[f"format=qcow2,vdev=hda,access=rw,target={folder}/d.qcow2",
              f"format=raw,vdev=xvde,access=rw,backendtype=qdisk,target={folder}/d.raw"])
    guest.start()
    disks.wait_listed(guest, 2)
    names = nodes(dom0, guest)
    qcow2, raw = names["d.qcow2"], names["d.raw"]
    before = length(dom0, f"{folder}/d.qcow2")

    # All of it is overwritten after a snapshot, which keeps the old content.
    dom0.run("stubdom", "qmp", guest.name, "blockdev-snapshot-internal-sync", f"device={qcow2}",
             "name=s1")
    assert length(dom0, f"{folder}/d.qcow2") >= before + CLUSTERS * CLUSTER
    for n in range(CLUSTERS):
        sector = n * CLUSTER // 512
        guest.ask(f"write xvda {sector} {n + 1}", f"write xvda {sector} ok")

    # The guest's disks get longer, and are written to behind their old ends.
    for node, size in ((qcow2, 72 * MIB), (raw, 24 * MIB)):
        dom0.run("stubdom", "qmp", guest.name, "block_resize", f"node-name={node}", f"size={size}")
    for name, size in (("xvda", 72 * MIB), ("xvde", 24 * MIB)):
        wait_size(guest, name, size)
        guest.ask(f"write {name} {size // 512 - 1} 0x77", f"write {name} {size // 512 - 1} ok")
    assert length(dom0, f"{folder}/d.raw") == 24 * MIB
    shorter = dom0.run("stubdom", "qmp", guest.name, "block_resize", f"node-name={raw}",
                       f"size={8 * MIB}", check=False)
    assert shorter.status != 0 and "is not made shorter while a guest has it" in shorter.text
    guest.end()  # its files are locked until then

    assert length(dom0, f"{folder}/d.raw") == 24 * MIB
    assert dom0.sector(f"{folder}/d.raw", 24 * MIB // 512 - 1) == b"\x77" * 512
    # 3: clusters that are lost, as a guest that is destroyed may leave, but nothing wrong
    assert dom0.run("qemu-img", "check", "-q", f"{folder}/d.qcow2", check=False).status in (0, 3)
    dom0.shell(f"cd {folder}; qemu-img convert -f qcow2 -O raw d.qcow2 now; "
               f"qemu-img convert -l s1 -f qcow2 -O raw d.qcow2 then; cmp -n {CLUSTERS * CLUSTER} then old")
    for n in range(CLUSTERS):
        assert dom0.sector(f"{folder}/now", n * CLUSTER // 512) == bytes([n + 1]) * 512
    assert dom0.sector(f"{folder}/now", 72 * MIB // 512 - 1) == b"\x77" * 512


@pytest.mark.long("a disk whose length is its owner's")
def test_block_device(dom0, folder, make_guest):
    """dom0's block device gets longer, and QEMU is told of it: the guest writes to its end."""
    path = f"{folder}/d.raw"
    device = dom0.run("losetup", "-f", "--show", path).stdout.strip()
    try:
        guest = make_guest("growth", kind="direct", disks=0, nics=(), cmdline=PV, disk=[
            f"format=raw,vdev=xvde,access=rw,backendtype=qdisk,target={device}"])
        guest.start()
        disks.wait_listed(guest, 1)
        (node,) = nodes(dom0, guest).values()
        order = ("stubdom", "qmp", guest.name, "block_resize", f"node-name={node}", f"size={24 * MIB}")
        assert dom0.run(*order, check=False).status != 0
        dom0.shell(f"truncate -s 24M {path}; losetup -c {device}")
        end = time.monotonic() + 60  # the stub domain's disk follows dom0's
        while (done := dom0.run(*order, check=False)).status != 0:
            assert time.monotonic() < end, done.text
        wait_size(guest, "xvde", 24 * MIB)
        last = 24 * MIB // 512 - 1
        guest.ask(f"write xvde {last} 0x78", f"write xvde {last} ok")
        guest.end()
    finally:
        dom0.run("losetup", "-d", device)
    assert dom0.sector(path, 24 * MIB // 512 - 1) == b"\x78" * 512


def test_longer_than_a_file(dom0, folder, make_guest):
    """Containers that may one day need more than the file system can hold in one file: of itself,
    and for its internal snapshots."""
    tib = {"xvda": 20, "xvdb": 2}
    dom0.shell(f"cd {folder}; qemu-img create -q -f qcow2 xvda 20T; qemu-img create -q -f qcow2 xvdb 2T; "
               "for i in 1 2 3 4 5 6 7 8; do qemu-img snapshot -c s$i xvdb; done")
    guest = make_guest("growth", kind="direct", disks=0, nics=(), cmdline=PV, disk=[
        f"format=qcow2,vdev=hd{name[-1]},access=rw,target={folder}/{name}" for name in tib])
    guest.start()
    warned = [line for line in dom0.read(guest.log_path).splitlines()
              if "its file system holds no file of more than" in line]
    assert len(warned) == 2, warned
    found = disks.wait_listed(guest, 2)
    for name, size in tib.items():
        assert found[name][0] == size << 40
        last = (size << 40) // 512 - 1
        guest.ask(f"write {name} {last} 0x31", f"write {name} {last} ok")
    guest.destroy()
