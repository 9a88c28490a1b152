# SPDX-License-Identifier: MIT
"""Orders that a toolstack gives to a stub domain, or to all domains and so to it, too. No order
harms the guest and its device model."""
import json
import re

import pytest

from guestlib.guest import Stub

SAVED = "/var/lib/xen/save"
XENDOMAINS = "/etc/init.d/xendomains"
QUICK_SECONDS = 45  # less than libxl's 60 s, on a busy machine


# The same body with QEMU in dom0 is the measure; it needs no second look at each change.
SIDES = ["stub", pytest.param("dom0", marks=pytest.mark.long("the measure, QEMU in dom0"))]


def works(guest, sector):
    """Its disk, so its device model, answers."""
    return guest.ask("read 0 1200", "read 0 1200").split()[-1] == sector


def refused(dom0, *argv, because):
    done = dom0.run(*argv, check=False, timeout=120)
    assert done.status != 0 and because in done.text, (argv, done.status, done.text)
    assert done.seconds < QUICK_SECONDS


def obeyed(dom0, *argv):
    assert dom0.run(*argv, timeout=120).seconds < QUICK_SECONDS, argv


def check_refused(dom0, guest, name):
    """Nothing is lost by these, not even a file of that name."""
    state = f"{guest.folder}/dm-state"
    record = "configuration"
    refused(dom0, "xl", "save", name, state, because=record)
    assert dom0.run("test", "-e", state, check=False).status != 0
    refused(dom0, "xl", "migrate", "-s", "", name, "false", because=record)
    refused(dom0, "xl", "mem-set", name, "40m", because=record)
    refused(dom0, "xl", "mem-max", name, "400m", because=record)
    refused(dom0, "xl", "vcpu-set", "--ignore-host", name, "9", because="VCPUs")
    refused(dom0, "xl", "block-attach", name, f"format=raw,vdev=xvdz,access=ro,target={guest.disks[0]}",
            because="unable to add device")
    refused(dom0, "xl", "console", name, because="lock")
    assert list(json.loads(dom0.run("xl", "list", "-l").stdout)[1]["config"]["c_info"]["name"]) == \
        list(guest.name)
    assert dom0.run("/usr/lib/xen-common/bin/xen-init-list").stdout.split() == \
        [str(guest.domid), guest.name]


def check_obeyed(dom0, guest, name, sector):
    """Acknowledged at once, or taken back, and the guest goes on."""
    stub = guest.stub_domid
    for order in (["shutdown"], ["reboot"]):
        obeyed(dom0, "xl", *order, name)
        assert dom0.call("wait_xenstore", 60, path=f"/local/domain/{stub}/control/shutdown", value="",
                         seconds=60)
        assert works(guest, sector)
    # Linux in a stub domain would crash itself, restart and power off.
    for key in "sbo":
        obeyed(dom0, "xl", "sysrq", name, key)
    for trigger in ("power", "sleep"):
        dom0.run("xl", "trigger", name, trigger, check=False)
    obeyed(dom0, "xl", "rename", name, "other")
    assert dom0.call("wait_domains", 60, names=[guest.name, name], seconds=60), dom0.domains()
    assert works(guest, sector)
    obeyed(dom0, "xl", "vcpu-set", name, "1")  # of two
    online = f"/local/domain/{stub}/cpu/1/availability"
    assert dom0.call("wait_xenstore", 60, path=online, value="online", seconds=60)
    obeyed(dom0, "xl", "config-update", name, guest.config_path)  # leaves nothing, changes nothing
    obeyed(dom0, "xl", "pause", name)
    obeyed(dom0, "xl", "unpause", name)
    assert works(guest, sector)
    assert guest.stub_domid == stub
    for line in ("told 'poweroff'", "told 'reboot'", "SysRq", "vCPU 1 of orders-dm stays online"):
        assert line in guest.log(), line


def test_orders_to_the_stub_domain(make_guest, dom0, stub):
    guest = make_guest("orders", stub=Stub(**{**stub.options, "vcpus": 2}))
    guest.start()
    sector = guest.ask("write 0 1200 0x5a", "write 0 1200").split()[-1]
    name = guest.name + "-dm"
    check_refused(dom0, guest, name)
    check_obeyed(dom0, guest, name, sector)
    dom0.run("xl", "shutdown", "-F", "-w", guest.name)
    dom0.wait_gone(guest.name, name)


@pytest.fixture(name="saved")
def make_saved(dom0, leak_check):
    dom0.shell(f"rm -rf {SAVED}; cp /etc/default/xendomains /root/xendomains.before")
    yield SAVED
    dom0.shell(f"umount {SAVED} 2>/dev/null; rm -rf {SAVED} /var/lock/subsys; "
               "mv /root/xendomains.before /etc/default/xendomains")


