# SPDX-License-Identifier: MIT
"""Kinds of PCI devices, of guests that have them, and of toolstacks that give them."""
import re

import pytest

from guestlib.pci import DOM0, IGB, node
from pci_host import check_disk, host, make, make_plug, more, wait_free  # noqa: F401: fixtures, too

VF_MAC = "52:54:00:00:00:05"


@pytest.fixture(name="function")
def make_function(dom0, leak_check):
    """A virtual function of dom0's NIC."""
    folder = f"/sys/bus/pci/devices/0000:{IGB}"
    dom0.shell(f"echo 1 >{folder}/sriov_numvfs; ip link set $(ls {folder}/net) vf 0 mac {VF_MAC}")
    place = dom0.shell(f"basename $(readlink {folder}/virtfn0)").text.strip().removeprefix("0000:")
    dom0.run("xl", "pci-assignable-add", place)
    yield place
    dom0.run("xl", "pci-assignable-remove", place)
    dom0.shell(f"echo 0 >{folder}/sriov_numvfs; xenstore-rm {node(place)} || true")


@more
def test_virtual_function(dom0, guest, function):
    """A virtual function does not look like one in its own configuration space."""
    pt = guest("pt", function, modules=("igbvf",))
    pt.start()
    said = pt.ask(f"nic {VF_MAC},10.98.0.5/24", "nic .* (up|error|down|none)")
    assert " up" in said, said
    said = pt.ask(f"ping {DOM0} 5", f"ping {re.escape(DOM0)} ")
    assert f"ping {DOM0} ok 5/5" in said, said
    pt.detach()
    pt.destroy()
    dom0.wait_gone("pt", "pt-dm")
    wait_free(dom0, function)


@more
def test_nvme(rig, dom0, guest, plug):
    """A disk whose driver has a queue, and a message, for each CPU."""
    (place,) = plug({"driver": "nvme", "id": "pt-nvme", "drive": "pt-nvme", "serial": "pt-nvme"})
    pt = guest("pt", place, modules=("nvme",), vcpus=2)
    pt.start()
    check_disk(rig, pt, "nvme0n1", "pt-nvme")
    pt.detach()
    pt.destroy()
    dom0.wait_gone("pt", "pt-dm")
    wait_free(dom0, place)
