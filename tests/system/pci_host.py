# SPDX-License-Identifier: MIT
"""A host that lends PCI devices, and guests without others: shared by the tests of test_pci*.py."""
import random
import re

import pytest

from guestlib import disks, pci
from guestlib.pci import DOM0, LENT, MACS, VIRTIO, assignable, content, node

# Beside the first part, which `make check` runs.
more = pytest.mark.long("make check-pci")

FREE_SECONDS = 120


@pytest.fixture(scope="session", autouse=True)
def host(rig, dom0):
    """Devices that pciback holds, and dom0's end of the network that the NICs are on."""
    if rig.kind != "iommu":
        pytest.skip("the rig has no IOMMU: --machine=iommu")
    pci.prepare(dom0)
    assert assignable(dom0) == set(LENT)


def rights(dom0, domid):
    """The interrupts, pages and ports that Xen lets the domain pass on; "" if none."""
    dom0.shell("xl dmesg -c >/dev/null; xl debug-keys q")
    said = dom0.run("xl", "dmesg").stdout
    part = said.partition(f"Rangesets belonging to domain {domid}:\n")[2]
    found = re.findall(r"(Interrupts|I/O Memory|I/O Ports) +{ *(.*?) *}", part)[:3]
    assert len(found) == 3, said
    return " ".join(ranges for _, ranges in found).strip()


def registers(dom0, place):
    return dom0.shell(f"od -An -tx1 -v -N 256 /sys/bus/pci/devices/0000:{place}/config").stdout


def wait_free(dom0, *places, last=True):
    """Until the toolstack and, if no guest has another, pciback have them back."""
    held = "ls -d /sys/devices/pci-[0-9]*-* 2>/dev/null" if last else "false"
    nodes = " ".join(f"{node(place)}/domid" for place in places)
    dom0.shell(f"for i in $(seq {FREE_SECONDS * 5}); do sleep 0.2; "
               f"for n in {nodes}; do xenstore-read $n 2>/dev/null && continue 2; done; "
               f"{held} || exit 0; done; exit 1",
               timeout=FREE_SECONDS + 60)
    assert set(places) <= assignable(dom0)


def end(dom0, pt, *places):
    """Destroys the guest; its devices are given back."""
    pt.detach()
    pt.destroy()
    dom0.wait_gone(pt.name, f"{pt.name}-dm")
    wait_free(dom0, *places)


@pytest.fixture(name="guest")
def make(make_guest):
    """Makes a Linux guest without emulated disks and NICs, whose drivers are the devices' own."""
    def guest(name, *places, modules=("virtio_blk", "ahci", "sd_mod", "e1000e", "e1000"), **how):
        if places:
            how["pci"] = list(places)
        return make_guest(name, kind="direct", disks=0, nics=(), modules=modules, **how)
    return guest


def check_disk(rig, guest, name="vda", image="pt-virtio"):
    """The guest's own driver reads it whole, by DMA and interrupts; what it writes is there."""
    disks.wait_listed(guest, 1)
    assert disks.digest(guest, name) == content(rig, image)
    value = 1 + int(content(rig, image)[:4], 16) % 200
    said = guest.ask(f"write {name} 7 {value}", f"write {name} ")
    assert "error" not in said, said
    with open(rig.machine.path(f"{image}.img"), "rb") as f:
        f.seek(7 * 512)
        assert set(f.read(512)) == {value}


def check_next_guest(rig, dom0, guest):
    """The device is free, and another guest's disk works."""
    wait_free(dom0, VIRTIO)
    pt = guest("pt2", VIRTIO)
    pt.start()
    check_disk(rig, pt)


def ping(guest, place, host_part):
    """By the NIC at that place, over its own driver, to dom0. Its name in the guest."""
    said = guest.ask(f"nic {MACS[place]},10.98.0.{host_part}/24", "nic .* (up|error|down|none)")
    name = re.search(r"nic (\S+) \S+ up", said)
    assert name, said
    said = guest.ask(f"ping {DOM0} 5", f"ping {re.escape(DOM0)} ")
    assert f"ping {DOM0} ok 5/5" in said, said
    return name[1]


def interrupts(guest, word, cpu=""):
    """How many there are with the word in their names, how many went to the CPU, and how often each
    CPU had them."""
    said = guest.ask(f"irq {word} {cpu}", f"irq {word} ")
    found, moved, counts = re.search(r"found (\d+) moved (\d+) counts ([\d ]+)", said).groups()
    return int(found), int(moved), [int(n) for n in counts.split()]


@pytest.fixture(name="plug")
def make_plug(rig, dom0, leak_check):
    """Puts a device into the host while it runs: QEMU cannot save each, and so no saved host has it. A
    test asks for it before `guest`, whose end then comes first. Xen panics at the end of a guest whose
    device is out of the host (docs/upstream-bugs.md)."""
    made = []

    def plug(*functions):
        """The last one is function 0, which makes the guest of the bus look."""
        with rig.machine.qmp() as qmp:
            for function in functions:
                made.append(function)
                if "drive" in function:
                    function["drive"] = make_image(rig, qmp, function["drive"])
                if "netdev" in function:
                    qmp.command("netdev_add", type="hubport", id=function["netdev"], hubid=0)
                qmp.command("device_add", bus="rp4", **function)
        places = [f"04:00.{n}" for n in range(len(functions))]
        for place in places:
            dom0.shell(f"for i in $(seq 100); do [ -e /sys/bus/pci/devices/0000:{place}/config ] && exit 0; "
                       "sleep 0.2; done; exit 1")
            dom0.run("xl", "pci-assignable-add", place)
        return places

    yield plug
    for n in range(len(made)):
        dom0.run("xl", "pci-assignable-remove", f"04:00.{n}", check=False)
        dom0.run("xenstore-rm", node(f"04:00.{n}"), check=False)
    with rig.machine.qmp() as qmp:
        qmp.command("device_del", id=made[-1]["id"])
        for function in made:
            qmp.wait_until("qom-list", lambda all, name=function["id"]: name not in {c["name"] for c in all},
                           60, "taking the device out", path="/machine/peripheral")
            if "netdev" in function:
                qmp.command("netdev_del", id=function["netdev"])


def make_image(rig, qmp, name):
    """Its node in the rig's QEMU, which keeps it: the device, though gone, may still use it."""
    with open(rig.machine.path(f"{name}.img"), "wb") as f:
        f.write(random.Random(name).randbytes(8 << 20))
    node_name = f"{name}-{len(qmp.command('query-named-block-nodes'))}"
    qmp.command("blockdev-add", node_name=node_name, driver="raw",
                file={"driver": "file", "filename": f"{name}.img", "locking": "off"})
    return node_name
