# SPDX-License-Identifier: MIT
"""The rig's machine: QEMU's command line, its start, its life as a process."""

import os
import signal
import subprocess
import time

from . import console
from .cpio import Cpio
from .errors import RigDead, RigError
from .machines import KINDS, make_disks
from .paths import RIG
from .qmp import Qmp

QEMU = "qemu-system-x86_64"
PORTS = 12              # how many commands can run at once
PRODUCT_SIZE = 512 << 20

# Without SVM there are no HVM guests. The CPU flags that are off make Xen 4.20 or its guests fail
# under software emulation. smap/smep: dom0 dies in its first bounce frame; monitor: Xen panics in
# mwait; rdtscp: instruction mismatches; sha-ni: a program's sum is wrong when Xen has not given it its
# registers back yet (docs/upstream-bugs.md).
CPU = "EPYC,+svm,+npt,-smap,-smep,-monitor,-rdtscp,-sha-ni,-xsave,-avx,-avx2," \
      "-fxsr-opt,-misalignsse,-osvw,-topoext,-nrip-save,-xsavec"    # not emulated anyway
XEN_ARGS = ("cpuidle=0 console=com1 com1=115200,8n1 dom0_mem=1536M,max:1536M no-real-mode "
            "spec-ctrl=no noreboot bootscrub=0 loglvl=info guest_loglvl=info")
DOM0_ARGS = "console=hvc0 loglevel=4 panic=-1 random.trust_cpu=on net.ifnames=0"


def initrd(dom0):
    """dom0's initramfs: what mounts its root, and our programs for its user space."""
    c = Cpio()
    for folder in ("bin", "dev", "proc", "sys", "root", "modules", "rig"):
        c.folder(folder)
    c.device("dev/console", 5, 1)
    c.copy("bin/busybox", f"{dom0}/busybox")
    for name in ("sh", "mount", "umount", "insmod", "findfs", "usleep", "cp", "switch_root",
                 "poweroff"):
        c.link(f"bin/{name}", "busybox")
    for name in sorted(os.listdir(f"{dom0}/modules")):
        c.copy(f"modules/{name}", f"{dom0}/modules/{name}")
    c.copy("init", f"{RIG}/dom0/initrd-init")
    c.copy("rig/init", f"{RIG}/dom0/init")
    for name in ("agent.py", "serial.py"):
        c.copy(f"rig/{name}", f"{RIG}/dom0/{name}")
    c.copy("rig/wire.py", f"{RIG}/rigctl/wire.py")
    return c.finish()


def arguments(folder, dom0, memory, kind="standard", incoming=False):
    """QEMU's command line for a machine of machines.KINDS. Sockets and logs are named relative to
    `folder`, its working directory: a socket's address has no room for a long path. One CPU: with
    more, TCG's SVM loses a guest's state now and then (docs/upstream-bugs.md)."""
    words = f"{DOM0_ARGS} {KINDS[kind].dom0}".rstrip()
    args = [
        QEMU, "-name", f"rig:{folder}", "-no-user-config", "-nodefaults", "-display", "none",
        "-machine", "q35",
        "-accel", "tcg,thread=multi", "-cpu", CPU, "-smp", "1", "-m", f"{memory}M",
        "-rtc", "base=utc,clock=host", "-action", "reboot=shutdown",
        "-kernel", f"{dom0}/xen", "-append", f"{XEN_ARGS} {KINDS[kind].xen}".rstrip(),
        "-initrd", f"{dom0}/vmlinuz {words},{folder}/initrd.img",
        "-vga", "std",
        "-chardev", "file,id=console,path=console.log,append=on", "-serial", "chardev:console",
        "-qmp", "unix:qmp.sock,server=on,wait=off",
        "-gdb", "unix:gdb.sock,server=on,wait=off",
        "-blockdev", "driver=file,node-name=root-file,filename=disk.qcow2",
        "-blockdev", "driver=qcow2,node-name=root,file=root-file,discard=unmap",
        "-device", "virtio-blk-pci,drive=root,serial=root",
        "-blockdev", "driver=file,node-name=product-file,filename=product.img",
        "-blockdev", "driver=raw,node-name=product,file=product-file,read-only=on",
        "-device", "virtio-blk-pci,drive=product,serial=product",
        "-device", f"virtio-serial-pci,max_ports={PORTS + 1}",
    ]
    for n in range(PORTS):
        args += ["-chardev", f"socket,id=agent{n},path=agent-{n}.sock,server=on,wait=off",
                 "-device", f"virtserialport,chardev=agent{n},name=rig.{n:02d},nr={n + 1}"]
    args += KINDS[kind].devices
    if incoming:
        args += ["-incoming", "defer"]
    return args


class Machine:
    """A QEMU process whose files are in `folder`."""

    slow = 1            # how many times longer than on QEMU a thing may take
    can_save = True
    bulk_by_disk = False    # files travel on the product's disk: its ports are slow
    memory = 4096       # MB, if nobody asks for another size
    emulator = "QEMU"
    cpus = 1

    def __init__(self, folder):
        self.folder = folder
        self.proc = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def prepare(self, dom0, backing, backing_format, kind="standard"):
        """The files that the emulator expects to find."""
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing,
                        "-F", backing_format, self.path("disk.qcow2")], check=True)
        with open(self.path("product.img"), "wb") as f:
            f.truncate(PRODUCT_SIZE)
        with open(self.path("initrd.img"), "wb") as f:
            f.write(initrd(dom0))
        make_disks(KINDS[kind], self.folder)

    def arguments(self, dom0, memory, kind):
        """The command that boots it."""
        return arguments(self.folder, dom0, memory, kind)

    def start(self, args, keep_fds=(), die_with_us=False):
        if die_with_us:
            args = ["setpriv", "--pdeathsig", "KILL", *args]
        with open(self.path("qemu.log"), "ab") as log:
            self.proc = subprocess.Popen(args, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                                    stderr=log, pass_fds=keep_fds, start_new_session=True)
        with open(self.path("pid"), "w", encoding="ascii") as f:
            f.write(str(self.proc.pid))

    def pid(self):
        """The process id, or None when there is no such process any more."""
        if self.proc:
            return self.proc.pid if self.proc.poll() is None else None
        try:
            with open(self.path("pid"), encoding="ascii") as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                # The number may be another process's by now.
                if f"rig:{self.folder}".encode() in f.read().split(b"\0"):
                    return pid
        except (OSError, ValueError):
            pass
        return None

    def qmp(self, timeout=20):
        deadline = time.monotonic() + timeout
        while True:
            try:
                return Qmp(self.path("qmp.sock"))
            except OSError as e:
                if not self.pid():
                    raise RigDead(self.diagnosis("its QEMU is not running")) from None
                if time.monotonic() > deadline:
                    raise RigError(f"no connection to the rig's QEMU: {e}") from None
            time.sleep(0.02)

    def kill(self):
        pid = self.pid()
        if not pid:
            return
        os.kill(pid, signal.SIGKILL)
        self.wait(20)

    def wait(self, timeout, must=True):
        """Waits until the process has ended; it is an error if it `must` and does not."""
        deadline = time.monotonic() + timeout
        while self.pid():
            if time.monotonic() > deadline:
                if not must:
                    return
                raise RigError(f"the rig's {self.emulator} (process {self.pid()}) does not end")
            time.sleep(0.01)

    def diagnosis(self, what):
        """`what`, with the last words of the machine and its emulator."""
        text = [f"rig '{os.path.basename(self.folder)}': {what}"]
        text += console.sections(self.path("console.log"), self.path("qemu.log"))
        return "\n".join(text)
