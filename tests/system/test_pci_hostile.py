# SPDX-License-Identifier: MIT
"""Guests and stub domains with PCI devices that attack with them."""
import time

from guestlib import hostile
from guestlib.pci import AHCI, E1000, E1000E, IGB, VIRTIO
from pci_host import check_disk, host, make, more, registers, wait_free  # noqa: F401: fixtures, too


@more
def test_hostile_stub_domain(rig, dom0, guest, stub, build):
    """It reads and writes all registers of its device for half a minute. dom0 answers meanwhile, no
    other device changes, and the next guest has a device that works."""
    others = {place: registers(dom0, place) for place in (E1000E, AHCI, E1000, IGB, "00:14.0")}
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
        pt.detach()
        pt.destroy()
        dom0.wait_gone("pt", "pt-dm")
        wait_free(dom0, VIRTIO)
    finally:
        hostile.remove(dom0)
    assert registers(dom0, VIRTIO).split()[16:64] == bars
    assert {place: registers(dom0, place) for place in others} == others
    pt = guest("pt2", VIRTIO)
    pt.start()
    check_disk(rig, pt)
