# SPDX-License-Identifier: MIT
"""One guest under load of every kind for long, with CD changes and saves between: nothing grows, nothing is lost."""
import os
import time

import pytest

from guestlib.dom0host import mkdisk
from guestlib.disks import digest, sha256
from test_cdrom import make_image, read_cd

MINUTES = int(os.environ.get("SOAK_MINUTES", "15"))
MEMORY = int(os.environ.get("SOAK_MEMORY", "1024"))
VCPUS = int(os.environ.get("SOAK_VCPUS", "1"))
SAVE_EACH = int(os.environ.get("SOAK_SAVE_EACH", "8"))  # rounds: it takes as long as a round
GROWTH_KB = 1024  # caches of the kernel's that fill up later than the first round


class Load:
    """disks: the name of the disk that is read, and of the one that is written."""

    def __init__(self, dom0, guest, port):
        self.dom0, self.guest, self.port = dom0, guest, port
        # Linux probes disks side by side: the content tells which is which.
        self.disks = sorted(("sda", "sdb"), key=lambda name: digest(guest, name) != sha256(mkdisk.make_disk(0)))
        self.discs = [(f"{guest.folder}/cd{n}.img", make_image(dom0, f"{guest.folder}/cd{n}.img", 100, n)) for n in (1, 2)]
        self.screen = int(dom0.xenstore(f"/local/domain/{guest.domid}/console/vnc-port"))
        self.rounds = self.saves = 0

    def run(self):
        """A round."""
        dom0, guest, number = self.dom0, self.guest, self.rounds
        peer = guest.peers[0]
        for way in "ud":
            assert " ok " in guest.ask(f"stream {peer} {self.port} {way} 300000", f"stream {way} ", 300)
        assert " of " in guest.ask(f"udpecho {peer} {self.port} 20 {64 + number % 1300}", "echo", 300)
        for how, size, depth in (("write", 65536, 4), ("randwrite", 4096, 8), ("read", 262144, 2),
                                 ("randread", 4096, 8)):
            said = guest.ask(f"diskload {self.disks[1]} {how} {size} {depth} 16", f"diskload {self.disks[1]} ", 300)
            assert " us" in said, said
        assert digest(guest, self.disks[0]) == sha256(mkdisk.make_disk(0))
        guest.monitor("info block")
        assert dom0.call("vnc_shot", 120, host="127.0.0.1", port=self.screen, path="/tmp/soak.png")
        path, content = self.discs[number % 2]
        dom0.run("xl", "cd-insert", guest.name, "hdc", path)
        assert read_cd(guest) == content
        if number % SAVE_EACH == SAVE_EACH - 1:
            dom0.run("xl", "save", "-c", guest.name, f"{guest.folder}/state", timeout=600)
            dom0.run("rm", f"{guest.folder}/state")
            self.saves += 1
        self.rounds += 1


@pytest.mark.long(f"{MINUTES} minutes of load (SOAK_MINUTES=, SOAK_MEMORY=, SOAK_VCPUS=, SOAK_SAVE_EACH=)")
@pytest.mark.timeout(MINUTES * 60 + 1800)
def test_soak(make_guest, dom0, traffic):
    guest = make_guest("soak", kind="direct", disks=2, memory=MEMORY, vcpus=VCPUS, vnc=1, modules=("sr_mod",))
    guest.config["disk"].append("format=raw,vdev=hdc,access=ro,devtype=cdrom,target=")
    guest.write_config()
    guest.start()
    load = Load(dom0, guest, traffic)
    for _ in range(SAVE_EACH):
        load.run()
    first = guest.inside()
    use = dom0.call("memory_of", pattern="stubdom-dm.*-xen-domid")
    end = time.monotonic() + MINUTES * 60
    while time.monotonic() < end:
        load.run()
    last = guest.inside()
    assert last["total_kb"] == first["total_kb"]
    assert last["available_kb"] > first["available_kb"] - GROWTH_KB, (first, last, load.rounds)
    now = dom0.call("memory_of", pattern="stubdom-dm.*-xen-domid")
    assert now["kilobytes"] < use["kilobytes"] + GROWTH_KB, (use, now)
    print(f"{load.rounds} rounds, {load.saves} saves, {first} to {last}, dom0 {use} to {now}")
