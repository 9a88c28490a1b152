# SPDX-License-Identifier: MIT
"""The distribution's Linux: which one, and the few modules of it that are needed."""
import glob
import gzip
import lzma
import os
import re
import struct
import subprocess


class KernelError(Exception):
    pass


def _version_key(version):
    return [int(part) if part.isdigit() else part
            for part in re.findall(r"\d+|[^\d]+", version)]


def newest(boot="/boot", libraries="/lib/modules"):
    """(version, path of vmlinuz, directory of its modules) of the newest packaged kernel; None
    where there is none."""
    found = {}
    for path in glob.glob(f"{boot}/vmlinuz-*-amd64"):
        version = os.path.basename(path)[len("vmlinuz-"):]
        modules = f"{libraries}/{version}"
        if os.path.exists(f"{modules}/modules.dep"):
            # From Debian 14 on the package's file is there, and that in /boot is a copy of nobody's.
            own = f"{modules}/vmlinuz"
            found[version] = (version, own if os.path.exists(own) else path, modules)
    return found[max(found, key=_version_key)] if found else None


def _decompress(path):
    with open(path, "rb") as f:
        data = f.read()
    if path.endswith(".xz"):
        return lzma.decompress(data)
    if path.endswith(".gz"):
        return gzip.decompress(data)
    if path.endswith(".zst"):
        return subprocess.run(["zstd", "-dcq", path], check=True,
                              stdout=subprocess.PIPE).stdout
    return data


def uncompressed(path):
    """The ELF kernel inside a bzImage, or the file as it is if it packs it in another way.

    Xen's domain builder unpacks a bzImage in dom0 at each start; done once here, a start is
    quicker by that. Layout: Linux, Documentation/arch/x86/boot.rst.
    """
    with open(path, "rb") as f:
        image = f.read()
    if image[0x202:0x206] != b"HdrS":
        return image
    setup_sects = image[0x1f1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sects + 1) * 512 + offset
    packed = image[start:start + length]
    if packed[:4] != b"\x28\xb5\x2f\xfd":  # zstd
        return image
    # Behind the frame stands its unpacked size, which the kernel's own unpacker wants.
    size = struct.unpack_from("<I", packed, len(packed) - 4)[0]
    elf = subprocess.run(["zstd", "-dcq"], input=packed[:-4], check=True,
                         stdout=subprocess.PIPE).stdout
    if elf[:4] != b"\x7fELF" or len(elf) != size:
        raise KernelError(f"{path}: its content is not a kernel")
    return elf


def _module_name(path):
    return os.path.basename(path).split(".ko")[0].replace("_", "-")


def load_order(directory, wanted, optional=()):
    """Paths (relative to `directory`) of the wanted modules, dependencies first."""
    depends, by_name = {}, {}
    with open(f"{directory}/modules.dep") as f:
        for line in f:
            path, _, needs = line.partition(":")
            depends[path] = needs.split()
            by_name[_module_name(path)] = path
    with open(f"{directory}/modules.builtin") as f:
        builtin = {_module_name(line.strip()) for line in f}
    order = []

    def visit(path):
        if path in order:
            return
        for need in depends[path]:
            visit(need)
        order.append(path)

    for name in wanted:
        if name in builtin or (name in optional and name not in by_name):
            continue
        if name not in by_name:
            raise KernelError(f"{directory}: no module {name}, and it is not built in")
        visit(by_name[name])
    return order


def modules(directory, wanted, optional=()):
    """(list of (file name, parameters, data)), in the order they must be loaded in."""
    loaded = []
    for path in load_order(directory, wanted, optional):
        name = _module_name(path)
        loaded.append((f"{name}.ko", wanted.get(name, ""),
                       _decompress(os.path.join(directory, path))))
    return loaded
