# SPDX-License-Identifier: MIT
"""Two hosts, joined by a cable: guests go from one to the other by the toolstacks' own commands."""
import json
import os
import re

import pytest

from guestlib import pair
from guestlib.disks import digest, sha256
from guestlib.dom0host import ASSETS, mkdisk
from guestlib.guest import Guest, Stub
from rigctl.join import ADDRESSES
from test_libvirt import DOMAIN, URI, end_libvirtd, start_by_virsh, start_libvirtd

MOVES = int(os.environ.get("MOVES", "10"))  # of the guest that goes to and fro
OTHER = f"{ASSETS}/run/image-other"
READS = 1000  # of its disk, while it is on its way


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
    for each in (guest, there):
        each.dom0.run("ip", "link", "set", "eth0", "up")
        each.remove()
        for name in each.dom0.domains():  # of a migration that failed
            each.dom0.run("xl", "destroy", name, check=False, timeout=120)


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


# The link is cut in each phase of a migration (guestlib/dom0/cut.py); and while the target starts the
# stub domain. Then the guest goes on here, and there is nothing of it on the target...
NOTHING_THERE = ("greeting", "memory", "state")
# ...or a paused domain, which xl keeps (docs/upstream-bugs.md), while it starts by chance...
PAUSED_THERE = ("devices", "ready")
# ...or it waits on both sides, because xl does not know whether the target heard that it may start...
WAITS = ("go",)
# ...or it runs on the target.
RUNS_THERE = ("report",)


def cut_when(host, name):
    """Cuts the cable as soon as the host has a domain of that name."""
    host.shell(f"(while ! xl domid {name} >/dev/null 2>&1; do sleep 0.05; done; "
               "ip link set eth0 down) </dev/null >/dev/null 2>&1 &")


def join_again(*hosts):
    """The cable, once both ends have given up what went through it: later nothing of it arrives."""
    for host in hosts:
        host.shell("until [ -z \"$(ss -Htn state established '( sport = :22 or dport = :22 )')\" ]; "
                   "do sleep 0.5; done")
    for host in hosts:
        host.run("ip", "link", "set", "eth0", "up")


def may_run(host, name):
    """Whether a domain may run, by its state in `xl list`: not paused, and not suspended."""
    state = host.run("xl", "list", name).stdout.splitlines()[1].split()[4]
    return "p" not in state and "s" not in state


def running(*guests):
    """Names of the domains that may run, by host."""
    return [{name for name in guest.dom0.domains()
             if name.startswith(guest.name) and not name.endswith("-dm") and may_run(guest.dom0, name)}
            for guest in guests]


@pytest.mark.timeout(1800)
@pytest.mark.long("two hosts: some minutes")
@pytest.mark.parametrize("phase", NOTHING_THERE + PAUSED_THERE + WAITS + RUNS_THERE)
def test_a_link_that_is_cut(guest, phase):
    """The guest runs on one side at most, with what it had. It can go later."""
    one, two = guest
    away, incoming = f"{one.name}--migratedaway", f"{one.name}--incoming"
    one.start()
    kept, sector = fill(one)
    way = ["-s", f"{ASSETS}/dom0/cut.py {phase} cable ssh"]
    if phase == "devices":
        cut_when(two.dom0, f"{incoming}-dm")
        way = []
    assert migrate(one, two, *way, check=False).status != 0
    join_again(one.dom0, two.dom0)
    if phase in RUNS_THERE:
        assert running(one, two) == [set(), {two.name}]
        one.dom0.run("xl", "destroy", away, timeout=120)
        check_here(two, one, kept, sector)
        return
    if phase in PAUSED_THERE + WAITS:
        assert phase == "devices" or two.dom0.domid(incoming)
        assert running(two) == [set()]
        two.dom0.run("xl", "destroy", incoming, check=False, timeout=120)
    if phase in WAITS:
        assert running(one) == [set()]
        one.dom0.run("xl", "rename", away, one.name)
        one.dom0.run("xl", "resume", one.name)
    check_here(one, two, kept, sector)
    migrate(one, two)
    check_here(two, one, kept, sector)


def fill_memory(host):
    """A domain that leaves no room for the guest and its stub domain; to be destroyed."""
    free = int(re.search(r"free_memory *: (\d+)", host.run("xl", "info").stdout).group(1))
    filler = Guest(host, "filler", memory=free - 70)
    filler.prepare().create(paused=True)
    return filler


@pytest.mark.timeout(1800)
@pytest.mark.long("two hosts: some minutes")
@pytest.mark.parametrize("what", ["without us", "without room"])
def test_a_target_that_cannot(guest, what):
    """The guest goes on where it was, and can go later."""
    one, two = guest
    one.start()
    kept, sector = fill(one)
    filler = None
    if what == "without us":
        two.dom0.run("mv", "/usr/bin/stubdom-dm", "/usr/bin/stubdom-dm.away")
    else:
        filler = fill_memory(two.dom0)
    try:
        assert migrate(one, two, check=False).status != 0
    finally:
        if filler:
            filler.remove()
        else:
            two.dom0.run("mv", "/usr/bin/stubdom-dm.away", "/usr/bin/stubdom-dm")
    check_here(one, two, kept, sector)
    migrate(one, two)
    check_here(two, one, kept, sector)


