# SPDX-License-Identifier: MIT
"""Containers as qemu-img makes them. The plan gives a file enough length for all that QEMU ever
writes to it. QEMU finds a chain of backing files where the plan says."""
import json
import os
import re
import subprocess

import pytest

BUILD = os.path.realpath(os.environ.get("BUILD", "build"))
LAUNCHER = f"{BUILD}/launcher/stubdom-dm"
MIB = 1 << 20


def run(*argv, **how):
    return subprocess.run([str(a) for a in argv], check=True, timeout=120, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how).stdout


def plan_of(drive, *more):
    """The plan, and its fault."""
    done = subprocess.run([LAUNCHER, "--plan", "-xen-domid", "1", "-nodefaults", "-name", "g",
                           *more, "-drive", drive], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60, check=True, text=True)
    wrong = [line for line in done.stderr.splitlines() if "manifest.json" not in line]
    return json.loads(done.stdout), wrong


@pytest.mark.parametrize("fmt,size,options", [
    ("qcow2", 64 * MIB, ""), ("qcow2", 64 * MIB, "compat=0.10"), ("qcow2", 8 * MIB, "cluster_size=512"),
    ("qcow2", 64 * MIB, "extended_l2=on,cluster_size=128k"),
    ("qcow2", 3 * MIB + 512, "cluster_size=2M"), ("qcow2", 16 * MIB, "cluster_size=512,refcount_bits=64"),
    ("vpc", 64 * MIB, ""), ("vdi", 64 * MIB + 512, ""),
])
def test_file_is_long_enough(tmp_path, fmt, size, options):
    """Written from end to end, twice over, the file does not get longer than the plan said."""
    image = tmp_path / "disk"
    run("qemu-img", "create", "-q", "-f", fmt, *(["-o", options] if options else []), image, size)
    plan, wrong = plan_of(f"file={image},format={fmt}")
    assert not wrong
    length = plan["disks"][0]["grow_to"]
    assert image.stat().st_size < length and length % 4096 == 0
    os.truncate(image, length)
    size = json.loads(run("qemu-img", "info", "--output=json", image))["virtual-size"]
    steps = [f"write -P {1 + at // MIB % 250} {at} {min(MIB, size - at)}"
             for at in range(0, size, MIB)]
    # Backwards first: the order of a guest's writes is not that of the disk.
    for order in (reversed(steps), steps):
        run("qemu-io", "-f", fmt, image, input="\n".join(order) + "\nflush\n")
    assert image.stat().st_size == length
    # It is still one of its format, and reads as it was written.
    if fmt != "vpc":
        run("qemu-img", "check", "-q", "-f", fmt, image)
    checks = "\n".join(step.replace("write", "read") for step in steps)
    assert "verification failed" not in run("qemu-io", "-f", fmt, image, input=checks)
    again, wrong = plan_of(f"file={image},format={fmt}")
    assert not wrong and again["disks"][0]["grow_to"] == length


@pytest.mark.parametrize("fmt", ["vmdk", "qed", "vhdx", "qcow"])
def test_formats_that_grow_at_their_end(tmp_path, fmt):
    image = tmp_path / "disk"
    run("qemu-img", "create", "-q", "-f", fmt, image, "16M")
    _, wrong = plan_of(f"file={image},format={fmt}")
    assert len(wrong) == 1 and "qemu-img convert" in wrong[0]
    _, wrong = plan_of(f"file={image},format={fmt},readonly=on")
    assert not wrong


