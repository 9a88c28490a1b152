# SPDX-License-Identifier: MIT
"""Deaths of docs/deaths.md that are none of ours: the guest, the toolstack, and the programs that it runs for devices."""
import contextlib

import pytest

from test_deaths import Migration, Save, check_next, check_nothing_left, check_written, wait_next, write_some
from test_libvirt import end_libvirtd, start_by_virsh, start_libvirtd, virsh  # noqa: F401: a fixture


@pytest.mark.long("docs/deaths.md: make check-deaths")
def test_triple_fault(make_guest, dom0):
    """Of the guest: it reboots, as a machine does, with another stub domain."""
    guest = make_guest("dies")
    guest.start()
    write_some(guest)
    first, stub = guest.domid, guest.stub_domid
    guest.ask("triple", "triple fault")
    wait_next(dom0, guest, first)
    assert guest.domid not in (None, first) and guest.stub_domid not in (None, stub)
    check_written(dom0, guest)
    check_next(dom0, guest)


@pytest.mark.long("docs/deaths.md: make check-deaths")
def test_libvirtd(make_guest, dom0, stub, virsh):
    """It is killed: the guest goes on, the next one finds it, and ends it."""
    guest = make_guest("dies")
    start_by_virsh(guest, virsh, stub)
    write_some(guest)
    end_libvirtd(dom0, "KILL")
    guest.ask("echo goes on", "echo goes on")
    start_libvirtd(dom0)
    assert "running" in virsh("domstate", guest.name).stdout
    guest.ask("echo goes on", "echo goes on")
    virsh("destroy", guest.name)
    dom0.wait_gone("dies", "dies-dm")
    check_written(dom0, guest)


XL_ORDERS = {"save": Save, "migrate": Migration}


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.parametrize("signal", ["INT", "KILL"])
@pytest.mark.parametrize("order", XL_ORDERS)
def test_xl_killed(make_guest, dom0, order, signal):
    """While the guest's memory is copied: the guest goes on here, and the same order works later. xl save has
    suspended it before that, so somebody has to resume it, as with QEMU in dom0."""
    guest = make_guest("dies", memory=XL_ORDERS[order].memory)
    moment = XL_ORDERS[order](dom0, guest)
    guest.start()
    write_some(guest)
    first = guest.domid
    moment.begin()
    dom0.run("pkill", f"-{signal}", "-f", f"^/[^ ]*/xl {order} ")
    assert not moment.wait()
    # Its child goes on until it has a question to ask.
    dom0.shell("timeout 100 sh -c 'while pgrep -x libxl-save-help; do sleep 0.2; done'")
    dom0.wait_gone("dies--incoming", "dies--incoming-dm")
    assert guest.domid == first
    if order == "save":
        dom0.run("xl", "resume", guest.name)
    guest.ask("echo goes on", "echo goes on")
    moment.begin()
    moment.end(lives=True)
    assert guest.domid != first
    check_next(dom0, guest)


# Programs of devices that libxl runs: for the guest's interface, and for the stub domain's disks and interface. Their
# words as a device comes and as it goes.
SCRIPTS = {
    "/etc/xen/scripts/vif-bridge": ("online", "offline"),
    "/usr/libexec/qemu-stubdom/stubdom-block": ("add", "remove"),
    "/usr/libexec/qemu-stubdom/stubdom-vif": ("online", "offline"),
}
FATES = {"fails": "exit 1", "hangs": "exec sleep 1000"}
SPOILT = """#!/bin/sh
[ "$1" != {word} ] || {fate}
exec {script}.real "$@"
"""


@contextlib.contextmanager
def spoilt(dom0, script, word, fate):
    """The program fails, or does not end, at this word."""
    dom0.run("mv", script, f"{script}.real")
    try:
        dom0.write(script, SPOILT.format(script=script, word=word, fate=FATES[fate]))
        dom0.run("chmod", "755", script)
        yield
    finally:
        dom0.run("mv", f"{script}.real", script)


@pytest.mark.long("docs/deaths.md: make check-deaths")
@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("script", SCRIPTS, ids=[path.rpartition("/")[2] for path in SCRIPTS])
def test_script(make_guest, dom0, script, fate):
    """A start fails, and an end comes all the same; nothing is left of either. libxl gives up after 40 s."""
    guest = make_guest("dies")
    before = dom0.scan()
    come, go = SCRIPTS[script]
    with spoilt(dom0, script, come, fate):
        done = guest.create(check=False)
        assert done.status != 0, done.text
        dom0.wait_gone("dies", "dies-dm")
    check_nothing_left(dom0, before)
    assert "bios-guest: disk 0 ok" in guest.start()
    write_some(guest)
    with spoilt(dom0, script, go, fate):
        guest.end()
    guest.detach()
    check_nothing_left(dom0, before)
    check_written(dom0, guest)
    assert "bios-guest: disk 0 ok" in guest.start()
