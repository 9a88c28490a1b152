# SPDX-License-Identifier: MIT
"""The launcher killed with SIGKILL at each stage: nothing is left, the next start works."""
import json

import pytest
from guestlib import schema
from guestlib.guest import Stub

# At the others the stub domain has something that it has here, too; test_start_after_kill has "qemu".
OFTEN = ("spawned", "domain", "net", "running")
STAGES = [stage if stage in OFTEN else pytest.param(stage, marks=pytest.mark.long("one of eight stages"))
          for stage in ("spawned", "domain", "boot", "disks", "net", "qemu", "channels", "running")]


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


def check_named(dom0, guest, why):
    """A question about this guest is answered with the event and the remedy."""
    remedy = f"xl destroy {guest.domid}"
    (found,) = schema.check("list", dom0.run("stubdom", "list", "--json").stdout)["guests"]
    assert (found["guest"], found["state"]) == (guest.name, "stub gone")
    assert why in found["error"]
    said = dom0.run("stubdom", "status", guest.name, timeout=120).stdout
    assert "stub gone" in said and why in said and remedy in said
    said = dom0.run("stubdom", "doctor", timeout=120, check=False).stdout
    assert "stub gone" in said and remedy in said
    # The toolstack still shows it, and QMP says why nothing else works.
    assert [d["config"]["c_info"]["name"] for d in json.loads(dom0.run("xl", "list", "-l").stdout)
            if d["domid"]] == [guest.name]
    assert dom0.run("/usr/lib/xen-common/bin/xen-init-list").stdout.split() == \
        [str(guest.domid), guest.name]
    refused = dom0.run("xl", "qemu-monitor-command", guest.name, "info status", check=False)
    assert "has died" in refused.text and remedy in refused.text


def is_paused(dom0, guest):
    """Its flags in `xl list` are "r-b-ps-c-d" with '-' for those that do not hold."""
    return dom0.run("xl", "list", guest.name).stdout.split()[-2][2] == "p"


def evidence(dom0, guest):
    """The evidence of its deaths, the newest first."""
    found = schema.check("crashes", dom0.run("stubdom", "crashes", "--json").stdout)["crashes"]
    return [one for one in reversed(found) if one["guest"] == guest.name]


def test_launcher_killed_under_a_running_guest(make_guest, dom0, stub):
    guest = make_guest("killed", stub=Stub(**stub.options, on_dm_crash="pause"))
    guest.start()
    dom0.run("kill", "-KILL", guest.launcher_pid)
    dom0.wait_gone("killed-dm")
    assert dom0.call("wait_xenstore_there", 60,
                     path=f"/local/domain/0/stubdom/{guest.domid}/died", seconds=60)
    check_named(dom0, guest, "stubdom-dm was killed")
    assert dom0.call("wait_file", 60, path=guest.log_path, pattern="is paused", count=1,
                     seconds=60)["found"]
    assert is_paused(dom0, guest)
    assert evidence(dom0, guest)[0]["action"] == "pause"
    guest.destroy()
    dom0.wait_gone("killed-dm")


def test_stub_domain_destroyed_under_a_running_guest(make_guest, dom0):
    """As when QEMU crashes: the guest stays without a device model until it is destroyed."""
    guest = make_guest("killed")
    guest.start()
    pid = guest.launcher_pid
    dom0.run("xl", "destroy", "killed-dm", timeout=120)
    assert dom0.call("wait_xenstore_there", 60,
                     path=f"/local/domain/0/stubdom/{guest.domid}/died", seconds=60)
    check_named(dom0, guest, "without a word")
    guest.destroy()
    assert dom0.call("wait_no_process", 60, pid=pid, seconds=60)
