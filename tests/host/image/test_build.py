# SPDX-License-Identifier: MIT
"""The image as built: reproducible, minimal, described by its manifest."""
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys

import pytest
from conftest import BUILD, TREE
from stubimage import contents, cpio, elf, kernel, packed, rootdisk
from stubimage.build import installed
from stubimage.probe import Unpacked

RAMDISK_KB = 1500
AHEAD_MIN, AHEAD_MAX = 2 << 20, 16 << 20  # bytes


def build(*arguments, **environment):
    return subprocess.run([TREE / "image" / "build-image", *arguments], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          env={**os.environ, **environment})


@pytest.fixture(scope="module")
def manifest(image):
    return json.loads((image / "manifest.json").read_text())


@pytest.fixture(scope="module", name="disk")
def read_disk(image):
    return (image / "root.disk").read_bytes()


def read_archive(path, disk=b""):
    return list(cpio.read(path.read_bytes(), lambda stored: rootdisk.read(disk, stored)))


@pytest.fixture(scope="module")
def root(image, disk):
    """nub's root, by name."""
    return {e.name: e for _, e in read_archive(image / "root-nub.cpio", disk)}


def test_twice_the_same_bytes(image, agent, tmp_path):
    assert build("--agent", agent, "--nub", BUILD / "kernel" / "kernel-nub",
                 "--output", tmp_path).returncode == 0
    assert {p.name for p in image.iterdir()} == {p.name for p in tmp_path.iterdir()}
    for path in image.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def test_manifest_describes_the_files(image, manifest):
    assert manifest["version"] == 1
    for name, want in manifest["files"].items():
        data = (image / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (want["bytes"], want["sha256"])
    linux = manifest["kernels"]["linux"]
    assert {linux["file"], *linux["ramdisk"]} <= set(manifest["files"])


def test_manifest_names_the_packages(manifest):
    versions = {p["name"]: p["version"] for p in manifest["packages"]}
    assert {"qemu-system-xen", "seabios", "ipxe-qemu", "libc6", "qemu-system-data"} <= set(versions)
    assert manifest["qemu"]["version"] in versions["qemu-system-xen"]
    assert any(name.startswith("linux-image-") for name in versions)


def test_a_long_answer_is_whole():
    """QEMU writes without waiting, and "quit" drops what a full pipe did not take."""
    program = Unpacked.__new__(Unpacked)  # no archive is unpacked
    program.command = [sys.executable, "-c", "import os\nos.set_blocking(1, False)\n"
                                             "os.write(1, b'x' * 1000000)"]
    assert len(program.run([])) == 1000000


def test_probe_answers_are_qemus_own(manifest):
    qemu = manifest["qemu"]
    probe = qemu["probe"]
    options = {o["option"]: [p["name"] for p in o["parameters"]]
               for o in probe["commands"]["query-command-line-options"]["return"]}
    # Strings that libxl 4.20 looks for in its probe (libxl_dm.c, device_model_probe_cmdline).
    assert {"chroot", "user"} <= set(options["run-with"])
    assert probe["greeting"]["QMP"]["version"]["qemu"]["major"] >= 10
    assert {"name": "quit"} in probe["commands"]["query-commands"]["return"]
    assert qemu["version_text"].startswith("QEMU emulator version " + qemu["version"])
    assert "-xen-domid" in qemu["help_text"] and "/tmp" not in qemu["help_text"]


def test_root_holds_what_qemu_needs_and_no_more(root, manifest):
    names = set(root)
    assert manifest["root"]["files"] == sum(e.is_file for e in root.values())
    loader, libraries = elf.closure(contents.QEMU)
    libraries = {f"lib/x86_64-linux-gnu/{s}" for s in libraries}
    assert {n for n in names if ".so" in n} == libraries | {loader.lstrip("/")}
    programs = {n for n in names if root[n].is_file and root[n].mode & 0o111} - libraries
    assert programs == {"init", contents.QEMU.lstrip("/"), loader.lstrip("/")}
    for word in ("busybox", "bin/sh", "bash", "locale", "ld.so.cache", "gconv"):
        assert not [n for n in names if word in n]


def test_large_files_can_be_mapped_in_place(image):
    """Linux's ramdisk has some; nub's has the agent alone, which is packed."""
    large = [at for at, e in read_archive(image / "root-linux.cpio") if len(e.data) >= cpio.PAGE]
    assert len(large) > 10 and not any(at % cpio.PAGE for at in large)


def test_early_programs_alone_take_the_stub_domains_memory(image, disk, root):
    """nub's ramdisk has the agent; every other file is on the disk."""
    archive = (image / "root-nub.cpio").read_bytes()
    assert len(archive) < RAMDISK_KB * 1000
    blank = {e.name: e for _, e in read_archive(image / "root-nub.cpio", bytes(len(disk)))}
    for name, entry in root.items():
        if entry.is_file and any(entry.data):
            assert (blank[name].data == entry.data) == (name == "init"), name
    with pytest.raises(cpio.CpioError):
        read_archive(image / "root-nub.cpio", disk[:-cpio.PAGE])


def test_what_the_linker_touches_is_in_front_of_the_disk(image, disk):
    """A program and its libraries: the pages of their tables and of what is relocated, and no
    text, are read ahead; they lie together."""
    archive = (image / "root-nub.cpio").read_bytes()
    ahead = []
    for at, size in _on_disk(archive):
        for pages, place in struct.iter_unpack("<II", archive[at:at + size]):
            if place & rootdisk.AHEAD:
                ahead += range(place & ~rootdisk.AHEAD, (place & ~rootdisk.AHEAD) + pages)
    assert ahead == list(range(ahead[0], ahead[0] + len(ahead)))
    assert AHEAD_MIN < len(ahead) * cpio.PAGE < AHEAD_MAX
    pages = elf.Elf(installed(contents.QEMU)).linked_pages()
    data = open(installed(contents.QEMU), "rb").read()
    front = disk[:(ahead[-1] + 1) * cpio.PAGE]
    assert all(data[p * cpio.PAGE:(p + 1) * cpio.PAGE] in front for p in pages)
    assert set(_relocated_by_readelf(installed(contents.QEMU))) <= pages


def _on_disk(archive):
    """(offset, size) of what the archive has of each file on the disk."""
    at = archive.find(cpio.MAGIC_ON_DISK)
    while at >= 0:
        size, name = (int(archive[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in (6, 11))
        begin = at + cpio.HEADER + name
        begin += -begin % 4
        yield begin, size
        at = archive.find(cpio.MAGIC_ON_DISK, begin + size)


def _relocated_by_readelf(path):
    """File pages of the relocations that binutils finds."""
    def lines(*what):
        return subprocess.run(["readelf", "-W", *what, path], check=True, stdout=subprocess.PIPE,
                              text=True).stdout.splitlines()

    loads = [[int(n, 16) for n in line.split()[1:5]] for line in lines("-l")
             if line.split()[:1] == ["LOAD"]]
    for line in lines("-r"):
        words = line.split()
        if len(words) > 2 and words[2].startswith("R_X86_64_"):
            for offset, begin, _, size in loads:
                if begin <= int(words[0], 16) < begin + size:
                    yield (int(words[0], 16) - begin + offset) // cpio.PAGE


def test_both_kernels_have_the_same_root(image, disk, root, tmp_path):
    """Linux has its ramdisk, and the disk's files as another program finds them there."""
    (tmp_path / "disk").write_bytes(disk)
    done = subprocess.run(["fsck.erofs", f"--extract={tmp_path}/root", "--no-preserve-owner",
                           tmp_path / "disk"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    on_disk = {str(p.relative_to(tmp_path / "root")): p for p in (tmp_path / "root").rglob("*")}
    early = {e.name: e for _, e in read_archive(image / "root-linux.cpio")}
    for name, entry in root.items():
        if name in early:
            on_disk.pop(name, None)
            other = early[name]
            assert (other.data, other.mode, other.rdev) == (entry.data, entry.mode, entry.rdev), name
        else:
            path = on_disk.pop(name)
            assert path.is_dir() or path.read_bytes() == entry.data, name
            assert path.stat().st_mode == entry.mode, name
    assert not on_disk
    agent = root["init"].data
    assert agent not in (image / "root-nub.cpio").read_bytes() and agent not in disk
    assert all(n.startswith("lib/modules") for n in set(early) - set(root) - {"."})


@pytest.mark.parametrize("size", [1, 4095, 4096, 4097, 50000])
def test_what_is_packed_comes_back_and_damage_is_noticed(size):
    data = (b"the same again " * size)[:size]
    stored = packed.pack(data)
    if stored is None:
        assert size == 1  # nothing to save
        return
    assert packed.unpack(stored, size) == data
    with pytest.raises(packed.PackError):
        packed.unpack(stored[:-1], size)
    with pytest.raises(packed.PackError):
        packed.unpack(stored, size + cpio.PAGE)


def test_noise_is_not_packed():
    noise = b"".join(hashlib.sha256(bytes([i, j])).digest() for i in range(8) for j in range(128))
    assert packed.pack(noise) is None
    mixed = noise[:8192] + bytes(60000)
    assert packed.unpack(packed.pack(mixed), len(mixed)) == mixed


def test_modules_come_after_what_they_need(image):
    modules = {e.name: e.data for _, e in read_archive(image / "root-linux.cpio")
               if e.is_file and e.name != "init"}
    lines = modules.pop(contents.MODULES_LIST).decode().splitlines()
    order = [line.split()[0].lstrip("/") for line in lines]
    assert set(order) == set(modules) and all(d[:4] == b"\x7fELF" for d in modules.values())
    assert "/lib/modules/xen-privcmd.ko unrestricted=1" in lines
    assert order.index("lib/modules/crc32c-generic.ko") < order.index("lib/modules/libcrc32c.ko") \
        < order.index("lib/modules/erofs.ko")
    assert order.index("lib/modules/llc.ko") < order.index("lib/modules/stp.ko") \
        < order.index("lib/modules/bridge.ko")


def test_a_module_that_some_kernels_have_not(tmp_path):
    """Only one that they have in a library may be missing."""
    (tmp_path / "modules.dep").write_text("fs/b_c.ko.xz: lib/a.ko.xz\nlib/a.ko.xz:\n")
    (tmp_path / "modules.builtin").write_text("kernel/d.ko\n")
    assert kernel.load_order(tmp_path, ["x", "d", "b-c"], ["x"]) == ["lib/a.ko.xz", "fs/b_c.ko.xz"]
    with pytest.raises(kernel.KernelError, match="no module x, and it is not built in"):
        kernel.load_order(tmp_path, ["x"])


def test_verify_accepts_the_image_and_names_a_changed_file(image, tmp_path):
    assert build("--verify", image).returncode == 0
    for path in image.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with open(tmp_path / "root.disk", "r+b") as f:
        f.seek(5000)
        f.write(b"!")
    run = build("--verify", tmp_path)
    assert run.returncode == 1 and f"{tmp_path}/root.disk" in run.stderr
    (tmp_path / "root.disk").unlink()
    run = build("--verify", tmp_path)
    assert run.returncode == 1 and "No such file" in run.stderr
    run = build("--verify", tmp_path / "none")
    assert run.stderr == f"build-image: {tmp_path}/none/manifest.json: No such file or directory\n"


def test_a_missing_qemu_is_one_line_with_the_remedy(agent, tmp_path):
    run = build("--agent", agent, "--output", tmp_path, "--qemu", "/nowhere/qemu")
    assert run.returncode == 1
    assert run.stderr == "build-image: /nowhere/qemu: not installed; install qemu-system-xen\n"
    assert list(tmp_path.iterdir()) == []


def test_nub_alone(image, agent, tmp_path):
    """A host without a packaged kernel: nub's files only, also where there were others before."""
    out, boot = tmp_path / "out", tmp_path / "boot"
    boot.mkdir()
    out.mkdir()
    (out / "kernel-linux").write_text("of before")
    nub = ("--nub", BUILD / "kernel" / "kernel-nub")
    done = build("--agent", agent, *nub, "--output", out, "--boot", boot)
    assert done.returncode == 0, done.stderr
    assert "no packaged Linux" in done.stdout and "nub alone" in done.stdout
    assert {p.name for p in out.iterdir()} == {"kernel-nub", "root-nub.cpio", "root.disk",
                                               "manifest.json"}
    manifest = json.loads((out / "manifest.json").read_text())
    way = re.search(r"MANIFEST_REPLACE (\d+)", (TREE / "lib" / "manifest.h").read_text())[1]
    assert list(manifest["kernels"]) == ["nub"] and json.dumps(manifest["kernels"]["nub"]["replace"]) == way
    assert not any(p["name"].startswith("linux-image") for p in manifest["packages"])
    for name in ("kernel-nub", "root-nub.cpio", "root.disk"):
        assert (out / name).read_bytes() == (image / name).read_bytes(), name
    done = build("--agent", agent, "--nub", "", "--output", out, "--boot", boot)
    assert done.returncode == 1
    assert "no nub, and no packaged kernel in" in done.stderr


def test_slim(agent, tmp_path):
    """The program of build-slim is at QEMU's place, and stands for the package whose source it has."""
    program, boot = tmp_path / "qemu", tmp_path / "boot"
    shutil.copy(installed(contents.QEMU), program)
    boot.mkdir()
    done = build("--agent", agent, "--nub", BUILD / "kernel" / "kernel-nub", "--profile", "slim",
                 "--qemu", program, "--output", tmp_path / "out", "--boot", boot)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["qemu"]["path"] == contents.QEMU
    assert manifest["qemu"]["memory_mb"] == contents.SLIM_MEMORY_MB
    assert "qemu-system-xen" in {p["name"] for p in manifest["packages"]}


def test_slim_without_its_tools(tmp_path):
    """One line names the package; nothing was made."""
    done = build("--profile", "slim", "--output", tmp_path / "out", PKG_CONFIG_LIBDIR="/nowhere")
    assert done.returncode == 1
    assert re.fullmatch("build-slim: .* is not there: apt install .*\n"
                        "build-image: there is no slim QEMU; build-slim says above why\n", done.stderr)
    assert not (tmp_path / "out").exists()


def test_made_anew_it_is_switched_in_one_step(image, agent, tmp_path):
    """Each look finds one whole image, and the one before stays beside it."""
    out = tmp_path / "image"
    nub = BUILD / "kernel" / "kernel-nub"
    other = tmp_path / "agent"
    other.write_bytes(agent.read_bytes() + b"newer")
    boot = tmp_path / "boot"
    boot.mkdir()
    command = ("--nub", nub, "--output", out, "--boot", boot, "--agent")
    assert build(*command, agent).returncode == 0
    first = (out / "manifest.json").read_bytes()
    builder = subprocess.Popen([TREE / "image" / "build-image", *command, other],
                               stdout=subprocess.DEVNULL)
    seen = set()
    while builder.poll() is None:
        folder = os.open(out, os.O_PATH)  # there at each moment
        names = os.listdir(f"/proc/self/fd/{folder}")
        os.close(folder)
        seen.add(tuple(sorted(names)))
    assert builder.returncode == 0
    assert seen == {("kernel-nub", "manifest.json", "root-nub.cpio", "root.disk")}
    assert (out / "manifest.json").read_bytes() != first
    assert (tmp_path / "image.old" / "manifest.json").read_bytes() == first
    assert build("--verify", out).returncode == build("--verify", f"{out}.old").returncode == 0
    assert {p.name for p in tmp_path.iterdir()} == {"agent", "boot", "image", "image.old",
                                                    "image.lock"}


def test_no_image_of_a_half_configured_package(agent, tmp_path):
    """dpkg says that a package of the image is unpacked only: nothing is written."""
    fake = tmp_path / "bin"
    fake.mkdir()
    real = shutil.which("dpkg-query")
    (fake / "dpkg-query").write_text(
        f"#!/bin/sh\n{real} \"$@\" | sed '/^qemu-system-xen\t/s/installed$/half-configured/'\n")
    (fake / "dpkg-query").chmod(0o755)
    done = build("--agent", agent, "--nub", BUILD / "kernel" / "kernel-nub", "--output",
                 tmp_path / "out", PATH=f"{fake}:{os.environ['PATH']}")
    assert done.returncode == 1
    assert re.search(r"qemu-system-xen is half-configured: 'dpkg --configure -a' first",
                     done.stderr), done.stderr
    assert not (tmp_path / "out").exists()


def test_newest_kernel_is_by_number():
    assert max(["6.12.9+deb13-amd64", "6.12.117+deb13-amd64", "6.1.0-45-amd64"],
               key=kernel._version_key) == "6.12.117+deb13-amd64"


def test_the_kernel_of_the_package(tmp_path):
    """Debian 13 has it in /boot; Debian 14 beside its modules, and a copy in /boot."""
    boot, libraries = tmp_path / "boot", tmp_path / "modules"
    boot.mkdir()
    for version in ("6.12.1-amd64", "7.2.1-amd64"):
        (boot / f"vmlinuz-{version}").write_bytes(b"")
        (libraries / version).mkdir(parents=True)
        (libraries / version / "modules.dep").write_bytes(b"")

    def path():
        return kernel.newest(str(boot), str(libraries))[1]

    assert path() == f"{boot}/vmlinuz-7.2.1-amd64"
    (libraries / "7.2.1-amd64/vmlinuz").write_bytes(b"")
    assert path() == f"{libraries}/7.2.1-amd64/vmlinuz"
