# SPDX-License-Identifier: MIT
"""A host whose dom0 has all memory, as without dom0_mem=. Where xl.conf allows it, dom0 shrinks for
the stub domain as it does for the guest. It gets the memory back when the start fails."""
import json
import re

import pytest

from guestlib import disks
from guestlib.guest import Stub

CONF = "/etc/xen/xl.conf"
RUN_DIR = "/run/qemu-stubdom"


def target_mib(dom0):
    return int(dom0.xenstore("/local/domain/0/memory/target")) // 1024


@pytest.fixture(name="full")
def make_full(dom0, leak_check):
    """Xen has next to nothing free: a domain that never runs holds it. The rig's dom0 cannot grow
    beyond its memory at the start. Says how to let go of some of it."""
    dom0.run("cp", CONF, "/root/xl.conf.before")
    dom0.run("xl", "list", "-l")  # makes the node of dom0's target
    before = target_mib(dom0)
    free = int(re.search(r"free_memory +: (\d+)", dom0.run("xl", "info").stdout).group(1))
    dom0.write("/root/filler.cfg", "name='filler'\ntype='pvh'\nvcpus=1\n"
               f"kernel='/opt/guests/vmlinuz'\nmemory={free - 70}\n")
    dom0.run("xl", "create", "-p", "/root/filler.cfg", timeout=120)
    yield
    dom0.run("xl", "destroy", "filler", check=False, timeout=120)
    dom0.shell(f"mv /root/xl.conf.before {CONF}; rm -f /root/filler.cfg; xl mem-set 0 {before}m")


def test_dom0_shrinks(make_guest, dom0, stub, full, broken_image):
    dom0.shell(f"echo 'autoballoon=\"on\"' >{CONF}")
    before = target_mib(dom0)
    # More than is free, whatever a stub domain needs by itself.
    memory = 300 if stub.options["kernel"] == "linux" else 88
    guest = make_guest("shrink", nics=(), device_model_args=[
        "-stubdom", f"{stub.argument()},memory={memory}"])
    guest.start()
    assert "dom0 gave up" in guest.log()
    assert target_mib(dom0) < before - 60
    guest.destroy()
    dom0.wait_gone(guest.name, guest.name + "-dm")

    # A start that fails after that: dom0 gets back the memory that it gave up.
    failing = make_guest("shrink2", nics=(), device_model_args=[
        "-stubdom", f"kernel=nub,image={broken_image},memory=400"])
    before = target_mib(dom0)
    done = failing.create(check=False)
    assert done.status != 0
    assert "dom0 may have its" in failing.log()
    assert target_mib(dom0) > before - 60

    # Not allowed: refused, and the line names the setting that forbids it.
    dom0.shell(f"echo 'autoballoon=\"off\"' >{CONF}")
    refused = make_guest("shrink3", nics=(), device_model_args=[
        "-stubdom", guest.stub.argument() + ",memory=900"])
    done = refused.create(check=False)
    assert done.status != 0
    assert "autoballoon=off in /etc/xen/xl.conf" in done.text


def test_launcher_killed_with_memory(make_guest, dom0, full):
    """A launcher that is killed while it has memory of dom0's for a start: dom0 gets it back."""
    dom0.shell(f"echo 'autoballoon=\"on\"' >{CONF}")
    guest = make_guest("taker", nics=(), device_model_args=[
        "-stubdom", make_guest("taker").stub.argument() + ",memory=300"])
    before = target_mib(dom0)
    result = dom0.strike(guest, "boot", "kill")
    assert result["stage"] and result["status"] not in (0, None), result
    dom0.run("xl", "destroy", guest.name, check=False, timeout=120)
    dom0.wait_gone(guest.name, guest.name + "-dm")
    assert "dom0 gave up" in guest.log() and "dom0 may have its" in guest.log()
    assert target_mib(dom0) > before - 60  # what xl took for the guest itself


