# SPDX-License-Identifier: MIT
"""A Xen that cannot run a device model in a PVH domain: one clear line, and nothing is left."""
import pytest

from guestlib.guest import Stub

FIRST = (4, 19)  # launcher/domain/check.c


def test_pvh_needs_a_newer_xen(make_guest, dom0):
    info = dict(line.split(":", 1) for line in dom0.run("xl", "info").stdout.splitlines()
                if ":" in line)
    info = {key.strip(): value.strip() for key, value in info.items()}
    version = int(info["xen_major"]), int(info["xen_minor"])
    if version >= FIRST:
        pytest.skip(f"Xen {version[0]}.{version[1]} can")
    guest = make_guest("oldxen", stub=Stub(kernel="nub", type="pvh"))
    assert guest.create(check=False).status != 0
    said = f"Xen {version[0]}.{version[1]} cannot run a device model in a PVH domain (4.19 can)"
    assert f"{said}; give the option '-stubdom kernel=linux,type=pv'" in guest.log()
    dom0.wait_gone("oldxen", "oldxen-dm")
