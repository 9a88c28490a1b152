# SPDX-License-Identifier: MIT
"""The rig's host side without a machine: names, locks, archives, consoles."""

import os
import subprocess

import pytest
from rigctl import Rig, RigError, console
from rigctl.bochs import bochsrc
from rigctl.cpio import Cpio
from rigctl.machine import arguments
from rigctl.machines import KINDS, make_disks
from rigctl.paths import RIG, Lock
from rigctl.rig import INTEL, PLATFORMS, machine_of


@pytest.mark.parametrize("name", ["", "a/b", "..", "-x", "x" * 41, "a b"])
def test_a_name_that_is_no_file_name_is_refused(name):
    with pytest.raises(RigError, match="no name for a rig"):
        Rig(name)


def test_a_rig_that_is_not_up_says_how_to_start_it():
    with pytest.raises(RigError, match="rig/rig --name not-there-1 up"):
        Rig("not-there-1").exec(["true"])
    assert Rig("not-there-1").status()["state"] == "down"


def test_cpio_is_one_that_cpio_reads(tmp_path):
    c = Cpio()
    c.folder("d")
    c.file("d/f", b"some text\n", 0o755)
    c.link("d/l", "f")
    subprocess.run(["cpio", "-idm", "--quiet"], cwd=tmp_path, input=c.finish(), check=True)
    assert (tmp_path / "d/f").read_bytes() == b"some text\n"
    assert os.readlink(tmp_path / "d/l") == "f"
    assert (tmp_path / "d/f").stat().st_mode & 0o777 == 0o755


def test_a_lock_excludes_and_ends_with_its_holder(tmp_path):
    path = str(tmp_path / "lock")
    with Lock(path):
        with pytest.raises(BlockingIOError):
            Lock(path, wait=False)
    with Lock(path, shared=True), Lock(path, shared=True, wait=False):
        with pytest.raises(BlockingIOError):
            Lock(path, wait=False)


@pytest.mark.parametrize("line", [
    b"(XEN) Panic on CPU 0:\r\n", b"[   12.3] Kernel panic - not syncing: sysrq\r\n"])
def test_a_panic_is_seen_and_both_consoles_are_shown(tmp_path, line):
    log = tmp_path / "console.log"
    log.write_bytes(b"(XEN) hello\r\n\x1b[2Jdom0 was here\r\n")
    assert not console.panicked(log)
    with open(log, "ab") as f:
        f.write(line)
    assert console.panicked(log)
    shown = console.sections(log, tmp_path / "none")
    assert shown[0] == "--- the last of Xen's console ---"
    assert "(XEN) hello" in shown and "dom0 was here" in shown


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_kind_of_machine_has_its_disks_and_its_own_saved_host(tmp_path, kind):
    """The disks are the same in each rig: a host that was saved with one goes on with another."""
    args = arguments("", "dom0", 1, kind)
    assert [k for k in KINDS if arguments("", "dom0", 1, k) == args] == [kind]
    found = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        make_disks(KINDS[kind], folder)
        found.append({f.name: f.read_bytes() for f in folder.iterdir()})
    assert found[0] == found[1]
    named = {a.partition("filename=")[2] for a in args if "filename=pt-" in a}
    assert set(found[0]) == named


def platform(script):
    return subprocess.run(["sh", "-euc", f"PROG=test; here={RIG}; . {RIG}/lib/common.sh; . {RIG}/lib/platform.sh; "
                           + script], check=True, stdout=subprocess.PIPE, text=True).stdout.split()


def test_each_platform_has_xen_and_qemu():
    """The rig's switch and the makers of its roots know the same releases."""
    assert platform("echo $PLATFORMS") == list(PLATFORMS)
    for name, xen in zip(PLATFORMS, ("4.20", "4.20", "4.20", "4.17"), strict=True):
        found = platform(f"platform_use {name}; platform_packages {RIG}/packages/dom0.txt")
        assert {f"xen-hypervisor-{xen}-amd64", f"xen-utils-{xen}", "qemu-system-xen"} <= set(found)
        kind, _ = platform(f". {RIG}/lib/root.sh; platform_use {name}; platform_root dom0")
        assert kind == ("dom0" if name == PLATFORMS[0] else f"{name}.dom0")


def test_more_cpus_only_where_they_hold(tmp_path):
    with pytest.raises(RigError, match="one CPU"):
        machine_of(str(tmp_path), "standard", 2)
    assert machine_of(str(tmp_path), INTEL, 2).cpus == 2
    assert "count=2:1:1" in bochsrc(str(tmp_path), "dom0", 1, 2, 1)
    assert "count=1," in bochsrc(str(tmp_path), "dom0", 1, 1, 1)
