# SPDX-License-Identifier: MIT
"""rig/lib/root.sh: a cached root is complete or absent, made once, and removed when unused. The
maker is a stand-in that takes as long as the test wants."""

import os
import signal
import subprocess
import time

import pytest
from rigctl.paths import RIG

# usage: sh -c SCRIPT sh KEY NAME: makes root KEY with a file that holds NAME, then prints it.
SCRIPT = rf"""
set -eu
PROG=test
. {RIG}/lib/common.sh
. {RIG}/lib/root.sh
maker() {{ # NAME TARGET
	mkdir "$2"
	echo "$1" >"$2/by"
	echo making
	[ ! -p "$CACHE/gate" ] || read -r go <"$CACHE/gate"
	touch "$2/complete"
}}
root_ensure kind "$1" maker "$2"
echo "root made by $(cat "$ROOT/by") $(ls "$ROOT" | wc -l)"
[ -z "${{HOLD-}}" ] || read -r line
"""


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "qemu-stubdom").mkdir()
    return tmp_path / "qemu-stubdom"


def start(cache, key, name, **env):
    return subprocess.Popen(
        ["sh", "-c", SCRIPT, "sh", key, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache.parent), **env})


def finish(proc):
    out, _ = proc.communicate("\n", timeout=60)
    assert proc.returncode == 0, out
    return out


def make(cache, key, name):
    return finish(start(cache, key, name))


def until(what):
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def open_gate(cache):
    with open(cache / "gate", "w", encoding="ascii") as f:
        os.unlink(cache / "gate")
        f.write("go\n")


def test_made_once_then_found(cache):
    assert "root made by one 2" in make(cache, "k", "one")
    again = make(cache, "k", "two")
    assert "making" not in again and "root made by one 2" in again


def test_the_second_of_two_waits_for_the_first(cache):
    os.mkfifo(cache / "gate")
    first = start(cache, "k", "one")
    until(lambda: (cache / "kind-k.tmp/by").exists())
    second = start(cache, "k", "two")
    assert "waiting for another run" in second.stdout.readline()
    assert not (cache / "kind-k").exists()
    open_gate(cache)
    assert "root made by one 2" in finish(first)
    assert "root made by one 2" in finish(second)


def test_killed_half_way_then_made_anew(cache):
    os.mkfifo(cache / "gate")
    first = start(cache, "k", "one")
    until(lambda: (cache / "kind-k.tmp/by").exists())
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    os.unlink(cache / "gate")
    assert (cache / "kind-k.tmp/by").exists() and not (cache / "kind-k").exists()
    assert "root made by two 2" in make(cache, "k", "two")
    assert not (cache / "kind-k.tmp").exists()


def test_old_roots_go_but_never_one_in_use(cache):
    held = start(cache, "held", "held", HOLD="1")
    until(lambda: (cache / "kind-held/complete").exists())
    for n in range(6):
        make(cache, f"k{n}", str(n))
        os.utime(cache / f"kind-k{n}.use", (n + 1, n + 1))
    os.utime(cache / "kind-held.use", (0, 0))
    make(cache, "last", "last")
    left = {p.name for p in cache.iterdir() if p.is_dir()}
    assert left == {"kind-last", "kind-held", "kind-k5", "kind-k4", "kind-k3"}
    assert "root made by held" in finish(held)
    make(cache, "one-more", "x")
    assert not (cache / "kind-held").exists()
