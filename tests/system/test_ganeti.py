# SPDX-License-Identifier: MIT
"""A Ganeti cluster of two nodes: what its commands do with guests whose QEMU is in a stub domain."""
import re

import pytest

from guestlib import pair
from guestlib.guest import REPLY_SECONDS, Guest, NoAnswer
from guestlib.service import ServiceError

PACKAGES = ["ganeti", "drbd-utils", "lvm2", "socat"]
NODES = ["dom0-1", "dom0-2"]
CLUSTER = "10.98.0.10"
PASSWORD = "sesame"
GUEST = "moves"
LONG = 900

# An administrator's preparations of each node.
PREPARE = f"""
set -e
grep -q cluster /etc/hosts || echo '{CLUSTER} cluster' >>/etc/hosts
modprobe dm_mod
modprobe drbd minor_count=128 usermode_helper=/bin/true
truncate -s 21G /var/lib/xenvg.img  # Ganeti wants no less; it is sparse
losetup /dev/loop40 /var/lib/xenvg.img 2>/dev/null || {{ mknod /dev/loop40 b 7 40; losetup /dev/loop40 /var/lib/xenvg.img; }}
printf 'activation {{\n\tudev_sync = 0\n\tudev_rules = 0\n}}\n' >>/etc/lvm/lvmlocal.conf  # the rig has no udevd
vgcreate -q xenvg /dev/loop40
mkdir -p /srv/ganeti/os/raw /etc/ganeti
cd /srv/ganeti/os/raw
echo 10 >ganeti_api_version
for name in import export rename; do printf '#!/bin/sh\\nexit 0\\n' >$name; done
printf '#!/bin/sh\\nexec dd if=/opt/guests/bios0.img of=$DISK_0_PATH conv=fsync >&2\\n' >create
chmod 755 create import export rename
echo {PASSWORD} >/etc/ganeti/vnc-cluster-password
stubdom enable
"""
HVM = ("kernel_path=$(ls /usr/lib/xen-*/boot/hvmloader),"
       "device_model=/usr/libexec/xen-qemu-system-i386,boot_order=c,disk_type=ioemu,"
       "nic_type=e1000,migration_mode=live,vnc_bind_address=127.0.0.1")
SMALL = "cpu-count=1,disk-count=1,disk-size=4,memory-size=32,nic-count=0,spindle-use=1"
LARGE = "cpu-count=8,disk-count=16,disk-size=1048576,memory-size=32768,nic-count=8,spindle-use=12"
INIT = f"""
set -e
gnt-cluster init --no-ssh-init --no-etc-hosts --enabled-hypervisors=xen-hvm --vg-name=xenvg \\
    --enabled-disk-templates=drbd,plain --drbd-usermode-helper=/bin/true --master-netdev=eth0 \\
    --nic-parameters=link=xenbr0 --hypervisor-parameters=xen-hvm:{HVM} \\
    --ipolicy-bounds-specs=min:{SMALL}/max:{LARGE} --ipolicy-std-specs={SMALL} cluster
gnt-node add --no-ssh-key-check dom0-2
"""


@pytest.fixture(scope="module", name="hosts")
def start_cluster(build, request):
    name = request.config.getoption("--rig-name")
    hosts = pair.start(build, PACKAGES, name)
    for host in hosts:
        host.shell(PREPARE, timeout=LONG)
    # One cluster, one key: `gnt-instance console` asks for that of the cluster.
    hosts[1].shell("cd /etc/ssh && tar -x && kill -HUP $(cat /run/sshd.pid)",
                   stdin=hosts[0].rig.exec("cd /etc/ssh && tar -c ssh_host_*").stdout)
    hosts[0].shell(INIT, timeout=LONG)
    yield hosts
    pair.end(hosts, keep=bool(name))


def where(hosts):
    """The host that the guest runs on, as a Guest of the tests; on no other, and no QEMU in dom0."""
    found = [host for host in hosts if GUEST in host.domains()]
    assert len(found) == 1
    for host in hosts:
        assert set(host.domains()) == ({GUEST, f"{GUEST}-dm"} if host is found[0] else set())
        assert host.qemu_processes() == []
    return Guest(found[0], GUEST)


def attached(hosts, node):
    guest = where(hosts)
    assert guest.dom0 is hosts[node]
    guest.attach()
    guest.ask_awake()
    return guest


def has(guest, kept, sector):
    assert guest.ask("kept", "kept").split()[-1] == kept
    assert guest.ask("read 0 1200", "read 0 1200").split()[-1] == sector


def see_the_screen(guest):
    """Where Ganeti says that it is, with its password."""
    info = guest.dom0.run("gnt-instance", "info", GUEST, timeout=LONG).stdout
    port = int(re.search(r"vnc to \S+:(\d+)", info).group(1))
    with pytest.raises(ServiceError, match="authentication failed"):
        guest.dom0.call("viewer_open", 120, name="no", host="127.0.0.1", port=port, password="other")
    assert guest.dom0.call("viewer_open", 120, name="eye", host="127.0.0.1", port=port,
                           password=PASSWORD)
    guest.dom0.call("viewer_close", name="eye")


def use_the_console(guest, kept):
    """As a person does. Its terminal shows the typed words, too."""
    guest.dom0.call("console_run", name=GUEST, argv=["gnt-instance", "console", GUEST])
    for last in (False, False, False, True):
        try:
            said = guest.ask("kept", r"kept [0-9a-f]{8}", REPLY_SECONDS)
            break
        except NoAnswer:
            if last:
                raise
    assert said.split()[-1] == kept
    guest.detach()


@pytest.mark.timeout(5400)
@pytest.mark.long("a Ganeti cluster: a quarter of an hour")
def test_a_cluster(hosts):
    one, two = hosts
    one.run("gnt-instance", "add", "-t", "drbd", "-n", ":".join(NODES), "-o", "raw", "-s", "16M",
            "-B", "memory=32,vcpus=1", GUEST, timeout=LONG)
    guest = attached(hosts, 0)
    see_the_screen(guest)
    guest.detach()
    one.run("gnt-instance", "reboot", "-t", "hard", GUEST, timeout=LONG)
    guest = attached(hosts, 0)
    kept = guest.ask("keep 77", "keep").split()[-1]
    sector = guest.ask("write 0 1200 0x5a", "write 0 1200").split()[-1]
    guest.detach()

    use_the_console(guest, kept)

    # The guest goes on, with its memory and its disk.
    for node, words in ((1, ["gnt-instance", "migrate", "-f", GUEST]),
                        (0, ["gnt-node", "evacuate", "-f", "-p", NODES[1]])):
        one.run(*words, timeout=LONG)
        guest = attached(hosts, node)
        has(guest, kept, sector)
        guest.detach()

    # The node with the guest, and the master, dies.
    one.rig.machine.kill()
    two.run("gnt-cluster", "master-failover", "--no-voting", "--yes-do-it", timeout=LONG)
    two.run("gnt-node", "modify", "--auto-promote", "--offline", "yes", NODES[0], timeout=LONG)
    two.run("gnt-instance", "failover", "-f", GUEST, timeout=LONG)
    guest = attached([two], 0)
    assert guest.ask("read 0 1200", "read 0 1200").split()[-1] == sector
