# SPDX-License-Identifier: MIT
"""The rig's other machine: Bochs, which emulates an Intel CPU with VMX and EPT, SMEP, SMAP, XSAVE and
AVX-512. It is slow, has no virtio and cannot be saved. Time in it is counted in instructions."""

import os
import shutil
import sys

from .host import ensure_cached
from .machine import DOM0_ARGS, PRODUCT_SIZE, Machine, initrd
from .paths import RIG

MEMORY = 3072
REAL_MEMORY = 2048      # what the guests may touch of it; Debian's Bochs takes no more
FIRMWARE = "/usr/share/bochs/BIOS-bochs-latest"

# apicv=0: Bochs 3.0 refuses Xen's posted-interrupt descriptor. Multiboot 1: with GRUB's multiboot2 the
# machine runs wild before Xen's first line (docs/upstream-bugs.md).
XEN_ARGS = ("cpuidle=0 console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M no-real-mode "
            "spec-ctrl=no noreboot bootscrub=0 loglvl=info guest_loglvl=info apicv=0")
GRUB = """serial --unit=0 --speed=115200
terminal_output serial
multiboot /boot/xen placeholder {xen}
module /boot/vmlinuz placeholder {dom0} rig.serial=/dev/ttyS1
module /boot/initrd.img
boot
"""

# The disk "product" is written by this machine while Bochs runs, so it is "flat" and dom0 reads it
# past its cache.
BOCHSRC = """plugin_ctrl: unmapped=1, biosdev=1, serial=1, speaker=0, parallel=0
config_interface: textconfig
display_library: {display}
cpu: model=corei7_skylake_x, count={count}, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1
memory: guest={memory}, host={real}
romimage: file={firmware}, options=fastboot
vgaromimage: file=/usr/share/vgabios/vgabios.bin
vga: extension=vbe, update_freq=1
pci: enabled=1, chipset=i440fx
clock: sync=none, time0=utc
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15
ata0-master: type=disk, path={dom0}/root.img, mode=volatile, journal={folder}/disk.redolog
ata0-slave: type=disk, path={folder}/product.img, mode=flat, model="product"
ata1-master: type=cdrom, path={folder}/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={folder}/console.log
com2: enabled=1, mode=socket-client, dev=127.0.0.1:{port}
log: {folder}/bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
debug: action=ignore
"""


def bochsrc(folder, dom0, memory, cpus, port):
    # Several CPUs take turns of `quantum` instructions.
    return BOCHSRC.format(
        display="nogui" if cpus > 1 else 'rfb, options="timeout=0"',
        count=1 if cpus == 1 else f"{cpus}:1:1, quantum=16", memory=memory, real=REAL_MEMORY,
        firmware=FIRMWARE, dom0=dom0, folder=folder, port=port)


class BochsMachine(Machine):
    """A process of bochsrun.py, which runs Bochs and carries the rig's ports."""

    slow = 10           # how many times longer than on a machine of its own a thing may take
    can_save = False
    bulk_by_disk = True
    memory = MEMORY
    emulator = "Bochs"

    def __init__(self, folder, cpus=1):
        super().__init__(folder)
        self.cpus = cpus

    def prepare(self, dom0, *_):
        self.locks = [lock for _, lock in cached(self.cpus)]    # bochsrun.py takes its own
        with open(self.path("product.img"), "wb") as f:
            f.truncate(PRODUCT_SIZE)
        boot = self.path("iso/boot")
        os.makedirs(f"{boot}/grub")
        for name in ("xen", "vmlinuz"):
            shutil.copy(f"{dom0}/{name}", boot)
        with open(f"{boot}/initrd.img", "wb") as f:
            f.write(initrd(dom0))
        with open(f"{boot}/grub/grub.cfg", "w", encoding="ascii") as f:
            f.write(GRUB.format(xen=XEN_ARGS, dom0=DOM0_ARGS))

    def arguments(self, dom0, memory, _kind):
        return [sys.executable, "-m", "rigctl.bochsrun", f"rig:{self.folder}", dom0, str(memory),
                str(self.cpus)]


def cached(cpus):
    """The root that Bochs runs in, and for several CPUs the folder of our Bochs; with their locks."""
    makers = ["make"] + (["build"] if cpus > 1 else [])
    return [ensure_cached(f"{RIG}/bochs/{maker}") for maker in makers]
