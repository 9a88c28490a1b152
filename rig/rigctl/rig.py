# SPDX-License-Identifier: MIT
"""A rig: one booted Xen host that tests, the demo and benches drive."""

import json
import os
import shlex
import shutil
import time
from dataclasses import dataclass

from . import console, host, transfer, wire
from .bochs import BochsMachine
from .errors import RigDead, RigError
from .link import BytesInput, Link, NoAnswer
from .machine import PORTS, Machine
from .machines import KINDS
from .paths import RIGS, Lock, state_dir

ANSWER_TIMEOUT = 60     # for the agent's first answer, on a loaded machine
GRACE = 20              # past a command's own timeout, for the agent to say so


@dataclass
class Result:
    """A command's end in dom0. status is 124 when its time ran out, 128 + N for signal N."""

    argv: list
    status: int
    stdout: bytes
    stderr: bytes
    timed_out: bool = False

    @property
    def text(self):
        return self.stdout.decode(errors="replace")

    def check(self):
        if self.status:
            raise RigError(f"in dom0: {shlex.join(self.argv)}: status {self.status}"
                           + (" (time ran out)" if self.timed_out else "")
                           + f"\n{self.stderr.decode(errors='replace')}".rstrip())
        return self


PLATFORMS = ("trixie", "trixie-backports", "forky", "bookworm")   # rig/lib/platform.sh
INTEL = "intel"
MACHINES = sorted([*KINDS, INTEL])


def machine_of(folder, kind, cpus):
    """The machine whose files are in `folder`: AMD's SVM by QEMU, or Intel's VMX by Bochs."""
    if kind == INTEL:
        return BochsMachine(folder, cpus)
    if cpus != 1:
        raise RigError("a rig has one CPU: QEMU's SVM does not stand more (docs/upstream-bugs.md)")
    return Machine(folder)


