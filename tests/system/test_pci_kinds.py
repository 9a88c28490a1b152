# SPDX-License-Identifier: MIT
"""Kinds of PCI devices, of guests that have them, and of toolstacks that give them."""
import hashlib
import random
import re
import struct

import pytest

from guestlib import disks
from guestlib.pci import AHCI, DOM0, E1000, E1000E, IGB, MACS, VIRTIO, node
from pci_host import (check_disk, end, host, interrupts, make, make_plug, more, ping,  # noqa: F401
                      registers, wait_free)
from test_libvirt import virsh  # noqa: F401: a fixture

# MB: the guest's memory and its devices' windows leave no room below 4 GiB.
LARGE_RIG, LARGE_GUEST = 6656, 4352
VF_MAC = "52:54:00:00:00:05"
ROM_REGISTER = 0x30


@pytest.fixture(name="function")
def make_function(dom0, leak_check):
    """A virtual function of dom0's NIC. A test asks for it before `guest`, as for a device of `plug`."""
    folder = f"/sys/bus/pci/devices/0000:{IGB}"
    dom0.shell(f"echo 1 >{folder}/sriov_numvfs; ip link set $(ls {folder}/net) vf 0 mac {VF_MAC}")
    place = dom0.shell(f"basename $(readlink {folder}/virtfn0)").text.strip().removeprefix("0000:")
    dom0.run("xl", "pci-assignable-add", place)
    yield place
    dom0.run("xl", "pci-assignable-remove", place)
    dom0.shell(f"echo 0 >{folder}/sriov_numvfs; xenstore-rm {node(place)} || true")


@more
def test_virtual_function(dom0, function, guest):
    """A virtual function does not look like one in its own configuration space."""
    pt = guest("pt", function, modules=("igbvf",))
    pt.start()
    said = pt.ask(f"nic {VF_MAC},10.98.0.5/24", "nic .* (up|error|down|none)")
    assert " up" in said, said
    said = pt.ask(f"ping {DOM0} 5", f"ping {re.escape(DOM0)} ")
    assert f"ping {DOM0} ok 5/5" in said, said
    end(dom0, pt, function)


@more
def test_cpus_and_holes(rig, dom0, guest):
    """Four vCPUs among which interrupts move; memory above 4 GiB, which the devices reach; a map with
    the host's holes; words of the device's entry."""
    words = ",msitranslate=1,power_mgmt=1,rdm_policy=strict"
    pt = guest("pt", VIRTIO + words, E1000E + words, AHCI, E1000, vcpus=4, memory=1100,
               mmio_hole=3328, rdm="strategy=host,policy=strict")
    pt.start()
    assert {"vda", "sda"} <= disks.wait_listed(pt, 2).keys()
    check_disk(rig, pt)
    ping(pt, E1000E, 2)
    ping(pt, E1000, 3)
    check_disk(rig, pt, "sda", "pt-ahci")
    # Not the AHCI controller's: its one message stays where it is, with QEMU in dom0, too.
    for cpu in (3, 1, 2, 0):
        for place, part in ((E1000E, 2), (E1000, 3)):
            found, moved, before = interrupts(pt, "eth", cpu)
            assert found and moved == found
            ping(pt, place, part)
            after = interrupts(pt, "eth")[2]
            assert after[cpu] > before[cpu], (place, cpu, before, after)
    end(dom0, pt, VIRTIO, E1000E, AHCI, E1000)


@more
def test_memory_above_4_gib(rig, dom0, guest):
    """Linux takes the memory at the top first: the devices reach it."""
    if rig.memory < LARGE_RIG:
        pytest.skip(f"the rig has {rig.memory} MB: --memory={LARGE_RIG}")
    pt = guest("pt", VIRTIO, E1000E, memory=LARGE_GUEST)
    pt.start()
    check_disk(rig, pt)
    ping(pt, E1000E, 2)
    end(dom0, pt, VIRTIO, E1000E)


@more
def test_nvme(rig, dom0, plug, guest):
    """A disk whose driver has a queue, and a message, for each CPU."""
    (place,) = plug({"driver": "nvme", "id": "pt-nvme", "drive": "pt-nvme", "serial": "pt-nvme"})
    pt = guest("pt", place, modules=("nvme",), vcpus=2)
    pt.start()
    check_disk(rig, pt, "nvme0n1", "pt-nvme")
    end(dom0, pt, place)


def option_rom(blocks):
    """One image of so many times 512 bytes (PCI Firmware Specification 3.0, 5.1)."""
    rom = bytearray(random.Random("rom").randbytes(blocks * 512))
    rom[:4] = 0x55, 0xAA, blocks, 0xCB  # at its entry: return
    rom[0x18:0x1A] = struct.pack("<H", 0x1C)
    rom[0x1C:0x34] = struct.pack("<4sHHHHB3sHHBBH", b"PCIR", 0x8086, 0x10D3, 0, 0x18, 0, b"\0\0\2",
                                 blocks, 0, 0, 0x80, 0)
    return bytes(rom)


