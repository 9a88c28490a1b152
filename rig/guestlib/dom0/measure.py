# SPDX-License-Identifier: MIT
"""Figures of all that dom0 has in use. They stay where they are when nothing leaks."""
import glob
import os
import re
import subprocess

import leakscan

PAGE_KB = 4


def text_of(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def memory_kb():
    """Memory that dom0 cannot take back: no caches of files, and no free pages on a CPU's own list."""
    found = dict(re.findall(r"^(\w+):\s+(\d+)", text_of("/proc/meminfo"), re.M))
    kept = sum(int(found[name]) for name in ("MemFree", "Buffers", "Cached", "SReclaimable"))
    kept += PAGE_KB * sum(map(int, re.findall(r"^ +count: +(\d+)", text_of("/proc/zoneinfo"), re.M)))
    return int(found["MemTotal"]) - kept + int(found["Shmem"])


def xen(name):
    done = subprocess.run(["xl", "info", name], capture_output=True, text=True, check=True, timeout=60)
    return int(done.stdout.rpartition(":")[2])


def process(*names):
    """(descriptors, kilobytes) of the one process that has such a name."""
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            if text_of(f"/proc/{entry}/comm").strip() not in names:
                continue
            rss = re.search(r"^RssAnon:\s+(\d+)", text_of(f"/proc/{entry}/status"), re.M)
            return len(os.listdir(f"/proc/{entry}/fd")), int(rss.group(1))
        except OSError:
            continue
    raise LookupError(f"no process {' or '.join(names)}")


def grants():
    """Pages of any domain that another one has mapped or copies, by Xen's own list."""
    subprocess.run(["xl", "debug-keys", "g"], check=True, timeout=120)
    done = subprocess.run(["xl", "dmesg"], capture_output=True, text=True, check=True, timeout=120)
    _, begin, said = done.stdout.rpartition("gnttab_usage_print_all [")
    # Of a host with many domains Xen's buffer does not hold all of it.
    if not begin or "gnttab_usage_print_all ]" not in said:
        raise LookupError(f"no list of grants: {done.stdout[-1000:]}")
    return len(re.findall(r"^.*\[0x", said, re.M))


def measure():
    """Caches are dropped first, so that what is left is held by somebody."""
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
        f.write("3\n")
    store, console = process("xenstored", "oxenstored"), process("xenconsoled")
    return {
        "dom0 KiB": memory_kb(),
        "dom0 slab KiB": int(re.search(r"^SUnreclaim:\s+(\d+)", text_of("/proc/meminfo"), re.M).group(1)),
        "Xen MiB": xen("total_memory") - xen("free_memory"),
        "xenstored KiB": store[1],
        "xenconsoled KiB": console[1],
        "xenstored fds": store[0],
        "xenconsoled fds": console[0],
        "nodes": len(leakscan.xenstore()),
        "grants": grants(),
        "events": len(re.findall(r"xen-dyn", text_of("/proc/interrupts"))),
        "loops": len(leakscan.loops()),
        "interfaces": len(os.listdir("/sys/class/net")),
        "processes": len(leakscan.processes()),
        "files": len([f for f in leakscan.files() if "/qemu-stubdom/crash" not in f]),
        "open files": int(text_of("/proc/sys/fs/file-nr").split()[0]),
        "block devices": len(glob.glob("/sys/block/*")),
    }