@pytest.fixture(name="chain")
def make_chain(tmp_path):
    """raw <- qcow2 <- qcow2, each with something of its own in it."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "b0.img").write_bytes(b"\x11" * 4 * MIB)
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "b0.img", "-F", "raw", base / "b1.qcow2")
    run("qemu-img", "create", "-q", "-f", "qcow2", "-b", "base/b1.qcow2", "-F", "qcow2",
        tmp_path / "top.qcow2")
    run("qemu-io", "-f", "qcow2", base / "b1.qcow2", "-c", f"write -P 0x22 {MIB} {MIB}")
    run("qemu-io", "-f", "qcow2", tmp_path / "top.qcow2", "-c", f"write -P 0x33 {2 * MIB} {MIB}")
    return tmp_path


def test_backing_chain(chain):
    """Each file of the chain is a disk, and the options are those that QEMU understands."""
    drive = f"file={chain}/top.qcow2,format=qcow2,if=ide,id=backing0"
    plan, wrong = plan_of(drive, "-stubdom", f"backing={chain}/base")
    assert not wrong
    assert [(os.path.basename(d["target"]), d["format"], d["readonly"]) for d in plan["disks"]] == [
        ("top.qcow2", "qcow2", False), ("b1.qcow2", "qcow2", True), ("b0.img", "raw", True)]
    value = plan["qemu"][plan["qemu"].index("-drive") + 1]
    # The same options with the files themselves, the chain moved out of the headers' sight.
    for disk in plan["disks"]:
        value = re.sub(f"/dev/{disk['dev']}\\b", disk["target"] + ".moved", value)
        os.rename(disk["target"], disk["target"] + ".moved")
    value = value.replace("host_device", "file").replace("format=", "driver=").replace(
        ",if=ide,id=backing0", "")
    out = run("qemu-io", "--image-opts", value.replace("file=", "file.filename=", 1),
              "-c", f"read -P 0x11 0 {MIB}", "-c", f"read -P 0x22 {MIB} {MIB}",
              "-c", f"read -P 0x33 {2 * MIB} {MIB}", "-c", f"read -P 0x11 {3 * MIB} {MIB}")
    assert "failed" not in out and out.count("read 1048576/1048576") == 4, out


@pytest.mark.parametrize("case,says", [
    ("not_allowed", "-stubdom backing=DIRECTORY"), ("elsewhere", "is not in"),
    ("link", "is not in"), ("beside", "is not in"), ("gone", "No such file"),
    ("no_format", "qemu-img rebase -u"), ("protocol", "is no file of dom0"),
    ("other_format", "is not followed"),
])
def test_backing_files_refused(chain, case, says):
    """A file that the header names is opened only where the administrator has allowed it."""
    top, base, allow = chain / "top.qcow2", chain / "base", ["-stubdom", f"backing={chain}/base"]
    if case == "not_allowed":
        allow = []
    elif case == "elsewhere":
        run("qemu-img", "rebase", "-u", "-F", "raw", "-b", "/etc/passwd", top)
    elif case == "link":
        os.symlink("/etc/passwd", base / "link")
        run("qemu-img", "rebase", "-u", "-F", "raw", "-b", base / "link", top)
    elif case == "beside":
        (chain / "base2").mkdir()
        os.rename(base / "b1.qcow2", chain / "base2/b1.qcow2")
        run("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", "base/../base2/b1.qcow2", top)
    elif case == "gone":
        os.remove(base / "b1.qcow2")
    elif case == "no_format":
        with open(top, "r+b") as f:  # the header extension that records it
            data = f.read(4096)
            f.seek(data.index(bytes.fromhex("e2792aca")))
            f.write(bytes.fromhex("01020304"))
    elif case == "protocol":
        run("qemu-img", "rebase", "-u", "-F", "raw", "-b", "nbd://localhost/x", top)
    elif case == "other_format":
        run("qemu-img", "rebase", "-u", "-F", "vmdk", "-b", "base/b1.qcow2", top)
    plan, wrong = plan_of(f"file={top},format=qcow2", *allow)
    assert len(wrong) == 1 and says in wrong[0], wrong
    assert all("/etc/passwd" not in disk["target"] for disk in plan["disks"])


def test_chain_without_end(chain):
    run("qemu-img", "rebase", "-u", "-F", "qcow2", "-b", "b1.qcow2", chain / "base/b1.qcow2")
    _, wrong = plan_of(f"file={chain}/top.qcow2,format=qcow2", "-stubdom",
                       f"backing={chain}/base")
    assert len(wrong) == 1 and "longer than 32" in wrong[0]


def test_own_options_win(chain):
    """A drive that names its backing file itself is left as it is."""
    plan, wrong = plan_of(f"file={chain}/top.qcow2,format=qcow2,backing.driver=raw,"
                          f"backing.file.driver=file,backing.file.filename={chain}/base/b0.img")
    assert not wrong
    assert [os.path.basename(d["target"]) for d in plan["disks"]] == ["top.qcow2", "b0.img"]
