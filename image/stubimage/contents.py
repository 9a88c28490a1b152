# SPDX-License-Identifier: MIT
"""The image's content besides QEMU, its libraries and the agent: tables only."""

QEMU = "/usr/libexec/xen-qemu-system-i386"
QEMU_DIVERTED = QEMU + ".distrib"  # the same file, while 'stubdom enable' is in effect

# The folders in which Debian's QEMU looks for its data, in its own order (`-L help`).
DATA_DIRS = ("/usr/share/qemu", "/usr/share/seabios", "/usr/lib/ipxe/qemu")

# Data files that this QEMU opens for the toolstack's options, each with the option that makes it
# open the file. tests/host/image/test_trace.py starts each of them under strace and fails if a file
# is opened that is not here.
DATA_FILES = {
    # display adapters
    "vgabios-stdvga.bin": "-device VGA",
    "vgabios-cirrus.bin": "-device cirrus-vga",
    "vgabios-qxl.bin": "-device qxl-vga",
    "vgabios-virtio.bin": "-device virtio-vga",
    "vgabios-vmware.bin": "-device vmware-svga",
    "vgabios-bochs-display.bin": "-device bochs-display",
    # network adapters
    "efi-e1000.rom": "-device e1000",
    "efi-e1000e.rom": "-device e1000e",
    "efi-rtl8139.rom": "-device rtl8139",
    "efi-virtio.rom": "-device virtio-net-pci",
    "efi-ne2k_pci.rom": "-device ne2k_pci",
    "efi-pcnet.rom": "-device pcnet",
    "efi-vmxnet3.rom": "-device vmxnet3",
    "pxe-eepro100.rom": "-device i82550",
    # the local APIC of every HVM machine
    "kvmvapic.bin": "-machine xenfv",
    # -kernel: a Linux image, a multiboot one, one with a PVH entry
    "linuxboot_dma.bin": "-kernel bzImage",
    "multiboot_dma.bin": "-kernel multiboot",
    "pvh.bin": "-kernel vmlinux",
}
# Data files that only some versions of QEMU open and only some of Debian's releases have: the image
# has each that is installed.
OPTIONAL_DATA_FILES = {
    "linuxboot.bin": "-kernel bzImage, QEMU 7.2",
}
KEYMAP_DIR = "/usr/share/qemu/keymaps"  # -k LANGUAGE, with -vnc

# Modules that the distribution's kernel needs, with their parameters.  Their
# dependencies come from modules.dep; one that is built in is left out.
MODULES = {
    "xen-blkfront": "",
    # The root's disk. libcrc32c, on which erofs depends, wants a module that computes it.
    "crc32c-generic": "",
    "erofs": "",
    "xen-netfront": "",
    "xen-evtchn": "",
    "xen-gntdev": "",
    # Its own bound, 1024 pages, is less than the rings of a screen for browsers and a restore.
    "xen-gntalloc": "limit=2048",
    # Since XSA-482 privcmd in a domU serves the target domain only and refuses what
    # libxendevicemodel asks without naming a domain; older kernels ignore the word.
    "xen-privcmd": "unrestricted=1",
    "tun": "",
    "bridge": "",
}
# Newer kernels have it built into libraries.
OPTIONAL_MODULES = ("crc32c-generic",)
MODULES_LIST = "lib/modules.load"  # read by the agent: one path and its parameters a line

# Errors only on the console, which is the log. The rest lets the agent run earlier: no self-tests,
# no audit, no security modules, no mitigations. One program owns the domain, so mitigations inside
# protect nothing; between domains they are Xen's. The root is a ramfs: a tmpfs has half the memory.
KERNEL_CMDLINE = ("console=hvc0 loglevel=4 panic=-1 rdinit=/init mitigations=off audit=0 "
                  "lsm=capability cryptomgr.notests rootfstype=ramfs")
NUB_CMDLINE = "init=/init"

# MiB for nub, a slim QEMU and its libraries (launcher/plan/memory.c has those for the distribution's).
SLIM_MEMORY_MB = 12

# The questions of the toolstack's probe.
PROBE_COMMANDS = ("query-version", "query-target", "query-commands", "query-machines",
                  "query-command-line-options")
