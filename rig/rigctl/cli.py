# SPDX-License-Identifier: MIT
"""rig/rig: the rig's command line."""

import argparse
import json
import os
import sys
import time

from . import wire
from .errors import RigError
from .join import join
from .link import FdInput
from .rig import MACHINES, PLATFORMS, Rig


def cmd_up(rig, o):
    start = time.monotonic()
    Rig.up(rig.name, memory=o.memory, fresh=o.fresh, product=not o.no_product,
           kind=o.machine, cpus=o.cpus, platform=o.platform)
    print(f"rig '{rig.name}' is up ({time.monotonic() - start:.1f} s)", file=sys.stderr)
    return 0


def cmd_exec(rig, o):
    if not o.cmd:
        raise RigError("exec: which command?")
    outputs = {wire.STDOUT: 1, wire.STDERR: 2}

    def sink(kind, data):
        view = memoryview(data)
        while view:
            view = view[os.write(outputs[kind], view):]

    end = rig.run(o.cmd, FdInput(0), sink, o.timeout)
    if end.get("timed_out"):
        print(f"rig: the command's {o.timeout:g} s ran out", file=sys.stderr)
    return end["status"]


def cmd_push(rig, o):
    rig.push(o.src, o.dst, o.timeout or 600)
    return 0


def cmd_pull(rig, o):
    rig.pull(o.src, o.dst, o.timeout or 600)
    return 0


def cmd_install(rig, _o):
    rig.install()
    return 0


def cmd_console(rig, o):
    path = rig.machine.path("console.log")
    try:
        f = open(path, "rb")
    except OSError:
        raise RigError(f"no rig '{rig.name}' is up") from None
    with f:
        while True:
            data = f.read()
            if data:
                sys.stdout.buffer.write(data)
                sys.stdout.flush()
            elif not o.follow or not rig.machine.pid():
                return 0
            else:
                time.sleep(0.2)


def cmd_screenshot(rig, o):
    rig.screenshot(o.png)
    return 0


def cmd_snapshot(rig, o):
    (rig.snapshot_save if o.what == "save" else rig.snapshot_load)(o.tag)
    return 0


def cmd_join(rig, o):
    join([rig, Rig(o.other)])
    return 0


def cmd_down(rig, _o):
    rig.down()
    return 0


def cmd_status(rig, o):
    status = rig.status()
    if o.json:
        print(json.dumps(status))
    else:
        print(f"{status['name']}: {status['state']}"
              + (f" (pid {status['pid']}, {status.get('memory')} MB, files in {status['folder']})"
                 if status["pid"] else ""))
    return 0 if status["state"] == "up" else 3


# name, function, help, its own arguments
COMMANDS = (
    ("up", cmd_up, "start the rig (from a saved host when there is one) and install the product",
     (("--memory", {"type": int, "metavar": "MB", "help": "of the machine"}),
      ("--machine", {"choices": MACHINES,
                     "help": "its kind (standard; see rig/rigctl/machines.py), or intel: VMX by Bochs"}),
      ("--cpus", {"type": int, "choices": (1, 2), "help": "of intel (1)"}),
      ("--platform", {"choices": PLATFORMS, "help": "the Debian release of its dom0 (trixie)"}),
      ("--fresh", {"action": "store_true", "help": "boot, instead of using a saved host"}),
      ("--no-product", {"action": "store_true", "help": "do not install what was built"}))),
    ("exec", cmd_exec, "run a command in dom0, with this command's input, outputs and status",
     (("cmd", {"nargs": argparse.REMAINDER, "metavar": "[--] CMD..."}),)),
    ("push", cmd_push, "copy a file or directory into dom0", (("src", {}), ("dst", {}))),
    ("pull", cmd_pull, "copy a file or directory out of dom0", (("src", {}), ("dst", {}))),
    ("install", cmd_install, "put what is built now into the running rig", ()),
    ("console", cmd_console, "print what Xen and dom0 said on the serial console",
     (("--follow", {"action": "store_true", "help": "go on until the rig ends"}),)),
    ("screenshot", cmd_screenshot, "write the machine's own screen as PNG "
     "(Xen and dom0 speak on the serial console instead: see `console`)", (("png", {}),)),
    ("snapshot", cmd_snapshot, "save the running host, or take it back to where it was saved",
     (("what", {"choices": ("save", "load")}), ("tag", {}))),
    ("join", cmd_join, "put a cable between this rig's dom0 and another's (both of machine pair): "
     "10.98.0.1 and 10.98.0.2", (("other", {"metavar": "NAME"}),)),
    ("status", cmd_status, "say whether it is up (exit status 0), down, hung or dead (3)",
     (("--json", {"action": "store_true"}),)),
    ("down", cmd_down, "end the rig and remove what it had", ()),
)


def parser():
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--name", default=argparse.SUPPRESS, help="which rig (default)")
    common.add_argument("--timeout", type=float, default=argparse.SUPPRESS, metavar="S",
                        help="end the command after S seconds, with status 124")
    p = argparse.ArgumentParser(prog="rig/rig", parents=[common], description=(
        "Drives one booted Xen host (a rig). Exit status: the command's own for exec; else "
        "0 done, 1 failed, 2 usage, 3 not up (status); 125 for exec when the rig itself failed."))
    subs = p.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, function, text, arguments in COMMANDS:
        s = subs.add_parser(name, help=text, description=text, parents=[common])
        for flag, options in arguments:
            s.add_argument(flag, **options)
        s.set_defaults(function=function)
    return p


def main():
    o = parser().parse_args()
    o.timeout = getattr(o, "timeout", None)
    if o.command == "exec" and o.cmd[:1] == ["--"]:
        o.cmd = o.cmd[1:]
    try:
        return o.function(Rig(getattr(o, "name", "default")), o)
    except RigError as e:
        print(f"rig: {e}", file=sys.stderr)
        return 125 if o.command == "exec" else 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
