# SPDX-License-Identifier: MIT
"""The network of a guest's emulated NICs: default wiring, with real traffic seen in dom0."""
from guestlib import schema
from guestlib.guest import NIC_MODULES

# Eight, of every model, but for e1000: test_main_job.py has that. Its driver reads 64 words bit by
# bit at its start, which takes a minute here.
MODELS = tuple(m for m in NIC_MODULES if m not in ("e1000", "virtio-net")) + ("virtio-net-pci",)
BROADCAST = "ff:ff:ff:ff:ff:ff"
MULTICAST = "01:00:5e:01:02:03"
NOBODY = "02:00:00:00:00:99"
TYPE = 0x88B5  # for local experiments
PORT = 7001  # the guest's own


def frame(to, sender="02:00:00:00:00:01", vlan=None, size=60):
    """An Ethernet frame in hex."""
    tag = b"" if vlan is None else b"\x81\x00" + vlan.to_bytes(2, "big")
    head = bytes.fromhex((to + sender).replace(":", "")) + tag + TYPE.to_bytes(2, "big")
    return (head + bytes(size - len(head))).hex()


def is_group(address):
    """A multicast or broadcast address."""
    return bool(int(address[:2], 16) & 1)


def of_type(frames, sender):
    return [f for f in frames if f["type"] == TYPE and f["from"] == sender]


def topology(dom0, name):
    """`stubdom topology` of a guest, by interface."""
    told = schema.check("topology", dom0.run("stubdom", "topology", name, "--json").stdout)
    return {i["name"]: i for i in told["interfaces"]}


def test_every_model(make_guest, dom0, traffic):
    """Eight NICs, each on its own vif, of every model: TCP both ways, and on the wire the guest's
    address and dom0's only."""
    guest = make_guest("models", kind="direct", nics=MODELS, disks=0, split=True, memory=192)
    guest.start()
    bridge = dom0.read("/sys/class/net/xenbr0/address").strip()
    for n, model in enumerate(MODELS):
        dom0.call("capture_start", name="vif", interface=f"vif{guest.domid}.{n}-emu")
        guest.bring_up(n)
        for way in "ud":
            said = guest.on_nic(n, f"stream {guest.peers[n]} {traffic} {way} 100000", "stream")
            assert f"stream {way} ok" in said, f"{model}: {said}"
        frames = dom0.call("capture_stop", name="vif")
        # all are on one bridge, which floods what another NIC says to all
        others = set(guest.macs) - {guest.macs[n]}
        mine = [f for f in frames if f["from"] not in others or not is_group(f["to"])]
        assert {f["from"] for f in mine} == {guest.macs[n], bridge}, model
        assert sum(f["size"] for f in frames if f["from"] == guest.macs[n]) > 100000, model

    # dom0's view of them.
    told = topology(dom0, "models")
    assert len(told) == 3 * len(MODELS)
    for n, model in enumerate(MODELS):
        tap, xenif = told[f"tap{n}"], told[f"xenif{n}"]
        assert (tap["model"], tap["mac"]) == (model, guest.macs[n])
        assert (xenif["vif"], xenif["network"]) == (f"vif{guest.domid}.{n}-emu", "xenbr0")
        assert tap["bridge"] == xenif["bridge"] == f"bridge{n}"
        assert tap["rx"]["bytes"] > 100000 and xenif["rx"]["bytes"] > 100000
    text = dom0.run("stubdom", "topology", "models").stdout
    assert guest.macs[7] in text and f"vif{guest.domid}.7-emu on xenbr0" in text
    assert f'"{guest.macs[0]}" [shape=box, label="{MODELS[0]}"]' in \
        dom0.run("stubdom", "topology", "models", "--dot").stdout


def test_three_networks(make_guest, dom0, traffic):
    """Three NICs on three bridges: kinds of frames, tags and sizes pass as they are."""
    guest = make_guest("three", kind="direct", disks=0,
                       nics=("rtl8139", "virtio-net-pci", "virtio-net-pci"),
                       split=True, networks=[0, 1, 2])
    guest.config["vif"][1] += ",mtu=9000"
    guest.prepare()
    dom0.shell("ip link set xenbr1 mtu 9000")
    try:
        guest.start()
        kinds_of_frames(guest, dom0)
        jumbo_frames(guest, dom0, traffic)
        vlan_trunk(guest, dom0, traffic)
    finally:
        dom0.shell("ip link set xenbr1 mtu 1500; ip link del br2.7; ip link del br2.8", check=False)