class Rig:
    """The rig called `name`, which Rig.up() starts and Rig(name) finds."""

    def __init__(self, name="default"):
        self.name = name
        self.folder = state_dir(name)
        info = self._info()
        self.machine = machine_of(self.folder, info.get("kind"), info.get("cpus", 1))

    # Life

    @classmethod
    def up(cls, name="default", memory=None, fresh=False, product=True, bound=False,
           kind=None, cpus=None, platform=None):
        """Starts the rig, or finds that it runs already. With `fresh` it boots; else it starts
        from a saved host, if its machine can be saved. With `product` it then holds what was built.
        With `bound` its machine ends with the calling process, however that ends. `kind`, of
        MACHINES, is the standard one without the argument; `platform`, of PLATFORMS, the Debian
        release that the product is made for."""
        rig = cls(name)
        _sweep()
        with rig._lock():
            if rig.machine.pid() and "started" in rig._info():
                rig.ping()
                if kind not in (None, rig.kind):
                    raise RigError(f"rig '{name}' is up with the machine '{rig.kind}'")
                if cpus not in (None, rig.machine.cpus):
                    raise RigError(f"rig '{name}' is up with {rig.machine.cpus} CPUs")
                had = rig._info().get("platform", PLATFORMS[0])
                if platform not in (None, had):
                    raise RigError(f"rig '{name}' is up with the platform '{had}'")
            else:
                rig.machine.kill()      # its starter did not finish
                kind = kind or "standard"
                rig.machine = machine_of(rig.folder, kind, cpus or 1)
                rig._start(memory or rig.machine.memory, fresh, bound, kind, platform or PLATFORMS[0])
            if product:
                rig._install()
        return rig

    def _lock(self, wait=True):
        return Lock(f"{self.folder}.lock", wait=wait)

    def _start(self, memory, fresh, bound, kind, platform):
        start = time.monotonic()
        dom0, lock = host.dom0_files(platform)
        keep = [lock]
        saved = None
        if not fresh and self.machine.can_save:
            saved, lock = host.saved_host(dom0, memory, kind)
            keep.append(lock)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self._info(memory=memory, fresh=fresh, bound=bound, kind=kind, cpus=self.machine.cpus,
                   platform=platform)
        # The machine outlives us: it holds the locks on the cached files that it runs from.
        how = {"keep_fds": [k.fd for k in keep] + host.workbench_lock(), "die_with_us": bound}
        try:
            if saved:
                host.resume(self.machine, saved, dom0, memory, kind, **how)
            else:
                host.boot(self.machine, dom0, memory, kind, **how)
        except BaseException:
            self.machine.kill()
            raise
        finally:
            for k in keep:
                k.close()
        self._info(started=time.time(), start_seconds=round(time.monotonic() - start, 2))

    def _info(self, **more):
        path = os.path.join(self.folder, "info.json")
        try:
            with open(path, encoding="utf-8") as f:
                info = json.load(f)
        except (OSError, ValueError):
            info = {}
        info.update(more)
        if more:
            with open(path + ".tmp", "w", encoding="utf-8") as f:
                json.dump(info, f)
            os.rename(path + ".tmp", path)
        return info

    @property
    def kind(self):
        """Of machines.KINDS."""
        return self._info().get("kind", "standard")

    @property
    def memory(self):
        """MB, of its machine."""
        return self._info().get("memory", self.machine.memory)

    def down(self):
        """Ends the rig and removes its files."""
        with self._lock():
            self.machine.kill()
            self._remove()

    def _remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.unlink(f"{self.folder}.lock")

    def ping(self, timeout=ANSWER_TIMEOUT):
        """Returns when the agent answers; raises RigDead when not."""
        try:
            with Link(self.folder, PORTS) as link:
                link.sync(timeout * self.machine.slow)
        except NoAnswer as e:
            raise self._dead(e) from None

    def status(self):
        """A dict; its "state" is down, up, hung or dead."""
        info = self._info() if os.path.isdir(self.folder) else {}
        pid = self.machine.pid()
        state = "down" if not info else "dead"
        if pid and not console.panicked(self.machine.path("console.log")):
            try:
                self.ping()
                state = "up"
            except RigDead:
                state = "hung"
        info.update(name=self.name, state=state, pid=pid, folder=self.folder)
        return info

    def _dead(self, cause):
        if not os.path.isdir(self.folder):
            return RigError(f"no rig '{self.name}' is up; `rig/rig --name {self.name} up` starts one")
        if cause.closed:        # QEMU is ending: let it
            self.machine.wait(5, must=False)
        if not self.machine.pid():
            cause = f"its {self.machine.emulator} has ended"
        elif console.panicked(self.machine.path("console.log")):
            console.settle(self.machine.path("console.log"))
            cause = "Xen or dom0 has panicked"
        return RigDead(self.machine.diagnosis(
            f"{cause} (`rig/rig --name {self.name} down` removes it)"))

    # Commands

    def run(self, argv, source, sink, timeout=None, env=None, cwd=None):
        """Runs argv in dom0 with `source` (link.BytesInput or link.FdInput) as its input; what
        it prints goes to sink(kind, bytes) as it comes. Returns the agent's account."""
        if isinstance(argv, str):
            argv = ["/bin/sh", "-c", argv]
        spec = {"argv": list(argv), "env": env, "cwd": cwd, "timeout": timeout}
        try:
            with Link(self.folder, PORTS) as link:
                link.alive = self._check_alive
                link.sync(ANSWER_TIMEOUT * self.machine.slow)
                deadline = time.monotonic() + (timeout + GRACE) * self.machine.slow if timeout else None
                return link.run(spec, source, sink, deadline)
        except NoAnswer as e:
            raise self._dead(e) from None

    def _check_alive(self):
        if console.panicked(self.machine.path("console.log")):
            raise NoAnswer("panic")

    def exec(self, argv, input=b"", timeout=120, env=None, cwd=None, check=False):
        """Runs argv (a list, or a string for sh -c) in dom0 and returns a Result."""
        out = {wire.STDOUT: [], wire.STDERR: []}
        end = self.run(argv, BytesInput(input), lambda kind, data: out[kind].append(data),
                       timeout, env, cwd)
        result = Result([argv] if isinstance(argv, str) else list(argv), end["status"],
                        b"".join(out[wire.STDOUT]), b"".join(out[wire.STDERR]),
                        end.get("timed_out", False))
        return result.check() if check else result

    def push(self, src, dst, timeout=600):
        """Copies a file or directory into dom0, as `cp -a SRC DST` would."""
        transfer.push(self, src, dst, timeout)

    def pull(self, src, dst, timeout=600):
        """Copies a file or directory out of dom0, as `cp -a SRC DST` would."""
        transfer.pull(self, src, dst, timeout)

    # The machine

    def snapshot_save(self, tag):
        """Saves the whole host under `tag`; a later one of the same tag replaces it."""
        self._snapshot("savevm", tag)

    def snapshot_load(self, tag):
        """Takes the whole host back to where snapshot_save(tag) was."""
        self._snapshot("loadvm", tag)
        with Link(self.folder, PORTS) as link:
            link.sync(ANSWER_TIMEOUT)
            link.set_time(ANSWER_TIMEOUT)

    def _snapshot(self, verb, tag):
        self._need_qemu("a snapshot")
        with self.machine.qmp() as qmp:
            said = qmp.command("human-monitor-command", timeout=120, command_line=f"{verb} {tag}")
            qmp.command("cont")     # a failed loadvm leaves it stopped
        if said.strip():
            raise RigError(f"rig '{self.name}': {verb} {tag}: {said.strip()}")

    def console_tail(self, lines=40):
        """The last lines that Xen and dom0 said on the serial console."""
        return console.tail(self.machine.path("console.log"), lines)

    def screenshot(self, path):
        """Writes what the machine's own screen shows, as PNG."""
        self._need_qemu("a picture of its screen")
        with self.machine.qmp() as qmp:
            qmp.command("screendump", filename=os.path.abspath(path), format="png")

    def _need_qemu(self, what):
        if not self.machine.can_save:
            raise RigError(f"rig '{self.name}': {what} needs QEMU, and its machine is "
                           f"{self.machine.emulator}")

    # The product

    def install(self):
        """Puts what is built now into the running rig."""
        with self._lock():
            self._install()

    def _install(self):
        from . import product
        product.install(self, self._info().get("platform", PLATFORMS[0]) == PLATFORMS[0])


def _sweep():
    """Removes what bound rigs left whose process was killed."""
    for name in os.listdir(RIGS) if os.path.isdir(RIGS) else []:
        if not os.path.isdir(os.path.join(RIGS, name)):
            continue
        try:
            with Rig(name)._lock(wait=False):
                rig = Rig(name)
                if rig._info().get("bound") and not rig.machine.pid():
                    rig._remove()
        except BlockingIOError:
            pass
