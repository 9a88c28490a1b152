# SPDX-License-Identifier: MIT
"""Where a guest's processes are in a dom0 with systemd. Debian's systemd, in a container without Xen."""
import os
import subprocess

import pytest

from guestlib import package

pytestmark = pytest.mark.long("installs systemd into the workbench")

PACKAGES = ("systemd-sysv", "dbus", "libpam-systemd", "systemd-container")
PARTS = os.path.join(package.TREE, "tests/system/parts/systemd")
SLICE = "/qemu.slice/qemu-stubdom.slice"
OURS, RELAYS = "qemu-stubdom-7.scope", "qemu-stubdom-relay-7.scope"
PLACES = {"stubdom-dm": f"{SLICE}/{OURS}", "stubdom-guard": f"{SLICE}/{OURS}",
          "stubdom-relay": f"{SLICE}/{RELAYS}"}


@pytest.fixture(name="seen")
def see_a_login_and_a_poweroff(build):
    """The lines of parts/systemd/probe.sh: name to value, in their order."""
    if not os.path.exists(package.WORKBENCH):
        pytest.skip("only in the workbench")
    apt = ["apt-get", "-q", "-y", "-o", "Acquire::Retries=2"]
    package.run(*apt, "update")
    package.run(*apt, "install", "--no-install-recommends", *PACKAGES,
                env=dict(os.environ, DEBIAN_FRONTEND="noninteractive"))
    said = package.run("unshare", "--mount", f"{PARTS}/container.sh",
                       os.path.join(build, "tests/system/parts/systemd/scopes"), timeout=400)
    return said.splitlines()


def places(seen, label):
    return dict(line.removeprefix(f"{label}-").split() for line in seen
                if line.startswith(f"{label}-stubdom-"))


def test_a_login_ends_and_the_host_is_switched_off(seen):
    # The login's end has killed what lay in its session, and nothing of ours.
    assert any(line.startswith("session /user.slice/user-0.slice/session-") for line in seen), seen
    assert places(seen, "after") == PLACES, seen
    for bound in ("CPUWeight=20", "CPUQuotaPerSecUSec=500ms", "MemoryMax=268435456", "TasksMax=1"):
        assert f"{RELAYS} {bound}" in seen, seen
    assert f"{OURS} MemoryMax=infinity" in seen, seen

    # They are whole for xendomains and libvirt-guests: systemd has not begun to stop them.
    for saver in ("xendomains", "libvirt-guests"):
        assert places(seen, saver) == PLACES, seen
        assert {f"{saver}-{OURS} waiting", f"{saver}-{RELAYS} waiting"} <= set(seen), seen
    # They are gone when Xen's own services stop.
    assert places(seen, "xen") == {} and seen[-1] == "xen stopped", seen
