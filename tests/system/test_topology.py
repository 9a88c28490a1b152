# SPDX-License-Identifier: MIT
"""Topology files: the guest gets the wiring that a person asks for, or an error says where it is
wrong."""
import re

from guestlib import schema

TOPOLOGY = """\
# nic0 and nic1 talk to each other without leaving the stub domain
ifconfig tap0 create
ifconfig tap1 create up
ifconfig bridge0 create
brconfig add tap0 tap1 bridge0    # the order of old
ifconfig tap0 up
ifconfig bridge0 up

ifconfig tap2 create up           # connected to nothing

# nic3 and nic4 share a real interface
ifconfig tap3 create up
ifconfig tap4 create up
ifconfig xenif3 up
ifconfig bridge1 create up
brconfig bridge1 add tap3 tap4 add xenif3
"""
NICS = ("virtio-net-pci", "rtl8139", "virtio-net-pci", "virtio-net-pci", "rtl8139")
PORT = 7001
SIZE = 300000


def captures(dom0, guest, wanted):
    """Starts them on these of the guest's vifs; a function that ends them."""
    for n in wanted:
        dom0.call("capture_start", name=f"vif{n}", interface=f"vif{guest.domid}.{n}-emu")

    def stop():
        return {n: dom0.call("capture_stop", name=f"vif{n}") for n in wanted}
    return stop


def senders(frames):
    return {f["from"] for f in frames}


def test_topology_file(make_guest, dom0, traffic):
    """One guest with five NICs, wired in three ways; the file comes from the guest's conf file."""
    conf = "/etc/qemu-stubdom/guests/wired.conf"
    guest = make_guest("wired", kind="direct", nics=NICS, disks=0, split=True, memory=192,
                       networks=[0, 0, 1, 1, 2])
    dom0.write(f"{guest.folder}/topology", TOPOLOGY)
    dom0.write(conf, f"topology = {guest.folder}/topology\n")
    try:
        guest.start()
        without_leaving(guest, dom0)
        connected_to_nothing(guest, dom0)
        shared(guest, dom0, traffic)
        live_graph(guest, dom0)
    finally:
        dom0.run("rm", "-f", conf)


def without_leaving(guest, dom0):
    stop = captures(dom0, guest, (0, 1))
    guest.bring_up(0, "10.77.0.1")
    guest.bring_up(1, "10.77.0.2")
    guest.on_nic(1, f"serve {PORT}", f"serve {PORT} ok")
    for way in "ud":
        said = guest.on_nic(0, f"stream 10.77.0.2 {PORT} {way} {SIZE}", "stream")
        assert f"stream {way} ok" in said, said
    seen = stop()
    assert not senders(seen[0] + seen[1]) & set(guest.macs)


def connected_to_nothing(guest, dom0):
    stop = captures(dom0, guest, (2,))
    guest.bring_up(2)
    assert "failed 0/1" in guest.on_nic(2, f"ping {guest.peers[2]} 1", "ping ")
    assert not senders(stop()[2]) & set(guest.macs)


def shared(guest, dom0, port):
    """Both reach dom0 by vif3, each other by the bridge, and nothing goes by vif4. Tags pass."""
    stop = captures(dom0, guest, (3, 4))
    guest.bring_up(3, "10.99.1.50")
    guest.bring_up(4, "10.99.1.51")
    for n in (3, 4):
        said = guest.on_nic(n, f"stream 10.99.1.1 {port} u {SIZE}", "stream")
        assert "stream u ok" in said, said
        guest.on_nic(n, f"tagged nic{n} ff:ff:ff:ff:ff:ff {7 + n} 2", "frames sent 2")
    # A frame from dom0 to one does not reach the other, once the bridge has learnt.
    guest.on_nic(4, "listen nic4 0800 all", "listen nic4 ok")
    guest.on_nic(3, "ping 10.99.1.1 2", "ping .* ok")
    guest.on_nic(4, "ping 10.99.1.1 1", "ping .* ok")
    assert guest.macs[4] in guest.ask("heard 1", "heard 1")
    guest.on_nic(3, f"serve {PORT}", f"serve {PORT} ok")
    said = guest.on_nic(4, f"stream 10.99.1.50 {PORT} u {SIZE}", "stream")
    assert "stream u ok" in said, said
    seen = stop()
    assert senders(seen[3]) >= {guest.macs[3], guest.macs[4]}
    assert not senders(seen[4]) & set(guest.macs)
    tags = {(f["from"], f["vlan"]) for f in seen[3] if f["vlan"] is not None}
    assert tags == {(guest.macs[3], 10), (guest.macs[4], 11)}
    # Their frames to each other stayed inside.
    assert not [f for f in seen[3] if f["from"] == guest.macs[4] and f["to"] == guest.macs[3]
                and f["size"] > 500]


def live_graph(guest, dom0):
    told = schema.check("topology", dom0.run("stubdom", "topology", "wired", "--json").stdout)
    told = {i["name"]: i for i in told["interfaces"]}
    assert {name: i["bridge"] for name, i in told.items() if i["kind"] == "tap"} == {
        "tap0": "bridge0", "tap1": "bridge0", "tap2": None, "tap3": "bridge1", "tap4": "bridge1"}
    assert told["xenif3"]["bridge"] == "bridge1"
    assert told["tap0"]["rx"]["bytes"] > SIZE and told["tap0"]["tx"]["bytes"] > SIZE
    assert told["xenif3"]["tx"]["bytes"] > 2 * SIZE
    assert told["tap2"]["rx"]["packets"] + told["tap2"]["rx"]["dropped"] > 0
    assert told["tap2"]["tx"]["packets"] == 0


WRONG = {
    # fault: (the file, the log's line)
    "a word": ("ifconfig tap0 create\nifconfig tap1 crate\n",
               r":2:15: found 'crate', expected create, up, down or mtu"),
    "an interface": ("ifconfig tap0 create\nifconfig tap1 create\nifconfig xenif2 up\n",
                     r":3:17: xenif2 is not there"),
    "unwired": ("ifconfig tap0 create\n", r": tap1 is left unwired"),
    "twice": ("ifconfig tap0 create\nifconfig tap1 create\nifconfig bridge0 create\n"
              "ifconfig bridge1 create\nbrconfig bridge0 add tap0\nbrconfig add tap0 bridge1\n",
              r":6:14: tap0 is in a bridge already"),
    "a loop": ("ifconfig tap0 create\nifconfig tap1 create\nifconfig bridge0 create\n"
               "brconfig bridge0 add xenif0 xenif1\n", r":4:29: xenif1 closes a loop"),
}


def test_wrong_topology(make_guest, dom0):
    """`xl create` fails at once, and the log says file, line, column and what was expected."""
    for what, (text, says) in WRONG.items():
        guest = make_guest("wrong", nics=("e1000", "e1000"))
        file = f"{guest.folder}/topology"
        dom0.write(file, text)
        guest.config["device_model_args"][-1] += f",topology={file}"
        guest.write_config()
        done = guest.create(check=False)
        assert done.status != 0, what
        assert "startup timed out" not in done.text
        log = guest.log()
        lines = [line for line in log.splitlines() if re.search(re.escape(file) + says, line)]
        assert len(lines) == 1, f"{what}:\n{log}"
        # xl keeps a guest for a moment; no stub domain
        assert "wrong-dm" not in dom0.domains()
        guest.remove()
