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


def test_driver_domain(dom0, driver, make_guest):
    """backend= of a vif line and -stubdom backend=: both of the guest's paths lead there, none to
    dom0, and frames pass."""
    guest = make_guest("away", kind="direct", disks=0)
    guest.config["vif"][0] += ",backend=driver"
    guest.config["device_model_args"][-1] += ",backend=driver"
    guest.write_config()
    guest.create(paused=True)
    vif = f"vif{guest.stub_domid}.0"
    driver.wait(f"driver {vif} connected")
    driver.ask(f"nic br0,{BRIDGE}/24", f"nic br0 {BRIDGE} up")
    guest.attach()
    dom0.run("xl", "unpause", guest.name)
    report = guest.wait_ready()
    assert f"ping {BRIDGE} ok 3/3" in report

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
