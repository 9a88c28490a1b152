# SPDX-License-Identifier: MIT
"""Interfaces whose back ends are in a domain of their own, and not in dom0."""
import time

import pytest

from guestlib.dom0host import ASSETS
from guestlib.guest import Guest

BRIDGE = "10.99.0.1"
PORT = 5001


class Driver(Guest):
    """A PVH domain with Linux and its netback; its console is the PV one."""
    terminal = "console/tty"

    def __init__(self, dom0):
        super().__init__(dom0, "driver", kind="direct", disks=0, nics=())
        self.config = {
            "name": "driver", "type": "pvh", "vcpus": 1, "memory": 192, "driver_domain": 1,
            "kernel": f"{ASSETS}/vmlinuz", "ramdisk": f"{ASSETS}/direct.cpio",
            "cmdline": "console=hvc0 quiet panic=-1 tsc=reliable guest.console=/dev/hvc0",
        }


@pytest.fixture(name="driver")
def make_driver(dom0, leak_check):
    driver = Driver(dom0).prepare()
    try:
        driver.start()
        driver.ask("driver br0", "driver br0 ready")
        yield driver
    finally:
        driver.remove()


def start_away(dom0, driver, guest):
    """With both of its paths in the driver domain; frames pass. The stub domain's interface there."""
    guest.create(paused=True)
    vif = f"vif{guest.stub_domid}.0"
    driver.wait(f"driver {vif} connected")
    driver.ask(f"nic br0,{BRIDGE}/24", f"nic br0 {BRIDGE} up")
    guest.attach()
    dom0.run("xl", "unpause", guest.name)
    assert f"ping {BRIDGE} ok 3/3" in guest.wait_ready()
    return vif


@pytest.fixture(name="away")
def make_away(make_guest):
    guest = make_guest("away", kind="direct", disks=0, nics=("virtio-net-pci",))
    guest.config["vif"][0] += ",backend=driver"
    guest.config["device_model_args"][-1] += ",backend=driver"
    guest.write_config()
    return guest


def test_driver_domain(dom0, driver, away):
    """backend= of a vif line and -stubdom backend=: both of the guest's paths lead there, none to
    dom0, and frames pass."""
    guest = away
    vif = start_away(dom0, driver, guest)

    for domid in (guest.domid, guest.stub_domid):
        front = f"/local/domain/{domid}/device/vif/0"
        assert dom0.xenstore(f"{front}/backend-id") == str(driver.domid)
        assert dom0.xenstore(f"{front}/backend") == \
            f"/local/domain/{driver.domid}/backend/vif/{domid}/0"
    assert dom0.xenstore(f"/local/domain/{guest.stub_domid}/device/vif/0/state") == "4"
    assert "vif" not in dom0.shell("ls /sys/class/net").stdout

    driver.ask(f"serve {PORT}", "serve")
    for way in "ud":
        assert " ok " in guest.ask(f"stream {BRIDGE} {PORT} {way} 200000", f"stream {way} ")
    guest.destroy()
    dom0.wait_gone("away", "away-dm")
    end = time.monotonic() + 60
    while vif in driver.ask("nics", "nics done"):  # Linux takes it away in the background
        assert time.monotonic() < end


@pytest.mark.long("docs/deaths.md: a driver domain dies")
def test_driver_domain_dies(dom0, driver, away):
    """The guest goes on without a link, which log and status tell. It ends as ever, and starts with the next driver
    domain."""
    start_away(dom0, driver, away)
    dom0.run("xl", "destroy", driver.name, timeout=120)
    driver.detach()
    dom0.wait_file(away.log_path, rf"xenif0 \({away.macs[0]} of the guest.* is not connected any more \(gone\)",
                   seconds=60)
    assert "no link" in dom0.run("stubdom", "status", away.name).stdout
    away.ask("echo lives", "echo lives")
    away.end()
    away.detach()
    driver.start()
    driver.ask("driver br0", "driver br0 ready")
    start_away(dom0, driver, away)