@more
@pytest.mark.parametrize("side", ["stub", "dom0"])
def test_rom(rig, dom0, plug, guest, side):
    """The guest turns its device's ROM on and reads it, off, and on again; for the next guest it is off."""
    rom, mac = option_rom(80), "52:54:00:00:01:00"
    with open(rig.machine.path("pt.rom"), "wb") as f:
        f.write(rom)
    (place,) = plug({"driver": "e1000e", "id": "pt-rom", "mac": mac, "netdev": "hub0-3", "romfile": "pt.rom"})
    MACS[place] = mac
    pt = guest("pt", place, **({} if side == "stub" else {"stub": None}))
    pt.start()
    for _ in range(2):
        said = pt.ask("rom 0x0200", "roms done")
        assert f"bytes {len(rom)} sha256 {hashlib.sha256(rom).hexdigest()}" in said, said
    ping(pt, place, 6)
    end(dom0, pt, place)
    assert int(registers(dom0, place).split()[ROM_REGISTER], 16) & 1 == 0


@more
def test_several_functions(dom0, plug, guest):
    """Two functions of a device, each by its own name."""
    places = plug(*({"driver": "e1000e", "id": f"pt-fn{n}", "addr": f"0.{n}", "multifunction": n == 0,
                     "mac": f"52:54:00:00:01:0{n}", "netdev": f"hub0-{3 + n}"} for n in (1, 0)))
    every = guest("every", "04:00.*@6").create(check=False)
    assert every.status and "name each function in place of '*'" in every.text, every.text
    dom0.wait_gone("every", "every-dm")
    wait_free(dom0, *places)
    pt = guest("pt", *places)
    pt.start()
    for n in (0, 1):
        MACS[places[n]] = f"52:54:00:00:01:0{n}"
        ping(pt, places[n], 6 + n)
    end(dom0, pt, *places)


DOMAIN = """<domain type='xen' xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'>
  <name>{name}</name>
  <memory unit='MiB'>176</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='xenfv'>hvm</type>
    <kernel>{kernel}</kernel><initrd>{ramdisk}</initrd><cmdline>{cmdline}</cmdline></os>
  <features><acpi/><apic/><xen><passthrough state='on'/></xen></features>
  <clock offset='utc'><timer name='tsc' present='yes' mode='native'/></clock>
  <devices>
    <emulator>/usr/bin/stubdom-dm</emulator>
    {device}
    <serial type='pty'><target port='0'/></serial>
  </devices>
  <xen:commandline><xen:arg value='-stubdom'/><xen:arg value='{stub}'/></xen:commandline>
</domain>
"""


def hostdev(place):
    bus, slot, function = re.split("[:.]", place)
    return ("<hostdev mode='subsystem' type='pci' managed='no'><driver name='xen'/><source><address domain='0x0' "
            f"bus='0x{bus}' slot='0x{slot}' function='0x{function}'/></source></hostdev>")


@pytest.fixture(name="defined")
def make_defined(dom0, guest, stub, virsh):  # noqa: F811
    """A guest of libvirt's with a device, not started."""
    pt = guest("pt")
    config = {k: pt.config[k] for k in ("kernel", "ramdisk", "cmdline")}
    dom0.write(f"{pt.folder}/domain.xml", DOMAIN.format(
        name=pt.name, device=hostdev(VIRTIO), stub=stub.argument(), **config))
    virsh("define", f"{pt.folder}/domain.xml")
    yield pt
    virsh("destroy", pt.name, check=False)
    virsh("undefine", pt.name)


@more
def test_libvirt(rig, dom0, defined, virsh):  # noqa: F811
    """libvirt's <hostdev>, in a guest's definition and while it runs."""
    pt = defined
    dom0.write(f"{pt.folder}/nic.xml", hostdev(E1000E))
    virsh("start", "--paused", pt.name)
    pt.attach()
    virsh("resume", pt.name)
    pt.wait_ready()
    assert dom0.qemu_processes() == []
    check_disk(rig, pt)
    for _ in range(2):
        virsh("attach-device", pt.name, f"{pt.folder}/nic.xml", "--live")
        ping(pt, E1000E, 2)
        virsh("detach-device", pt.name, f"{pt.folder}/nic.xml", "--live")
        wait_free(dom0, E1000E, last=False)
    pt.detach()
    virsh("destroy", pt.name)
    dom0.wait_gone("pt", "pt-dm")
    wait_free(dom0, VIRTIO)
