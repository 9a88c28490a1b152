# SPDX-License-Identifier: MIT
"""The Debian package of what is committed, made once for all tests; others made from it."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(TREE, "rig")]

from rigctl.paths import Lock  # noqa: E402

SECONDS = 840
WORKBENCH = "/etc/qemu-stubdom-workbench"
QEMU = "/usr/libexec/xen-qemu-system-i386"


def run(*argv, **how):
    how.setdefault("timeout", SECONDS)
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False, stdin=subprocess.DEVNULL, **how)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout[-3000:]}"
    return done.stdout


def need(tool):
    """A program of Debian's for one test only: installed into the workbench, which is thrown away.
    False: not in the workbench, or the mirror does not give it."""
    if shutil.which(tool):
        return True
    if not os.path.exists(WORKBENCH):
        return False
    apt = ["apt-get", "-q", "-y", "-o", "Acquire::Retries=2"]
    for words in (["update"], ["install", "--no-install-recommends", tool]):
        if subprocess.run(apt + words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          stdin=subprocess.DEVNULL, check=False, timeout=SECONDS).returncode:
            return False
    return True


def commit():
    """None: no git history here, so nothing is committed."""
    done = subprocess.run(["git", "-C", TREE, "rev-parse", "-q", "--verify", "HEAD"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def build(out, tree=TREE):
    """Builds it into the folder; its file. The units have run by themselves."""
    run(f"{tree}/packaging/build-deb", str(out),
        env=dict(os.environ, DEB_BUILD_OPTIONS=f"nocheck parallel={os.cpu_count()}"))
    found = [name for name in os.listdir(out) if "dbgsym" not in name]
    assert len(found) == 1, found
    return os.path.join(out, found[0])


def _forget_old(where):
    """All but the three last: a test of another commit may still run."""
    folders = sorted((f.path for f in os.scandir(where)), key=os.path.getmtime, reverse=True)
    for folder in folders[3:]:
        shutil.rmtree(folder, ignore_errors=True)


def package():
    """The file of the commit's package, which stays in the build folder for the next test."""
    where = os.path.join(TREE, os.environ.get("BUILD", "build"), "deb-of-tests")
    lock = Lock(f"{where}.lock")
    try:
        folder = os.path.join(where, commit())
        if not os.path.isdir(folder):
            os.makedirs(where, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=where) as fresh:
                build(fresh)
                shutil.copytree(fresh, folder)
            _forget_old(where)
        return next(os.path.join(folder, name) for name in os.listdir(folder)
                    if "dbgsym" not in name)
    finally:
        lock.close()


def with_version(deb, version, out):
    """The same package with another version, in the file `out`."""
    with tempfile.TemporaryDirectory() as tree:
        run("dpkg-deb", "-R", deb, f"{tree}/p")
        control = f"{tree}/p/DEBIAN/control"
        with open(control, encoding="utf-8") as f:
            lines = [f"Version: {version}\n" if line.startswith("Version: ") else line for line in f]
        with open(control, "w", encoding="utf-8") as f:
            f.writelines(lines)
        run("dpkg-deb", "-Znone", "--root-owner-group", "-b", f"{tree}/p", str(out))
    return str(out)


def repack_qemu(where, version=None):
    """A package of the installed QEMU, of another version and with other bytes if one is given."""
    tree = where / f"qemu-{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    control = run("dpkg-query", "-s", "qemu-system-xen")
    lines = []
    for line in control.splitlines():
        if version and line.startswith("Version: "):
            line = f"Version: {version}"
        if not line.startswith("Status: "):
            lines.append(line)
    (tree / "DEBIAN/control").write_text("\n".join(lines) + "\n")
    binary = tree / QEMU.lstrip("/")
    binary.parent.mkdir(parents=True)
    shutil.copy(QEMU, binary)
    if version:
        with open(binary, "ab") as f:
            f.write(b"newer")
    digest = hashlib.md5(binary.read_bytes()).hexdigest()
    (tree / "DEBIAN/md5sums").write_text(f"{digest}  {QEMU.lstrip('/')}\n")
    deb = where / f"qemu-{version}.deb"
    run("dpkg-deb", "-Znone", "--root-owner-group", "-b", str(tree), str(deb))
    return str(deb)
