# SPDX-License-Identifier: MIT
"""libvirt's own libxl driver as the toolstack: one <emulator> line, nothing else is special."""
import re
from xml.etree import ElementTree

import pytest

URI = "xen:///system"
CPU_MAP = "/usr/share/libvirt/cpu_map/x86_486.xml"

DOMAIN = """<domain type='xen' xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'>
  <name>{name}</name>
  <memory unit='MiB'>32</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='xenfv'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <clock offset='utc'><timer name='tsc' present='yes' mode='native'/></clock>
  <devices>
    <emulator>/usr/bin/stubdom-dm</emulator>
    <disk type='file' device='disk'><source file='{disk}'/><target dev='hda' bus='ide'/></disk>
    <interface type='bridge'>
      <mac address='{mac}'/><source bridge='xenbr0'/><model type='e1000'/>
    </interface>
    <serial type='pty'><target port='0'/></serial>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>
    <video><model type='vga' vram='16384'/></video>
  </devices>
  <xen:commandline><xen:arg value='-stubdom'/><xen:arg value='{stub}'/></xen:commandline>
</domain>
"""

CD_DRIVE = "    <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>\n"


@pytest.fixture
def virsh(dom0, leak_check):
    """Runs virsh against a libvirtd that lives as long as the test."""
    # TCG's CPUs lack VME, and libvirt's map has no CPU without it (docs/upstream-bugs.md).
    dom0.run("sed", "-i", "/'vme'/d", CPU_MAP)
    dom0.shell("setsid libvirtd </dev/null >/var/log/libvirtd.log 2>&1 & "
               "echo $! >/run/libvirtd-test.pid")
    wait = "for i in $(seq 300); do [ -S /run/libvirt/libvirt-sock ] && exit 0; sleep 0.1; done; exit 1"
    dom0.shell(f"{wait} || {{ cat /var/log/libvirtd.log; exit 1; }}")

    def run(*argv, **how):
        return dom0.run("virsh", "-q", "-c", URI, *argv, timeout=how.pop("timeout", 180), **how)

    yield run
    dom0.shell("pid=$(cat /run/libvirtd-test.pid); kill $pid; "
               "while kill -0 $pid 2>/dev/null; do sleep 0.1; done; rm -rf /run/libvirt "
               "/run/libvirtd-test.pid /run/libvirtd.pid")


def test_guest_of_libvirt(make_guest, dom0, stub, virsh):
    """Started, seen, paused and ended by virsh, with its QEMU in a stub domain."""
    guest = make_guest("virt")
    dom0.write(f"{guest.folder}/domain.xml", DOMAIN.format(
        name=guest.name, disk=guest.disks[0], mac=guest.macs[0], stub=stub.argument()))
    virsh("create", "--paused", f"{guest.folder}/domain.xml")
    guest.attach()
    virsh("resume", guest.name)
    report = guest.wait("bios-guest: ready", 180)
    assert "bios-guest: disk 0 ok" in report
    assert dom0.qemu_processes() == []
    assert set(dom0.domains()) == {"virt", "virt-dm"}

    # The values that libvirt read back from the device model are dom0's.
    live = ElementTree.fromstring(virsh("dumpxml", guest.name).stdout)
    tty = live.find("devices/serial/source").get("path")
    assert tty == dom0.xenstore(f"/local/domain/{guest.domid}/serial/0/tty")
    port = int(live.find("devices/graphics").get("port"))
    shot = dom0.call("vnc_shot", 120, host="127.0.0.1", port=port, path="/tmp/virt.png")
    dom0.run("rm", "/tmp/virt.png")
    assert min(shot) >= 400  # the guest's graphics mode, a picture came
    assert re.search(r"running", virsh("domstate", guest.name).stdout)

    virsh("suspend", guest.name)
    assert "paused" in virsh("domstate", guest.name).stdout
    virsh("resume", guest.name)
    assert guest.ask("echo well", "echo well", 120).endswith("echo well\n")

    virsh("destroy", guest.name)
    dom0.wait_gone("virt", "virt-dm")


def test_save_and_cd_of_libvirt(make_guest, dom0, stub, virsh):
    """Orders of virsh that go through libxl's QMP."""
    guest = make_guest("virtsave")
    # The picture's 16 MiB are part of the memory; `keep` uses what is behind the first 16.
    dom0.write(f"{guest.folder}/domain.xml", DOMAIN.replace("MiB'>32<", "MiB'>64<").replace(
        "    <interface", CD_DRIVE + "    <interface").format(
        name=guest.name, disk=guest.disks[0], mac=guest.macs[0], stub=stub.argument()))
    virsh("create", "--paused", f"{guest.folder}/domain.xml")
    guest.attach()
    virsh("resume", guest.name)
    guest.wait("bios-guest: ready", 180)

    # A CD comes and goes.
    dom0.shell(f"cp {guest.disks[0]} {guest.folder}/cd.img")
    virsh("change-media", guest.name, "hdc", f"{guest.folder}/cd.img", "--insert", "--live")
    assert f"{guest.folder}/cd.img" in dom0.shell("cat /sys/block/loop*/loop/backing_file").stdout
    virsh("change-media", guest.name, "hdc", "--eject", "--live")
    kept = guest.ask("keep 5", "keep", 120).split()[-1]
    virsh("save", guest.name, f"{guest.folder}/state")
    guest.detach()
    dom0.wait_gone(guest.name, guest.name + "-dm")
    virsh("restore", f"{guest.folder}/state")
    guest.attach()
    assert guest.ask("kept", "kept", 120).split()[-1] == kept
    assert dom0.qemu_processes() == []

    virsh("destroy", guest.name)
    dom0.wait_gone(guest.name, guest.name + "-dm")
