# SPDX-License-Identifier: MIT
"""Guests and stub domains with PCI devices that attack with them."""
import re
import time

import pytest

from guestlib import hostile
from guestlib.pci import AHCI, E1000, E1000E, IGB, VIRTIO
from pci_host import (check_next_guest, end, host, interrupts, make, more, ping, registers,  # noqa: F401
                      rights, wait_free)
from test_hostile import CONTROL, LIES

# Of both NICs: interrupt cause set; receive interrupts, without MSI-X and with.
CAUSE_SET, RECEIVED = 0xC8, 0x100080
FLOOD_SECONDS = 20
OTHERS = (E1000E, AHCI, E1000, IGB, "00:14.0")


@more
def test_hostile_stub_domain(rig, dom0, guest, stub, build):
    """It reads and writes all registers of its device for half a minute. dom0 answers meanwhile, no
    other device changes, and the next guest has a device that works."""
    others = {place: registers(dom0, place) for place in OTHERS}
    bars = registers(dom0, VIRTIO).split()[16:64]
    at = "/opt/guests/run/pt/config"
    pt = guest("pt", VIRTIO, stub=hostile.install(dom0, stub, build))
    pt.config["device_model_args"] += ["-chardev", f"socket,id=evil-config,path={at},server=on,wait=off"]
    pt.write_config()
    try:
        pt.start()
        dom0.call("drain", 60, paths=[at], seconds=1)
        dom0.wait_file(pt.log_path, "hostile: at the registers of 1 devices")
        while "have had it" not in dom0.read(pt.log_path):
            began = time.monotonic()
            assert pt.name in dom0.run("xl", "list", timeout=30).stdout
            assert registers(dom0, VIRTIO).split()[16:40] == bars[:24]
            assert time.monotonic() - began < 30
        end(dom0, pt, VIRTIO)
    finally:
        hostile.remove(dom0)
    assert registers(dom0, VIRTIO).split()[16:64] == bars
    assert {place: registers(dom0, place) for place in others} == others
    check_next_guest(rig, dom0, guest)


@more
def test_lying_stub_domain(rig, dom0, guest, stub, build):
    """It says that it has the device, where, and that it has none, as it likes. Nobody in dom0 acts
    on it but libxl, which gives up; the next guest has a device that works."""
    others = {place: registers(dom0, place) for place in OTHERS}
    at = "/opt/guests/run/pt/lies"
    pt = guest("pt", passthrough="enabled", stub=hostile.install(dom0, stub, build))
    pt.config["device_model_args"] += ["-chardev", f"socket,id=evil-lies-n,path={at},server=on,wait=off"]
    pt.write_config()
    lent = 0
    try:
        pt.create()
        for lie in LIES:
            hostile.choose_lie(dom0, at, lie)
            done = dom0.run("xl", "pci-attach", pt.name, VIRTIO, check=False, timeout=120)
            assert not CONTROL.search(done.text), (lie, done.text)
            done = dom0.run("xl", "pci-detach", "-f", pt.name, VIRTIO, check=False, timeout=120)
            assert not CONTROL.search(done.text), (lie, done.text)
            wait_free(dom0, VIRTIO)
            assert rights(dom0, pt.stub_domid) == ""
        lent = dom0.read(pt.log_path).count(f"has PCI device 0000:{VIRTIO}\n")
        pt.destroy()
        dom0.wait_gone("pt", "pt-dm")
    finally:
        hostile.remove(dom0)
    assert lent == len(LIES)
    assert {place: registers(dom0, place) for place in others} == others
    check_next_guest(rig, dom0, guest)


def seconds(dom0, name):
    """Of CPU that the domain has had."""
    return float(re.search(rf"^{name} .* ([\d.]+)$", dom0.run("xl", "list", timeout=60).stdout, re.M)[1])


@more
@pytest.mark.parametrize("place, part", [(E1000E, 2), (E1000, 3)], ids=["messages", "line"])
def test_flood_of_interrupts(dom0, guest, place, part):
    """A guest has its device interrupt without end. The time is its own: dom0 answers, and the stub
    domain is not even asked."""
    pt = guest("pt", place)
    pt.config["cmdline"] += " iomem=relaxed"  # its programs may write a driver's registers
    pt.write_config()
    pt.start()
    nic = ping(pt, place, part)
    had = sum(interrupts(pt, nic)[2])
    before = {name: seconds(dom0, name) for name in ("pt", "pt-dm")}
    said = pt.ask(f"register {nic} {CAUSE_SET} {RECEIVED} {FLOOD_SECONDS}", f"register {nic} (begins|error)")
    assert "begins" in said, said
    for _ in range(3):
        assert pt.name in dom0.run("xl", "list", timeout=30).stdout
    pt.wait(f"register {nic} done", 300)
    spent = {name: seconds(dom0, name) - t for name, t in before.items()}
    had = sum(interrupts(pt, nic)[2]) - had
    assert had > 1000, had
    assert spent["pt-dm"] < spent["pt"] / 4, spent
    ping(pt, place, part)
