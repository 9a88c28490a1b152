# SPDX-License-Identifier: MIT
"""Makes the files of the image directory and its manifest, and checks them."""
import fcntl
import hashlib
import json
import os

from . import contents, cpio, elf, kernel, packages, packed, probe

MANIFEST = "manifest.json"
FILES = ("kernel-linux", "root.cpio.zst", "modules-linux.cpio", "kernel-nub", "root-nub.cpio")
LIBRARY_DIR = "/lib/x86_64-linux-gnu"


class ImageError(Exception):
    pass


def _read(path):
    with open(path, "rb") as f:
        return f.read()


def _find_data(name):
    for folder in contents.DATA_DIRS:
        path = f"{folder}/{name}"
        if os.path.exists(path):
            return path
    raise ImageError(f"{name}: not in {', '.join(contents.DATA_DIRS)}; "
                     "install seabios, ipxe-qemu and qemu-system-data")


def installed(qemu):
    """Where the file is on this system that is called so in the image."""
    if qemu == contents.QEMU and os.path.exists(contents.QEMU_DIVERTED):
        return contents.QEMU_DIVERTED
    return qemu


def collect_root(qemu):
    """({path in the image: path on this system}, path of ld.so)."""
    loader, libraries = elf.closure(installed(qemu))
    files = {qemu: installed(qemu), loader: loader}
    for soname, path in libraries.items():
        files[f"{LIBRARY_DIR}/{soname}"] = path
    for name in contents.DATA_FILES:
        path = _find_data(name)
        files[path] = path
    for name in sorted(os.listdir(contents.KEYMAP_DIR)):
        path = f"{contents.KEYMAP_DIR}/{name}"
        files[path] = path
    return files, loader


def _owned(files):
    """The files' names in dpkg's lists: a diverted one has its own there."""
    return sorted(contents.QEMU if path == contents.QEMU_DIVERTED else path
                  for path in files.values())


def make_root(files, agent):
    """The root archive: nothing in it is a shell, and nothing is a link."""
    entries = [cpio.file("init", _read(agent), 0o755)]
    for inside, outside in files.items():
        mode = 0o755 if os.stat(outside).st_mode & 0o100 else 0o644
        entries.append(cpio.file(inside.lstrip("/"), _read(outside), mode))
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


def _lock(directory):
    os.makedirs(directory, exist_ok=True)
    fd = os.open(directory, os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    return fd


def build(output, agent, qemu=contents.QEMU, nub=None, boot="/boot"):
    """Writes the image into the directory `output`; returns the manifest."""
    if not os.path.exists(installed(qemu)):
        raise ImageError(f"{qemu}: not installed; install qemu-system-xen")
    mtime = int(os.environ.get("SOURCE_DATE_EPOCH", "0"))
    files, loader = collect_root(qemu)
    root_entries = make_root(files, agent)
    root = cpio.write(root_entries, mtime)
    data, kernels, owned = {}, {}, _owned(files)
    linux = kernel.newest(boot)
    if linux:
        version, vmlinuz, modules_dir = linux
        loaded = kernel.modules(modules_dir, contents.MODULES)
        data["kernel-linux"] = kernel.uncompressed(vmlinuz)
        data["root.cpio.zst"] = packed.zstd(root)
        data["modules-linux.cpio"] = cpio.write(make_modules(loaded), mtime)
        kernels["linux"] = {
            "file": "kernel-linux", "ramdisk": ["root.cpio.zst", "modules-linux.cpio"],
            "cmdline": contents.KERNEL_CMDLINE, "release": version}
        owned.append(vmlinuz)
    elif not nub:
        raise ImageError("no nub, and no packaged kernel in "
                         f"{boot}: install linux-image-amd64")
    if nub:
        data["kernel-nub"] = _read(nub)
        data["root-nub.cpio"] = cpio.write(root_entries, mtime, pack=True)
        kernels["nub"] = {"file": "kernel-nub", "ramdisk": ["root-nub.cpio"],
                          "cmdline": contents.NUB_CMDLINE}
    with probe.Unpacked(root, loader, qemu) as unpacked:
        answers = probe.ask(unpacked)
    manifest = {
        "version": 1,
        "kernels": kernels,
        "files": {name: {"bytes": len(d), "sha256": hashlib.sha256(d).hexdigest()}
                  for name, d in data.items()},
        "packages": packages.describe(owned),
        "qemu": {"path": qemu, **answers},
        "root": {"bytes": sum(len(e.data) for e in root_entries),
                 "files": sum(e.is_file for e in root_entries)},
    }
    lock = _lock(output)
    try:
        for name, d in data.items():
            _write(output, name, d)
        # Last: a reader of the new manifest finds the files that it names.
        text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
        _write(output, MANIFEST, text.encode())
        for name in set(FILES) - set(data):
            if os.path.exists(os.path.join(output, name)):
                os.unlink(os.path.join(output, name))
    finally:
        os.close(lock)
    return manifest


def verify(directory):
    """Checks every file against the manifest; returns the manifest."""
    path = os.path.join(directory, MANIFEST)
    try:
        manifest = json.loads(_read(path))
    except (OSError, ValueError) as why:
        raise ImageError(f"{path}: {why}") from why
    if manifest.get("version") != 1:
        raise ImageError(f"{path}: version {manifest.get('version')}, expected 1")
    for name, want in sorted(manifest["files"].items()):
        try:
            data = _read(os.path.join(directory, name))
        except OSError as why:
            raise ImageError(f"{directory}/{name}: {why.strerror}") from why
        if len(data) != want["bytes"] or hashlib.sha256(data).hexdigest() != want["sha256"]:
            raise ImageError(f"{directory}/{name}: is not the file that the manifest "
                             "describes; build the image again")
    return manifest