def xendomains(dom0, order):
    """Its output; no line of it reports a failure."""
    done = dom0.run(XENDOMAINS, order, timeout=400)
    text = re.sub(r"\x1b\[[0-9;]*m", "", done.text)
    return text, not re.search(r"failed|rror occurred|FAIL", text)


def stop_saved(dom0, saved, guest, names):
    """The guest is in a file, and nothing else is."""
    text, well = xendomains(dom0, "stop")
    assert well, text
    dom0.wait_gone(*names)
    assert dom0.run("ls", saved).stdout.split() == [guest.name]


def check_back(dom0, guest, names, saved):
    """`xendomains start` has brought it back, and its file is gone."""
    text, well = xendomains(dom0, "start")
    assert well, text
    assert dom0.call("wait_domains", 120, names=names, seconds=120), dom0.domains()
    assert dom0.run("ls", saved).stdout == ""
    guest.attach()
    guest.ask_awake()


@pytest.mark.parametrize("side", SIDES)
def test_xendomains(make_guest, dom0, stub, saved, side):
    """Saves the guests and nothing else, and brings them back; with a full directory each is
    shut down. The same with QEMU in dom0 shows what is right."""
    stub = stub if side == "stub" else None
    guest = make_guest("init", kind="direct", nics=(), stub=stub)
    guest.start()
    names = [guest.name] + ([guest.name + "-dm"] if stub else [])
    guest.detach()
    stop_saved(dom0, saved, guest, names)
    check_back(dom0, guest, names, saved)
    guest.ask("disks", "disks done")

    guest.detach()
    stop_without_room(dom0, saved, guest, names)


def stop_without_room(dom0, saved, guest, names):
    """The guest cannot be saved, so it is shut down, its device model with it."""
    dom0.run("mount", "-t", "tmpfs", "-o", "size=1m", "none", saved)
    try:
        xendomains(dom0, "stop")
        dom0.wait_gone(*names)
        assert set(dom0.run("ls", saved).stdout.split()) <= {guest.name}
    finally:
        dom0.run("umount", saved)


def stop_unsaved(dom0, saved, guest, names):
    """XENDOMAINS_SAVE= names no directory: each guest is shut down."""
    config = "/etc/default/xendomains"
    dom0.run("sed", "-i", "s/^XENDOMAINS_SAVE=/& #/", config)
    text, well = xendomains(dom0, "stop")
    assert well, text
    dom0.wait_gone(*names)
    assert dom0.run("ls", saved).stdout == ""
    dom0.run("sed", "-i", "s/^XENDOMAINS_SAVE= #/XENDOMAINS_SAVE=/", config)


@pytest.mark.long("ten times in a row")
def test_xendomains_ten_times(make_guest, dom0, saved):
    """The guest is saved and comes back, or it ends whole where it cannot be saved or is not to be.
    Its last write is on the disk each time, no file is there for the stub domain, nothing is
    left."""
    guest = make_guest("ten", kind="direct", nics=())
    names = [guest.name, guest.name + "-dm"]
    guest.start()
    for turn in range(10):
        guest.ask(f"write sda 1201 {0x30 + turn}", "write sda 1201 ok")
        guest.detach()
        if turn % 2:
            (stop_unsaved if turn % 4 == 1 else stop_without_room)(dom0, saved, guest, names)
        else:
            stop_saved(dom0, saved, guest, names)
        assert set(dom0.sector(guest.disks[0], 1201)) == {0x30 + turn}
        if turn % 2:
            guest.start()
        else:
            check_back(dom0, guest, names, saved)


@pytest.mark.parametrize("side", SIDES)
def test_all_guests_end_and_come_back(make_guest, dom0, stub, side):
    """`xl reboot -a -F` and `xl shutdown -a -F -w`. Each guest restarts with one device model, then
    ends with its last write on the disk."""
    stub = stub if side == "stub" else None
    one = make_guest("all1", kind="direct", stub=stub, nics=(), serial="file:/opt/guests/run/all1/serial.log")
    log = f"{one.folder}/serial.log"
    one.create()
    dom0.wait_file(log, "guest: ready")
    before = dom0.domains()
    dom0.run("xl", "reboot", "-a", "-F", timeout=120)
    assert dom0.call("wait_domain", 120, name=one.name, other=before[one.name], seconds=120)
    if stub:
        assert dom0.call("wait_domain", 120, name=one.name + "-dm", other=before[one.name + "-dm"],
                         seconds=120)
    dom0.wait_file(log, "guest: ready")
    dom0.wait_listed(*before)
    two = make_guest("all2", stub=stub, nics=())
    two.start()
    two.ask("write 0 1201 0x77", "write 0 1201")
    two.detach()
    dom0.run("xl", "shutdown", "-a", "-F", "-w", timeout=200)
    dom0.wait_gone(*before, two.name, two.name + "-dm")
    assert set(dom0.sector(two.disks[0], 1201)) == {0x77}
