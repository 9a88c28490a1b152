# SPDX-License-Identifier: MIT
"""Ways to boot beside the BIOS disk and the kernel that is given, and USB devices."""
import os
import subprocess

import pytest

from guestlib.disks import LINUX, digest, drive, sha256, wait_listed
from guestlib.dom0host import ASSETS, mkdisk

LARGE_MIB = 200
TIMES_NUB = 1.8  # of the file, the whole stub domain
TIMES_LINUX = 3.6
UEFI_SECONDS = 400  # OVMF unpacks 16 MB first, on an emulated machine
UEFI_LINUX_MIB = 32


def test_network(make_guest, dom0):
    """The NIC's ROM, iPXE, loads the guest by DHCP and TFTP from dom0's bridge."""
    guest = make_guest("net", nics=("rtl8139",), disks=0, boot="n")
    disk = f"{guest.folder}/disk.img"
    dom0.run("cp", f"{ASSETS}/data2.img", disk)
    guest.config["disk"] = [f"format=raw,vdev=hda,access=rw,target={disk}"]
    guest.write_config()
    dom0.call("pxe_start", name="net", interface="xenbr0", mac=guest.macs[0],
              client=guest.addresses[0], server=guest.peers[0], path=f"{ASSETS}/boot.pxe")
    try:
        guest.create(paused=True)
        guest.attach()
        dom0.call("capture_start", name="net", interface=f"vif{guest.domid}.0-emu")
        dom0.run("xl", "unpause", guest.name)
        report = guest.wait_ready()
    finally:
        asked = dom0.call("pxe_stop", name="net")
    assert f"disk 0 ok {mkdisk.data_crc(mkdisk.make_disk(2))}" in report
    assert asked[0] == "dhcp 1 PXEClient" and "tftp boot.pxe" in asked, asked
    bridge = dom0.read("/sys/class/net/xenbr0/address").strip()
    assert {f["from"] for f in dom0.call("capture_stop", name="net")} == {guest.macs[0], bridge}


def test_large_ramdisk(make_guest, dom0, stub):
    """A file that the guest boots with costs the stub domain its size once; a Linux has it twice."""
    most = TIMES_NUB if stub.options["kernel"] == "nub" else TIMES_LINUX
    ramdisk = f"{ASSETS}/run/large-ramdisk"
    dom0.shell(f"mkdir -p {ASSETS}/run; cp {ASSETS}/direct.cpio {ramdisk}; "
               f"truncate -s {LARGE_MIB}M {ramdisk}")
    try:
        guest = make_guest("large", kind="direct", disks=0, nics=(), memory=LARGE_MIB + 256,
                           ramdisk=ramdisk)
        guest.start()
        memory = int(dom0.run("xl", "list", "large-dm").stdout.splitlines()[1].split()[2])
        assert LARGE_MIB < memory < most * LARGE_MIB
    finally:
        dom0.run("rm", "-f", ramdisk)


def test_scsi(make_guest, dom0):
    """Disks that xl calls sdX are on a SCSI controller, and SeaBIOS boots from the first."""
    guest = make_guest("scsi", nics=(), disks=2)
    guest.config["disk"] = [line.replace("vdev=hd", "vdev=sd") for line in guest.config["disk"]]
    guest.write_config()
    report = guest.start()
    for n in range(2):
        assert f"disk {n} ok {mkdisk.data_crc(mkdisk.make_disk(n))}" in report
    assert "1000:0012" in guest.monitor("info pci")  # lsi53c895a
    guest.ask("write 1 1300 0x2a", "write 1 1300")
    guest.destroy()
    dom0.wait_gone("scsi", "scsi-dm")
    assert dom0.sector(guest.disks[1], 1300) == b"\x2a" * 512


def start_uefi(guest, dom0, boot, disk, said):
    """Starts a guest with these two disks; what it says up to `said`."""
    guest.config["disk"] = [f"format=raw,vdev=hd{letter},access=rw,target={path}"
                            for letter, path in (("a", boot), ("b", disk))]
    guest.write_config()
    guest.create(paused=True)
    guest.attach()
    dom0.run("xl", "unpause", guest.name)
    return guest.wait(said, UEFI_SECONDS)


@pytest.mark.long("two minutes and more: OVMF unpacks itself on an emulated machine")
def test_uefi(make_guest, dom0):
    """OVMF, which libxl loads, finds the guest on its disk, and the data on another."""
    guest = make_guest("uefi", nics=(), disks=0, memory=256, firmware="uefi")
    boot, disk = f"{guest.folder}/boot.img", f"{guest.folder}/disk.img"
    dom0.shell(f"cp {ASSETS}/uefi.img {boot}; cp {ASSETS}/data3.img {disk}")
    report = start_uefi(guest, dom0, boot, disk, "uefi-guest: ready")
    assert "uefi-guest: firmware Debian distribution of EDK II\n" in report
    assert f"uefi-guest: disk 0 ok {mkdisk.data_crc(mkdisk.make_disk(3))}" in report
    assert dom0.qemu_processes() == []
    guest.ask("write", "uefi-guest: write ok")
    assert dom0.sector(disk, 1200) == b"\x6b" * 512
    guest.ask("poweroff", "uefi-guest: power off")
    dom0.wait_gone("uefi", "uefi-dm")


