# SPDX-License-Identifier: MIT
"""The test guests themselves, under plain QEMU: their reports must be true without Xen."""
import hashlib
import os
import re
import select
import socket
import struct
import subprocess
import sys
import time
import zlib

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../system/parts/guests"))
import mkdisk  # noqa: E402
import mkiso  # noqa: E402

BUILD = os.path.join(os.environ.get("BUILD", "build"), "tests/system/parts/guests")
BOOT_SECONDS = 120
REPLY_SECONDS = 120
OVMF = "/usr/share/ovmf/OVMF.fd"


class Guest:
    """One guest under plain QEMU, its serial console on our pipes."""

    def __init__(self, *args):
        command = ["qemu-system-x86_64", "-accel", "tcg", "-m", "128", "-nodefaults",
                   "-display", "none", "-vga", "std", "-serial", "stdio", *args]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        self.seen = ""

    def wait(self, text, seconds):
        """Everything up to the end of the line that holds `text`; taken off what is seen."""
        end = time.monotonic() + seconds
        while True:
            at = self.seen.find(text)
            newline = self.seen.find("\n", at) if at >= 0 else -1
            if newline >= 0:
                got, self.seen = self.seen[: newline + 1], self.seen[newline + 1 :]
                return got.replace("\r", "")
            left = end - time.monotonic()
            assert left > 0, f"no '{text}' within {seconds} s; seen:\n{self.seen}"
            if select.select([self.process.stdout], [], [], left)[0]:
                data = os.read(self.process.stdout.fileno(), 65536)
                assert data, f"QEMU ended before '{text}'; seen:\n{self.seen}"
                self.seen += data.decode(errors="replace")

    def ask(self, command, answer, seconds=REPLY_SECONDS):
        self.process.stdin.write(command.encode() + b"\n")
        return self.wait(answer, seconds)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture
def start():
    guests = []

    def run(*args):
        guests.append(Guest(*args))
        return guests[-1]

    yield run
    for guest in guests:
        guest.close()


def ide(path, index):
    return ["-drive", f"file={path},format=raw,if=ide,index={index}"]


def test_bios_guest(start, tmp_path):
    first = tmp_path / "first.img"
    with open(f"{BUILD}/bios.img", "rb") as f:
        content = f.read()
    first.write_bytes(content)
    second = tmp_path / "second.img"
    second.write_bytes(mkdisk.make_disk(7))
    broken = bytearray(mkdisk.make_disk(8))
    broken[mkdisk.FIRST_LBA * mkdisk.SECTOR + 5] ^= 1
    third = tmp_path / "third.img"
    third.write_bytes(broken)

    guest = start(*ide(first, 0), *ide(second, 1), *ide(third, 2), "-device", "e1000")
    report = guest.wait("bios-guest: ready", BOOT_SECONDS)
    assert f"bios-guest: disk 0 ok {mkdisk.data_crc(content)}\n" in report
    assert f"bios-guest: disk 1 ok {mkdisk.data_crc(mkdisk.make_disk(7))}\n" in report
    assert "bios-guest: disk 2 bad" in report
    assert "bios-guest: screen ok\n" in report

    assert guest.ask("echo a b", "echo").endswith("bios-guest: echo a b\n")
    assert "nic 0 8086100e\n" in guest.ask("nics", "nics done")
    assert "unknown command: nonsense" in guest.ask("nonsense", "error")
    words = guest.ask("pio 50", "pio").split()
    assert words[2] == "50"
    total, low, high = (int(words[i], 16) for i in (4, 6, 8))
    assert 0 < low <= high <= total

    sector = bytes([0x5A]) * 512
    assert "%08x" % zlib.crc32(sector) in guest.ask("write 0 1030 0x5a", "write")
    assert "%08x" % zlib.crc32(sector) in guest.ask("read 0 1030", "read")
    guest.ask("triple", "triple fault")
    guest.wait("bios-guest: ready", BOOT_SECONDS)
    guest.ask("poweroff", "power off")
    assert guest.process.wait(REPLY_SECONDS) == 0
    assert first.read_bytes()[1030 * 512 :][:512] == sector


def test_bios_guest_ports(start, tmp_path):
    """Its other serial ports, the printer, keyboard and mouse, as QEMU's own ends see them."""
    com, paper = tmp_path / "com1", tmp_path / "paper"
    monitor = tmp_path / "monitor"
    guest = start("-snapshot", *ide(f"{BUILD}/bios.img", 0), "-serial", f"file:{com}",
                  "-parallel", f"file:{paper}", "-monitor", f"unix:{monitor},server=on,wait=off")
    guest.wait("bios-guest: ready", BOOT_SECONDS)
    guest.ask("com 1 to the second", "com 1 done")
    assert com.read_bytes() == b"to the second\r\n"
    assert "no port 3" in guest.ask("com 3 x", "error")
    guest.ask("comflood 1 20", "comflood 1 done")
    assert com.read_bytes().splitlines()[1:] == [b"flood %08x" % i for i in range(20)]
    guest.ask("print on paper", "print done")
    assert paper.read_bytes() == b"on paper\n"
    guest.ask("text", "text")
    guest.ask("input", "input starts")
    with socket.socket(socket.AF_UNIX) as hmp:
        hmp.connect(str(monitor))
        hmp.sendall(b"sendkey a\n")
        assert "key 1e\n" in guest.wait("key 9e", REPLY_SECONDS)
        hmp.sendall(b"mouse_move 5 3\n")
        guest.wait("mouse 5", REPLY_SECONDS)
        hmp.sendall(b"sendkey esc\n")
        guest.wait("input done", REPLY_SECONDS)


