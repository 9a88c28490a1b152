# SPDX-License-Identifier: MIT
"""`stubdom enable`: stub domains for guests without a line in their configuration. QEMU in dom0
serves all that is no device model. All is as before after `stubdom disable`."""
import re
import time

import pytest
from guestlib import schema
from test_libvirt import DOMAIN, virsh  # noqa: F401: a fixture

QEMU = "/usr/libexec/xen-qemu-system-i386"
CONF = "/etc/qemu-stubdom"


@pytest.fixture(name="enabled")
def enable_host(dom0, leak_check):
    dom0.run("stubdom", "enable")
    yield
    dom0.shell(f"rm -f {CONF}/guests/plain.conf; stubdom disable")
    assert dom0.run("test", "-L", QEMU, check=False).status == 1
    assert verify_qemu(dom0) == []


def verify_qemu(dom0):
    """Files of it that are missing or changed, but for texts, which the rig's root leaves out."""
    return [line for line in dom0.run("dpkg", "--verify", "qemu-system-xen").text.splitlines()
            if " /usr/share/" not in line]


def wait_qemu(dom0, count):
    """Until so many QEMUs run in dom0: libxl does not wait for the end of one."""
    end = time.monotonic() + 60
    while len(dom0.qemu_processes()) != count:
        assert time.monotonic() < end, dom0.qemu_processes()


def status(dom0):
    return schema.check("host", dom0.run("stubdom", "status", "--json").stdout)


def one(dom0, name):
    return next(g for g in status(dom0)["guests"] if g["guest"] == name)


def pvh_guest(make_guest, name):
    """One whose disk QEMU serves from dom0: libxl starts it with -machine xenpv."""
    guest = make_guest(name, stub=None, kind="direct", nics=())
    for key in ("serial", "vnc", "videoram", "device_model_version", "device_model_args"):
        guest.config.pop(key)
    guest.config.update(type="pvh", disk=[
        f"format=raw,vdev=xvda,access=rw,backendtype=qdisk,target={guest.disks[0]}"])
    guest.write_config()
    return guest


def test_every_guest(dom0, make_guest, enabled):
    plain = make_guest("plain", stub=None)
    plain.start()
    assert set(dom0.domains()) == {"plain", "plain-dm"}
    assert dom0.qemu_processes() == []
    assert verify_qemu(dom0) == []
    assert status(dom0)["enable"] == "on"
    assert one(dom0, "plain") == {"guest": "plain", "domid": plain.domid,
                                  "device_model": "stubdom", "configured": "stubdom"}

    # The back end of a PVH guest's disk is no device model.
    back = pvh_guest(make_guest, "back")
    back.create(paused=True)
    assert set(dom0.domains()) == {"plain", "plain-dm", "back"}
    assert len(dom0.qemu_processes()) == 1
    back.destroy()
    wait_qemu(dom0, 0)

    # One that the configuration names has its QEMU in dom0 from its next start on.
    dom0.write(f"{CONF}/guests/plain.conf", "device-model = dom0\nmemory = 300\n")
    assert one(dom0, "plain")["device_model"] == "stubdom"
    assert one(dom0, "plain")["configured"] == "dom0"
    plain.end()
    plain.detach()
    plain.start()
    assert set(dom0.domains()) == {"plain"}
    assert len(dom0.qemu_processes()) == 1
    assert "device-model = dom0: QEMU runs in dom0" in plain.log()
    assert one(dom0, "plain")["device_model"] == "dom0"
    said = dom0.run("stubdom", "doctor", check=False).stdout
    assert "guest 'plain': QEMU in dom0, by device-model = dom0" in said


