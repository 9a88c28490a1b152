# SPDX-License-Identifier: MIT
"""Joins two rigs of the machine "pair" by a cable between their dom0s' eth0."""

import os

from .errors import RigError

ADDRESSES = ("10.98.0.1", "10.98.0.2")
# $1: this end's number, $2: its address. Both came from one saved host, so both had one MAC.
SET_UP = r"""
set -e
modprobe virtio_net
for n in $(seq 100); do [ -e /sys/class/net/eth0 ] && break; sleep 0.1; done
ip link set eth0 down
ip link set eth0 address "02:00:00:00:00:0$1"
ip address flush dev eth0
ip address add "$2/24" dev eth0
ip link set eth0 up
hostname "dom0-$1"
"""


def join(rigs):
    """The two rigs, with ADDRESSES in this order, and dom0-1 and dom0-2 for host names."""
    for rig in rigs:
        if not os.path.exists(rig.machine.path("cable.sock")):
            raise RigError(f"rig '{rig.name}' has no cable: start it with --machine pair")
    for rig, other in zip(rigs, reversed(rigs)):
        peer = rig.machine.path("peer.sock")
        if os.path.lexists(peer):
            os.unlink(peer)
        os.symlink(other.machine.path("cable.sock"), peer)
    for n, rig in enumerate(rigs):
        rig.exec(["sh", "-c", SET_UP, "join", str(n + 1), ADDRESSES[n]], check=True)
        hosts = "".join(f"{address} dom0-{i + 1}\n" for i, address in enumerate(ADDRESSES))
        rig.exec("grep -q dom0-1 /etc/hosts 2>/dev/null || cat >>/etc/hosts", input=hosts.encode(),
                 check=True)
