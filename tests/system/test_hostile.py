# SPDX-License-Identifier: MIT
"""A stub domain that attacks dom0 through its channels (tests/system/parts/hostile): nothing hangs,
dom0's memory is bounded, the other channels go on."""
import hashlib
import os
import re
import threading

import pytest

from conftest import TREE
from guestlib import hostile

QMP_ATTACKS = ["garbage", "half", "long", "deep", "flood", "flood-2", "answer", "index",
               "consumed", "close", "notify", "nodes"]
SERIAL_ATTACKS = ["garbage-s", "garbage-s-2", "index-s", "consumed-s", "close-s"]
STALLED = ["flood-2", "garbage-s-2"]  # their clients ask and do not read
ENDS = ["garbage", "half", "long", "deep", "answer", "index", "consumed", "close"]
SECONDS = 20
LIMIT = 300
STREAM = 8 << 20
# The relay's bound is its address space (docs/lifecycle.md); with these attacks it needs far less.
RELAY_KB = 96 * 1024
LOG_FILE_MAX = 4 << 20  # lib/log_file.h
LOG_BYTES = 2 * LOG_FILE_MAX + (1 << 20)

SECRET = "/root/dom0-secret"  # the name in tests/system/parts/hostile/lies.c
CONTENT = "nobody may see this"
# Of tests/system/parts/hostile/lies.h: the tools hear something.
LIES = {"n": "names of dom0's", "t": "other types", "h": "huge numbers", "c": "control characters",
        "x": "more members", "w": "errors of its own", "l": "long strings"}
# And those that end the connection.
BREAKS = {"q": "a greeting, too", "b": "an error, too", "i": "other ids", "d": "two answers",
          "g": "greets again"}
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\ufffd]")
# Tools that root runs, and whether each shows a text of QEMU's for people, in which a name is only
# a word.
EACH = [
    (["xl", "qemu-monitor-command", "{guest}", "info status"], True),
    (["xl", "vcpu-set", "{guest}", "1"], False),
    (["xentop", "-b", "-i", "1"], False),
    (["stubdom", "status", "{guest}"], True),
]
ONCE = [  # with names of dom0's
    (["xl", "list", "-l", "{guest}"], False),
    (["timeout", "-k", "30", "1", "xl", "console", "-t", "serial", "{guest}"], False),
    (["timeout", "-k", "30", "1", "stubdom", "serial", "{guest}"], False),
    (["timeout", "-k", "30", "2", "stubdom", "screenshot", "{guest}", "-"], True),
    (["stubdom", "list"], False),
    (["stubdom", "topology", "{guest}"], False),
    (["stubdom", "monitor", "{guest}", "info status"], True),
    *[(["stubdom", "qmp", "{guest}", command], False) for command in (
        "query-version", "query-chardev", "query-vnc", "query-block", "query-blockstats",
        "query-cpus-fast", "query-hotpluggable-cpus", "query-name")],
]


@pytest.fixture
def hostile_stub(dom0, stub):
    yield hostile.install(dom0, stub, os.path.join(TREE, os.environ.get("BUILD", "build")))
    hostile.remove(dom0)


def relay_of(dom0, guest):
    return int(dom0.run("pgrep", "-P", guest.launcher_pid, "-x", "stubdom-relay").stdout)


def fill_log(dom0, guest, path):
    """The log, nearly full, and a stub domain that talks: it begins anew, the old one is kept."""
    dom0.shell(f"head -c {LOG_FILE_MAX} /dev/zero | tr '\\0' x >>{guest.log_path}")
    # Its chatter begins when a byte comes, and goes on after the client has gone.
    dom0.call("drain", 60, paths=[path], seconds=1)
    assert dom0.call("wait_file", LIMIT, path=guest.log_path, pattern="the log was over", count=1,
                     seconds=LIMIT)["found"]
    kept = int(dom0.run("stat", "-c", "%s", f"{guest.log_path}.old").stdout)
    assert LOG_FILE_MAX < kept < 2 * LOG_FILE_MAX
    assert "stage running" in dom0.shell(f"head -c 65536 {guest.log_path}.old").stdout


