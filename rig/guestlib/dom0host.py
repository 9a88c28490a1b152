# SPDX-License-Identifier: MIT
"""The rig's dom0 as system tests see it: commands, files, the toolstack, what exists."""
import json
import os
import shutil
import sys
import tempfile
import time

from .service import Service

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tests/system/parts/guests"))
import mkdisk  # noqa: E402
import mkiso  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ASSETS = "/opt/guests"  # where guests, disks and our service are in dom0
SMALL = 16384  # bytes that may go through a slow port
DISKS = 4  # how many different test disks there are


class CommandFailed(Exception):
    def __init__(self, argv, done):
        super().__init__(f"{' '.join(argv)}: exit status {done.status}\n{done.stdout}{done.stderr}")
        self.done = done


class Done:
    """A command's end in dom0, its output as text."""

    def __init__(self, status, stdout, stderr, seconds):
        self.status, self.stdout, self.stderr, self.seconds = status, stdout, stderr, seconds

    @property
    def text(self):
        return self.stdout + self.stderr


class Dom0:
    """A rig with the product and our guests in it."""

    def __init__(self, rig):
        self.rig = rig
        self.service = None

    def run(self, *argv, stdin=b"", timeout=120, check=True):
        start = time.monotonic()
        argv = [str(a) for a in argv]
        result = self.rig.exec(argv, input=stdin, timeout=timeout)
        done = Done(result.status, result.stdout.decode(errors="replace"),
                    result.stderr.decode(errors="replace"), time.monotonic() - start)
        if check and done.status:
            raise CommandFailed(argv, done)
        return done

    def shell(self, script, **how):
        return self.run("sh", "-c", script, **how)

    def install_assets(self, build):
        """Puts the test guests, their disks and our service where they are expected."""
        guests = f"{build}/tests/system/parts/guests"
        with tempfile.TemporaryDirectory(dir=build) as folder:
            shutil.copytree(f"{HERE}/dom0", f"{folder}/dom0",
                            ignore=shutil.ignore_patterns("__pycache__"))
            for name in ["direct.cpio", "usb.cpio", "vmlinuz", "uefi.img"]:
                os.link(f"{guests}/{name}", f"{folder}/{name}")
            with open(f"{guests}/bios.bin", "rb") as f:
                boot = f.read()
            for n in range(DISKS):
                for name, code in (("data", b""), ("bios", boot)):
                    with open(f"{folder}/{name}{n}.img", "wb") as f:
                        f.write(mkdisk.make_disk(n, boot=code))
            with open(f"{folder}/boot.iso", "wb") as f:
                f.write(mkiso.make_iso(boot))
            with open(f"{folder}/boot.pxe", "wb") as f:
                f.write(mkiso.loaded_whole(boot))
            self.run("rm", "-rf", ASSETS)
            self.rig.push(folder, ASSETS)
        self.service = Service(self.rig, ["python3", f"{ASSETS}/dom0/server.py"])

    def close(self):
        if self.service:
            self.service.close()
            self.service = None

    def call(self, op, limit=60, /, **args):
        """An operation of dom0/server.py."""
        return self.service.call(op, limit, **args)

    def write(self, path, data):
        if isinstance(data, str):
            data = data.encode()
        if self.rig.machine.bulk_by_disk and len(data) > SMALL:
            with tempfile.NamedTemporaryFile() as f:
                f.write(data)
                f.flush()
                os.chmod(f.name, 0o644)
                self.rig.push(f.name, path)
            return
        self.shell(f'mkdir -p "$(dirname "{path}")" && cat >"{path}"', stdin=data)

    def read(self, path):
        return self.run("cat", path).stdout

    def scan(self):
        return self.call("scan", 120)

    def domains(self):
        """Name to domid, dom0 left out, as `xl list` shows them."""
        out = {}
        for line in self.run("xl", "list").stdout.splitlines()[1:]:
            name, domid = line.split()[:2]
            if domid != "0":
                out[name] = int(domid)
        return out

    def domid(self, name):
        """None when there is no such domain."""
        return self.call("domains").get(name)

    def xenstore(self, path):
        """A node's value, or None."""
        return self.call("xenstore_read", path=path)

    def wait_gone(self, *names, seconds=120):
        if not self.call("wait_no_domain", seconds, names=names, seconds=seconds):
            raise AssertionError(f"still there after {seconds} s: {self.run('xl', 'list').stdout}")

    def wait_listed(self, *names, seconds=120):
        """Until `xl list` shows these domains and no other. Xen lists a dead one, without its name,
        while somebody in dom0 still has a page of it."""
        end = time.monotonic() + seconds
        while set(self.domains()) != set(names):
            if time.monotonic() > end:
                raise AssertionError(f"not {names} after {seconds} s: {self.run('xl', 'list').stdout}")

    def wait_file(self, path, pattern, count=1, seconds=360):
        """The file's text, once it holds the pattern this often."""
        answer = self.call("wait_file", seconds, path=path, pattern=pattern, count=count,
                           seconds=seconds)
        if not answer["found"]:
            raise AssertionError(f"{path}: no '{pattern}' within {seconds} s:\n{answer['text']}")
        return answer["text"]

    def qmp(self, *steps):
        """The outcome of each step (dom0/qmp_talk.py)."""
        return json.loads(self.run("python3", f"{ASSETS}/dom0/qmp_talk.py", timeout=300,
                                   stdin=json.dumps(steps).encode()).stdout)

    def strike(self, guest, stage, action, seconds=180, command=None, name=None):
        """See dom0/strike.py. Without a command: xl create. `name`: the guest's while it is made."""
        return self.call("strike", 2 * seconds, command=command or ["xl", "create", guest.config_path],
                         guest=name or guest.name, stage=stage, action=action, seconds=seconds)

    def strike_replace(self, guest, phase, *victims, args=(), seconds=60):
        """See dom0/strike.py."""
        return self.call("strike_replace", 4 * seconds, guest=guest.name, domid=guest.domid,
                         phase=phase, victims=victims, args=args, seconds=seconds)

    def strike_take(self, guest, fate, seconds=60):
        """See dom0/strike.py."""
        return self.call("strike_take", 4 * seconds, guest=guest.name, domid=guest.domid, fate=fate,
                         seconds=seconds)

    def sector(self, path, lba):
        """One sector of a file in dom0."""
        return self.rig.exec(["dd", f"if={path}", "bs=512", f"skip={lba}", "count=1",
                              "status=none"]).stdout

    def qemu_processes(self):
        """The finds of `pgrep -f qemu-system`, dom0's QEMU included, one a line."""
        return self.run("pgrep", "-af", "qemu-system", check=False).stdout.splitlines()
