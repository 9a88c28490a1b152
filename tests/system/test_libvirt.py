# SPDX-License-Identifier: MIT
"""libvirt's own libxl driver as the toolstack: one <emulator> line, nothing else is special."""
import os
import re
import time
from xml.etree import ElementTree

import pytest

from guestlib import disks
from guestlib.disks import PV
from guestlib.dom0host import ASSETS, mkdisk
from guestlib.guest import NoAnswer

SAMPLE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                      "../../docs/examples/libvirt.xml")
XEN = "http://libvirt.org/schemas/domain/xen/1.0"
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


def start_libvirtd(dom0):
    # TCG's CPUs lack VME, and libvirt's map has no CPU without it (docs/upstream-bugs.md).
    dom0.run("sed", "-i", "/'vme'/d", CPU_MAP)
    dom0.shell("setsid libvirtd </dev/null >/var/log/libvirtd.log 2>&1 & "
               "echo $! >/run/libvirtd-test.pid")
    wait = f"timeout 240 sh -c 'until virsh -q -c {URI} version >/dev/null 2>&1; do sleep 0.1; done'"
    dom0.shell(f"{wait} || {{ cat /var/log/libvirtd.log; exit 1; }}", timeout=300)


def end_libvirtd(dom0, signal="TERM"):
    dom0.shell(f"pid=$(cat /run/libvirtd-test.pid); kill -{signal} $pid; "
               "while kill -0 $pid 2>/dev/null; do sleep 0.1; done; "
               "rm -f /run/libvirtd-test.pid /run/libvirtd.pid /run/libvirt/libvirt-sock*", timeout=180)


@pytest.fixture
def virsh(dom0, leak_check):
    """Runs virsh against a libvirtd that lives as long as the test."""
    start_libvirtd(dom0)

    def run(*argv, **how):
        return dom0.run("virsh", "-q", "-c", URI, *argv, timeout=how.pop("timeout", 180), **how)

    yield run
    end_libvirtd(dom0)
    dom0.run("rm", "-rf", "/run/libvirt")


def start_by_virsh(guest, virsh, stub, domain=DOMAIN):
    """Returns what the guest said at its start."""
    guest.dom0.write(f"{guest.folder}/domain.xml", domain.format(
        name=guest.name, disk=guest.disks[0], mac=next(iter(guest.macs), ""), stub=stub.argument()))
    virsh("create", "--paused", f"{guest.folder}/domain.xml")
    guest.attach()
    virsh("resume", guest.name)
    return guest.wait_ready()


def test_guest_of_libvirt(make_guest, dom0, stub, virsh):
    """Started, seen, paused and ended by virsh, with its QEMU in a stub domain."""
    guest = make_guest("virt")
    report = start_by_virsh(guest, virsh, stub)
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
    start_by_virsh(guest, virsh, stub, DOMAIN.replace("MiB'>32<", "MiB'>64<").replace(
        "    <interface", CD_DRIVE + "    <interface"))

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


def sample(guest, stub):
    """The example of the docs, with this guest's name, files and kernel."""
    ElementTree.register_namespace("xen", XEN)
    with open(SAMPLE, encoding="utf-8") as f:
        domain = ElementTree.fromstring(f.read())
    domain.find("name").text = guest.name
    domain.find("memory").text = "192"
    system = domain.find("os")
    for boot in system.findall("boot"):
        system.remove(boot)
    for tag, text in (("kernel", f"{ASSETS}/vmlinuz"), ("initrd", f"{ASSETS}/direct.cpio"),
                      ("cmdline", PV)):
        ElementTree.SubElement(system, tag).text = text
    ElementTree.SubElement(domain.find("clock"), "timer", name="tsc", present="yes", mode="native")
    for source in domain.findall("devices/disk/source"):
        source.set("file", f"{guest.folder}/{os.path.basename(source.get('file'))}")
    domain.find("devices/interface/mac").set("address", guest.macs[0])
    more = ElementTree.SubElement(domain, f"{{{XEN}}}commandline")
    for word in ("-stubdom", stub.argument()):
        ElementTree.SubElement(more, f"{{{XEN}}}arg", value=word)
    return ElementTree.tostring(domain, encoding="unicode")


def wait_disk(guest, name, there=True):
    end = time.monotonic() + 240
    while (name in disks.listed(guest)) != there:
        assert time.monotonic() < end, f"{name}: {guest.log()}"


def wait_answer(guest):
    """A restored Linux starts its serial port anew, and loses what was typed before."""
    end = time.monotonic() + 240
    while True:
        try:
            guest.ask("echo again", "echo again", 10)
            return
        except NoAnswer:
            assert time.monotonic() < end


def refused(virsh, *argv):
    """The words of virsh for an order that fails."""
    done = virsh(*argv, check=False)
    assert done.status != 0, argv
    return done.text