def make_uefi_linux(path, build):
    """A disk from whose file system the firmware's shell starts Linux by itself."""
    guests = f"{build}/tests/system/parts/guests"
    script = ("fs0:\r\nvmlinuz.efi initrd=initrd.img efi=debug " + LINUX.replace("quiet ", "") +
              "ata_piix,sd_mod\r\n")
    subprocess.run(["mformat", "-C", "-i", path, "-T", str(UEFI_LINUX_MIB << 11), "-h", "16",
                    "-s", "32", "::"], check=True)
    for name, source in (("vmlinuz.efi", f"{guests}/vmlinuz"), ("initrd.img",
                                                               f"{guests}/direct.cpio")):
        subprocess.run(["mcopy", "-i", path, source, f"::/{name}"], check=True)
    subprocess.run(["mcopy", "-i", path, "-", "::/startup.nsh"], input=script.encode(),
                   check=True)


@pytest.mark.long("minutes: OVMF and a kernel that it reads from an emulated disk")
def test_uefi_linux(make_guest, dom0, tmp_path, build):
    """OVMF starts Debian's kernel from the guest's disk; the guest comes up and has its disks."""
    image = tmp_path / "linux.img"
    make_uefi_linux(image, build)
    guest = make_guest("uefi", nics=(), disks=0, memory=512, firmware="uefi")
    boot, disk = f"{guest.folder}/boot.img", f"{guest.folder}/disk.img"
    dom0.rig.push(image, boot)
    os.unlink(image)
    dom0.run("cp", f"{ASSETS}/data3.img", disk)
    report = start_uefi(guest, dom0, boot, disk, "guest: up")
    assert "efi: EFI v2" in report, report
    assert dom0.qemu_processes() == []
    content = mkdisk.make_disk(3)
    found = wait_listed(guest, 2)
    name = next(name for name, (size, _, _) in found.items() if size == len(content))
    assert digest(guest, name) == sha256(content)
    guest.ask("poweroff", "power poweroff")
    dom0.wait_gone("uefi", "uefi-dm")


def test_usb(make_guest, dom0):
    """A tablet, a disk and a second controller, as far as they need no device of dom0's. Then a
    stick that is plugged in while the guest runs."""
    path, stick = f"{ASSETS}/data1.img", f"{ASSETS}/data2.img"
    ramdisk = f"{ASSETS}/run/usb-ramdisk"
    dom0.shell(f"mkdir -p {ASSETS}/run; cat {ASSETS}/direct.cpio {ASSETS}/usb.cpio >{ramdisk}")
    guest = make_guest(
        "usb", kind="direct", disks=0, nics=(), usb=1, usbdevice=["tablet"],
        usbctrl=["type=devicemodel,version=3,ports=4"], ramdisk=ramdisk, disk=[],
        cmdline=LINUX + "uhci_hcd,xhci_pci,usbhid,hid_generic,evdev,usb_storage,sd_mod",
        device_model_args_hvm=drive(path, "usb-storage,bus=usb-bus.0", "u0", readonly="on"))
    guest.start()
    content = [mkdisk.make_disk(n) for n in range(3)]
    assert digest(guest, "sda") == sha256(content[1])

    socket = f"/var/run/xen/qmp-libxl-{guest.domid}"
    hello = [["a", "open", socket], ["a", "ask", {"execute": "qmp_capabilities"}]]
    guest.ask("input Tablet 3", "input Tablet listens")
    events = [{"type": "abs", "data": {"axis": axis, "value": value}}
              for axis, value in (("x", 12345), ("y", 23456))] + [
                  {"type": "btn", "data": {"button": "left", "down": True}}]
    done = dom0.qmp(*hello, ["a", "ask", {"execute": "input-send-event",
                                          "arguments": {"events": events}}])
    assert done[-1] == {"return": {}}
    said = guest.wait("input Tablet done")
    # in the order in which Linux reads the tablet's report
    assert sorted(line.split(": ")[1] for line in said.splitlines() if "event" in line) == [
        "event abs 0 12345", "event abs 1 23456", "event key 272 1"]

    node = {"node-name": "stick", "driver": "raw", "read-only": True,
            "file": {"driver": "file", "filename": "/dev/fdset/0"}}
    device = {"driver": "usb-storage", "id": "plugged", "bus": "xenusb-0.0", "drive": "stick"}
    done = dom0.qmp(
        *hello, ["a", "ask", {"execute": "add-fd"}, stick],
        ["a", "ask", {"execute": "blockdev-add", "arguments": node}],
        ["a", "ask", {"execute": "device_add", "arguments": device}])
    assert done[-1] == {"return": {}}, done
    assert digest(guest, "sdb") == sha256(content[2])

    # Nobody in dom0 serves PV USB, and the toolstack sees that.
    attach = ["xl", "usbctrl-attach", guest.name]
    refused = dom0.run(*attach, "type=qusb", check=False)
    assert refused.status != 0 and "not supported by device model" in refused.text
    dom0.run(*attach, "type=devicemodel", "version=2")
    assert 'id "xenusb-1"' in guest.monitor("info qtree")
    assert dom0.qemu_processes() == []
