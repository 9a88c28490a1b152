#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A local user without rights against a guest's device model in dom0: tries every socket, file,
terminal and process of it. Run as that user; root's knowledge comes as JSON on standard input,
{"paths", "sockets", "pids"}. Prints {"tried", "could"}."""
import ctypes
import errno
import json
import os
import signal
import socket
import sys

PTRACE_ATTACH = 16
SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL)
REFUSED = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ESRCH, errno.EROFS, errno.EXDEV)

tried, could = 0, []


def attempt(what, act):
    """Notes what could be done; an error that is no refusal counts as done."""
    global tried
    tried += 1
    try:
        act()
    except OSError as e:
        if e.errno in REFUSED:
            return
        what += f" ({e.strerror})"
    could.append(what)


def opens(path, flags):
    os.close(os.open(path, flags | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC))


def connects(path, kind):
    with socket.socket(socket.AF_UNIX, kind) as s:
        s.connect(path.replace("@", "\0", 1) if path.startswith("@") else path)


def attaches(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_ATTACH, pid, None, None) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def lists(path):
    if not os.path.isdir(path):
        raise FileNotFoundError(errno.ENOENT, path)
    os.listdir(path)


def main():
    known = json.load(sys.stdin)
    for path in known["paths"]:
        attempt(f"read {path}", lambda p=path: opens(p, os.O_RDONLY))
        attempt(f"write {path}", lambda p=path: opens(p, os.O_WRONLY))
        attempt(f"remove {path}", lambda p=path: os.unlink(p))
        attempt(f"change the mode of {path}", lambda p=path: os.chmod(p, 0o777))
        attempt(f"link {path}", lambda p=path: os.link(p, f"/tmp/link-{os.getpid()}"))
        attempt(f"put something beside {path}",
                lambda p=path: opens(os.path.dirname(p) + "/x", os.O_WRONLY | os.O_CREAT))
    for path in known["sockets"]:
        for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_DGRAM):
            attempt(f"connect to {path}", lambda p=path, k=kind: connects(p, k))
    for pid in known["pids"]:
        for number in SIGNALS:
            attempt(f"send signal {number} to {pid}", lambda p=pid, n=number: os.kill(p, n))
        for name in ("mem", "environ", "maps", "fd/0", "root/etc/passwd"):
            attempt(f"read its {name}", lambda p=f"/proc/{pid}/{name}": opens(p, os.O_RDONLY))
        for name in ("mem", "oom_score_adj", "comm"):
            attempt(f"write its {name}", lambda p=f"/proc/{pid}/{name}": opens(p, os.O_WRONLY))
        attempt(f"list /proc/{pid}/fd", lambda p=pid: lists(f"/proc/{p}/fd"))
        attempt(f"trace {pid}", lambda p=pid: attaches(p))
        attempt(f"change the priority of {pid}",
                lambda p=pid: os.setpriority(os.PRIO_PROCESS, p, 19))
    print(json.dumps({"tried": tried, "could": could}))


main()