def test_bios_guest_reboots(start):
    guest = start("-snapshot", *ide(f"{BUILD}/bios.img", 0))
    guest.wait("bios-guest: ready", BOOT_SECONDS)
    guest.ask("reboot", "reboot")
    guest.wait("bios-guest: ready", BOOT_SECONDS)


@pytest.mark.parametrize("disk, nic, modules", [
    ("if=ide", "e1000", "ata_piix,sd_mod,e1000"),
    ("if=virtio", "virtio-net-pci", "virtio_blk,virtio_net"),
    ("if=none,id=d", "rtl8139", "ahci,sd_mod,8139cp"),
])
def test_direct_guest(start, tmp_path, disk, nic, modules):
    content = mkdisk.make_disk(3)
    image = tmp_path / "disk.img"
    image.write_bytes(content)
    name = "vda" if "virtio" in disk else "sda"
    digest = hashlib.sha256(content).hexdigest()
    ahci = ["-device", "ahci,id=a", "-device", "ide-hd,bus=a.0,drive=d"]
    guest = start(
        "-drive", f"file={image},format=raw,{disk}", *(ahci if "none" in disk else []),
        "-netdev", "user,id=n,net=10.99.0.0/24,host=10.99.0.1,restrict=on",
        "-device", f"{nic},netdev=n,mac=52:54:00:00:00:01",
        "-kernel", f"{BUILD}/vmlinuz", "-initrd", f"{BUILD}/direct.cpio",
        "-append", f"console=ttyS0 quiet guest.load={modules} guest.disk={name}:{digest} "
                   "guest.nic=52:54:00:00:00:01,10.99.0.21/24,10.99.0.1")
    report = guest.wait("guest: ready", BOOT_SECONDS)
    assert "guest: up\n" in report
    assert f"guest: disk {name} sha256 ok\n" in report
    assert "guest: ping 10.99.0.1 ok 3/3" in report

    sector = bytes([0x21]) * 512
    guest.ask(f"write {name} 1500 0x21", f"guest: write {name} 1500 ok")
    assert hashlib.sha256(sector).hexdigest() in guest.ask(f"read {name} 1500", "guest: read")
    assert image.read_bytes()[1500 * 512 :][:512] == sector
    changed = hashlib.sha256(image.read_bytes()).hexdigest()
    assert changed in guest.ask(f"sum {name}", "guest: sum")
    guest.ask("poweroff", "guest: power")
    assert guest.process.wait(REPLY_SECONDS) == 0


