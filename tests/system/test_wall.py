# SPDX-License-Identifier: MIT
"""The wall from its other sides: a local user of dom0, hostile words in xenstore, a relay that was
taken over."""
import contextlib
import json
import os
import re

import pytest

from conftest import TREE

SECRET = "/root/dom0-secret"
CONTENT = "nobody may see this"
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\ufffd]")
USER = "54321"
RELAY = "/usr/libexec/qemu-stubdom/stubdom-relay"
OTHER_RELAY = "/opt/other-relay"

# Words that a stub domain may write where dom0 reads.
WORDS = {
    "a file of dom0's": SECRET,
    "a way out": "../../../../0/name",
    "control characters": "\x1b]0;x\x07\u009b31m\u202e\r\nforged: line\x7f",
    "a huge number": "99999999999999999999999999",
    "nothing": "",
    "a long text": "a" * 3900,
}
TOOLS = [
    ["stubdom", "list"], ["stubdom", "status", "{guest}"], ["xl", "list", "-l"],
    ["xl", "network-list", "{guest}-dm"], ["xl", "block-list", "{guest}-dm"],
]
LAST_TOOLS = [
    ["stubdom", "topology", "{guest}"], ["stubdom", "security", "{guest}"], ["stubdom", "doctor"],
    ["stubdom", "log", "{guest}"], ["xl", "vcpu-list"], ["xentop", "-b", "-i", "1"],
    ["xenstore-ls", "/local/domain/{stub}"],
]


def pids_of(dom0, guest):
    launcher = guest.launcher_pid
    others = dom0.run("pgrep", "-P", launcher).stdout.split()
    assert len(others) == 2  # relay and guardian
    return [launcher, *map(int, others)]


def check_local_user(dom0, guest):
    """Every socket, file, terminal and process of the guest's device model is out of reach."""
    run = f"/run/qemu-stubdom/{guest.domid}"
    sockets = set(re.findall(r" (/\S+|@\S+)$", dom0.read("/proc/net/unix"), re.M))
    sockets = {s for s in sockets if "qmp-lib" in s or "stubdom" in s or guest.name in s}
    assert {f"{run}/qmp", f"/var/run/xen/qmp-libxl-{guest.domid}"} <= sockets
    terminals = dom0.shell(
        f"xenstore-ls -f /local/domain/{guest.domid} /local/domain/{guest.stub_domid} | "
        "sed -n 's,.*= \"\\(/dev/pts/[0-9]*\\)\",\\1,p'").stdout.split()
    assert len(set(terminals)) >= 2
    image = "/var/lib/qemu-stubdom/image"
    # An image and a configuration may be read: they are a package's. So those only written to.
    paths = [*sockets, *terminals, guest.log_path, f"{run}/x", *guest.disks, guest.config_path,
             "/dev/xen/privcmd", "/dev/xen/gntdev", "/dev/xen/evtchn", "/dev/xen/xenbus",
             "/run/qemu-stubdom/sums"]
    known = {"paths": [p for p in paths if p.startswith("/")], "sockets": sorted(sockets),
             "pids": pids_of(dom0, guest)}
    with open(f"{TREE}/rig/guestlib/dom0/intruder.py", encoding="utf-8") as f:
        program = f.read()  # as text: it could not read its own file
    done = dom0.run("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups", "python3", "-c",
                    program, stdin=json.dumps(known).encode())
    found = json.loads(done.stdout)
    assert found["tried"] > 100
    assert not found["could"], found["could"]
    done = dom0.shell(f"cd {image} && setpriv --reuid {USER} --clear-groups sh -c '"
                      "for f in * . ..; do [ -w $f ] && echo $f; done; :'")
    assert done.stdout == ""


def nodes_of(dom0, stub):
    """The nodes that the stub domain may write, and directories of its own."""
    out = []
    for line in dom0.run("xenstore-ls", "-fp", f"/local/domain/{stub}").stdout.splitlines():
        path, rights = re.fullmatch(r"(\S+) = .*\(([^()]*)\)", line).groups()
        owner, *more = rights.split(",")
        if owner[1:] == str(stub) or any(m in (f"w{stub}", f"b{stub}") for m in more):
            out.append(path)
    return out


def run_tools(dom0, guest, stub, tools, what):
    for command in tools:
        argv = [word.format(guest=guest.name, stub=stub) for word in command]
        done = dom0.run(*argv, check=False, timeout=120)
        where = f"{what}: {' '.join(argv)}: {done.text[-2000:]}"
        # The toolstack's own programs print some of it as it is; ours nothing.
        assert done.status in range(6), where
        assert CONTENT not in done.text, where
        assert argv[0] != "stubdom" or not CONTROL.search(done.text), where


