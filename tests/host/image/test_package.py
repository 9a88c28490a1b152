# SPDX-License-Identifier: MIT
"""The Debian package: built from what is committed, installed into the workbench, which is thrown
away, and removed again."""
import json
import os
import shutil

import pytest
from guestlib import package
from guestlib.package import run

# The first test that needs the package builds it, one builds it twice.
pytestmark = pytest.mark.timeout(2 * package.SECONDS + 120)

PROGRAMS = {
    "/usr/bin/stubdom": 0o755, "/usr/bin/stubdom-dm": 0o755,
    "/usr/libexec/qemu-stubdom/build-image": 0o755,
    "/usr/libexec/qemu-stubdom/kernel-nub": 0o644,
    "/usr/libexec/qemu-stubdom/stubdom-agent": 0o755,
    "/usr/libexec/qemu-stubdom/stubdom-block": 0o755,
    "/usr/libexec/qemu-stubdom/stubdom-relay": 0o755,
    "/usr/sbin/stubdom-select": 0o755, "/etc/apparmor.d/stubdom-relay": 0o644,
    "/usr/libexec/qemu-stubdom/stubdom-vif": 0o755,
    "/usr/share/bash-completion/completions/stubdom": 0o644,
    "/usr/share/bug/qemu-stubdom": 0o755,
    "/usr/share/fish/vendor_completions.d/stubdom.fish": 0o644,
    "/usr/share/zsh/site-functions/_stubdom": 0o644,
    "/usr/share/man/man1/stubdom.1.gz": 0o644, "/usr/share/man/man5/stubdom.conf.5.gz": 0o644,
    "/usr/share/man/man5/stubdom-topology.5.gz": 0o644,
    "/usr/share/man/man7/stubdom-nub.7.gz": 0o644, "/usr/share/man/man8/stubdom-dm.8.gz": 0o644,
    "/usr/include/qemu-stubdom/stubdom.h": 0o644,
    "/usr/lib/systemd/system/qemu-stubdom.slice": 0o644,
    "/usr/share/pkgconfig/qemu-stubdom.pc": 0o644,
    "/usr/share/qemu-stubdom/schema/plan.schema.json": 0o644,
    "/usr/share/doc/qemu-stubdom/README.md.gz": 0o644,
}


@pytest.fixture(scope="module", name="deb")
def build_deb():
    if not os.path.exists(package.WORKBENCH) or not shutil.which("dh"):
        pytest.skip("only in the workbench")
    if not package.commit():
        pytest.skip("no git history: nothing is committed here")
    return package.package()


def test_twice_the_same_bytes(deb, tmp_path):
    """Another folder, another time, somebody's own clone; one commit."""
    # A hard link to one of our objects would get the other owner, too.
    run("git", "clone", "-q", "--no-hardlinks", package.TREE, f"{tmp_path}/clone")
    run("chown", "-R", "1000:1000", f"{tmp_path}/clone")
    again = package.build(tmp_path / "out", f"{tmp_path}/clone")
    assert os.path.basename(again) == os.path.basename(deb)
    with open(deb, "rb") as one, open(again, "rb") as other:
        assert one.read() == other.read(), f"see diffoscope {deb} {again}"


def test_lintian_finds_nothing(deb):
    if not package.need("lintian"):
        pytest.skip("the mirror does not give lintian")
    assert run("lintian", "--allow-root", "--pedantic", "--display-info", deb) == ""


def test_its_own_tests(deb):
    """autopkgtest's, the one that needs no Xen."""
    run("dpkg", "--force-depends", "-i", deb)
    try:
        run(f"{package.TREE}/packaging/debian/tests/programs")
    finally:
        run("dpkg", "--force-depends", "--purge", "qemu-stubdom")


def test_it_says_what_it_needs(deb):
    depends = run("dpkg-deb", "-f", deb, "Depends").replace("\n", " ").split(", ")
    names = {d.split()[0] for d in depends}
    assert {"qemu-system-xen", "libc6"} <= names
    assert "linux-image-amd64" not in names  # nub is enough
    assert run("dpkg-deb", "-f", deb, "Suggests").strip() == "apparmor, linux-image-amd64"
    assert run("dpkg-deb", "-f", deb, "Architecture").strip() == "amd64"


def files_of(deb):
    """path: mode, of the files in it."""
    out = {}
    for line in run("dpkg-deb", "-c", deb).splitlines():
        mode, owner, *_, path = line.split(None, 5)
        assert owner == "root/root", line
        if mode[0] == "-":
            bits = [int("".join("0" if c == "-" else "1" for c in mode[i:i + 3]), 2)
                    for i in (1, 4, 7)]
            out[path.removeprefix(".")] = bits[0] << 6 | bits[1] << 3 | bits[2]
    return out


