# SPDX-License-Identifier: MIT
"""The process of a rig on Bochs: starts it in its root and carries the rig's ports until it ends."""

import socket
import subprocess
import sys

from .bochs import bochsrc, cached
from .machine import PORTS
from .paths import CACHE, RIG
from .serialline import SerialLine, listen


def accept(server, bochs):
    """Bochs's end of the serial line; None when it has ended."""
    server.settimeout(1)
    while bochs.poll() is None:
        try:
            return server.accept()[0]
        except TimeoutError:
            pass
    return None


def main():
    """FOLDER DOM0 MEMORY CPUS: ends when Bochs does."""
    folder, dom0, memory, cpus = sys.argv[1:]
    folder, cpus = folder.removeprefix("rig:"), int(cpus)
    parts = cached(cpus)
    enter = [f"{RIG}/bochs/run", parts[0][0], CACHE, folder]
    program = f"{parts[1][0]}/bochs-bin" if cpus > 1 else "bochs-bin"
    subprocess.run([*enter, "grub-mkrescue", "-d", "/usr/lib/grub/i386-pc", "--locales=", "--themes=",
                    "--fonts=", "-o", "boot.iso", "iso"], stdin=subprocess.DEVNULL, check=True)
    with socket.create_server(("127.0.0.1", 0)) as server:
        with open(f"{folder}/bochsrc", "w", encoding="ascii") as f:
            f.write(bochsrc(folder, dom0, memory, cpus, server.getsockname()[1]))
        listeners = [listen(f"{folder}/agent-{n}.sock") for n in range(PORTS)]
        bochs = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *enter, program, "-q", "-f",
                                  "bochsrc"], stdin=subprocess.DEVNULL)
        sock = accept(server, bochs)
    if sock:
        SerialLine(sock, listeners).run()
    return bochs.wait()


if __name__ == "__main__":
    sys.exit(main())