def check_xenstore(dom0, guest):
    """dom0's programs go on whatever the stub domain writes where it may, and show none of it."""
    stub, pids = guest.stub_domid, pids_of(dom0, guest)
    base = f"/local/domain/{stub}"
    # Two of them are the stub domain's end: they come last.
    ends = {f"{base}/data/stubdom/error", f"{base}/data/stubdom/exit"}
    nodes = set(nodes_of(dom0, stub)) | {
        f"{base}/data/stubdom/{name}" for name in ("stage", "answer", "memory", "disk-error", "x")}
    assert len(nodes) > 30
    for what, word in WORDS.items():
        dom0.call("xenstore_write", 120, nodes={path: word for path in sorted(nodes - ends)})
        run_tools(dom0, guest, stub, TOOLS, what)
        assert pids_of(dom0, guest) == pids, what
    # As many nodes as it may have.
    dom0.call("xenstore_write", 120, nodes={f"{base}/data/{n}/{n}": "x" for n in range(200)})
    run_tools(dom0, guest, stub, TOOLS + LAST_TOOLS, "many nodes")
    assert pids_of(dom0, guest) == pids
    dom0.call("xenstore_write", 60, nodes={f"{base}/data/stubdom/error": WORDS["control characters"]})
    dom0.wait_gone(f"{guest.name}-dm")
    # The launcher says why when the stub domain has gone.
    log = dom0.wait_file(guest.log_path, "forged: line", seconds=60)
    assert not CONTROL.search(log) and CONTENT not in log
    assert not re.search(r"^forged", log, re.M) and len(log) < 1 << 20


@pytest.mark.long("every word of the list is tried with every tool")
def test_from_all_sides(make_guest, dom0):
    dom0.shell(f"umask 077; echo '{CONTENT}' >{SECRET}")
    guest = make_guest("sides", disks=1, nics=("e1000",), vnc=1, vncunused=1)
    guest.start()
    guest.detach()
    check_local_user(dom0, guest)
    check_xenstore(dom0, guest)
    dom0.run("rm", SECRET)


@contextlib.contextmanager
def other_relay(dom0):
    """The program at OTHER_RELAY is the relay's."""
    dom0.run("mount", "--bind", OTHER_RELAY, RELAY)
    try:
        yield
    finally:
        dom0.run("umount", RELAY)
        dom0.run("rm", OTHER_RELAY)


@pytest.mark.parametrize("program, seconds, why", [
    ("exec /bin/sleep 1000", 3, "the relay was not ready within 3 s"),
    ("exit 5", 60, "the relay ended with status 5"),
])
def test_relay_that_does_not_start(make_guest, dom0, program, seconds, why):
    guest = make_guest("late", nics=())
    guest.config["device_model_args"] += ["-stubdom", f"timeout={seconds}"]
    guest.write_config()
    dom0.write(OTHER_RELAY, f"#!/bin/sh\n{program}\n")
    dom0.run("chmod", "755", OTHER_RELAY)
    with other_relay(dom0):
        made = guest.create(check=False)
    assert made.status != 0 and why in made.text


def test_hostile_relay(make_guest, dom0):
    """A relay that was taken over (tests/system/parts/hostile/relay.c) has its channels and its
    clients, and nothing else of dom0."""
    guest = make_guest("taken", nics=())
    build = os.path.join(TREE, os.environ.get("BUILD", "build"))
    dom0.rig.push(f"{build}/tests/system/parts/hostile/hostile-relay", OTHER_RELAY)
    with other_relay(dom0):
        made = guest.create(check=False)
    log = dom0.read(guest.log_path)
    said = dict(re.findall(r"relay: hostile: (.+): (done|refused|no answer)$", log, re.M))
    # A descriptor that is no disk becomes none, and no name is a disk of dom0's.
    for what in ("pipe", "socket", "control", "standard error", "grant", "event channel",
                 "empty file", "taking a disk away", "a longer disk", "a PCI device"):
        assert said.get(what) == "refused", (what, log)
    # Its words are the relay's, and no line is anybody else's.
    assert "hostile: the end" in log
    assert not CONTROL.search(log)
    forged = [line for line in log.splitlines() if "forged" in line]
    assert forged and all(" relay: " in line for line in forged), forged[:3]
    # Its end by a system call that is not its own is the end of all.
    assert re.search(r"stubdom-dm: .*the relay was killed: Bad system call", log), log[-2000:]
    assert made.status != 0
