# SPDX-License-Identifier: MIT
"""stubdom in a real dom0, with a guest whose QEMU is in a stub domain."""
import io
import json
import re

import pytest
from guestlib import grants, schema
from PIL import Image

GIB_KB = 1 << 20
PLAIN_MIB = 40  # docs/interface.md's sum for a guest with one disk and NIC
# The part of QEMU's and its libraries' pages that it goes on using: less, and it reads them over
# and over. And 4 MiB for what no test does.
FREE_KB = (9 + 4) * 1024
XVDZZ = 1 << 28 | 701 << 8
NODES = 400  # of the stub domain in xenstore
GRANTS = 128  # its pages that others have mapped: 24, and 32 for each disk request under way
SCRIPTS = 2  # hot-plug scripts for the stub domain of a guest with one disk
ANSWERS = 8  # of xenstore that the agent waits for in a start
READS = 350  # requests to the root's disk until QEMU runs
READ_KB = 32 * 1024
PROCESSES = 3  # of a guest, in dom0
PROCESSES_KB = 8192  # their memory, shared pages in parts


def stubdom(dom0, *args, status=0, **how):
    done = dom0.run("stubdom", *args, check=False, **how)
    assert done.status == status, (args, done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stderr


@pytest.fixture
def guest(make_guest):
    guest = make_guest("cli1", disks=1, nics=())
    # Ready before it is typed to: at its start it empties the serial port.
    guest.start()
    guest.detach()
    return guest


def check_list(dom0, guest):
    (found,) = schema.check("list", stubdom(dom0, "list", "--json"))["guests"]
    manifest = schema.check("manifest", stubdom(dom0, "image", "show", "--json"))
    assert (found["guest"], found["domid"]) == (guest.name, guest.domid)
    assert (found["stub"], found["stub_domid"]) == (f"{guest.name}-dm", guest.stub_domid)
    assert (found["kernel"], found["type"]) == (guest.stub.options["kernel"],
                                                guest.stub.options["type"])
    assert (found["state"], found["stage"], found["error"]) == ("running", "running", None)
    assert found["qemu"] == manifest["qemu"]["version"]
    assert found["launcher_pid"] == guest.launcher_pid
    assert 0 < found["uptime"] < 3600
    assert 32 * 1024 < found["memory_used_kb"] <= found["memory_given_kb"] + 4096 < GIB_KB
    row = stubdom(dom0, "list").splitlines()[1].split()
    assert row[:5] == [guest.name, str(guest.domid), str(guest.stub_domid), found["kernel"],
                       found["type"]]
    assert stubdom(dom0, "list", "--names") == f"{guest.name}\n"


def check_nodes(dom0, guest):
    stub = guest.stub_domid
    found = dom0.shell("xenstore-ls -f | grep -cE "
                       f"'^/(local/domain|libxl)/{stub}(/| )|/backend/[a-z]+/{stub}(/| )'").stdout
    assert 50 < int(found) <= NODES, found
    # The image is the same for all: no stub domain can write to it.
    if guest.stub.options["kernel"] == "nub":
        place = f"/local/domain/0/backend/vbd/{stub}/{XVDZZ}"
        assert dom0.xenstore(f"{place}/mode") == "r"
        device = dom0.xenstore(f"{place}/params")
        assert dom0.run("blockdev", "--getro", device).stdout.strip() == "1"
        assert 0 < grants.count(dom0, stub) <= GRANTS


def check_metrics(dom0, guest):
    """Figures from Xen, and counters of dom0's own back ends."""
    labels = f'{{guest="{guest.name}",domid="{guest.domid}"'
    found = dict(line.rsplit(" ", 1) for line in stubdom(dom0, "metrics").splitlines()
                 if line.startswith("stubdom_"))
    assert float(found[f"stubdom_cpu_seconds_total{labels}}}"]) > 0
    assert int(found[f"stubdom_memory_used_bytes{labels}}}"]) > 32 << 20
    assert int(found[f'stubdom_disk_read_bytes_total{labels},disk="xvda"}}']) > 0


def check_memory(guest):
    """A guest with one disk, and a NIC or none: the stub domain has the memory, and it suffices."""
    inside = guest.inside()
    assert inside["total_kb"] < PLAIN_MIB * 1024 and inside["available_kb"] > FREE_KB, inside


def check_qemu(dom0, guest):
    said = stubdom(dom0, "status", guest.name)
    schema.check("status", stubdom(dom0, "status", guest.name, "--json"))
    assert re.search(r"^QEMU says +running$", said, re.M)
    assert re.search(r"^inside it +[1-9]\d* MB free of [1-9]\d* MB$", said, re.M)
    if guest.stub.options["kernel"] == "nub":
        check_memory(guest)
    status = json.loads(stubdom(dom0, "qmp", guest.name, "query-status"))
    assert status["running"] is True
    # By its domain id, and as JSON text.
    version = json.loads(stubdom(dom0, "qmp", guest.domid, '{"execute": "query-version"}'))
    assert version["qemu"]["major"] >= 8
    assert "CommandNotFound" in stubdom(dom0, "qmp", guest.name, "nonsense", status=1)
    said = stubdom(dom0, "monitor", guest.name, "-c", "info status", "-c", "info block")
    assert said.startswith("VM status: running") and "/dev/xvda" in said
    said = stubdom(dom0, "monitor", guest.name, stdin=b"info status\ninfo name\n")
    assert said == f"VM status: running\n{guest.name}\n"


def check_serial_and_screen(dom0, guest):
    said = dom0.shell(f"echo echo hello-$$ | timeout 60 stubdom serial {guest.name} | "
                      "sed '/bios-guest: echo hello-/q'", timeout=120).stdout
    assert re.search(r"bios-guest: echo hello-\d+\r?$", said, re.M)
    stubdom(dom0, "screenshot", guest.name, "/root/cli1.png", timeout=120)
    picture = Image.open(io.BytesIO(dom0.rig.exec(["cat", "/root/cli1.png"]).stdout))
    dom0.run("rm", "/root/cli1.png")
    # Mode 13h, doubled by QEMU; eight bars of different colours.
    assert picture.size in ((320, 200), (640, 400))
    assert len(picture.convert("RGB").getcolors(1 << 16)) >= 8


def check_log_and_plan(dom0, guest):
    log = stubdom(dom0, "log", guest.name)
    assert "stage running" in log
    # No false alarms: a start that is as it should be has no line that looks like a fault.
    assert not re.search(r"failed|is not there|warning:|error:", log), log
    assert stubdom(dom0, "log", guest.name, "-n", "1") == log.splitlines(True)[-1]
    plan = schema.check("plan", stubdom(dom0, "plan", guest.name))
    assert plan["domain"]["guest_name"] == guest.name
    assert "stubdom-qmp" in [c["name"] for c in plan["channels"]]


def check_blame(dom0, guest):
    """Every moment of the start was noted, by all who took part in it."""
    found = schema.check("blame", stubdom(dom0, "blame", guest.name, "--json"))
    assert [p["phase"] for p in found["phases"]] == [
        "toolstack", "guest", "launcher", "checks", "relay", "ramdisk", "libxl", "build", "scripts", "nodes",
        "unpaused", "kernel", "agent", "disks", "net", "linking", "qemu", "report", "return"]
    assert found["whole"] and (found["name"], found["toolstack"]) == (guest.name, "xl")
    assert 0 < found["scripts"] <= SCRIPTS and found["channels"]["count"] >= 3
    assert 0 < found["xenstore"]["count"] <= ANSWERS
    if guest.stub.options["kernel"] == "nub":
        said = re.search(r"agent: (\d+) requests read (\d+) KiB of the root's disk",
                         stubdom(dom0, "log", guest.name))
        assert 0 < int(said[1]) <= READS and 0 < int(said[2]) <= READ_KB, said[0]
    took = {p["phase"]: p["ms"] for p in found["phases"]}
    assert took["linking"] > 0 and took["qemu"] > 0 and took["return"] > 0
    assert "</svg>" in stubdom(dom0, "blame", guest.name, "--svg")


def check_processes(dom0, guest):
    found = dom0.call("memory_of", pattern=r"stubdom-(dm.*-xen-domid|relay )")
    assert 0 < found["kilobytes"] <= PROCESSES_KB
    assert 1 + len(dom0.run("pgrep", "-P", guest.launcher_pid).stdout.split()) <= PROCESSES
    assert dom0.qemu_processes() == []


def check_privacy(dom0, domid):
    """The ground that stubdom stands on is out of other domains' and users' reach."""
    nodes = dom0.run("xenstore-ls", "-fp", f"/local/domain/0/stubdom/{domid}").stdout.splitlines()
    assert len(nodes) >= 8
    for node in nodes:
        assert node.endswith("(n0)"), node
    modes = dom0.run("stat", "-c", "%a %U", "/run/qemu-stubdom", f"/run/qemu-stubdom/{domid}")
    assert modes.stdout.split() == ["700", "root"] * 2


def test_all_verbs(dom0, guest):
    check_list(dom0, guest)
    check_qemu(dom0, guest)
    check_metrics(dom0, guest)
    check_nodes(dom0, guest)
    check_serial_and_screen(dom0, guest)
    check_log_and_plan(dom0, guest)
    check_blame(dom0, guest)
    check_processes(dom0, guest)
    check_privacy(dom0, guest.domid)
    # No check of a host with a guest that runs fails.
    features = {f["feature"]: f for f in schema.check(
        "features", stubdom(dom0, "features", "--json"))["features"]}
    assert features["type-pvh"]["state"] == features["kernel-nub"]["state"] == "yes"
    found = schema.check("doctor", stubdom(dom0, "doctor", "--json", timeout=120))
    assert found["ok"] is True
    assert {"xen", "dom0", "xenstore", "image"} <= {c["check"] for c in found["checks"]
                                                    if c["status"] == "ok"}
    domid = guest.domid
    guest.end()
    assert stubdom(dom0, "list", "--names") == ""
    assert "no guest" in stubdom(dom0, "status", guest.name, status=5)
    assert "no guest" in stubdom(dom0, "qmp", domid, "query-status", status=5)
    # Its log can still be read.
    assert "stage running" in stubdom(dom0, "log", guest.name)


def test_guest_without_a_stub_domain(dom0, make_guest):
    guest = make_guest("cli2", stub=None, disks=0, nics=())
    guest.create(paused=True)
    assert stubdom(dom0, "list", "--names") == ""
    assert "has no stub domain" in stubdom(dom0, "monitor", guest.name, status=5)
