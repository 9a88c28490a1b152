# SPDX-License-Identifier: MIT
"""A guest whose stub domain has a slim QEMU: the plain one's memory, and its devices."""
import pytest

from guestlib.guest import Stub

SLIM_MIB = 24  # docs/interface.md's sum for a guest with one disk and NIC
# The part of QEMU's and its libraries' pages that it goes on using, and 4 MiB for what no test does.
FREE_KB = (4 + 4) * 1024
PUSHED = "/opt/guests/run/image-slim"


@pytest.fixture(name="slim")
def push_image(dom0, request):
    directory = request.config.getoption("other_image")
    if not directory:
        pytest.skip("--other-image names no image of rig/slim's")
    dom0.rig.push(directory, PUSHED)
    yield Stub(image=PUSHED)
    dom0.run("rm", "-rf", PUSHED)


@pytest.mark.long("make check-slim")
def test_plain_guest(make_guest, dom0, slim):
    guest = make_guest("slim", stub=slim)
    assert "bios-guest: disk 0 ok" in guest.start()
    found = guest.inside()
    assert found["total_kb"] < SLIM_MIB * 1024 and found["available_kb"] > FREE_KB, found
    assert "slim" in dom0.run("stubdom", "qmp", guest.name, "query-version").stdout
    guest.destroy()


@pytest.mark.long("make check-slim")
def test_devices(make_guest, dom0, slim):
    """Devices of slim.mak: a USB tablet, AHCI, a screen, a NIC of another model."""
    guest = make_guest("slim", kind="direct", stub=slim, nics=("virtio-net",), hdtype="ahci", vnc=1, vncunused=1,
                       usb=1, usbdevice="tablet", modules=("ahci",))
    guest.start()
    assert "ok 3/3" in guest.ask(f"ping {guest.peers[0]} 3", "ping ")
    guest.destroy()
