#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the table of names, with checks of the numbers, the list for the tests, and the documentation
from ioctl_names.tbl."""
import sys

LEVELS = ("full", "part", "stub")
HEADERS = ("<asm/ioctls.h>", "<linux/fs.h>", "<linux/if_tun.h>", "<linux/sockios.h>",
           '"xen/evtchn_abi.h"', '"xen/gnt_abi.h"', '"xen/privcmd_abi.h"')


def parse(path):
    found = []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        text, _, remark = line.partition("#")
        words = text.split()
        if not words:
            continue
        if len(words) != 4 or words[3] not in LEVELS:
            sys.exit(f"{path}:{number}: device, name, number, support ({', '.join(LEVELS)})")
        if words[3] != "full" and not remark.strip():
            sys.exit(f"{path}:{number}: support {words[3]} needs a remark")
        found.append((words[0], words[1], int(words[2], 16), words[3], remark.strip()))
    return found


def source(ioctls):
    names = sorted({(nr, name) for _, name, nr, _, _ in ioctls})
    out = ["/* Generated from ioctl_names.tbl. */", "#include <nub/syscall.h>", ""]
    out += [f"#include {h}" for h in HEADERS] + [""]
    out += [f'_Static_assert((u32){name} == {nr:#010x}u, "ioctl_names.tbl: {name}");'
            for nr, name in names]
    out += ["", f"const unsigned ioctl_count = {len(names)};",
            "const struct ioctl_entry ioctl_table[] = {"]
    out += [f'\t{{ {nr:#010x}u, "{name}" }},' for nr, name in names]
    return "\n".join(out + ["};", ""])


def sequences(ioctls):
    """C: for tests/abi/sequences.c."""
    out = ["/* Generated from ioctl_names.tbl. */",
           "static const struct {", "\tconst char *device;", "\tunsigned request;",
           "} ioctls[] = {"]
    out += [f'\t{{ "{device}", {nr:#010x}u }}, /* {name} */' for device, name, nr, _, _ in ioctls]
    return "\n".join(out + ["};", ""])


def document(ioctls):
    out = ["# ioctls of nub", "",
           "Generated from `kernel/ioctl_names.tbl`; do not edit. *full*, *part*, *stub* as in "
           "[syscalls.md](syscalls.md). Everything else returns `ENOTTY` (`ENOSYS` on "
           "`/dev/xen/evtchn`, as on Linux) and is logged once with its number.", "",
           "| device | request | number | support | remark |", "|---|---|---|---|---|"]
    out += [f"| {device} | `{name}` | {nr:#x} | {level} | {remark} |"
            for device, name, nr, level, remark in ioctls]
    return "\n".join(out + [""])


def main():
    made = {"source": source, "sequences": sequences, "doc": document}[sys.argv[1]](parse(sys.argv[2]))
    with open(sys.argv[3], "w", encoding="utf-8") as f:
        f.write(made)


if __name__ == "__main__":
    main()
