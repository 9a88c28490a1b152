# SPDX-License-Identifier: MIT
"""stubdom bench with made-up xl, stubdom and QMP: the figures are taken from the right places."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
sys.path[:0] = [os.path.join(TREE, "rig")]
from guestlib import schema  # noqa: E402

BENCH = f"{TREE}/cli/bench"
SOCKET = "/var/run/xen/qmp-libxl-7"
XL = """#!/bin/sh
echo "$*" >>{where}/calls
case $1 in
info) echo "xen_version            : 4.20.0"; echo "nr_cpus                : 2"; echo "total_memory : 1000" ;;
create) [ ! -e {where}/broken ] || {{ echo "libxl: error: no memory" >&2; exit 3; }}
	cp "$3" {where}/last.cfg; touch {where}/runs
	[ ! -e {where}/slow ] || exec sleep 60 ;;
destroy) rm {where}/runs ;;
domid) echo 7 ;;
list) echo Name; echo x-stubdom-bench-dm 9; [ ! -e {where}/runs ] || echo stubdom-bench 7
	[ ! -e {where}/there ] || {{ rm {where}/there; echo stubdom-bench-dm; }} ;;
esac
"""
STUBDOM = """#!/bin/sh
case "$1 $2" in
"image show") echo '{{"qemu": {{"version": "10.0.13"}}}}' ;;
"list --json") echo '{list}' ;;
"blame stubdom-bench") echo '{blame}' ;;
version*) echo 'qemu-stubdom 0.1' ;;
*) exit 9 ;;
esac
"""


def listed(name, memory_kb):
    none = dict.fromkeys(("stub", "kernel", "type", "qemu", "image", "log", "stage", "error",
                          "io_error", "no_link", "exit"))
    return none | {"guest": name, "domid": 7, "stub_domid": 8, "state": "running",
                   "image_older": False, "launcher_pid": 1, "started": 1, "uptime": 1,
                   "memory_used_kb": memory_kb, "memory_given_kb": memory_kb, "vcpus": 1, "cpu_ns": 1}


def answers():
    """stubdom's, as their schemas have them."""
    found = {
        "list": {"version": 1, "guests": [listed("other", 1), listed("stubdom-bench", 40960)]},
        "blame": {"version": 1, "name": "stubdom-bench", "whole": True, "total_ms": 250, "scripts": 2,
                  "toolstack": None, "channels": None, "xenstore": None, "replaced": None, "phases": [
                      {"phase": "kernel", "what": "the kernel", "from_ms": 0, "ms": 250}]},
    }
    for name, answer in found.items():
        schema.check(name, json.dumps(answer))
    return {name: json.dumps(answer) for name, answer in found.items()}


def serve(server):
    """QMP: a greeting, and an event before each answer."""
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client, client.makefile("rb") as lines:
            client.sendall(b'{"QMP": {}}\n')
            for line in lines:
                answer = {"return": {}, "id": json.loads(line)["id"]}
                client.sendall(b'{"event": "X"}\n' + json.dumps(answer).encode() + b"\n")


@pytest.fixture
def bench(tmp_path):
    for name, text in (("xl", XL.format(where=tmp_path)), ("stubdom", STUBDOM.format(**answers())),
                       ("xenstore-read", f"#!/bin/sh\necho {os.getpid()}\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
    server = socket.create_server(SOCKET, family=socket.AF_UNIX)
    threading.Thread(target=serve, args=(server,), daemon=True).start()

    def run(*args, status=0):
        done = subprocess.run(
            [BENCH, "--qemu", "/bin/true", "--stubdom-dm", "/bin/false", *args], timeout=60,
            env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    yield tmp_path, run
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    os.unlink(SOCKET)


def test_figures(bench):
    where, run = bench
    (where / "there").touch()
    found = schema.check("bench", run("--json", "--rounds", "2"))
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["stub_memory"]["stub"] == {"min": 40960, "median": 40960, "max": 40960}
    assert rows["stub_memory"]["ratio"] is None and rows["stub_memory"]["dom0"]["max"] == 0
    assert rows["dom0_memory"]["dom0"]["min"] > 1000  # this process
    assert 0 < rows["qmp"]["dom0"]["median"] < 1000 and rows["create"]["ratio"]["median"] > 0
    assert (found["host"]["xen"], found["host"]["cpus"], found["host"]["qemu"]) == ("4.20.0", 2, "10.0.13")
    assert found["phases"][0]["ms"] == 250
    calls = (where / "calls").read_text().split("\n")
    assert [c.split()[0] for c in calls if c.startswith(("create", "destroy"))] == ["create", "destroy"] * 4
    assert 'device_model_override = "/bin/false"' in (where / "last.cfg").read_text()
    text = run("-r", "1")
    assert "xl create, until it returns (s)" in text and "0.250" in text


def test_errors(bench):
    """One line that says what failed; the guest does not stay."""
    where, run = bench
    (where / "broken").touch()
    assert run(status=3).splitlines()[-1].endswith("ended with status 3: libxl: error: no memory")
    (where / "broken").unlink()
    os.rename(SOCKET, f"{SOCKET}.away")
    assert run(status=3).splitlines()[-1].startswith(f"stubdom bench: {SOCKET}: ")
    os.rename(f"{SOCKET}.away", SOCKET)
    (where / "xenstore-read").unlink()
    assert run(status=3).splitlines()[-1].startswith("stubdom bench: ")
    assert (where / "calls").read_text().splitlines()[-2].startswith("destroy stubdom-bench")
    assert "no such program" in run("--qemu", "/nowhere", status=3)
    (where / "runs").touch()
    assert "a guest stubdom-bench is there" in run(status=3)
    assert (where / "runs").exists()


def test_interrupted(bench):
    """A start that is cut short leaves no guest."""
    where, _ = bench
    (where / "slow").touch()
    with subprocess.Popen(
            [BENCH, "--qemu", "/bin/true", "--stubdom-dm", "/bin/false"], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env={**os.environ, "PATH": f"{where}:{os.environ['PATH']}"}) as process:
        while not (where / "runs").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out, "Traceback" in err) == (130, "", False), err
    assert not (where / "runs").exists()
