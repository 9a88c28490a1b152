# SPDX-License-Identifier: MIT
"""Two rigs joined by a cable, each dom0 with the product, the tests' guests, and ssh to the
other and to itself."""
import os

from rigctl.join import ADDRESSES, join
from rigctl.rig import Rig

from . import debs
from .dom0host import Dom0

KEY = """
set -e
mkdir -p /run/sshd /root/.ssh
chmod 700 /root/.ssh
[ -e /root/.ssh/id_ed25519 ] || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
printf 'Host *\\n\\tStrictHostKeyChecking accept-new\\n\\tBatchMode yes\\n\\tServerAliveInterval 5\\n' >/root/.ssh/config
cat /root/.ssh/id_ed25519.pub
"""
LISTEN = ("chmod 600 /root/.ssh/authorized_keys; pgrep -x sshd >/dev/null || "
          "/usr/sbin/sshd -o ClientAliveInterval=5")


def start(build, packages=(), name=None):
    """The two hosts, with these Debian packages besides. `name`: rigs to use and to keep."""
    rigs = [Rig.up(f"{name or f'pair-{os.getpid()}'}-{n}", bound=not name, kind="pair")
            for n in (1, 2)]
    join(rigs)
    hosts = [Dom0(rig) for rig in rigs]
    for host, address in zip(hosts, ADDRESSES):
        host.address = address
        host.install_assets(build)
        debs.install(host.rig, ["openssh-server", *packages])
    keys = "".join(host.shell(KEY).stdout for host in hosts)
    for host in hosts:
        host.write("/root/.ssh/authorized_keys", keys)
        host.shell(LISTEN)
    return hosts


def end(hosts, keep=False):
    for host in hosts:
        host.close()
        if not keep:
            host.rig.down()
