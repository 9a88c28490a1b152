# SPDX-License-Identifier: MIT
"""A stub domain with two vCPUs: nub starts both, the guest notices nothing."""
import pytest

from guestlib.guest import Stub


def test_two_vcpus(make_guest, dom0, stub):
    if stub.options["kernel"] != "nub":
        pytest.skip("about nub's own start of vCPUs")
    guest = make_guest("twocpus", stub=Stub(vcpus=2))
    report = guest.start()
    assert "bios-guest: disk 0 ok" in report
    log = dom0.run("cat", "/var/log/xen/console/guest-twocpus-dm.log", check=False).stdout
    assert "nub: 2 CPUs\n" in log.replace("\r\n", "\n"), log[-1500:]

    # It reads back its writes. (vcpu-list: name, domid, vcpu, cpu, state, seconds, ...)
    crc = guest.ask("write 0 1200 0x6b", "write 0 1200").split()[-1]
    assert guest.ask("read 0 1200", "read 0 1200").split()[-1] == crc
    guest.ask("pio 20", "pio")
    lines = [line.split() for line in dom0.run("xl", "vcpu-list", "twocpus-dm").stdout.splitlines()[1:]]
    assert [line[2] for line in lines] == ["0", "1"]
    assert all(line[4] != "--p" for line in lines), lines

    guest.destroy()
    dom0.wait_gone("twocpus", "twocpus-dm")
    assert dom0.sector(guest.disks[0], 1200) == b"\x6b" * 512
