# SPDX-License-Identifier: MIT
"""PCI devices of a host with an IOMMU in a guest whose device model has a domain of its own."""
import random
import re
import time

import pytest

from guestlib import disks, hostile, pci
from guestlib.guest import Stub
from guestlib.pci import AHCI, DOM0, E1000, E1000E, IGB, LENT, MACS, VIRTIO, assignable, content, node

# Beside the first part, which `make check` runs.
more = pytest.mark.long("make check-pci")

VF_MAC = "52:54:00:00:00:05"
# Made by the first device ever and never removed, as with QEMU in dom0.
DIRECTORIES = ("/libxl/pci", "/local/domain/0/backend/pci", "/local/domain/0/error/backend/pci")
FREE_SECONDS = 60


@pytest.fixture(scope="session", autouse=True)
def host(rig, dom0):
    """Devices that pciback holds, and dom0's end of the network that the NICs are on."""
    if rig.kind != "iommu":
        pytest.skip("the rig has no IOMMU: --machine=iommu")
    pci.prepare(dom0)
    for path in (*DIRECTORIES, *(node(bdf) for bdf in LENT)):
        dom0.run("xenstore-write", path, "")
    assert assignable(dom0) == set(LENT)


def rights(dom0, domid):
    """The interrupts, pages and ports that Xen lets the domain pass on; "" if none."""
    dom0.shell("xl dmesg -c >/dev/null; xl debug-keys q")
    said = dom0.run("xl", "dmesg").stdout
    part = said.partition(f"Rangesets belonging to domain {domid}:\n")[2]
    found = re.findall(r"(Interrupts|I/O Memory|I/O Ports) +{ *(.*?) *}", part)[:3]
    assert len(found) == 3, said
    return " ".join(ranges for _, ranges in found).strip()


def wait_free(dom0, *places):
    """Until the toolstack and pciback have them back."""
    nodes = " ".join(f"{node(place)}/domid" for place in places)
    dom0.shell(f"for i in $(seq {FREE_SECONDS * 5}); do sleep 0.2; "
               f"for n in {nodes}; do xenstore-read $n 2>/dev/null && continue 2; done; "
               "ls -d /sys/devices/pci-[0-9]*-* 2>/dev/null || exit 0; done; exit 1",
               timeout=FREE_SECONDS + 60)
    assert set(places) <= assignable(dom0)


@pytest.fixture(name="guest")
def make(make_guest):
    """Makes a Linux guest without emulated disks and NICs, whose drivers are the devices' own."""
    def guest(name, *places, modules=("virtio_blk", "ahci", "sd_mod", "e1000e", "e1000"), **how):
        if places:
            how["pci"] = list(places)
        return make_guest(name, kind="direct", disks=0, nics=(), modules=modules, **how)
    return guest


def check_disk(rig, guest, name="vda", image="pt-virtio"):
    """The guest's own driver reads it whole, by DMA and interrupts; what it writes is there."""
    disks.wait_listed(guest, 1)
    assert disks.digest(guest, name) == content(rig, image)
    value = 1 + int(content(rig, image)[:4], 16) % 200
    said = guest.ask(f"write {name} 7 {value}", f"write {name} ")
    assert "error" not in said, said
    with open(rig.machine.path(f"{image}.img"), "rb") as f:
        f.seek(7 * 512)
        assert set(f.read(512)) == {value}


@more
def test_at_create(rig, dom0, guest):
    """A disk at the guest's start. Its end gives the device back, and so it starts again."""
    pt = guest("pt", VIRTIO)
    for _ in range(2):
        pt.start()
        assert dom0.qemu_processes() == []
        check_disk(rig, pt)
        assert VIRTIO in dom0.run("xl", "pci-list", pt.name).stdout
        assert rights(dom0, pt.stub_domid)
        pt.detach()
        pt.destroy()
        dom0.wait_gone("pt", "pt-dm")
        wait_free(dom0, VIRTIO)


def ping(guest, place, host_part):
    """By the NIC at that place, over its own driver, to dom0."""
    said = guest.ask(f"nic {MACS[place]},10.98.0.{host_part}/24", "nic .* (up|error|down|none)")
    assert " up" in said, said
    said = guest.ask(f"ping {DOM0} 5", f"ping {re.escape(DOM0)} ")
    assert f"ping {DOM0} ok 5/5" in said, said