def test_direct_guest_says_what_is_wrong(start, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(mkdisk.make_disk(3))
    guest = start(
        *ide(image, 0), "-nic", "none",
        "-kernel", f"{BUILD}/vmlinuz", "-initrd", f"{BUILD}/direct.cpio",
        "-append", "console=ttyS0 quiet guest.load=ata_piix,sd_mod,nosuch "
                   f"guest.disk=sda:{'0' * 64}")
    report = guest.wait("guest: ready", BOOT_SECONDS)
    assert "guest: module nosuch: not in this guest\n" in report
    assert "guest: disk sda sha256 bad" in report


def test_disk_commands_of_the_direct_guest(start, tmp_path):
    """The list of disks, the journal as the file has it, and loads that end."""
    for i, size in enumerate((1 << 20, (1 << 20) + 512)):
        (tmp_path / f"{i}.img").write_bytes(bytes(size))
    guest = start(*ide(tmp_path / "0.img", 0), *ide(tmp_path / "1.img", 1), "-nic", "none",
                  "-kernel", f"{BUILD}/vmlinuz", "-initrd", f"{BUILD}/direct.cpio",
                  "-append", "console=ttyS0 quiet guest.load=ata_piix,sd_mod")
    guest.wait("guest: ready", BOOT_SECONDS)
    guest.ask("read sda 0", "guest: read")  # it is there
    guest.ask("read sdb 0", "guest: read")
    listed = guest.ask("disks", "guest: disks done")
    # Linux names them in the order in which they answer.
    found = dict(re.findall(r"guest: disk (sd[ab]) bytes (\d+) sector 512 rw\n", listed))
    assert sorted(found.values()) == ["1048576", "1049088"], listed
    small = next(name for name, size in found.items() if size == "1048576")
    said = guest.ask("journal sda,sdb 0 20", "journal sda,sdb done")
    assert [line.split()[-1] for line in said.splitlines()] == ["8", "16", "20", "done"]
    expected = b"".join(struct.pack("<Q", i + 1) * 512 for i in range(20))
    for i in range(2):
        assert (tmp_path / f"{i}.img").read_bytes() == expected.ljust(
            (1 << 20) + 512 * i, b"\0")
    assert "error" in guest.ask(f"journal {small} 250 300", f"guest: journal {small} error")
    for how in ("read", "write", "randread", "randwrite"):
        assert int(guest.ask(f"diskload sda {how} 4096 8 50", "guest: diskload sda us").split()[-1]) > 0
    assert "error" in guest.ask("diskload sda read 4096 65 50", "guest: diskload")


def test_usb_of_the_direct_guest(start, tmp_path):
    """A tablet and a disk on each kind of USB controller that xl offers."""
    (tmp_path / "disk.img").write_bytes(mkdisk.make_disk(5))
    with open(tmp_path / "ramdisk", "wb") as f:
        for name in ("direct.cpio", "usb.cpio"):
            with open(f"{BUILD}/{name}", "rb") as part:
                f.write(part.read())
    monitor = tmp_path / "monitor"
    guest = start("-usb", "-device", "nec-usb-xhci,id=x", "-device", "usb-tablet,bus=usb-bus.0",
                  "-drive", f"file={tmp_path}/disk.img,format=raw,if=none,id=d",
                  "-device", "usb-storage,bus=x.0,drive=d", "-nic", "none",
                  "-monitor", f"unix:{monitor},server=on,wait=off",
                  "-kernel", f"{BUILD}/vmlinuz", "-initrd", str(tmp_path / "ramdisk"),
                  "-append", "console=ttyS0 quiet "
                  "guest.load=uhci_hcd,xhci_pci,usbhid,hid_generic,usb_storage,sd_mod,evdev")
    guest.wait("guest: ready", BOOT_SECONDS)
    digest = hashlib.sha256(mkdisk.make_disk(5)).hexdigest()
    assert digest in guest.ask("sum sda", "guest: sum sda")
    guest.ask("input Tablet 2", "input Tablet listens")
    with socket.socket(socket.AF_UNIX) as hmp:
        hmp.connect(str(monitor))
        hmp.sendall(b"mouse_button 1\nmouse_button 0\n")
        said = guest.wait("input Tablet done", REPLY_SECONDS)
    assert "event key 272 1\n" in said and "event key 272 0\n" in said


def test_bios_guest_from_a_cd(start, tmp_path):
    """The CD boots, and the guest's first disk is still the hard disk."""
    with open(f"{BUILD}/bios.bin", "rb") as f:
        (tmp_path / "boot.iso").write_bytes(mkiso.make_iso(f.read()))
    (tmp_path / "disk.img").write_bytes(mkdisk.make_disk(7))
    guest = start(*ide(tmp_path / "disk.img", 0), "-cdrom", str(tmp_path / "boot.iso"),
                  "-boot", "d")
    report = guest.wait("bios-guest: ready", BOOT_SECONDS)
    assert f"bios-guest: disk 0 ok {mkdisk.data_crc(mkdisk.make_disk(7))}\n" in report


def test_bios_guest_from_the_network(start, tmp_path):
    """iPXE, the NIC's ROM, loads it by DHCP and TFTP."""
    with open(f"{BUILD}/bios.bin", "rb") as f:
        (tmp_path / "boot.pxe").write_bytes(mkiso.loaded_whole(f.read()))
    guest = start("-netdev", f"user,id=n,tftp={tmp_path},bootfile=boot.pxe",
                  "-device", "rtl8139,netdev=n", "-boot", "n")
    report = guest.wait("bios-guest: ready", BOOT_SECONDS)
    assert "bios-guest: up\n" in report


def test_uefi_guest(start, tmp_path):
    """The firmware starts it from its disk; it finds its data by the firmware's drivers."""
    with open(f"{BUILD}/uefi.img", "rb") as f:
        (tmp_path / "boot.img").write_bytes(f.read())
    (tmp_path / "data.img").write_bytes(mkdisk.make_disk(7))
    guest = start("-bios", OVMF, *ide(tmp_path / "boot.img", 0), *ide(tmp_path / "data.img", 1),
                  "-netdev", "hubport,id=n,hubid=0",
                  "-device", "e1000,netdev=n,mac=52:54:00:00:00:02")
    report = guest.wait("uefi-guest: ready", BOOT_SECONDS)
    assert "uefi-guest: firmware Debian distribution of EDK II\n" in report
    assert f"uefi-guest: disk 0 ok {mkdisk.data_crc(mkdisk.make_disk(7))}\n" in report
    assert "uefi-guest: nic 52:54:00:00:00:02\n" in report
    guest.ask("write", "uefi-guest: write ok")
    assert (tmp_path / "data.img").read_bytes()[1200 * 512 :][:512] == bytes([0x6B]) * 512
    guest.ask("poweroff", "uefi-guest: power off")
    assert guest.process.wait(REPLY_SECONDS) == 0
