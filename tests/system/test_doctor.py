# SPDX-License-Identifier: MIT
"""`stubdom doctor` on a host where one thing after the other is broken: it names the fault and the
remedy. Each is broken for doctor alone, in a mount namespace, and is whole again afterwards."""
import shlex

import pytest
from guestlib import schema

IMAGE = "/var/lib/qemu-stubdom/image"
QEMU = "/usr/libexec/xen-qemu-system-i386"
WORK = "/run/doctor-test"

# A copy of a directory in its place, without some of its files.
HIDE = ('hide() { dir=$1; shift; mkdir -p "$W/hide" && mount -t tmpfs hide "$W/hide" && '
        'for f in "$dir"/*; do case " $* " in *" ${f##*/} "*) ;; *) cp -a "$f" "$W/hide/" 2>/dev/null || : ;; esac; '
        'done; mount --bind "$W/hide" "$dir"; }\n'
        'put() { cat >"$W/put" && mount --bind "$W/put" "$1"; }\n')


def manifest(change):
    """The image's, with one thing changed."""
    program = (f"import json, sys; m = json.load(open('{IMAGE}/manifest.json')); {change}; "
               "json.dump(m, sys.stdout)")
    return f"python3 -c {shlex.quote(program)} >$W/m; put {IMAGE}/manifest.json <$W/m"


# A fault; the check that tells, how bad it is, words of the text and of the remedy.
FAULTS = {
    "no-xen": ("mount -t tmpfs x /sys/hypervisor", "xen", "fail",
               "does not run under Xen", "install xen-system-amd64"),
    "old-xen": ("mount -t tmpfs x /sys/hypervisor; mkdir /sys/hypervisor/version; cd /sys/hypervisor; "
                "echo xen >type; echo 4 >version/major; echo 17 >version/minor; echo .5 >version/extra",
                "xen", "warn", "cannot map its guest's memory", "upgrade Xen to 4.19"),
    "no-xenfs": ("umount /proc/xen", "dom0", "fail", "/proc/xen/capabilities",
                 "mount -t xenfs xenfs /proc/xen"),
    "no-dom0": ("put /proc/xen/capabilities </dev/null; echo >$W/put", "dom0", "fail",
                "not the control domain", "run this in dom0"),
    "no-privcmd": ("hide /dev/xen privcmd", "devices", "fail", "/dev/xen/privcmd",
                   "modprobe xen-privcmd"),
    "no-evtchn": ("hide /dev/xen evtchn", "devices", "fail", "/dev/xen/evtchn",
                  "modprobe xen-evtchn"),
    "no-gntdev": ("hide /dev/xen gntdev", "devices", "fail", "/dev/xen/gntdev",
                  "modprobe xen-gntdev"),
    "no-blkback": ("hide /sys/bus/xen-backend/drivers vbd", "devices", "warn", "guests' disks",
                   "modprobe xen-blkback"),
    "no-netback": ("hide /sys/bus/xen-backend/drivers vif", "devices", "warn", "guests' networks",
                   "modprobe xen-netback"),
    "no-loop": ("hide /dev loop-control", "devices", "warn", "disks that are files",
                "modprobe loop"),
    "no-xenstore": ("mount -t tmpfs x /run/xenstored; umount /proc/xen; hide /dev/xen xenbus",
                    "xenstore", "fail", "xenstore does not answer", "systemctl start xen;"),
    "no-libxl": ("hide /dev/xen privcmd; umount /proc/xen", "hardware", "fail",
                 "libxl cannot reach the hypervisor", "mend the failed checks above"),
    "no-launcher": ("put /usr/bin/stubdom-dm </dev/null", "launcher", "fail", "stubdom-dm",
                    "install qemu-stubdom anew"),
    "no-image": (f"mount -t tmpfs x {IMAGE}", "image", "fail", "manifest.json", "stubdom image build"),
    "half-an-image": (f"echo x | put {IMAGE}/kernel-nub", "image", "fail", "kernel-nub",
                      "stubdom image build"),
    "old-image": (manifest('m["packages"][0]["version"] = "0.1"'), "image", "warn", "0.1",
                  "stubdom image build"),
    "old-qemu": (manifest('m["qemu"]["version"] = "7.2.0"'), "bugs", "warn", "older than any",
                 "upgrade qemu-system-xen"),
    "half-enabled": (f"printf '{QEMU}\\n{QEMU}.distrib\\nqemu-stubdom\\n' | put /var/lib/dpkg/diversions",
                     "enable", "fail", "half", "run it again"),
    "qemu-lost": (f"printf '{QEMU}\\n{QEMU}.distrib\\nqemu-stubdom\\n' | put /var/lib/dpkg/diversions; "
                  f"hide /usr/libexec {QEMU.rsplit('/', 1)[1]}; "
                  f"ln -s /usr/sbin/stubdom-select {QEMU}",
                  "enable", "fail", "", "apt install --reinstall qemu-system-xen"),
    "user-taken": ("{ cat /etc/passwd; echo 'x:x:2130706500:1::/:/bin/sh'; } >$W/p; put /etc/passwd <$W/p",
                   "user", "fail", "2130706500", "uid-base="),
    "config-for-all": ("hide /etc/qemu-stubdom; chmod 777 /etc/qemu-stubdom", "permissions", "fail",
                       "others than root can change it", "chmod go-w /etc/qemu-stubdom"),
    "bad-config": ("echo 'memory = much' | put /etc/qemu-stubdom/stubdom.conf", "config", "fail",
                   "stubdom.conf", "stubdom.conf(5)"),
    "monitors-for-all": ("mkdir -p -m 700 /run/qemu-stubdom; mkdir -p $W/run; mount --bind $W/run /run/qemu-stubdom; "
                         "chmod 755 /run/qemu-stubdom", "permissions", "fail", "the monitors",
                         "chmod 0700 /run/qemu-stubdom"),
}