@pytest.mark.timeout(1800)
@pytest.mark.long("two hosts: some minutes")
def test_another_kernel(guest, stub):
    """The guest's stub domain has another kernel on the other host, and again the first one at home."""
    one, two = guest
    kernels = ["nub", "linux"]
    if stub.options["kernel"] == "linux":
        kernels.reverse()
    one.start()
    kept, sector = fill(one)
    for source, target, kernel in ((one, two, kernels[1]), (two, one, kernels[0])):
        source.config["device_model_args"][-1] = Stub(**{**stub.options, "kernel": kernel}).argument()
        source.write_config()
        migrate(source, target, "-C", source.config_path)
        check_here(target, source, kept, sector)
        (found,) = json.loads(target.dom0.run("stubdom", "list", "--json").stdout)["guests"]
        assert found["kernel"] == kernel


@pytest.mark.timeout(1800)
@pytest.mark.long("two hosts: some minutes")
def test_another_image(guest, stub, request):
    """A newer QEMU on the other host takes the guest if its machine is one that both have; the older one
    takes it back, as QEMU does."""
    directory = request.config.getoption("other_image")
    if not directory:
        pytest.skip("--other-image names no image")
    one, two = guest
    two.dom0.rig.push(directory, OTHER)
    one.config["device_model_args_hvm"] = ["-machine", "xenfv-4.2"]
    one.write_config()
    one.start()
    kept, sector = fill(one)
    versions = []
    for source, target, image in ((one, two, {"image": OTHER}), (two, one, {})):
        source.config["device_model_args_hvm"] = ["-machine", "xenfv-4.2"]
        source.config["device_model_args"][-1] = Stub(**stub.options, **image).argument()
        source.write_config()
        migrate(source, target, "-C", source.config_path)
        check_here(target, source, kept, sector)
        versions.append(target.dom0.run("stubdom", "qmp", target.name, "query-version").stdout)
    assert versions[0] != versions[1]


@pytest.fixture
def libvirtds(hosts):
    for host in hosts:
        start_libvirtd(host)
    yield
    for host in hosts:
        end_libvirtd(host)


def start_of_libvirt(guest, domain):
    def virsh(*argv):
        return guest.dom0.run("virsh", "-q", "-c", URI, *argv, timeout=180)

    start_by_virsh(guest, virsh, guest.stub, domain)


def migrate_by_virsh(source, target):
    number = ADDRESSES.index(target.dom0.address) + 1
    source.dom0.run("virsh", "-c", URI, "migrate", "--live", source.name,
                    f"xen+ssh://dom0-{number}/system", timeout=400)


@pytest.mark.timeout(1800)
@pytest.mark.long("two hosts: some minutes")
def test_virsh(guest, libvirtds):
    """There and back by `virsh migrate --live`."""
    one, two = guest
    start_of_libvirt(one, DOMAIN.replace("MiB'>32<", "MiB'>64<"))
    kept, sector = fill(one)
    for source, target in ((one, two), (two, one)):
        copy_disk(source, target)
        migrate_by_virsh(source, target)
        check_here(target, source, kept, sector)
        assert "running" in target.dom0.run("virsh", "-c", URI, "domstate", target.name).stdout


def travel(guests, move):
    """The guest, which runs on the first host, goes to and fro while it reads its disk. It goes on as it
    was, and no read is lost."""
    uptime = 0
    for n in range(MOVES):
        source, target = guests[n % 2], guests[1 - n % 2]
        source.ask(f"echo leaves{n}\ndiskload sda randread 4096 8 {READS}", f"echo leaves{n}")
        source.detach()
        move(source, target)
        source.dom0.wait_listed()
        target.attach()
        target.ask_awake()
        before, uptime = uptime, float(target.ask("uptime", "uptime ").split()[-1])
        assert uptime > before
        assert " us " in target.ask("diskload sda read 4096 8 64", "diskload sda (us|error) ")
        assert digest(target, "sda") == sha256(mkdisk.make_disk(0))
        print(f"move {n + 1}: the guest has been up for {uptime:.0f} s", flush=True)


@pytest.fixture
def travellers(hosts, stub):
    # The guest's reads take all of the one CPU that they share with dom0, who is to send its memory.
    for host in hosts:
        host.run("xl", "sched-credit2", "-d", "0", "-w", "4096")
    guests = [Guest(host, "travels", kind="direct", stub=stub, nics=()).prepare() for host in hosts]
    yield guests
    for guest in guests:
        guest.remove()
    for host in hosts:
        host.run("xl", "sched-credit2", "-d", "0", "-w", "256")


MANY = pytest.mark.long("two hosts: two minutes for each move (MOVES=)")


@MANY
@pytest.mark.timeout(900 + MOVES * 500)
def test_many_times_by_xl(travellers):
    travellers[0].start()
    travel(travellers, lambda source, target: source.dom0.run(
        "xl", "migrate", source.name, target.dom0.address, timeout=400))


@MANY
@pytest.mark.timeout(900 + MOVES * 500)
def test_many_times_by_virsh(travellers, libvirtds):
    guest = travellers[0]
    boot = "".join(f"<{tag}>{guest.config[key]}</{tag}>" for tag, key in (
        ("kernel", "kernel"), ("initrd", "ramdisk"), ("cmdline", "cmdline")))
    domain = re.sub(r" *<interface.*?</interface>\n", "", DOMAIN, flags=re.S)
    start_of_libvirt(guest, domain.replace("MiB'>32<", "MiB'>192<").replace("<boot dev='hd'/>", boot))
    travel(travellers, migrate_by_virsh)