def test_nothing_falls_back_to_dom0(dom0, make_guest, enabled):
    """Without an image a guest is refused, in words; a PVH guest needs none."""
    dom0.shell(f"cp {CONF}/stubdom.conf /run/stubdom.conf.saved; "
               f"echo 'image = /nowhere' >>{CONF}/stubdom.conf")
    try:
        plain = make_guest("plain", stub=None)
        done = plain.create(check=False)
        assert done.status != 0 and "/nowhere" in done.text, done.text
        dom0.wait_listed()
        assert dom0.qemu_processes() == []
        pvh_guest(make_guest, "back").create(paused=True)
        assert len(dom0.qemu_processes()) == 1
    finally:
        dom0.shell(f"mv /run/stubdom.conf.saved {CONF}/stubdom.conf")


def test_disabled_under_a_guest(dom0, make_guest, enabled):
    """The guest goes on and ends as ever; its next start is without a stub domain."""
    plain = make_guest("plain", stub=None)
    plain.start()
    dom0.run("stubdom", "disable")
    assert status(dom0)["enable"] == "off"
    assert plain.ask("echo well", "echo well").endswith("echo well\n")
    plain.end()
    dom0.wait_listed()
    plain.create(paused=True)
    assert set(dom0.domains()) == {"plain"}
    assert len(dom0.qemu_processes()) == 1


def test_libvirt_needs_no_line(dom0, make_guest, enabled, virsh):  # noqa: F811
    """A domain without <emulator>, and with nothing of ours on its command line."""
    plain = make_guest("plain", stub=None)
    text = DOMAIN.format(name=plain.name, disk=plain.disks[0], mac=plain.macs[0], stub="")
    text = re.sub(r" *<emulator>.*\n| *<xen:commandline>.*\n", "", text)
    dom0.write(f"{plain.folder}/domain.xml", text)
    virsh("create", "--paused", f"{plain.folder}/domain.xml")
    assert set(dom0.domains()) == {"plain", "plain-dm"}
    assert dom0.qemu_processes() == []
    virsh("destroy", plain.name)


# The parts of /etc/init.d/xen for dom0's own QEMU; its other parts would end the rig's consoles.
XEN = r"""
eval "$(sed -n '/^QEMU/p; /^qemu_start_real()/,/^}/p; /^qemu_stop_real()/,/^}/p' /etc/init.d/xen)"
"""


def own_qemu(dom0):
    """The processes of dom0's own QEMU, the back end of dom0's disks."""
    return dom0.run("pgrep", "-f", "xen-qemu-system-i386 -xen-domid 0 ", check=False).stdout.split()


def xen_script(dom0, words):
    return dom0.run("sh", "-c", XEN + words, check=False, timeout=180).status


@pytest.fixture(name="forgotten")
def forget_own_qemu(dom0, leak_check):
    """QEMU leaves its nodes of dom0; the toolstack would believe that it still runs."""
    yield
    xen_script(dom0, "qemu_stop_real")
    dom0.run("xenstore-rm", "/local/domain/0/device", "/local/domain/0/device-model/0",
             "/local/domain/0/backend/qnic")


def test_the_script_of_xen(dom0, enabled, forgotten):
    """It finds dom0's own QEMU that was started while enabled: to leave it, to restart it, to end
    it. So it does after `disable`, and the other way round."""
    assert xen_script(dom0, "qemu_start_real") == 0
    (first,) = own_qemu(dom0)
    assert first == dom0.read("/run/qemu-dom0.pid").strip()
    assert xen_script(dom0, "qemu_start_real") == 1  # it runs
    assert own_qemu(dom0) == [first]
    assert xen_script(dom0, "qemu_stop_real && qemu_start_real") == 0
    (second,) = own_qemu(dom0)
    assert second != first
    dom0.run("stubdom", "disable")
    assert xen_script(dom0, "qemu_start_real") == 1
    assert xen_script(dom0, "qemu_stop_real && qemu_start_real") == 0
    dom0.run("stubdom", "enable")
    assert xen_script(dom0, "qemu_start_real") == 1
    assert xen_script(dom0, "qemu_stop_real") == 0
    assert own_qemu(dom0) == []