def check_next_guest(rig, dom0, guest):
    """The device is free, and another guest's disk works."""
    wait_free(dom0, VIRTIO)
    pt = guest("pt2", VIRTIO)
    pt.start()
    check_disk(rig, pt)


def test_attach_and_detach(rig, dom0, guest):
    """Devices of each kind of interrupt come to a running guest, go, and come again."""
    pt = guest("pt", passthrough="enabled")
    pt.start()
    assert rights(dom0, pt.stub_domid) == ""
    works = {VIRTIO: lambda: check_disk(rig, pt), AHCI: lambda: check_disk(rig, pt, "sda", "pt-ahci"),
             E1000E: lambda: ping(pt, E1000E, 2), E1000: lambda: ping(pt, E1000, 3)}
    for places in ((VIRTIO, E1000E), (E1000,), (AHCI,), (VIRTIO,)):
        for place in places:
            dom0.run("xl", "pci-attach", pt.name, place)
        assert rights(dom0, pt.stub_domid)
        for place in places:
            works[place]()
        for place in places:
            dom0.run("xl", "pci-detach", pt.name, place, timeout=90)
        wait_free(dom0, *places)
        assert disks.listed(pt) == {}
        assert rights(dom0, pt.stub_domid) == ""
    pt.destroy()
    dom0.wait_gone("pt", "pt-dm")


def test_reboot(rig, dom0, guest):
    """A reboot of the guest gives the device to the next one."""
    pt = guest("pt", VIRTIO, serial="file:/opt/guests/run/pt/serial.log")
    log = f"{pt.folder}/serial.log"
    pt.config["cmdline"] = f"{pt._command_line()} guest.disk=vda:{content(rig, 'pt-virtio')}"
    pt.write_config()
    pt.create()
    dom0.wait_file(log, "guest: ready")
    first, launcher = dom0.domains(), pt.launcher_pid
    assert re.search(r"disk vda\S* sha256 ok", dom0.read(log))
    dom0.run("xl", "reboot", "pt")
    assert dom0.call("wait_no_process", 120, pid=launcher, seconds=120)
    assert dom0.call("wait_domain", 120, name="pt-dm", other=first["pt-dm"], seconds=120)
    dom0.wait_file(log, "guest: ready")
    assert re.search(r"disk vda\S* sha256 ok", dom0.read(log))
    dom0.run("xl", "shutdown", "pt")
    dom0.wait_gone("pt", "pt-dm")
    wait_free(dom0, VIRTIO)


@pytest.mark.parametrize("victim", ["launcher", pytest.param("stub domain", marks=more),
                                    pytest.param("QEMU", marks=more)])
def test_killed(rig, dom0, guest, victim):
    """A server of the device is killed. The guest's end still gives it back, and it works."""
    pt = guest("pt", VIRTIO)
    pt.start()
    check_disk(rig, pt)
    if victim == "launcher":
        dom0.run("kill", "-KILL", pt.launcher_pid)
    elif victim == "stub domain":
        dom0.run("xl", "destroy", "pt-dm", timeout=120)
    else:
        dom0.run("xl", "qemu-monitor-command", "pt", "quit", check=False)
    dom0.wait_gone("pt-dm")
    # It is the guest's until that ends: nobody else gets it.
    assert dom0.xenstore(f"{node(VIRTIO)}/domid") == str(pt.domid)
    pt.detach()
    pt.destroy()
    dom0.wait_gone("pt", "pt-dm")
    check_next_guest(rig, dom0, guest)


@more
def test_crash(rig, dom0, guest):
    """The guest's kernel panics."""
    pt = guest("pt", VIRTIO)
    pt.config["cmdline"] += " sysrq_always_enabled xen_legacy_crash"
    pt.write_config()
    pt.start()
    check_disk(rig, pt)
    pt.detach()
    dom0.run("xl", "sysrq", pt.name, "c")
    dom0.wait_gone("pt", "pt-dm")
    check_next_guest(rig, dom0, guest)


@more
def test_refused(rig, dom0, guest):
    """Refusals are in words, and leave nothing."""
    pt = guest("pt", VIRTIO, stub=Stub(kernel="linux"))
    done = pt.create(check=False)
    assert done.status and "kernel=nub" in done.text
    dom0.wait_gone("pt", "pt-dm")
    wait_free(dom0, VIRTIO)
    pt = guest("pt2", VIRTIO)
    pt.start()
    # One guest has it.
    other = guest("other", VIRTIO)
    done = other.create(check=False)
    assert done.status and "already assigned" in done.text
    # A QEMU with a device cannot be saved; the guest goes on.
    done = dom0.run("xl", "save", "pt2", "/root/pt2.save", check=False, timeout=180)
    dom0.run("rm", "-f", "/root/pt2.save")
    assert done.status and "PCI device" in done.text + pt.log()
    pt.ask_awake()  # it was suspended until the save failed
    check_disk(rig, pt)