@pytest.fixture(name="people")
def make_people(make_guest, dom0, stub, virsh):
    """The example, defined."""
    guest = make_guest("people", kind="direct", disks=0)
    dom0.shell(f"cd {guest.folder}; cp {ASSETS}/data0.img data.img; cp {ASSETS}/data0.img cd.img; "
               "for i in system:2 more:1 plug:3; do qemu-img convert -f raw -O qcow2 "
               f"{ASSETS}/data${{i#*:}}.img ${{i%:*}}.qcow2; done")
    dom0.write(f"{guest.folder}/domain.xml", sample(guest, stub))
    virsh("define", f"{guest.folder}/domain.xml")
    yield guest
    virsh("destroy", guest.name, check=False)
    virsh("managedsave-remove", guest.name, check=False)
    virsh("undefine", guest.name, check=False)


def start(guest, virsh):
    virsh("start", guest.name, "--paused")
    guest.attach()
    virsh("resume", guest.name)
    guest.wait_ready()


def check_disks(guest):
    found = disks.wait_listed(guest, 3)
    assert {"xvda", "xvdb", "xvde"} <= set(found), found
    for name, seed in (("xvda", 2), ("xvdb", 0), ("xvde", 1)):
        assert disks.digest(guest, name, 65536) == disks.sha256(mkdisk.make_disk(seed)[:65536])


def test_changed_while_it_runs(people, dom0, virsh):
    """The example of the docs, all of its devices; disks, media and interfaces come and go."""
    guest, name = people, people.name
    start(guest, virsh)
    assert dom0.qemu_processes() == []
    check_disks(guest)
    seen = dom0.run("stubdom", "qmp", name, "query-pci").stdout
    assert "stubdom" in virsh("dumpxml", name).stdout
    for part in ("VGA controller", "Audio"):
        assert part in seen, seen
    assert '"absolute": true' in dom0.run("stubdom", "qmp", name, "query-mice").stdout

    virsh("attach-disk", name, f"{guest.folder}/plug.qcow2", "xvdg", "--driver", "qemu",
          "--subdriver", "qcow2", "--targetbus", "xen", "--live")
    wait_disk(guest, "xvdg")
    disks.write_journal(guest, "xvdg", 16)
    virsh("detach-disk", name, "xvdg", "--live")
    wait_disk(guest, "xvdg", there=False)
    dom0.run("qemu-img", "check", "-q", f"{guest.folder}/plug.qcow2")

    virsh("change-media", name, "hdc", f"{guest.folder}/cd.img", "--insert", "--live")
    assert f"{guest.folder}/cd.img" in dom0.shell("cat /sys/block/loop*/loop/backing_file").stdout
    virsh("change-media", name, "hdc", "--eject", "--live")

    mac = "00:16:3e:00:00:43"
    virsh("attach-interface", name, "bridge", "xenbr1", "--mac", mac, "--live")
    assert mac in virsh("domiflist", name).stdout
    virsh("detach-interface", name, "bridge", "--mac", mac, "--live")
    assert mac not in virsh("domiflist", name).stdout

    # docs/libvirt.md
    for argv in (("screenshot", name, "/tmp/people.ppm"), ("send-key", name, "KEY_A"),
                 ("qemu-monitor-command", name, "--hmp", "info name"),
                 ("blockresize", name, "hda", "64M"), ("snapshot-create-as", name, "s1")):
        assert "not supported by the connection driver" in refused(virsh, *argv), argv
    assert "already active" in refused(virsh, "migrate", "--live", name, URI)
    assert guest.ask("echo still", "echo still").endswith("echo still\n")


@pytest.mark.long("a guest of libvirt's is started four times")
def test_lives_of_a_defined_guest(people, dom0, virsh):
    """Defined again from its own dumpxml, found by another libvirtd, saved, rebooted, shut down."""
    guest, name = people, people.name
    start(guest, virsh)
    dom0.write(f"{guest.folder}/live.xml", virsh("dumpxml", name).stdout)
    virsh("define", f"{guest.folder}/live.xml")

    end_libvirtd(dom0)
    start_libvirtd(dom0)
    assert "running" in virsh("domstate", name).stdout
    first = guest.stub_domid

    virsh("managedsave", name, timeout=400)
    guest.detach()
    dom0.wait_gone(name, name + "-dm")
    virsh("start", name, timeout=400)
    guest.attach()
    wait_answer(guest)
    check_disks(guest)
    saved = guest.stub_domid
    assert saved != first

    guest.detach()
    virsh("reboot", name)
    end = time.monotonic() + 240
    while guest.stub_domid in (None, saved) or not dom0.xenstore(
            f"/local/domain/{guest.domid}/serial/0/tty"):
        assert time.monotonic() < end, dom0.run("xl", "list").stdout
    guest.attach()
    wait_answer(guest)
    check_disks(guest)
    assert dom0.qemu_processes() == []

    virsh("shutdown", name)
    dom0.wait_gone(name, name + "-dm")
    assert "shut off" in virsh("domstate", name).stdout

    # Without a console, and so without a serial port.
    guest.detach()
    text = re.sub(r"<(console|serial)[^>]*>.*?</\1>", "", virsh("dumpxml", name).stdout, flags=re.S)
    dom0.write(f"{guest.folder}/mute.xml", text)
    virsh("define", f"{guest.folder}/mute.xml")
    virsh("start", name)
    assert "serial" not in dom0.run("stubdom", "qmp", name, "query-chardev").stdout
    assert "running" in dom0.run("stubdom", "status", name).stdout
    virsh("destroy", name)
    dom0.wait_gone(name, name + "-dm")
