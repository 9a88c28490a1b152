#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the direct-boot guest's initramfs: /init and the kernel modules it may load."""
import argparse
import lzma
import os
import subprocess

# Devices that libxl and libvirt can give an HVM guest by emulation.
MODULES = ["ata_piix", "ahci", "sd_mod", "sr_mod", "virtio_blk", "virtio_scsi",
           "nvme", "floppy", "xen_blkfront",
           "e1000", "e1000e", "igb", "igbvf", "8139cp", "8139too", "pcnet32", "ne2k-pci", "vmxnet3",
           "e100", "tulip", "virtio_net", "8021q", "xen-netfront",
           "bridge", "xen-netback"]
# For guests with USB, in an archive behind the other: 3 MB that no other guest needs to load.
USB = ["uhci_hcd", "ehci_pci", "xhci_pci", "usbhid", "hid_generic", "usb_storage", "evdev"]


class Cpio:
    """A newc archive, written in memory; everything in it belongs to root, at time 0."""

    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, content=b"", device=(0, 0)):
        self.inode += 1
        fields = [self.inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0]
        self.data += b"070701" + b"".join(b"%08X" % f for f in fields)
        self.data += name.encode() + b"\0"
        self.pad()
        self.data += content
        self.pad()

    def pad(self):
        self.data += bytes(-len(self.data) % 4)

    def finish(self):
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def module_files(release, name):
    """The files to insert for this module, what it needs first; none if it is built in."""
    out = subprocess.run(
        ["modprobe", "-S", release, "--show-depends", name],
        check=True, capture_output=True, text=True,
    ).stdout
    return [line.split()[1] for line in out.splitlines() if line.startswith("insmod ")]


def read_module(path):
    with open(path, "rb") as f:
        data = f.read()
    return lzma.decompress(data) if path.endswith(".xz") else data


def add_root(cpio, init):
    for directory in ["dev", "proc", "sys", "sbin", "modules"]:
        cpio.add(directory, 0o040755)
    # the kernel opens it for PID 1 before devtmpfs is there
    cpio.add("dev/console", 0o020600, device=(5, 1))
    with open(init, "rb") as f:
        cpio.add("init", 0o100755, f.read())
    for name in ["poweroff", "reboot"]:
        cpio.add("sbin/" + name, 0o120777, b"/init")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--release", required=True, help="the kernel's release")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--init", help="the first program")
    what.add_argument("--usb", action="store_true", help="only the modules for USB")
    parser.add_argument("out")
    args = parser.parse_args()

    cpio = Cpio()
    if args.init:
        add_root(cpio, args.init)
    listing, done = [], set()
    for name in MODULES + (USB if args.usb else []):
        files = module_files(args.release, name)
        bases = [os.path.basename(f).removesuffix(".xz") for f in files]
        listing.append(f"{name}: {' '.join(bases)}\n")
        for path, base in zip(files, bases):
            if base not in done and (args.init or name in USB):
                cpio.add("modules/" + base, 0o100644, read_module(path))
            done.add(base)
    cpio.add("modules/list", 0o100644, "".join(listing).encode())

    with open(args.out, "wb") as f:
        f.write(cpio.finish())


if __name__ == "__main__":
    main()
