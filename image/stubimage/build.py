# SPDX-License-Identifier: MIT
"""Makes the files of the image directory and its manifest, and checks them."""
import ctypes
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import tempfile

from . import contents, cpio, elf, kernel, packages, probe, rootdisk

MANIFEST = "manifest.json"
REPLACE = 2  # MANIFEST_REPLACE of lib/manifest.h
SLIM_BUILDER = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "build-slim")
LIBRARY_DIR = "/lib/x86_64-linux-gnu"


class ImageError(Exception):
    pass


def _read(path):
    with open(path, "rb") as f:
        return f.read()


def _find_data(name):
    """The file's path on this system, None if no folder has it."""
    for folder in contents.DATA_DIRS:
        path = f"{folder}/{name}"
        if os.path.exists(path):
            return path
    return None


def _need_data(name):
    path = _find_data(name)
    if path:
        return path
    raise ImageError(f"{name}: not in {', '.join(contents.DATA_DIRS)}; "
                     "install seabios, ipxe-qemu and qemu-system-data")


def installed(qemu):
    """Where the file is on this system that is called so in the image."""
    if qemu == contents.QEMU and os.path.exists(contents.QEMU_DIVERTED):
        return contents.QEMU_DIVERTED
    return qemu


def collect_root(qemu, program):
    """({path in the image: path on this system}, path of ld.so). qemu: the path in the image of
    `program`."""
    loader, libraries = elf.closure(program)
    files = {qemu: program, loader: loader}
    for soname, path in libraries.items():
        files[f"{LIBRARY_DIR}/{soname}"] = path
    for name in contents.DATA_FILES:
        path = _need_data(name)
        files[path] = path
    for path in filter(None, map(_find_data, contents.OPTIONAL_DATA_FILES)):
        files[path] = path
    for name in sorted(os.listdir(contents.KEYMAP_DIR)):
        path = f"{contents.KEYMAP_DIR}/{name}"
        files[path] = path
    return files, loader


def _owned(files, program):
    """The files' names in dpkg's lists. A diverted QEMU has its own there; a slim one stands for the
    package whose source it is built from."""
    return sorted(contents.QEMU if path in (program, contents.QEMU_DIVERTED) else path
                  for path in files.values())


def make_root(files, agent):
    """The root archive: nothing in it is a shell, and nothing is a link."""
    entries = [cpio.file("init", _read(agent), 0o755, early=True)]
    for inside, outside in files.items():
        mode = 0o755 if os.stat(outside).st_mode & 0o100 else 0o644
        data = _read(outside)
        ahead = elf.Elf(outside).linked_pages() if data.startswith(elf.MAGIC) else ()
        entries.append(cpio.file(inside.lstrip("/"), data, mode, ahead=ahead))
    for name in ("dev", "proc", "sys", "run", "tmp", "etc", "boot"):
        entries.append(cpio.directory(name))
    # For the messages before the agent has mounted /dev.
    entries.append(cpio.char_device("dev/console", 5, 1))
    entries.append(cpio.char_device("dev/null", 1, 3, 0o666))
    return entries


def make_modules(loaded):
    entries = [cpio.file(f"lib/modules/{name}", data) for name, _, data in loaded]
    lines = "".join(f"/lib/modules/{name} {parameters}".rstrip() + "\n"
                    for name, parameters, _ in loaded)
    return entries + [cpio.file(contents.MODULES_LIST, lines.encode())]


def _write(directory, name, data):
    temporary = os.path.join(directory, f".{name}.new")
    with open(temporary, "wb") as f:
        f.write(data)
        f.flush()
        os.fsync(f.fileno())
    os.chmod(temporary, 0o644)
    os.rename(temporary, os.path.join(directory, name))


