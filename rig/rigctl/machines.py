# SPDX-License-Identifier: MIT
"""The kinds of machine that a rig can be: what each has beyond the standard one."""

import os
import random
from typing import NamedTuple


class Kind(NamedTuple):
    xen: str = ""           # words for Xen's command line
    dom0: str = ""          # words for that of dom0's kernel
    devices: tuple = ()     # QEMU's arguments
    disks: tuple = ()       # files of random bytes, the same in each rig: name, bytes


def _root_port(n):
    """Buses 1, 2, ... in this order; a device behind one can be reset and hot-plugged alone."""
    return ("-device", f"pcie-root-port,id=rp{n},chassis={n},addr={0x10 + n:#x}.0")


def _disk(name):
    return ("-blockdev", f"driver=file,node-name={name}-file,filename={name}.img",
            "-blockdev", f"driver=raw,node-name={name},file={name}-file")


def _nic(n):
    """A NIC's end of the hub that all of them are on."""
    return ("-netdev", f"hubport,id=hub0-{n},hubid=0")


# An Intel IOMMU, because QEMU cannot save its AMD one. `no-sharept`: its page tables are not the
# processor's, which is an AMD one.
IOMMU = Kind(
    xen="iommu=no-sharept",
    devices=(
        "-device", "intel-iommu,intremap=on,eim=off",
        # MSI-X, DMA
        *_root_port(1), *_disk("pt-virtio"),
        "-device", "virtio-blk-pci,bus=rp1,drive=pt-virtio,serial=pt-virtio,disable-legacy=on,"
                   "iommu_platform=on",
        # MSI-X, an I/O BAR
        *_root_port(2), *_nic(0), "-device", "e1000e,bus=rp2,netdev=hub0-0,mac=52:54:00:00:00:02,romfile=",
        # virtual functions
        *_root_port(3), *_nic(1), "-device", "igb,bus=rp3,netdev=hub0-1,mac=52:54:00:00:00:03,romfile=",
        # empty: for a device that QEMU cannot save, as nvme
        *_root_port(4),
        # INTx only
        *_nic(2), "-device", "e1000,addr=1d.0,netdev=hub0-2,mac=52:54:00:00:00:04,romfile=",
        # one MSI
        *_disk("pt-ahci"), "-device", "ich9-ahci,id=pt-ahci,addr=1c.0",
        "-device", "ide-hd,bus=pt-ahci.0,drive=pt-ahci,serial=pt-ahci",
    ),
    disks=(("pt-virtio", 8 << 20), ("pt-ahci", 8 << 20)),
)

# Dom0's eth0 is one end of a cable: `rig/rig join` puts the other into another such rig. No frame
# gets further than to a socket in that rig's folder.
PAIR = Kind(devices=(
    "-netdev", "dgram,id=cable,local.type=unix,local.path=cable.sock,remote.type=unix,"
               "remote.path=peer.sock",
    "-device", "virtio-net-pci,netdev=cable,romfile="))

# The xenstored that Debian's /etc/init.d/xen prefers; the other machines have the one in C.
OXENSTORED = Kind(dom0="rig.xenstored=oxenstored")

# Xen gives each vCPU its FPU when it gives it the CPU, as it does by itself on processors that need it.
EAGER_FPU = Kind(xen="spec-ctrl=eager-fpu")

KINDS = {
    "standard": Kind(),
    "eager-fpu": EAGER_FPU,
    "oxenstored": OXENSTORED,
    "pair": PAIR,
    "iommu": IOMMU,
}


def make_disks(kind, folder):
    for name, size in kind.disks:
        with open(os.path.join(folder, f"{name}.img"), "wb") as f:
            f.write(random.Random(name).randbytes(size))