def test_hostile_stub_domain(make_guest, dom0, hostile_stub):
    at = "/opt/guests/run/hostile"
    guest = make_guest("hostile", nics=(), stub=hostile_stub)

    def channel(name):
        return ["-chardev", f"socket,id=evil-{name},path={at}/{name},server=on,wait=off"]

    for name in QMP_ATTACKS:
        guest.config["device_model_args"] += channel(name) + [
            "-mon", f"chardev=evil-{name},mode=control"]
    for name in SERIAL_ATTACKS + ["stream", "chatter"]:
        guest.config["device_model_args"] += channel(name)
    guest.write_config()
    guest.start()
    launcher, relay = guest.launcher_pid, relay_of(dom0, guest)

    # Every attack at once, on clients that read; two that flood have one that does not. Some are
    # cut off, and may come again; the others go on.
    read = [f"{at}/{name}" for name in QMP_ATTACKS + SERIAL_ATTACKS if name not in STALLED]
    stalled = [f"{at}/{name}" for name in STALLED]
    ends = [f"{at}/{name}" for name in QMP_ATTACKS if name in ENDS]
    # And a client of one of the toolstack's own sockets that says nothing.
    silent = [f"/var/run/xen/qmp-libxenstat-{guest.domid}"]
    found = dom0.call("drain", LIMIT, paths=read, silent=silent, stalled=stalled,
                      until=ends, seconds=LIMIT)
    assert all(found[path]["connections"] > 1 for path in ends), found
    assert found[f"{at}/long"]["bytes"] == 0  # a message that never ended was never passed on
    assert found[f"{at}/flood"]["connections"] == 1
    assert found[f"{at}/flood"]["bytes"] > 10000

    # The same again while the others are used.
    attack = threading.Thread(target=dom0.call, args=("drain", SECONDS + 60), kwargs={
        "paths": read, "silent": silent, "stalled": stalled, "seconds": SECONDS, "pause": 1})
    attack.start()
    for n in range(3):
        assert "bios-guest: echo still here" in guest.ask("echo still here", "echo still here")
        # Not by tools that give up after 10 s: the stub domain has one CPU, and attacks with it.
        *_, status, monitor = dom0.qmp(
            ["own", "open", f"/run/qemu-stubdom/{guest.domid}/qmp"],
            ["own", "ask", {"execute": "qmp_capabilities"}],
            ["own", "ask", {"execute": "query-status"}],
            ["own", "ask", {"execute": "human-monitor-command",
                            "arguments": {"command-line": "info status"}}])
        assert status["return"]["running"] is True
        assert "VM status: running" in monitor["return"]
    got = dom0.call("digest", LIMIT, path=f"{at}/stream", length=STREAM, seconds=120)
    attack.join()

    assert (guest.launcher_pid, relay_of(dom0, guest)) == (launcher, relay)
    for pid in (launcher, relay):
        assert dom0.call("process_use", pid=pid)["peak_kb"] < RELAY_KB
    fill_log(dom0, guest, f"{at}/chatter")
    sizes = dom0.shell(f"stat -c %s {guest.log_path}*").stdout.split()
    assert sum(map(int, sizes)) < LOG_BYTES
    # 64 KiB at most are kept while nobody reads, the latest; after that nothing is lost.
    assert got["sha256"] == hashlib.sha256(hostile.stream(STREAM)).hexdigest()


@pytest.fixture
def secret(dom0):
    dom0.shell(f"umask 077; echo {CONTENT} >{SECRET}")
    yield
    dom0.run("rm", SECRET)


def lying_guest(make_guest, name, stub, first):
    """A guest whose stub domain answers QMP itself; `first` is its first lie."""
    guest = make_guest(name, nics=(), stub=stub, vnc=1, vncunused=1)
    at = f"/opt/guests/run/{name}/lies"
    guest.config["device_model_args"] += [
        "-chardev", f"socket,id=evil-lies-{first},path={at},server=on,wait=off"]
    guest.write_config()
    return guest, at


def check_nodes(dom0, domid):
    """Nodes of xenstore that libxl took from the answers, where root's tools look."""
    at = f"/local/domain/{domid}"
    assert re.fullmatch(r"/dev/pts/\d+", dom0.xenstore(f"{at}/serial/0/tty") or "/dev/pts/0")
    assert dom0.xenstore(f"{at}/serial/1/tty") is None
    assert (dom0.xenstore(f"{at}/console/vnc-listen") or "127.0.0.1") == "127.0.0.1"
    assert re.fullmatch(r"59\d\d", dom0.xenstore(f"{at}/console/vnc-port") or "5900")


def test_answer_that_is_an_event_too(make_guest, dom0, hostile_stub, secret):
    """libxl, at the start, asks for the names of ptys: none of them is a file of dom0's."""
    guest, _ = lying_guest(make_guest, "event", hostile_stub, "e")
    made = guest.create(check=False)
    assert CONTENT not in made.text and not CONTROL.search(made.text)
    log = guest.log()
    assert "stage running" in log  # else nobody asked
    assert "not one of greeting, event, return and error; connection closed" in log
    # libxl may give the start up: that is what it does with a QEMU in dom0 that says such things.
    if guest.domid is None:
        assert made.status != 0
        return
    check_nodes(dom0, guest.domid)
    said = dom0.run("timeout", "-k", "30", "2", "xl", "console", "-t", "serial", guest.name,
                    check=False)
    assert CONTENT not in said.text


def run_tools(dom0, guest, lie, tools):
    for command, is_text in tools:
        argv = [word.format(guest=guest.name) for word in command]
        done = dom0.run(*argv, check=False, timeout=120)
        where = f"{ {**LIES, **BREAKS}[lie]}: {' '.join(argv)}: {done.text}"
        assert done.status in (0, 1, 2, 3, 4, 5, 124), where
        assert CONTENT not in done.text and not CONTROL.search(done.text), where
        # An error is a text for people, too.
        assert is_text or lie == "w" or SECRET not in done.text, where
        if (lie, command[-1]) == ("n", "query-block"):
            # A lie in QEMU's form gets as far as this, without its names.
            assert '"device": "ide0-hd0"' in done.stdout, where


def test_lies_to_roots_tools(make_guest, dom0, hostile_stub, secret):
    """For any answer of the stub domain's, root's tools open nothing, show nothing and go on."""
    guest, lies = lying_guest(make_guest, "liar", hostile_stub, "n")
    guest.create()
    check_nodes(dom0, guest.domid)
    assert dom0.xenstore(f"/local/domain/{guest.domid}/serial/0/tty")
    assert dom0.xenstore(f"/local/domain/{guest.domid}/console/vnc-port")
    run_tools(dom0, guest, "n", ONCE)
    for lie in {**LIES, **BREAKS}:
        hostile.choose_lie(dom0, lies, lie)
        run_tools(dom0, guest, lie, EACH if lie in LIES else EACH[-1:])
    check_nodes(dom0, guest.domid)
    log = dom0.read(guest.log_path)
    assert not CONTROL.search(log) and len(log) < 1 << 20
