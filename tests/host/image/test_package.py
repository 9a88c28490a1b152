# SPDX-License-Identifier: MIT
"""The Debian package: built from what is committed, installed into the workbench, which is thrown
away, and removed again."""
import os
import shutil
import subprocess

import pytest

TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
WORKBENCH = "/etc/qemu-stubdom-workbench"
SECONDS = 840

PROGRAMS = {
    "/usr/bin/stubdom": 0o755, "/usr/bin/stubdom-dm": 0o755,
    "/usr/libexec/qemu-stubdom/build-image": 0o755,
    "/usr/libexec/qemu-stubdom/kernel-nub": 0o644,
    "/usr/libexec/qemu-stubdom/stubdom-agent": 0o755,
    "/usr/libexec/qemu-stubdom/stubdom-block": 0o755,
    "/usr/libexec/qemu-stubdom/stubdom-relay": 0o755,
    "/usr/libexec/qemu-stubdom/stubdom-vif": 0o755,
    "/usr/share/bash-completion/completions/stubdom": 0o644,
    "/usr/share/zsh/site-functions/_stubdom": 0o644,
    "/usr/share/man/man1/stubdom.1.gz": 0o644, "/usr/share/man/man5/stubdom.conf.5.gz": 0o644,
    "/usr/share/man/man8/stubdom-dm.8.gz": 0o644,
    "/usr/share/doc/qemu-stubdom/README.md.gz": 0o644,
}


def run(*argv, **how):
    how.setdefault("timeout", SECONDS)
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, stdin=subprocess.DEVNULL, **how)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module", name="deb")
def build_deb(tmp_path_factory):
    if not os.path.exists(WORKBENCH) or not shutil.which("dh"):
        pytest.skip("only in the workbench")
    if subprocess.run(["git", "-C", TREE, "rev-parse", "-q", "--verify", "HEAD"], check=False,
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("no git history: nothing is committed here")
    out = tmp_path_factory.mktemp("deb")
    # The units have run by themselves.
    run(f"{TREE}/packaging/build-deb", str(out),
        env=dict(os.environ, DEB_BUILD_OPTIONS=f"nocheck parallel={os.cpu_count()}"))
    found = [p for p in out.iterdir() if "dbgsym" not in p.name]
    assert len(found) == 1
    return str(found[0])


def test_it_says_what_it_needs(deb):
    depends = run("dpkg-deb", "-f", deb, "Depends").replace("\n", " ").split(", ")
    names = {d.split()[0] for d in depends}
    assert {"qemu-system-xen", "linux-image-amd64", "libc6"} <= names
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
        assert "# keys: begin" in open("/etc/qemu-stubdom/stubdom.conf", encoding="utf-8").read()
    finally:
        said = run("dpkg", "--force-depends", "--purge", "qemu-stubdom")
    assert "not empty" not in said
    assert set(os.listdir("/usr/libexec")) == before
    for path in ("/usr/bin/stubdom", "/usr/bin/stubdom-dm", "/etc/qemu-stubdom",
                 "/var/lib/qemu-stubdom"):
        assert not os.path.exists(path), path