def _lock(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def _exchange(one, other):
    """The two names change their meaning in one step (renameat2(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    at_cwd, exchange = -100, 2
    if libc.renameat2(at_cwd, os.fsencode(one), at_cwd, os.fsencode(other), exchange):
        raise OSError(ctypes.get_errno(), f"renameat2: {os.strerror(ctypes.get_errno())}", other)


def _write_all(directory, data, manifest):
    for name, d in data.items():
        _write(directory, name, d)
    # Last: a reader of the new manifest finds the files that it names.
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    _write(directory, MANIFEST, text.encode())


def _switch(output, data, manifest):
    """The image appears whole in the place of the one before. That one stays beside it as .old: a
    start that has begun may still read it."""
    fresh, old = output + ".new", output + ".old"
    lock = _lock(output + ".lock")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        os.mkdir(fresh, 0o755)
        _write_all(fresh, data, manifest)
        if os.path.exists(output):
            shutil.rmtree(old, ignore_errors=True)
            _exchange(fresh, output)
            os.rename(fresh, old)
        else:
            os.rename(fresh, output)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        os.close(lock)


def build(output, agent, qemu=None, nub=None, boot="/boot", in_place=False, slim=False):
    """Makes the image the directory `output`, or writes its files into that; its manifest. With `slim`
    qemu is a program of build-slim's; None: it is made."""
    with tempfile.TemporaryDirectory(prefix="stubdom-slim-") as folder:
        if slim and not qemu:
            qemu = f"{folder}/qemu"
            make_slim(qemu)
        return _build(output, agent, qemu or contents.QEMU, nub, boot, in_place, slim)


def make_slim(program):
    if subprocess.run([SLIM_BUILDER, program], check=False).returncode:
        raise ImageError("there is no slim QEMU; build-slim says above why")


def _build(output, agent, program, nub, boot, in_place, slim):
    qemu = contents.QEMU if slim else program
    if not slim:
        program = installed(qemu)
    if not os.path.exists(program):
        raise ImageError(f"{program}: not installed; install qemu-system-xen")
    mtime = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    files, loader = collect_root(qemu, program)
    linux = kernel.newest(boot)
    owned = _owned(files, program if slim else None)
    described = packages.describe(owned + ([linux[1]] if linux else []))
    root_entries = make_root(files, agent)
    root = cpio.write(root_entries, mtime)
    disk, places = rootdisk.make(root_entries, mtime)
    data, kernels = {"root.disk": disk}, {}
    if linux:
        version, vmlinuz, modules_dir = linux
        loaded = kernel.modules(modules_dir, contents.MODULES, contents.OPTIONAL_MODULES)
        data["kernel-linux"] = kernel.uncompressed(vmlinuz)
        early = [entry for entry in root_entries if entry.name not in places]
        data["root-linux.cpio"] = cpio.write(early + make_modules(loaded), mtime)
        kernels["linux"] = {
            "file": "kernel-linux", "ramdisk": ["root-linux.cpio"], "disk": "root.disk",
            "cmdline": contents.KERNEL_CMDLINE, "release": version, "replace": REPLACE}
    elif not nub:
        raise ImageError("no nub, and no packaged kernel in "
                         f"{boot}: install linux-image-amd64")
    if nub:
        data["kernel-nub"] = _read(nub)
        data["root-nub.cpio"] = cpio.write(root_entries, mtime, pack=True, places=places)
        kernels["nub"] = {"file": "kernel-nub", "ramdisk": ["root-nub.cpio"], "disk": "root.disk",
                          "cmdline": contents.NUB_CMDLINE, "replace": REPLACE}
    with probe.Unpacked(root, loader, qemu) as unpacked:
        answers = probe.ask(unpacked)
    manifest = {
        "version": 1,
        "kernels": kernels,
        "files": {name: {"bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()}
                  for name, d in data.items()},
        "packages": described,
        "qemu": {"path": qemu, **answers,
                 **({"memory_mb": contents.SLIM_MEMORY_MB} if slim else {})},
        "root": {"bytes": sum(len(e.data) for e in root_entries),
                 "files": sum(e.is_file for e in root_entries)},
    }
    if in_place:
        _write_all(output, data, manifest)
    else:
        _switch(os.path.abspath(output), data, manifest)
    return manifest


def verify(directory):
    """Checks every file against the manifest; returns the manifest."""
    path = os.path.join(directory, MANIFEST)
    # One image, whatever takes its place meanwhile.
    try:
        folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as why:
        raise ImageError(f"{path}: {why.strerror}") from why
    try:
        return _verify(f"/proc/self/fd/{folder}", directory, path)
    finally:
        os.close(folder)


def _verify(folder, directory, path):
    try:
        manifest = json.loads(_read(os.path.join(folder, MANIFEST)))
    except (OSError, ValueError) as why:
        raise ImageError(f"{path}: {getattr(why, 'strerror', None) or why}") from why
    if manifest.get("version") != 1:
        raise ImageError(f"{path}: version {manifest.get('version')}, expected 1")
    for name, want in sorted(manifest["files"].items()):
        try:
            data = _read(os.path.join(folder, name))
        except OSError as why:
            raise ImageError(f"{directory}/{name}: {why.strerror}") from why
        if len(data) != want["bytes"] or hashlib.sha256(data).hexdigest() != want["sha256"]:
            raise ImageError(f"{directory}/{name}: is not the file that the manifest "
                             "describes; build the image again")
    return manifest
