# SPDX-License-Identifier: MIT
"""The same thing again and again: what dom0 has in use stays where it is. The series is printed."""
import os

import pytest

from guestlib import disks

CYCLES = int(os.environ.get("LEAK_CYCLES", "200"))  # of create and destroy
FEWER = max(24, CYCLES // 4)  # of everything else; fewer show noise
SECONDS = 90  # a cycle takes fewer on a busy machine
WARM = 4  # cycles in which caches and pools fill up

# How much each figure may grow with a cycle, by the median of all slopes. Counts may not grow at all.
GROWTH = {
    "dom0 KiB": 24,  # slabs, and pages that Linux frees late; a process that stays has 500 KiB and more
    "dom0 slab KiB": 8,  # vmap areas, which Linux frees late; as many with QEMU in dom0
    "Xen MiB": 0.05,
    "xenstored KiB": 2,
    "xenconsoled KiB": 1,
    "grants": 0.2,  # dom0's back ends give them back in the background
    "open files": 0.2,  # closed by the kernel in the background
}


def slope(series):
    """The median of the slopes between any two (Theil and Sen): one odd value does not move it."""
    found = sorted((b - a) / (j - i) for i, a in enumerate(series)
                   for j, b in enumerate(series[i + 1:], i + 1))
    return found[len(found) // 2]


def test_slope():
    assert slope([5] * 9 + [400]) == 0
    assert slope([n // 3 for n in range(30)]) > 0
    assert slope([100 - n for n in range(30)]) == -1


def run_series(dom0, what, cycles, one):
    rows = []
    for _ in range(cycles):
        one()
        rows.append(dom0.call("measure", 120))
        if len(rows) == 1:
            print(f"\n{what}: {cycles} cycles\n" + "  ".join(rows[0]))
        print("  ".join(f"{value:>{len(name)}}" for name, value in rows[-1].items()), flush=True)
    grown = {}
    for name in rows[0]:
        found = slope([row[name] for row in rows[WARM:]])
        print(f"{what}: {name}: {found:+.3g} a cycle, {rows[WARM][name]} to {rows[-1][name]}")
        if found > GROWTH.get(name, 0):
            grown[name] = found
    assert not grown, grown


LONG = pytest.mark.long("a long series: make check-leaks, LEAK_CYCLES=")


@LONG
@pytest.mark.timeout(600 + CYCLES * SECONDS)
def test_create_and_destroy(make_guest, dom0):
    guest = make_guest("cycle")

    def one():
        guest.create()
        guest.end()

    run_series(dom0, "create and destroy", CYCLES, one)


@LONG
@pytest.mark.timeout(600 + FEWER * SECONDS)
def test_restart(make_guest, dom0):
    """The guest's power button, with on_poweroff=restart."""
    log = "/opt/guests/run/cycle/serial.log"
    guest = make_guest("cycle", serial=f"file:{log}", on_poweroff="restart")
    guest.create()
    dom0.wait_file(log, "bios-guest: ready")

    def one():
        launcher, stub = guest.launcher_pid, guest.stub_domid
        dom0.run("xl", "shutdown", "-F", guest.name)
        assert dom0.call("wait_no_process", 120, pid=launcher, seconds=120)
        assert dom0.call("wait_domain", 120, name="cycle-dm", other=stub, seconds=120)
        dom0.wait_file(log, "bios-guest: ready")

    run_series(dom0, "restart", FEWER, one)


@LONG
@pytest.mark.timeout(600 + FEWER * SECONDS)
def test_save_and_restore(make_guest, dom0):
    guest = make_guest("cycle")
    guest.start()
    guest.detach()
    state = f"{guest.folder}/state"

    def one():
        launcher = guest.launcher_pid
        dom0.run("xl", "save", guest.name, state, timeout=240)
        assert dom0.call("wait_no_process", 60, pid=launcher, seconds=60)
        dom0.run("xl", "restore", state, timeout=300)

    run_series(dom0, "save and restore", FEWER, one)


@LONG
@pytest.mark.timeout(600 + FEWER * SECONDS)
def test_cd_changes(make_guest, dom0):
    guest = make_guest("cycle")
    images = [f"{guest.folder}/{n}.iso" for n in "ab"]
    dom0.shell("".join(f"cp /opt/guests/boot.iso {image};" for image in images))
    guest.config["disk"].append(f"format=raw,vdev=hdc,access=ro,devtype=cdrom,target={images[0]}")
    guest.write_config()
    guest.start()

    def one():
        for image in reversed(images):
            dom0.run("xl", "cd-insert", guest.name, "hdc", image)

    run_series(dom0, "two CD changes", FEWER, one)


@LONG
@pytest.mark.timeout(600 + FEWER * SECONDS)
@pytest.mark.parametrize("backend", ["phy", "qdisk"])
def test_hot_plugs(make_guest, dom0, backend):
    """A PV disk, of dom0's back end or of QEMU's in the stub domain."""
    guest = make_guest("cycle", kind="direct", disks=1, nics=(), cmdline=disks.PV)
    dom0.shell(f"cp /opt/guests/data1.img {guest.folder}/extra.img")
    guest.start()
    disks.wait_listed(guest, 1)

    def one():
        dom0.run("xl", "block-attach", guest.name, "format=raw,vdev=xvdg,access=rw,"
                 f"backendtype={backend},target={guest.folder}/extra.img")
        disks.wait_listed(guest, 2)
        dom0.run("xl", "block-detach", guest.name, "xvdg")

    run_series(dom0, f"hot-plug ({backend})", FEWER, one)
