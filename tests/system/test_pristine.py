# SPDX-License-Identifier: MIT
"""The package on a plain Debian Xen host: installed by apt, upgraded and downgraded under a guest,
on for the whole host, purged; and nothing is left."""
import os
import pathlib
import re
import shutil

import pytest

from guestlib import package, schema
from guestlib.dom0host import Dom0
from guestlib.guest import Guest
from rigctl.rig import Rig

QEMU = package.QEMU
FOLDER = "/root/packages"
INSTALL = 900  # an image is made, by an emulated CPU
# Nothing of it changes with a package but dpkg's own books, logs and caches.
FILES = ("find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /dev "
         "-o -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /var/lib/apt "
         f"-o -path {FOLDER} -o -path /opt -o -path /var/lib/xen \\) -prune -o -print")


@pytest.fixture(scope="module", name="plain_host")
def start_plain_host(build):
    if not package.commit():
        pytest.skip("no git history: nothing is committed here")
    rig = Rig.up(f"pristine-{os.getpid()}", product=False, bound=True)
    host = Dom0(rig)
    host.install_assets(build)
    yield host
    host.close()
    rig.down()


@pytest.fixture(scope="module", name="debs")
def make_debs(plain_host, tmp_path_factory):
    """The package, a later one and an earlier one, in the host; and its QEMU, and a newer one."""
    where = tmp_path_factory.mktemp("debs")
    deb = package.package()
    package.with_version(deb, "9.0", where / "later.deb")
    package.with_version(deb, "0.0.1", where / "earlier.deb")
    shutil.copy(deb, where / "first.deb")
    shutil.copy(f"{package.TREE}/packaging/debian/tests/guest", where)
    parts = tmp_path_factory.mktemp("parts")
    version = package.run("dpkg-query", "-Wf", "${Version}", "qemu-system-xen")
    shutil.copy(package.repack_qemu(parts), where / "qemu.deb")
    shutil.copy(package.repack_qemu(parts, version + "+newer"), where / "newer-qemu.deb")
    plain_host.rig.push(str(where), FOLDER)
    return {name: f"{FOLDER}/{name}.deb" for name in ("first", "later", "earlier", "qemu", "newer-qemu")}


def files(host):
    return set(host.shell(FILES, timeout=300).stdout.splitlines())


def verify(host):
    """Files of the packages beside ours that are missing or changed, but for texts, which the rig's
    root leaves out."""
    found = host.run("dpkg", "--verify", "qemu-system-xen", "xen-utils-common", "seabios",
                     "ipxe-qemu", timeout=300)
    return [line for line in found.text.splitlines()
            if not any(f" /usr/share/{place}/" in line for place in ("doc", "man", "locale"))]


def apt(host, *words):
    """Without a network: all that the package needs is there."""
    return host.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-y",
                    "--allow-downgrades", "--no-install-recommends", *words, timeout=INSTALL).text


def launchers(host):
    return host.run("pgrep", "-x", "stubdom-dm", check=False).stdout.split()


def older(host):
    (guest,) = schema.check("list", host.run("stubdom", "list", "--json").stdout)["guests"]
    return guest["image_older"]


def check_the_first_hour(host):
    """The guest of docs/quickstart.md, smaller than there."""
    page = pathlib.Path(package.TREE, "docs/quickstart.md").read_text(encoding="utf-8")
    script = re.search(r"```\n(truncate .*?\nxl create .*?)```", page, re.S).group(1)
    for there, here in (("memory = 1024", "memory = 64"), ("-s 10G", "-s 16M"), ("/srv/", "/opt/"),
                        ("/opt/debian.iso", "/opt/first.iso")):
        assert there in script, there
        script = script.replace(there, here)
    host.shell(f"truncate -s 1M /opt/first.iso; {script}", timeout=300)
    assert set(host.domains()) == {"first", "first-dm"}
    for line in re.findall(r"^\| `(stubdom (?:screenshot|status) [^`]*)`", page, re.M):
        host.shell(f"cd /run; {line}", timeout=120)
    assert host.run("test", "-s", "/run/screen.png").status == 0
    host.run("xl", "destroy", "first", timeout=120)
    host.wait_gone("first", "first-dm")
    host.run("rm", "/run/screen.png", "/etc/xen/first.cfg")


@pytest.mark.timeout(1800)
def test_a_plain_host(plain_host, debs):
    host = plain_host
    host.run("dpkg", "-i", debs["qemu"], timeout=INSTALL)
    before = files(host)
    assert verify(host) == []
    assert host.run("sh", "-c", "command -v stubdom", check=False).status != 0

    apt(host, "install", debs["first"])
    assert "stubdom-dm" in host.run("stubdom-dm", "--version").stdout
    host.run("stubdom", "image", "verify")
    said = host.run("stubdom", "doctor", check=False)
    assert said.status == 0, said.text

    # By one line, with the options of nobody.
    guest = Guest(host, "lined", device_model_override="/usr/bin/stubdom-dm").prepare()
    host.run("install", "-d", "-m", "0755", "-o", "daemon", "/run/qemu-stubdom")
    guest.start()
    assert host.run("stat", "-c", "%a %U", "/run/qemu-stubdom").stdout == "700 root\n"
    assert set(host.domains()) == {"lined", "lined-dm"}
    assert host.qemu_processes() == []
    pid = launchers(host)
    assert len(pid) == 1

    # Up and down under it: it runs on.
    for name, version in (("later", "9.0"), ("earlier", "0.0.1"), ("first", None)):
        apt(host, "install", debs[name])
        if version:
            assert host.run("dpkg-query", "-Wf", "${Version}", "qemu-stubdom").stdout == version
        assert launchers(host) == pid
        assert guest.ask("echo well", "echo well").endswith("echo well\n")
    # QEMU up under it: the image is made anew, and the guest is marked.
    assert not older(host)
    apt(host, "install", debs["newer-qemu"])
    assert older(host)
    assert host.run("stubdom", "image", "verify").status == 0
    assert guest.ask("echo well", "echo well").endswith("echo well\n")
    guest.end()
    guest.detach()
    host.wait_listed()

    # As a new user does it, and as Debian's own test of the package.
    check_the_first_hour(host)
    host.run("sh", f"{FOLDER}/guest", timeout=300)

    # On for the whole host, and guests that name nothing.
    host.run("stubdom", "enable")
    assert verify(host) == []
    host.wait_listed()
    plain = Guest(host, "plain").prepare()
    plain.start()
    assert set(host.domains()) == {"plain", "plain-dm"}

    # Removed under a guest: it runs on, ends as ever, and the next one is as before.
    apt(host, "remove", "qemu-stubdom")
    assert host.run("test", "-f", QEMU, "-a", "!", "-L", QEMU).status == 0
    assert plain.ask("echo well", "echo well").endswith("echo well\n")
    plain.end()
    plain.detach()
    host.wait_listed()
    assert launchers(host) == []
    plain.start()
    assert set(host.domains()) == {"plain"}
    assert len(host.qemu_processes()) == 1
    plain.remove()
    guest.remove()

    apt(host, "purge", "qemu-stubdom")
    host.run("dpkg", "-i", debs["qemu"], timeout=INSTALL)
    assert files(host) == before
    assert verify(host) == []
    assert host.run("dpkg-divert", "--list", "*qemu*").stdout == ""
