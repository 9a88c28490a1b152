# SPDX-License-Identifier: MIT
"""The rights in dom0 of the process that reads from the stub domain: almost none."""
import re

from guestlib import schema

NAMESPACES = ("mnt", "pid", "net", "ipc", "uts", "cgroup")
UID_BASE = 2130706432  # stubdom.conf(5)


def status_of(dom0, pid):
    text = dom0.read(f"/proc/{pid}/status")
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def namespaces_of(dom0, pid):
    return dom0.run("readlink", *[f"/proc/{pid}/ns/{name}" for name in NAMESPACES]).stdout.split()


def check_relay(dom0, guest):
    """The relay's pid, once its privileges are looked at."""
    pid = dom0.run("pgrep", "-P", guest.launcher_pid, "-x", "stubdom-relay").stdout.strip()
    relay = status_of(dom0, pid)
    uid = UID_BASE + guest.domid
    assert relay["Uid"].split() == relay["Gid"].split() == [str(uid)] * 4
    assert relay["Groups"].strip() == ""
    for field in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(relay[field], 16) == 0, field
    assert relay["Seccomp"].strip() == "2"
    assert relay["NoNewPrivs"].strip() == "1"
    assert relay["NSpid"].split() == [pid, "1"]
    # its root is an empty directory, and nothing it holds open is a directory or a disk image
    assert dom0.shell(f"ls -A /proc/{pid}/root/ | wc -l").stdout.strip() == "0"
    assert len(dom0.read(f"/proc/{pid}/mounts").splitlines()) == 1
    held = dom0.shell(f"ls -l /proc/{pid}/fd").stdout
    assert guest.log_path not in held  # its words go to the launcher
    assert "/opt/guests" not in held.replace(guest.folder + "/serial.log", "")
    # another program, with nothing of the launcher's in its memory
    assert dom0.run("readlink", f"/proc/{pid}/exe").stdout.strip().endswith("/stubdom-relay")
    assert "libxenlight" not in dom0.read(f"/proc/{pid}/maps")
    assert dom0.read(f"/proc/{pid}/environ") == ""
    assert dom0.read(f"/proc/{pid}/oom_score_adj").strip() == "500"
    assert dom0.read(f"/proc/{guest.launcher_pid}/oom_score_adj").strip() == "-900"
    return pid


def check_group(dom0, guest):
    pid = dom0.run("pgrep", "-P", guest.launcher_pid, "-x", "stubdom-relay").stdout.strip()
    group = f"/qemu-stubdom.slice/relay-{guest.domid}"
    # From outside; the relay itself, in a namespace, sees "/".
    assert dom0.read(f"/proc/{pid}/cgroup").strip() == f"0::{group}"
    for name, value in (("cpu.max", "50000 100000"), ("cpu.weight", "20"),
                        ("memory.max", str(256 << 20)), ("pids.max", "1")):
        assert dom0.read(f"/sys/fs/cgroup{group}/{name}").strip() == value, name


def shares_of(dom0, name):
    """Weight and cap."""
    return tuple(dom0.run("xl", "sched-credit2", "-d", name).stdout.splitlines()[-1].split()[-2:])


def security_of(dom0, guest, status):
    done = dom0.run("stubdom", "security", guest.name, "--json", check=False)
    assert done.status == status, done.text
    found = schema.check("security", done.stdout)["restrictions"]
    return {line["restriction"]: line for line in found}


def check_security(dom0, guest, pid):
    """`stubdom security` says that all holds, and sees each of these when it does not."""
    lines = security_of(dom0, guest, 0)
    assert len(lines) >= 20 and {"relay-landlock", "relay-group", "image", "target"} <= set(lines)
    assert {line["state"] for line in lines.values()} == {"held"}, lines
    facts = f"/local/domain/0/stubdom/{guest.domid}/kernel"
    own = f"/local/domain/{guest.stub_domid}/name"
    uid = status_of(dom0, pid)["Uid"].split()[0]
    image = "/var/lib/qemu-stubdom/image/manifest.json"
    run = f"/run/qemu-stubdom/{guest.domid}"
    score = f"/proc/{guest.launcher_pid}/oom_score_adj"
    for name, break_it, mend in (
            ("store-facts", f"xenstore-chmod {facts} n0 w{guest.stub_domid}",
             f"xenstore-chmod {facts} n0"),
            ("store-own", f"xenstore-chmod {own} n0 b{guest.stub_domid}",
             f"xenstore-chmod {own} n0 r{guest.stub_domid}"),
            ("image", f"chmod o+w {image}", f"chmod o-w {image}"),
            ("sockets", f"chmod o+x {run}", f"chmod 0700 {run}"),
            ("relay-limits", f"prlimit --pid {pid} --core=unlimited",
             f"prlimit --pid {pid} --core=0"),
            ("relay-cpu", f"chrt -o -p 0 {pid}", f"chrt -b -p 0 {pid}"),
            ("oom", f"echo 0 >{score}", f"echo -900 >{score}"),
            ("relay-user", f"setpriv --reuid {uid} sleep 1000 >/dev/null 2>&1 & echo $! >/run/same; "
             f"until [ $(stat -c %u /proc/$!) = {uid} ]; do sleep 0.1; done",
             "pid=$(cat /run/same); kill $pid; while [ -e /proc/$pid ]; do sleep 0.1; done; "
             "rm /run/same")):
        dom0.shell(break_it)
        done = dom0.run("stubdom", "security", guest.name, check=False)
        dom0.shell(mend)
        assert done.status == 1
        assert re.findall(r"^not held +(\S+)", done.stdout, re.M) == [name], done.stdout
    security_of(dom0, guest, 0)


def check_two_guests(dom0, one, two):
    one.start()
    pid = check_relay(dom0, one)
    check_group(dom0, one)
    # numbers that are somebody's are refused before anything exists
    dom0.shell(f"cp /etc/subuid /etc/subuid.kept; echo 'somebody:{UID_BASE}:32752' >>/etc/subuid")
    try:
        refused = two.create(check=False)
    finally:
        dom0.shell("rm /etc/subuid; mv /etc/subuid.kept /etc/subuid || true")
    assert refused.status != 0
    assert "is in the file /etc/subuid; choose other numbers with uid-base=" in two.log()
    check_security(dom0, one, pid)
    two.start()
    check_group(dom0, two)
    other = check_relay(dom0, two)
    # The stub domain has its guest's share of the CPU, or the one that was asked for.
    assert shares_of(dom0, "relay-dm") == shares_of(dom0, "relay") == ("300", "70")
    assert shares_of(dom0, "neighbour-dm") == ("500", "60")
    shared = set(namespaces_of(dom0, pid)) & set(namespaces_of(dom0, other))
    assert not shared and not set(namespaces_of(dom0, pid)) & set(namespaces_of(dom0, "self"))


def test_relay_has_no_privilege(make_guest, dom0):
    one = make_guest("relay", cpu_weight=300, cap=70)
    two = make_guest("neighbour", nics=(), cpu_weight=300)
    two.config["device_model_args"] += ["-stubdom", "weight=500,cap=60,cpupool=Pool-0,cpus=0"]
    two.write_config()
    # Bounds that the kernel keeps even for a relay that was taken over, where control groups are
    # mounted.
    dom0.run("mount", "-t", "cgroup2", "none", "/sys/fs/cgroup")
    try:
        check_two_guests(dom0, one, two)
    finally:
        dom0.run("umount", "-l", "/sys/fs/cgroup")
