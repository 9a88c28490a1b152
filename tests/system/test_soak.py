# SPDX-License-Identifier: MIT
"""One guest under load of every kind for long: nothing grows, nothing is lost."""
import json
import os
import time

import pytest

from guestlib.dom0host import mkdisk
from guestlib.disks import digest, sha256

MINUTES = int(os.environ.get("SOAK_MINUTES", "15"))
MEMORY = int(os.environ.get("SOAK_MEMORY", "1024"))
GROWTH_KB = 1024  # caches of the kernel's that fill up later than the first round


def inside(dom0, guest):
    return json.loads(dom0.run("stubdom", "status", guest.name, "--json").stdout)["inside"]


def one_round(guest, number, port, disks):
    """"disks": the name of the disk that is read, and of the one that is written."""
    peer = guest.peers[0]
    for way in "ud":
        assert " ok " in guest.ask(f"stream {peer} {port} {way} 300000", f"stream {way} ", 300)
    assert " of " in guest.ask(f"udpecho {peer} {port} 20 {64 + number % 1300}", "echo", 300)
    for how, size, depth in (("write", 65536, 4), ("randwrite", 4096, 8), ("read", 262144, 2),
                             ("randread", 4096, 8)):
        said = guest.ask(f"diskload {disks[1]} {how} {size} {depth} 16",
                         f"diskload {disks[1]} ", 300)
        assert " us" in said, said
    assert digest(guest, disks[0]) == sha256(mkdisk.make_disk(0))
    guest.monitor("info block")


@pytest.mark.long(f"{MINUTES} minutes of load (SOAK_MINUTES=, SOAK_MEMORY=)")
@pytest.mark.timeout(MINUTES * 60 + 900)
def test_soak(make_guest, dom0, traffic):
    guest = make_guest("soak", kind="direct", disks=2, memory=MEMORY)
    guest.start()
    # Linux probes disks side by side: the content tells which is which.
    disks = sorted(("sda", "sdb"), key=lambda name: digest(guest, name) != sha256(mkdisk.make_disk(0)))
    one_round(guest, 0, traffic, disks)
    first = inside(dom0, guest)
    use = dom0.call("memory_of", pattern="stubdom-dm.*-xen-domid")
    end, number = time.monotonic() + MINUTES * 60, 1
    while time.monotonic() < end:
        one_round(guest, number, traffic, disks)
        number += 1
    last = inside(dom0, guest)
    assert last["total_kb"] == first["total_kb"]
    assert last["available_kb"] > first["available_kb"] - GROWTH_KB, (first, last, number)
    now = dom0.call("memory_of", pattern="stubdom-dm.*-xen-domid")
    assert now["kilobytes"] < use["kilobytes"] + GROWTH_KB, (use, now)
    print(f"{number} rounds, {first} to {last}, dom0 {use} to {now}")
