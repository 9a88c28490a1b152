# SPDX-License-Identifier: MIT
"""Debian packages that one test needs in a rig's dom0: fetched by apt in the workbench, for exactly what
that dom0 lacks, and installed there. The rig has no network of its own."""
import os
import subprocess
import tempfile

SECONDS = 600
INSTALL = """
set -e
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive dpkg -i --force-confnew "$1"/*.deb
rm -rf "$1"
"""


def fetch(rig, folder, names):
    """The files of all that is missing; none when dom0 has them all. Raises CalledProcessError when the mirror
    does not give them."""
    status = os.path.join(folder, "status")
    rig.pull("/var/lib/dpkg/status", status)
    archives = os.path.join(folder, "archives")
    os.makedirs(f"{archives}/partial")
    apt = ["apt-get", "-q", "-y", "-o", "Acquire::Retries=2"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "check": True,
             "timeout": SECONDS}
    subprocess.run(apt + ["update"], **quiet)
    subprocess.run(apt + ["-o", f"Dir::State::status={status}", "-o", f"Dir::Cache::archives={archives}",
                          "-o", "APT::Sandbox::User=root", "--no-install-recommends",
                          "--download-only", "install", *names], **quiet)
    os.rmdir(f"{archives}/partial")
    return archives


def install(rig, names):
    with tempfile.TemporaryDirectory() as folder:
        archives = fetch(rig, folder, names)
        if any(name.endswith(".deb") for name in os.listdir(archives)):
            rig.push(archives, "/root/debs-of-test")
            rig.exec(["sh", "-c", INSTALL, "install", "/root/debs-of-test"], timeout=SECONDS, check=True)
