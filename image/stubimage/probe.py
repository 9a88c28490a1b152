# SPDX-License-Identifier: MIT
"""Asks the QEMU of an image what the toolstack asks when it probes a device model."""
import json
import os
import subprocess
import tempfile

from . import contents, cpio

TIMEOUT = 60


class ProbeError(Exception):
    pass


class Unpacked:
    """The root archive in a temporary directory, from which its QEMU can be run."""

    def __init__(self, archive, loader, qemu):
        self._dir = tempfile.TemporaryDirectory(prefix="stubdom-image-")
        root = self._dir.name
        for _, entry in cpio.read(archive):
            path = os.path.join(root, entry.name)
            if entry.is_file:
                with open(path, "wb") as f:
                    f.write(entry.data)
                os.chmod(path, entry.mode & 0o777)
            elif not os.path.isdir(path) and entry.data == b"" and entry.rdev == (0, 0):
                os.mkdir(path)
        # The archive's own loader, with its libraries and none of this system's.
        self.command = [root + loader, "--inhibit-cache", "--library-path",
                        f"{root}/lib/x86_64-linux-gnu", root + qemu]
        self.data = f"{root}/usr/share/qemu"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._dir.cleanup()

    def run(self, arguments, text_in=""):
        env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
        # A file and no pipe: QEMU writes without waiting, and drops at its end what a full pipe
        # did not take.
        with tempfile.TemporaryFile("w+", encoding="utf-8") as out:
            run = subprocess.run(self.command + arguments, input=text_in, text=True, env=env,
                                 stdout=out, stderr=subprocess.PIPE, timeout=TIMEOUT)
            if run.returncode != 0:
                raise ProbeError(f"QEMU {' '.join(arguments)}: exit status {run.returncode}: "
                                 + run.stderr.strip())
            out.seek(0)
            return out.read()


def _parse_replies(text):
    replies = []
    for line in text.splitlines():
        message = json.loads(line)
        if "error" in message:
            raise ProbeError(f"QEMU: {message['error'].get('desc')}")
        if "QMP" in message or "return" in message:
            replies.append(message)
    return replies


def reduce_schema(entries):
    """The part of query-qmp-schema on commands' answers and events: the relay makes each message of
    a stub domain anew from it. Commands' arguments are left out."""
    by_name = {entry["name"]: entry for entry in entries}
    kept = {}

    def keep(name):
        if name in kept:
            return
        entry = kept[name] = {key: value for key, value in by_name[name].items()
                              if key not in ("features", "allow-oob")}
        if entry["meta-type"] == "command":
            del entry["arg-type"]
        elif entry["meta-type"] == "enum" and "members" in entry:
            # "values" is the older form of the same.
            entry["values"] = [member["name"] for member in entry.pop("members")]
        for key in ("ret-type", "arg-type", "element-type"):
            if key in entry:
                keep(entry[key])
        for key in ("members", "variants"):
            if key in entry:
                entry[key] = [{k: v for k, v in item.items() if k != "features"}
                              for item in entry[key]]
                for item in entry[key]:
                    keep(item["type"])

    for entry in entries:
        if entry["meta-type"] in ("command", "event"):
            keep(entry["name"])
    return sorted(kept.values(), key=lambda entry: entry["name"])


def name_machines(machines):
    """Each name that -machine takes, with the machine that it stands for. QEMU's next version may give a short
    one to another machine, with another form of its devices' state."""
    return {name: machine["name"] for machine in machines
            for name in (machine["name"], machine.get("alias")) if name}


def ask(unpacked):
    """The manifest's "qemu" members that QEMU itself answers.

    accel=qtest and not accel=xen: no Xen is needed to build an image, and the
    answers describe the program, not the machine.
    """
    commands = ("qmp_capabilities",) + contents.PROBE_COMMANDS + (
        "query-qmp-schema", "query-machines", "quit")
    text = "".join(json.dumps({"execute": c}) + "\n" for c in commands)
    replies = _parse_replies(unpacked.run(
        ["-L", unpacked.data, "-S", "-no-user-config", "-nodefaults", "-nographic",
         "-machine", "none,accel=qtest", "-qmp", "stdio"], text))
    if len(replies) < len(commands):
        raise ProbeError("QEMU: ended before it had answered the probe")
    version = replies[2]["return"]["qemu"]
    schema, machines = (reply["return"] for reply in replies[2 + len(contents.PROBE_COMMANDS):][:2])
    # Both texts name the program by the path it was started with.
    name = os.path.basename(contents.QEMU)
    return {
        "version": "{major}.{minor}.{micro}".format(**version),
        "version_text": unpacked.run(["-version"]),
        "help_text": unpacked.run(["-help"]).replace(unpacked.command[-1], name)
                             .replace(unpacked.command[0], name),
        "probe": {
            "greeting": replies[0],
            "commands": dict(zip(contents.PROBE_COMMANDS, replies[2:])),
        },
        "schema": reduce_schema(schema),
        "machines": name_machines(machines),
    }