def kinds_of_frames(guest, dom0):
    """Broadcast, multicast and a stranger's frames, in both directions, between a guest's NIC and
    the bridge that it is on, and nowhere else."""
    for n in range(3):
        guest.bring_up(n)
        dom0.call("capture_start", name=f"br{n}", interface=f"xenbr{n}")
    for to in (BROADCAST, MULTICAST, NOBODY):
        guest.on_nic(0, f"frames nic0 {to} {TYPE:x} 200 3", "frames sent 3")
    # behind them in the same queues
    guest.on_nic(0, f"ping {guest.peers[0]} 1", "ping .* ok")
    frames = [dom0.call("capture_stop", name=f"br{n}") for n in range(3)]
    sent = [(f["to"], f["size"]) for f in of_type(frames[0], guest.macs[0])]
    assert sent == [(to, 200) for to in (BROADCAST, MULTICAST, NOBODY) for _ in range(3)]
    assert not of_type(frames[1] + frames[2], guest.macs[0])

    # A NIC that is not promiscuous hears its own frames; one that is hears all.
    hear = [(NOBODY, 60), (MULTICAST, 60), (BROADCAST, 300), (guest.macs[0], 1514)]
    for promiscuous, expected in (("", hear[2:]), ("all", hear)):
        guest.on_nic(0, f"listen nic0 {TYPE:x} {promiscuous}", "listen nic0 ok")
        for to, size in hear:
            dom0.call("frame_send", interface="xenbr0", frame=frame(to, size=size))
        said = guest.ask(f"heard {len(expected)}", f"heard {len(expected)}")
        assert said == "".join(f"guest: frame {to} {size}\n" for to, size in expected) + \
            f"guest: heard {len(expected)}\n"


def jumbo_frames(guest, dom0, port):
    """mtu= of the vif line: frames of 9000 bytes pass."""
    guest.on_nic(1, "mtu nic1 9000", "mtu nic1 9000")
    dom0.call("capture_start", name="jumbo", interface="xenbr1")
    said = guest.on_nic(1, f"frames nic1 {BROADCAST} {TYPE:x} 9014 2", "frames")
    assert "frames sent 2" in said
    said = guest.on_nic(1, f"stream {guest.peers[1]} {port} d 500000", "stream")
    assert "stream d ok" in said, said
    frames = dom0.call("capture_stop", name="jumbo")
    assert [f["size"] for f in of_type(frames, guest.macs[1])] == [9014, 9014]
    assert dom0.read(f"/sys/class/net/vif{guest.domid}.1-emu/mtu").strip() == "9000"


def vlan_trunk(guest, dom0, port):
    """Tagged frames keep their tags: two VLANs on one NIC."""
    # only now: a bridge without ports has no address that a VLAN's interface could have
    dom0.shell("modprobe 8021q; for v in 7 8; do ip link add link xenbr2 name br2.$v type vlan id "
               "$v && ip address add 10.98.$v.1/24 dev br2.$v && ip link set br2.$v up; done")
    dom0.call("capture_start", name="trunk", interface=f"vif{guest.domid}.2-emu")
    guest.ask("load 8021q", "load 8021q done")
    for vlan in (7, 8):
        said = guest.on_nic(2, f"vlan nic2 {vlan} 10.98.{vlan}.2/24", f"nic nic2.{vlan} ")
        assert said.endswith("up\n"), said
        said = guest.on_nic(2, f"stream 10.98.{vlan}.1 {port} u 50000", "stream")
        assert "stream u ok" in said, said
    frames = dom0.call("capture_stop", name="trunk")
    for vlan in (7, 8):
        assert sum(f["size"] for f in frames if f["vlan"] == vlan
                   and f["from"] == guest.macs[2]) > 50000
