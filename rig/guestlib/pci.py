# SPDX-License-Identifier: MIT
"""The PCI devices of a rig of the kind `iommu`."""
import hashlib

# The place, and what it is there for (rig/rigctl/machines.py).
VIRTIO = "01:00.0"  # MSI-X, DMA
E1000E = "02:00.0"  # MSI-X, a BAR of ports
IGB = "03:00.0"     # virtual functions; dom0's own
AHCI = "00:1c.0"    # one MSI
E1000 = "00:1d.0"   # a line
MACS = {E1000E: "52:54:00:00:00:02", E1000: "52:54:00:00:00:04"}
LENT = (VIRTIO, E1000E, AHCI, E1000)
DOM0 = "10.98.0.1"

# Made by the first device ever and never removed, as with QEMU in dom0.
DIRECTORIES = ("/libxl/pci", "/local/domain/0/backend/pci", "/local/domain/0/error/backend/pci")


def prepare(dom0):
    """Pciback holds the devices, dom0 has an end of the network that the NICs are on, and the
    toolstack's directories are there."""
    dom0.shell("modprobe -a xen-pciback igb")
    dom0.shell("; ".join(f"xl pci-assignable-add {bdf}" for bdf in LENT))
    dom0.shell(f"cd /sys/bus/pci/devices/0000:{IGB}; "
               "for i in $(seq 300); do [ -d net ] && break; sleep 0.1; done; "
               f"ip addr add {DOM0}/24 dev $(ls net); ip link set $(ls net) up")
    for path in (*DIRECTORIES, *(node(bdf) for bdf in LENT)):
        dom0.run("xenstore-write", path, "")


def node(place):
    """Libxl's own, about the device."""
    return "/libxl/pci/0000-" + place.replace(":", "-").replace(".", "-")


def assignable(dom0):
    return {line.strip().removeprefix("0000:")
            for line in dom0.run("xl", "pci-assignable-list").stdout.splitlines()}


def content(rig, name):
    """The SHA-256 of a disk of the host's, from outside."""
    with open(rig.machine.path(f"{name}.img"), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()