@pytest.fixture(name="function")
def make_function(dom0, leak_check):
    """A virtual function of dom0's NIC."""
    folder = f"/sys/bus/pci/devices/0000:{IGB}"
    dom0.shell(f"echo 1 >{folder}/sriov_numvfs; ip link set $(ls {folder}/net) vf 0 mac {VF_MAC}")
    place = dom0.shell(f"basename $(readlink {folder}/virtfn0)").text.strip().removeprefix("0000:")
    dom0.run("xl", "pci-assignable-add", place)
    yield place
    dom0.run("xl", "pci-assignable-remove", place)
    dom0.shell(f"echo 0 >{folder}/sriov_numvfs; xenstore-rm {node(place)} || true")


@more
def test_virtual_function(dom0, guest, function):
    """A virtual function does not look like one in its own configuration space."""
    pt = guest("pt", function, modules=("igbvf",))
    pt.start()
    said = pt.ask(f"nic {VF_MAC},10.98.0.5/24", "nic .* (up|error|down|none)")
    assert " up" in said, said
    said = pt.ask(f"ping {DOM0} 5", f"ping {re.escape(DOM0)} ")
    assert f"ping {DOM0} ok 5/5" in said, said
    pt.detach()
    pt.destroy()
    dom0.wait_gone("pt", "pt-dm")
    wait_free(dom0, function)


@pytest.fixture(name="plug")
def make_plug(rig, dom0, leak_check):
    """Puts a device into the host while it runs: QEMU cannot save each, and so no saved host has it."""
    made = []

    def plug(*functions):
        """The last one is function 0, which makes the guest of the bus look."""
        with rig.machine.qmp() as qmp:
            for function in functions:
                made.append(function)
                if "drive" in function:
                    function["drive"] = make_image(rig, qmp, function["drive"])
                qmp.command("device_add", bus="rp4", **function)
        places = [f"04:00.{n}" for n in range(len(functions))]
        for place in places:
            dom0.shell(f"for i in $(seq 100); do [ -e /sys/bus/pci/devices/0000:{place}/config ] && exit 0; "
                       "sleep 0.2; done; exit 1")
            dom0.run("xl", "pci-assignable-add", place)
        return places

    yield plug
    for n in range(len(made)):
        dom0.run("xl", "pci-assignable-remove", f"04:00.{n}", check=False)
        dom0.run("xenstore-rm", node(f"04:00.{n}"), check=False)
    with rig.machine.qmp() as qmp:
        qmp.command("device_del", id=made[-1]["id"])
        for function in made:
            qmp.wait_until("qom-list", lambda all, name=function["id"]: name not in {c["name"] for c in all},
                           60, "taking the device out", path="/machine/peripheral")


def make_image(rig, qmp, name):
    """Its node in the rig's QEMU, which keeps it: the device, though gone, may still use it."""
    with open(rig.machine.path(f"{name}.img"), "wb") as f:
        f.write(random.Random(name).randbytes(8 << 20))
    node_name = f"{name}-{len(qmp.command('query-named-block-nodes'))}"
    qmp.command("blockdev-add", node_name=node_name, driver="raw",
                file={"driver": "file", "filename": f"{name}.img", "locking": "off"})
    return node_name


@more
def test_nvme(rig, dom0, guest, plug):
    """A disk whose driver has a queue, and a message, for each CPU."""
    (place,) = plug({"driver": "nvme", "id": "pt-nvme", "drive": "pt-nvme", "serial": "pt-nvme"})
    pt = guest("pt", place, modules=("nvme",), vcpus=2)
    pt.start()
    check_disk(rig, pt, "nvme0n1", "pt-nvme")
    pt.detach()
    pt.destroy()
    dom0.wait_gone("pt", "pt-dm")
    wait_free(dom0, place)


def registers(dom0, place):
    return dom0.shell(f"od -An -tx1 -v -N 256 /sys/bus/pci/devices/0000:{place}/config").stdout


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
