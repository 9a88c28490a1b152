# SPDX-License-Identifier: MIT
"""PCI devices of a host with an IOMMU in a guest with a stub domain: from their loan to their end."""
import re

import pytest

from guestlib import disks
from guestlib.guest import Stub
from guestlib.pci import AHCI, E1000, E1000E, VIRTIO, content, node
from pci_host import (check_disk, check_next_guest, end, host, make, more, ping, rights,  # noqa: F401
                      wait_free)


@more
def test_at_create(rig, dom0, guest):
    """A disk at the guest's start. Its end gives the device back, and so it starts again."""
    pt = guest("pt", VIRTIO)
    for _ in range(2):
        pt.start()
        assert dom0.qemu_processes() == []
        check_disk(rig, pt)
        assert VIRTIO in dom0.run("xl", "pci-list", pt.name).stdout
        assert rights(dom0, pt.stub_domid)
        end(dom0, pt, VIRTIO)


def test_attach_and_detach(rig, dom0, guest):
    """Devices of each kind of interrupt come to a running guest, go, and come again."""
    pt = guest("pt", passthrough="enabled")
    pt.start()
    assert rights(dom0, pt.stub_domid) == ""
    works = {VIRTIO: lambda: check_disk(rig, pt), AHCI: lambda: check_disk(rig, pt, "sda", "pt-ahci"),
             E1000E: lambda: ping(pt, E1000E, 2), E1000: lambda: ping(pt, E1000, 3)}
    for places in ((VIRTIO, E1000E), (E1000,), (AHCI,), (VIRTIO,)):
        for place in places:
            dom0.run("xl", "pci-attach", pt.name, place)
        assert rights(dom0, pt.stub_domid)
        for place in places:
            works[place]()
        for place in places:
            dom0.run("xl", "pci-detach", pt.name, place, timeout=90)
        wait_free(dom0, *places)
        assert disks.listed(pt) == {}
        assert rights(dom0, pt.stub_domid) == ""
    pt.destroy()
    dom0.wait_gone("pt", "pt-dm")


def test_reboot(rig, dom0, guest):
    """A reboot of the guest, which has no screen, gives the device to the next one."""
    pt = guest("pt", VIRTIO, vga="none", serial="file:/opt/guests/run/pt/serial.log")
    log = f"{pt.folder}/serial.log"
    pt.config["cmdline"] = f"{pt._command_line()} guest.disk=vda:{content(rig, 'pt-virtio')}"
    pt.write_config()
    pt.create()
    dom0.wait_file(log, "guest: ready")
    first, launcher = dom0.domains(), pt.launcher_pid
    assert re.search(r"disk vda\S* sha256 ok", dom0.read(log))
    dom0.run("xl", "reboot", "pt")
    assert dom0.call("wait_no_process", 120, pid=launcher, seconds=120)
    assert dom0.call("wait_domain", 120, name="pt-dm", other=first["pt-dm"], seconds=120)
    dom0.wait_file(log, "guest: ready")
    assert re.search(r"disk vda\S* sha256 ok", dom0.read(log))
    dom0.run("xl", "shutdown", "pt")
    dom0.wait_gone("pt", "pt-dm")
    wait_free(dom0, VIRTIO)


@pytest.mark.parametrize("victim", ["launcher", pytest.param("stub domain", marks=more),
                                    pytest.param("QEMU", marks=more)])
def test_killed(rig, dom0, guest, victim):
    """A server of the device is killed. The guest's end still gives it back, and it works."""
    pt = guest("pt", VIRTIO)
    pt.start()
    check_disk(rig, pt)
    if victim == "launcher":
        dom0.run("kill", "-KILL", pt.launcher_pid)
    elif victim == "stub domain":
        dom0.run("xl", "destroy", "pt-dm", timeout=120)
    else:
        dom0.run("xl", "qemu-monitor-command", "pt", "quit", check=False)
    dom0.wait_gone("pt-dm")
    # It is the guest's until that ends: nobody else gets it.
    assert dom0.xenstore(f"{node(VIRTIO)}/domid") == str(pt.domid)
    pt.detach()
    pt.destroy()
    dom0.wait_gone("pt", "pt-dm")
    check_next_guest(rig, dom0, guest)


@more
def test_crash(rig, dom0, guest):
    """The guest's kernel panics."""
    pt = guest("pt", VIRTIO)
    pt.config["cmdline"] += " sysrq_always_enabled xen_legacy_crash"
    pt.write_config()
    pt.start()
    check_disk(rig, pt)
    pt.detach()
    dom0.run("xl", "sysrq", pt.name, "c")
    dom0.wait_gone("pt", "pt-dm")
    check_next_guest(rig, dom0, guest)


@more
def test_refused(rig, dom0, guest):
    """Refusals are in words, and leave nothing."""
    pt = guest("pt", VIRTIO, stub=Stub(kernel="linux"))
    done = pt.create(check=False)
    assert done.status and "kernel=nub" in done.text
    dom0.wait_gone("pt", "pt-dm")
    wait_free(dom0, VIRTIO)
    pt = guest("pt2", VIRTIO)
    pt.start()
    # One guest has it.
    other = guest("other", VIRTIO)
    done = other.create(check=False)
    assert done.status and "already assigned" in done.text
    # A QEMU with a device cannot be saved, nor go to another host, which Xen refuses before; the
    # guest goes on.
    for command, why in ((("save", "pt2", "/root/pt2.save"), "whose state cannot be saved"),
                         (("migrate", "-s", "", "pt2", "xl migrate-receive"), "Failed to enable logdirty")):
        done = dom0.run("xl", *command, check=False, timeout=180)
        dom0.run("rm", "-f", "/root/pt2.save")
        assert done.status and why in done.text, done.text
        pt.ask_awake()  # it was suspended until the save failed
        check_disk(rig, pt)
