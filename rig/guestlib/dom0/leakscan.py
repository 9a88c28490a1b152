# SPDX-License-Identifier: MIT
"""All that exists in dom0: domains, xenstore, loop devices, interfaces, processes, sockets, files.
Two of these, before and after a test, must be the same."""
import glob
import os
import re
import subprocess

# Not where logs and a test's own files are.
FILE_ROOTS = ["/run/xen", "/run/lock", "/run/qemu-stubdom", "/dev/shm", "/tmp", "/var/tmp",
              "/var/lib/qemu-stubdom", "/var/lib/xen"]


def lines(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def domains():
    out = []
    for line in lines("xl", "list")[1:]:
        fields = line.split()
        # (null) is a domain that is dead but still holds something
        out.append(f"{fields[0]} {fields[1]}")
    return out


def xenstore():
    out = []
    for line in lines("xenstore-ls", "-f", "/"):
        path, _, value = line.partition(" = ")
        out.append(f"{path} = {value}")
    return out


def loops():
    out = []
    for path in glob.glob("/sys/block/loop*/loop/backing_file"):
        try:
            with open(path, encoding="utf-8") as f:
                out.append(f"{path.split('/')[3]} {f.read().strip()}")
        except OSError:
            continue  # it has gone meanwhile
    return out


def parents():
    """This process and the ones it came from: what asks is no leak."""
    out, pid = set(), os.getpid()
    while pid > 1:
        out.add(pid)
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            pid = int(f.read().rpartition(")")[2].split()[1])
    return out


def processes():
    out, ours = [], parents()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as f:
                stat = f.read()
            with open(f"/proc/{entry}/cmdline", "rb") as f:
                command = f.read().rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        parent = int(stat.rpartition(")")[2].split()[1])
        if int(entry) in ours or parent in ours or parent == 2 or entry == "2":
            continue  # kernel threads serve the devices that are listed elsewhere
        out.append(command or re.search(r"\((.*)\)", stat).group(1))
    return out


def files():
    out = []
    for root in FILE_ROOTS:
        for directory, _, names in os.walk(root):
            out += [os.path.join(directory, name) for name in names]
    return out


def unix_sockets():
    with open("/proc/net/unix", encoding="utf-8") as f:
        return [fields[7] for fields in (line.split() for line in f) if len(fields) > 7
                and fields[7].startswith("/")]


def tcp_listeners():
    out = []
    for name in ["tcp", "tcp6"]:
        path = f"/proc/net/{name}"
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                out += [fields[1] for fields in (line.split() for line in f)
                        if len(fields) > 3 and fields[3] == "0A"]
    return out


def scan():
    found = {
        "domains": domains(),
        "xenstore": xenstore(),
        "loop devices": loops(),
        "interfaces": os.listdir("/sys/class/net"),
        "processes": processes(),
        "files": files(),
        "unix sockets": unix_sockets(),
        "tcp listeners": tcp_listeners(),
    }
    return {key: sorted(value) for key, value in found.items()}