@pytest.fixture(name="broken")
def make_broken(dom0, leak_check):
    """Runs doctor behind a command that breaks something, and maybe one that mends it."""
    def doctor(fault, mend=""):
        script = (f"set -e; W={WORK}; mkdir -p $W; {HIDE} {fault}\n{mend}\ncd /; "
                  "exec stubdom doctor --json")
        done = dom0.run("unshare", "-m", "sh", "-c", script, check=False, timeout=120)
        assert done.status in (0, 1), done.text
        found = schema.check("doctor", done.stdout)
        assert found["ok"] is (done.status == 0)
        return found["checks"]
    yield doctor
    dom0.run("rm", "-rf", WORK)


def bad(checks):
    return {(c["check"], c["status"], c["text"]) for c in checks if c["status"] in ("warn", "fail")}


def test_each_fault_has_its_remedy(dom0, broken):
    usual = bad(broken("true"))
    assert not [found for found in usual if found[1] == "fail"], usual
    for name, (fault, check, status, text, remedy) in FAULTS.items():
        checks = broken(fault)
        found = [c for c in checks if c["check"] == check and c["status"] == status and
                 text in c["text"] and remedy in c["remedy"]]
        assert found, (name, [c for c in checks if c["status"] in ("warn", "fail")])
        # A remedy that is a command is one that helps.
        if found[0]["remedy"].startswith(("mount ", "chmod ", "chown ")):
            mended = broken(fault, mend=found[0]["remedy"])
            assert bad(mended) <= usual, (name, bad(mended) - usual)
    assert bad(broken("true")) == usual

    # Leftovers of a guest that is gone; the remedy is followed.
    dom0.run("xenstore-write", "/local/domain/0/stubdom/32000/stub", "32001")
    checks = broken("true")
    (left,) = [c for c in checks if c["check"] == "leftovers" and c["status"] == "warn"]
    assert "guest 32000 is gone" in left["text"] and left["remedy"].startswith("xenstore-rm ")
    dom0.shell(left["remedy"])
    # The folder of all guests stays, empty.
    dom0.run("xenstore-rm", "/local/domain/0/stubdom")
    assert bad(broken("true")) == usual
