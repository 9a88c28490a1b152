# SPDX-License-Identifier: MIT
"""A guest's vif line holds for the emulated NIC; interfaces that come and go."""
import json
import re

from guestlib.dom0host import ASSETS

SCRIPT = """#!/bin/sh
echo "$1 $2 $INTERFACE" >>{log}
exec /opt/guests/dom0/vif-light "$@"
"""


def test_vif_line(make_guest, dom0, traffic):
    """vifname=, script=, rate= and mtu=, and the link's state by QMP."""
    guest = make_guest("line", kind="direct", nics=("virtio-net-pci", "rtl8139"), disks=0,
                       split=True, networks=[0, 1])
    log, script = f"{guest.folder}/script.log", f"{guest.folder}/vif-script"
    dom0.write(script, SCRIPT.format(log=log))
    dom0.run("chmod", "+x", script)
    # vif-bridge itself leaves a node behind when there is a vifname (docs/upstream-bugs.md)
    guest.config["vif"][0] += f",vifname=red,mtu=1400,script={ASSETS}/dom0/vif-light"
    guest.config["vif"][1] += f",script={script},rate=2Mb/s"
    guest.write_config()
    guest.start()
    domid, stub = guest.domid, guest.stub_domid
    for n in range(2):
        guest.bring_up(n)

    # The script of the vif line ran for the emulated NIC as it would for QEMU's tap.
    assert f"add type_if=tap vif{domid}.1-emu\n" in dom0.read(log)
    assert dom0.read("/sys/class/net/red-emu/mtu").strip() == "1400"
    ports = dom0.shell("ls /sys/class/net/xenbr0/brif; echo; ls /sys/class/net/xenbr1/brif").stdout
    assert {"red-emu", f"vif{domid}.1-emu"} <= set(ports.split())

    # The rate is the guest's for both of its paths.
    rate = dom0.xenstore(f"/local/domain/0/backend/vif/{domid}/1/rate")
    assert rate and dom0.xenstore(f"/local/domain/0/backend/vif/{stub}/1/rate") == rate
    assert dom0.xenstore(f"/local/domain/0/backend/vif/{stub}/0/rate") is None
    said = guest.on_nic(1, f"stream {guest.peers[1]} {traffic} u 750000", "stream")
    seconds = re.search(r"stream u ok 750000 bytes ([\d.]+) s", said)
    assert seconds and float(seconds[1]) > 2, said  # 250 kB/s

    # The link goes down and comes back.
    for state, ping in (("off", "failed 0/1"), ("on", "ok 1/1")):
        dom0.run("stubdom", "qmp", "line", "set_link", "name=net0",
                 f"up={'true' if state == 'on' else 'false'}")
        word = "up" if state == "on" else "down"
        guest.on_nic(0, f"carrier nic0 {word}", f"carrier nic0 {word}")
        assert ping in guest.on_nic(0, f"ping {guest.peers[0]} 1", "ping ")


def test_vif_comes_and_goes(make_guest, dom0):
    """The guest's PV driver takes over from the emulated NIC; `xl network-attach` and `-detach`
    while it runs."""
    guest = make_guest("plug", kind="direct", nics=("e1000",), disks=0, unplug="nics")
    report = guest.start()
    assert "ping 10.99.0.1 ok 3/3" in report
    # By the PV interface: the emulated one is gone.
    assert "8086:100e" not in guest.monitor("info pci")
    pv = f"/sys/class/net/vif{guest.domid}.0/statistics/rx_packets"
    assert int(dom0.read(pv)) > 0
    told = json.loads(dom0.run("stubdom", "topology", "plug", "--json").stdout)
    tap = next(i for i in told["interfaces"] if i["name"] == "tap0")
    assert tap["rx"]["packets"] == 0

    mac = "00:16:3e:00:00:42"
    dom0.run("xl", "network-attach", "plug", f"mac={mac}", "bridge=xenbr1")
    said = guest.ask(f"nic {mac},10.99.1.77/24,10.99.1.1", "ping 10.99.1.1 ")
    assert "ok 3/3" in said, said
    dom0.run("xl", "network-detach", "plug", mac)
    assert mac not in dom0.run("xl", "network-list", "plug").stdout
    assert guest.ask("ping 10.99.0.1 1", "ping ").endswith("ok 1/1\n")


def test_name_taken(dom0, leak_check):
    """The stub domain's hot-plug program does not take another's name, and says so."""
    dom0.shell("ip link add blue type dummy; ip link add green type dummy; "
               "xenstore-write /tool/vif/vifname green")
    try:
        script = "XENBUS_PATH=/tool/vif vif=blue /usr/libexec/qemu-stubdom/stubdom-vif online"
        done = dom0.shell(script, check=False)
        assert done.status == 3 and "an interface green is there already" in done.stderr
        assert dom0.xenstore("/tool/vif/hotplug-status") == "error"
        assert "green" in dom0.xenstore("/tool/vif/hotplug-error")
        dom0.run("ip", "link", "del", "green")
        dom0.shell(script)
        assert dom0.xenstore("/tool/vif/hotplug-status") == "connected"
        dom0.run("ip", "link", "del", "green")  # which blue is now
    finally:
        dom0.shell("ip link del blue; ip link del green; xenstore-rm /tool/vif", check=False)
