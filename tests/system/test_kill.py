# SPDX-License-Identifier: MIT
"""The launcher killed with SIGKILL at each stage: nothing is left, the next start works."""
import pytest

STAGES = ["spawned", "domain", "boot", "disks", "net", "qemu", "channels", "running"]


@pytest.mark.parametrize("stage", STAGES)
def test_launcher_killed(make_guest, dom0, stage):
    guest = make_guest("killed")
    result = dom0.strike(guest, stage, "kill")
    assert result["stage"], f"the stage '{stage}' was never reached: {result}"
    # libxl may have seen `running` before the blow; at every other stage it must not succeed
    if result["stage"] != "running":
        assert result["status"] not in (0, None), result
    dom0.run("xl", "destroy", "killed", check=False, timeout=120)
    dom0.wait_gone("killed-dm")


def test_start_after_kill(make_guest, dom0):
    """After such an end the same guest starts and works."""
    guest = make_guest("killed")
    dom0.strike(guest, "qemu", "kill")
    dom0.run("xl", "destroy", "killed", check=False, timeout=120)
    report = guest.start()
    assert "bios-guest: disk 0 ok" in report


def test_launcher_killed_under_a_running_guest(make_guest, dom0):
    guest = make_guest("killed")
    guest.start()
    dom0.run("kill", "-KILL", guest.launcher_pid)
    guest.destroy()
    dom0.wait_gone("killed-dm")


def test_stub_domain_destroyed_under_a_running_guest(make_guest, dom0):
    """As when QEMU crashes: the launcher ends, and the guest can be destroyed."""
    guest = make_guest("killed")
    guest.start()
    pid = guest.launcher_pid
    dom0.run("xl", "destroy", "killed-dm", timeout=120)
    assert dom0.call("wait_no_process", 60, pid=pid, seconds=60)
    assert "stub" in guest.log()
    guest.destroy(check=False)