def test_its_files(deb):
    files = files_of(deb)
    for path, mode in PROGRAMS.items():
        assert files.get(path) == mode, path
    # Pages for people are not beside files of programs.
    for path, mode in files.items():
        assert not (path.startswith("/usr/libexec") and path.endswith(".md")), path
        assert mode & 0o022 == 0, path


def test_installed_and_removed(deb):
    """The image is made at installation; nothing is left after a purge."""
    before = set(os.listdir("/usr/libexec"))
    run("dpkg", "--force-depends", "-i", deb)
    try:
        assert "stubdom-dm" in run("/usr/bin/stubdom-dm", "--version")
        run("/usr/bin/stubdom", "image", "verify")
        # Where the profile slim has its own.
        run("/usr/bin/stubdom", "image", "build", "--output", "/var/lib/qemu-stubdom/slim")
        # For reportbug: the versions, and no guest's name.
        said = run("sh", "-c", "/usr/share/bug/qemu-stubdom 3>&1")
        assert "-- stubdom doctor:\nfail  xen" in said and "\nQEMU " in said, said
        assert "\npackage " not in said
        assert "# keys: begin" in open("/etc/qemu-stubdom/stubdom.conf", encoding="utf-8").read()
    finally:
        said = run("dpkg", "--force-depends", "--purge", "qemu-stubdom")
    assert "not empty" not in said
    assert set(os.listdir("/usr/libexec")) == before
    for path in ("/usr/bin/stubdom", "/usr/bin/stubdom-dm", "/etc/qemu-stubdom",
                 "/var/lib/qemu-stubdom"):
        assert not os.path.exists(path), path


QEMU = package.QEMU
SELECT = "/usr/sbin/stubdom-select"


def size_of_qemu():
    return os.stat(QEMU).st_size


def image_packages():
    with open("/var/lib/qemu-stubdom/image/manifest.json", encoding="utf-8") as f:
        return {p["name"]: p["version"] for p in json.load(f)["packages"]}


def verify_qemu():
    """Files of it that are missing or changed, but for texts, which the workbench leaves out."""
    return [line for line in run("dpkg", "--verify", "qemu-system-xen").splitlines()
            if " /usr/share/doc/" not in line]


def check_enabled(size):
    assert os.readlink(QEMU) == SELECT
    assert os.stat(f"{QEMU}.distrib").st_size == size
    assert verify_qemu() == []
    # No guest of Xen's: QEMU's own text.
    assert run(QEMU, "--version").startswith("QEMU emulator version")


def check_stock(size):
    assert os.path.isfile(QEMU) and not os.path.islink(QEMU)
    assert size_of_qemu() == size
    assert not os.path.exists(f"{QEMU}.distrib")
    assert run("dpkg-divert", "--listpackage", QEMU) == ""
    assert verify_qemu() == []


def test_on_for_the_whole_host(deb, tmp_path):
    """enable stays through upgrades of QEMU and of the package itself; disable and purge put QEMU
    back, the one that is installed by then."""
    version = run("dpkg-query", "-f", "${Version}", "-W", "qemu-system-xen")
    size = size_of_qemu()
    same, newer = package.repack_qemu(tmp_path), package.repack_qemu(tmp_path, version + "+newer")
    install = ["dpkg", "--force-depends", "--force-downgrade", "-i"]
    run(*install, deb)
    try:
        check_stock(size)
        run("stubdom", "enable")
        check_enabled(size)
        run("stubdom", "enable")
        check_enabled(size)
        # The trigger sees the new QEMU, and the builder finds it.
        run(*install, newer)
        check_enabled(size + 5)
        assert image_packages()["qemu-system-xen"] == version + "+newer"
        run(*install, deb)
        check_enabled(size + 5)
        # From a package that had it elsewhere.
        os.unlink(QEMU)
        os.symlink("/usr/libexec/qemu-stubdom/stubdom-select", QEMU)
        run(*install, deb)
        check_enabled(size + 5)
        run("stubdom", "disable")
        check_stock(size + 5)
        run("stubdom", "enable")
        run(*install, same)
        check_enabled(size)
        assert image_packages()["qemu-system-xen"] == version
        run("dpkg", "--force-depends", "--remove", "qemu-stubdom")
        check_stock(size)
    finally:
        run("dpkg", "--force-depends", "--purge", "qemu-stubdom")
        if size_of_qemu() != size:
            run(*install, same)
    check_stock(size)
