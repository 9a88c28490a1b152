# SPDX-License-Identifier: MIT
"""What the process that reads from the stub domain may do in dom0: almost nothing."""


def status_of(dom0, pid):
    text = dom0.read(f"/proc/{pid}/status")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def test_relay_has_no_privilege(make_guest, dom0):
    guest = make_guest("relay")
    guest.start()
    main = guest.launcher_pid
    pids = dom0.run("pgrep", "-f", "stubdom-dm").stdout.split()
    found = [status_of(dom0, pid) for pid in pids]
    confined = [s for s in found if s["Uid"].split()[0] != "0"]
    assert len(confined) == 1, f"launcher {main}; processes: {found}"
    relay = confined[0]
    assert "0" not in relay["Gid"].split()
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(relay[field], 16) == 0, field
    assert relay["Seccomp"].strip() == "2"
    assert relay["NoNewPrivs"].strip() == "1"
    pid = relay["Pid"].strip()
    # its root is an empty directory, and nothing it holds open is a directory or a disk image
    assert dom0.shell(f"ls -A /proc/{pid}/root/ | wc -l").stdout.strip() == "0"
    held = dom0.shell(f"ls -l /proc/{pid}/fd").stdout
    assert guest.log_path not in held  # its words go to the launcher
    assert "/opt/guests" not in held.replace(guest.folder + "/serial.log", "")
