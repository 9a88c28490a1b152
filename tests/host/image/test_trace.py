# SPDX-License-Identifier: MIT
"""Every data file that QEMU opens for what the toolstack can ask is in the image."""
import os
import re
import subprocess

import pytest
from stubimage import contents, cpio, rootdisk

# Opened by a machine that has no Xen below it; hvmloader brings the BIOS itself.
NOT_UNDER_XEN = {"bios-256k.bin"}

DEVICES = ["VGA", "cirrus-vga", "qxl-vga", "qxl", "virtio-vga", "vmware-svga", "bochs-display",
           "e1000", "e1000e", "rtl8139", "virtio-net-pci", "ne2k_pci", "pcnet", "vmxnet3",
           "i82550", "i82557b", "i82559er", "i82801", "tulip", "igb", "ne2k_isa", "usb-ehci",
           "nec-usb-xhci", "piix3-usb-uhci", "ich9-ahci", "lsi53c895a", "am53c974", "megasas",
           "intel-hda", "virtio-gpu-pci", "secondary-vga"]
OPTIONS = [["-vnc", "none", "-k", "de"], ["-vnc", "none", "-k", "en-us"], ["-usb"]]


@pytest.fixture(scope="module")
def names(image):
    disk = (image / "root.disk").read_bytes()
    return {"/" + e.name for _, e in cpio.read((image / "root-nub.cpio").read_bytes(),
                                               lambda stored: rootdisk.read(disk, stored))}


def opened(arguments, tmp_path):
    """The data files that QEMU opened, by their paths."""
    trace = tmp_path / "trace"
    run = subprocess.run(
        ["strace", "-f", "-e", "trace=openat", "-o", trace, contents.QEMU, "-S",
         "-no-user-config", "-nodefaults", "-display", "none", "-machine", "pc,accel=qtest",
         "-m", "64", "-qmp", "stdio", *arguments], timeout=60, text=True,
        input='{"execute":"qmp_capabilities"}{"execute":"quit"}',
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": "/usr/bin", "LC_ALL": "C"})
    assert run.returncode == 0, run.stderr
    paths = set(re.findall(r'openat\(AT_FDCWD, "([^"]*)"[^\n]*\) = \d', trace.read_text()))
    return {p for p in paths if p.startswith(contents.DATA_DIRS)
            and p.rpartition("/")[2] not in NOT_UNDER_XEN}


@pytest.mark.parametrize("arguments", [["-device", d] for d in DEVICES] + OPTIONS,
                         ids=lambda a: " ".join(a).replace("-device ", ""))
def test_what_is_opened_is_in_the_image(arguments, names, tmp_path):
    files = opened(arguments, tmp_path)
    assert any(p.endswith("kvmvapic.bin") for p in files), "the trace shows nothing"
    assert files <= names


def test_optional_files_of_this_release_are_in_the_image(names):
    """QEMU 7.2, which opens it, is not here: Debian 12's direct guest is the proof that it does."""
    path = "/usr/share/qemu/linuxboot.bin"
    assert (path in names) == os.path.exists(path)


def test_no_data_file_is_there_for_nothing(tmp_path):
    """Each entry of the table is opened by the option that it names."""
    for name, option in contents.DATA_FILES.items():
        if option.startswith("-device"):
            files = opened(option.split(), tmp_path)
            assert any(p.endswith("/" + name) for p in files), f"{option} does not open {name}"
