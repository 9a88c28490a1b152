# SPDX-License-Identifier: MIT
"""Two hosts, joined by a cable: guests go from one to the other by the toolstacks' own commands."""
import re

import pytest

from guestlib import pair
from guestlib.guest import Guest
from test_libvirt import CPU_MAP, DOMAIN, URI, end_libvirtd, start_libvirtd


@pytest.fixture(scope="module")
def hosts(build, request):
    """Two dom0s that reach each other by ssh, each with the product and the tests' guests."""
    name = request.config.getoption("--rig-name")
    found = pair.start(build, ["netcat-openbsd"], name)
    yield found
    pair.end(found, keep=bool(name))


@pytest.fixture
def guest(hosts, stub):
    """On the first host, with what it has in memory and on its disk. The second host has a copy of its
    files, in the place of storage that both have."""
    guest = Guest(hosts[0], "moves", stub=stub).prepare()
    there = Guest(hosts[1], "moves", stub=stub).prepare()
    yield guest, there
    guest.remove()
    there.remove()


def check_here(guest, other, kept, sector):
    """It goes on here, on its stub domain, with what it had; nothing of it is on the other host."""
    guest.attach()
    guest.ask_awake()
    assert guest.ask("kept", "kept").split()[-1] == kept
    assert guest.ask("read 0 1200", "read 0 1200").split()[-1] == sector
    assert "8086100e" in guest.ask("nics", "nics done")
    assert set(guest.dom0.domains()) == {guest.name, f"{guest.name}-dm"}
    assert guest.dom0.qemu_processes() == []
    other.dom0.wait_gone(guest.name, f"{guest.name}-dm", f"{guest.name}--incoming",
                         f"{guest.name}--incoming-dm")
    assert other.dom0.domains() == {}
    guest.detach()


def fill(guest):
    """Gives it something to keep, in memory and on its disk."""
    kept = guest.ask("keep 77", "keep").split()[-1]
    sector = guest.ask("write 0 1200 0x5a", "write 0 1200").split()[-1]
    guest.detach()
    return kept, sector


def copy_disk(source, target):
    """In the place of storage that both have."""
    data = source.dom0.sector(source.disks[0], 1200)
    target.dom0.shell(f"dd of={target.disks[0]} bs=512 seek=1200 conv=notrunc status=none", stdin=data)


def migrate(source, target, *options, **how):
    copy_disk(source, target)
    return source.dom0.run("xl", "migrate", *options, source.name, target.dom0.address,
                           timeout=400, **how)


@pytest.mark.timeout(1800)
@pytest.mark.long("two hosts: some minutes")
def test_xl_over_ssh(guest):
    """There and back by `xl migrate` as it is, over a real ssh."""
    one, two = guest
    one.start()
    kept, sector = fill(one)
    for source, target in ((one, two), (two, one)):
        migrate(source, target)
        check_here(target, source, kept, sector)
    assert "running" in one.dom0.run("stubdom", "status", one.name).stdout


# A way to the other host that is cut after so many bytes of the guest.
CUT_AFTER = """#!/bin/sh
(head -c {size}; ip link set eth0 down; cat) | ssh "$@"
"""
CUT_BYTES = 8 << 20


def cut_when(host, name):
    """Cuts the cable as soon as the host has a domain of that name."""
    host.shell(f"(while ! xl domid {name} >/dev/null 2>&1; do sleep 0.05; done; "
               "ip link set eth0 down) </dev/null >/dev/null 2>&1 &")


def fill_memory(host):
    """A domain that leaves no room for the guest and its stub domain; to be destroyed."""
    free = int(re.search(r"free_memory *: (\d+)", host.run("xl", "info").stdout).group(1))
    filler = Guest(host, "filler", memory=free - 70)
    filler.prepare().create(paused=True)
    return filler


@pytest.mark.timeout(1800)
@pytest.mark.long("two hosts: some minutes")
@pytest.mark.parametrize("what", ["memory", "devices", "without us", "without room"])
def test_a_migration_that_fails(guest, what):
    """The guest goes on where it was, and can go later."""
    one, two = guest
    one.start()
    kept, sector = fill(one)
    filler, way = None, []
    if what == "memory":
        cutter = f"{one.folder}/cut"
        one.dom0.write(cutter, CUT_AFTER.format(size=CUT_BYTES))
        one.dom0.run("chmod", "755", cutter)
        way = ["-s", cutter]
    elif what == "devices":
        cut_when(two.dom0, f"{two.name}--incoming-dm")
    elif what == "without us":
        two.dom0.run("mv", "/usr/bin/stubdom-dm", "/usr/bin/stubdom-dm.away")
    else:
        filler = fill_memory(two.dom0)
    try:
        assert migrate(one, two, *way, check=False).status != 0
    finally:
        if what == "without us":
            two.dom0.run("mv", "/usr/bin/stubdom-dm.away", "/usr/bin/stubdom-dm")
        for host in (one.dom0, two.dom0):
            host.run("ip", "link", "set", "eth0", "up")
        if filler:
            filler.remove()
    if what == "devices":  # xl may keep it (docs/upstream-bugs.md)
        two.dom0.run("xl", "destroy", f"{two.name}--incoming", check=False, timeout=120)
    check_here(one, two, kept, sector)
    migrate(one, two)
    check_here(two, one, kept, sector)


@pytest.mark.timeout(1800)
@pytest.mark.long("two hosts: some minutes")
def test_virsh(guest):
    """There and back by `virsh migrate --live`."""
    for each in guest:
        each.dom0.run("sed", "-i", "/'vme'/d", CPU_MAP)
        start_libvirtd(each.dom0)
    one, two = guest
    one.dom0.write(f"{one.folder}/domain.xml", DOMAIN.replace("MiB'>32<", "MiB'>64<").format(
        name=one.name, disk=one.disks[0], mac=one.macs[0], stub=one.stub.argument()))
    one.dom0.run("virsh", "-q", "-c", URI, "create", "--paused", f"{one.folder}/domain.xml", timeout=180)
    one.attach()
    one.dom0.run("virsh", "-q", "-c", URI, "resume", one.name)
    one.wait("bios-guest: ready", 180)
    kept, sector = fill(one)
    for source, target, n in ((one, two, 1), (two, one, 0)):
        copy_disk(source, target)
        source.dom0.run("virsh", "-c", URI, "migrate", "--live", source.name,
                        f"xen+ssh://dom0-{n + 1}/system", timeout=400)
        check_here(target, source, kept, sector)
        assert "running" in target.dom0.run("virsh", "-c", URI, "domstate", target.name).stdout
    for each in guest:
        each.remove()
        end_libvirtd(each.dom0)