def test_two_at_once(make_guest, dom0, full):
    """Two starts side by side where dom0 can shrink for one of them. One starts, the other is
    refused in words. dom0 has lost no more than the first one has."""
    before = target_mib(dom0)
    guests = [make_guest(name, nics=()) for name in ("side1", "side2")]
    # xl itself starts one guest at a time, by a lock whose file xl.conf names. The launchers' own
    # lock is held until both guests have their memory: a guest may take what is free.
    script = f"mkdir -p -m 700 {RUN_DIR}; exec 9<{RUN_DIR}; flock 9; "
    for n, guest in enumerate(guests):
        guest.config["device_model_args"] = ["-stubdom", guest.stub.argument() + ",memory=700"]
        guest.write_config()
        script += (f"printf 'autoballoon=\"on\"\nlockfile=\"/var/lock/xl{n}\"\n' >{CONF}; "
                   f"rm -f {guest.log_path}; "
                   f"(xl create {guest.config_path}; echo status $?) "
                   f">{guest.folder}/said 2>&1 9<&- & "
                   f"until grep -qs 'creating {guest.name}-dm' {guest.log_path}; "
                   "do kill -0 $! || exit 1; sleep 0.2; done; ")
    dom0.shell(script + "exec 9<&-; wait; rm -f /var/lock/xl0 /var/lock/xl1", timeout=200)
    said = [dom0.read(f"{g.folder}/said") for g in guests]
    assert sorted("status 0\n" in text for text in said) == [False, True], said
    (lost,) = [text for text in said if "status 0\n" not in text]
    assert "the stub domain needs" in lost and "'xl mem-set 0 ...' shrinks dom0" in lost, lost
    assert before - 900 < target_mib(dom0) < before - 600
    (runs,) = [g for g, text in zip(guests, said) if text is not lost]
    assert dom0.domid(runs.name + "-dm")


WARM_MIB, CACHED_MIB = 32, 128
# QEMU maps the guest's page cache, and each 2 MiB of a mapping take a page table of 4 KiB.
TABLES_KB = (CACHED_MIB - WARM_MIB) // 2 * 4


def test_page_cache(make_guest, dom0):
    """A guest reads an emulated disk into its page cache. The stub domain's memory has page tables
    for it and nothing else that grows."""
    guest = make_guest("cache", kind="direct", disks=0, nics=(), memory=CACHED_MIB + 160,
                       cmdline=disks.LINUX + "ata_piix,sd_mod")
    path = f"{guest.folder}/disk.img"
    dom0.run("truncate", "-s", f"{CACHED_MIB}M", path)
    guest.config["disk"] = [f"format=raw,vdev=hda,access=rw,target={path}"]
    guest.write_config()
    guest.start()
    disks.wait_listed(guest, 1)
    found = []
    for mib in (WARM_MIB, CACHED_MIB):
        guest.ask(f"sum sda {mib << 20}", "sum sda \\d+", 400)
        found.append(guest.inside()["available_kb"])
    print(f"available in the stub domain: {found} KiB after {WARM_MIB} and {CACHED_MIB} MiB")
    assert found[1] > found[0] - TABLES_KB, found


DISK_GIB = 256
MAP_MIB = DISK_GIB * 1024 // 4096  # a bit for each 512 bytes
SHORT_SECONDS = 300  # a QEMU that has next to no memory left reads its program again and again


@pytest.mark.long("QEMU reads its program again and again before it ends")
def test_short_all_the_same(make_guest, dom0, stub):
    """QEMU takes more than the stub domain has: maps of a large disk's changed blocks, as programs for
    backups ask for. The log says what had the memory, and which option helps."""
    guest = make_guest("short", nics=(), stub=Stub(**{**stub.options, "on_dm_crash": "destroy"}))
    dom0.run("truncate", "-s", f"{DISK_GIB}G", guest.disks[0])
    guest.start()

    def order(command, check=True, **arguments):
        text = json.dumps({"execute": command, "arguments": {"node": node, **arguments}})
        return dom0.run("stubdom", "qmp", "-t", SHORT_SECONDS, guest.name, text, check=check,
                        timeout=SHORT_SECONDS + 60)

    blocks = json.loads(dom0.run("stubdom", "qmp", guest.name, "query-block").stdout)
    (node,) = [b["inserted"]["node-name"] for b in blocks if b.get("inserted")]
    order("block-dirty-bitmap-add", name="map", granularity=512)
    guest.ask("write 0 1200 0x5a", "write 0 1200")  # an empty map is not copied
    mib = guest.inside()["total_kb"] >> 10
    for n in range(mib // MAP_MIB + 1):
        order("block-dirty-bitmap-add", check=False, name=f"map{n}", granularity=512)
        if order("block-dirty-bitmap-merge", check=False, target=f"map{n}", bitmaps=["map"]).status:
            break
    guest.detach()
    dom0.wait_gone(guest.name, f"{guest.name}-dm", seconds=SHORT_SECONDS)
    says = (r"Killed process \d+ \(.*anon-rss:\d{5}", r"memory: \d+ KiB; QEMU had \d{5}") \
        if stub.options["kernel"] == "linux" else \
        (r"(?s)nub: out of memory: process \d+ ends\n.*nub: memory in KiB: kernel \d+ [^\n]* programs \d{5}", )
    for words in (*says, r"out of memory.*give the stub domain more \(memory=\)"):
        dom0.wait_file(guest.log_path, words, seconds=60)
