# SPDX-License-Identifier: MIT
"""The rig itself: what all other system tests stand on."""

import hashlib
import os
import subprocess
import sys
import threading
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../rig"))

from rigctl import Rig, RigDead, RigError  # noqa: E402

NOISE = os.urandom(1 << 20) * 20


@pytest.fixture(scope="module")
def host():
    rig = Rig.up(f"rig-test-{os.getpid()}", product=False, bound=True)
    yield rig
    rig.down()


def test_binary_input_and_output_come_through_unchanged(host):
    got = host.exec(["cat"], input=NOISE, check=True)
    assert hashlib.sha256(got.stdout).digest() == hashlib.sha256(NOISE).digest()
    assert got.stderr == b""


def test_outputs_are_apart_and_the_status_is_the_commands_own(host):
    got = host.exec("echo out; echo err >&2; exit 37")
    assert (got.stdout, got.stderr, got.status) == (b"out\n", b"err\n", 37)
    assert host.exec("kill -9 $$").status == 137
    assert host.exec(["no-such-program"]).status == 127
    assert host.exec(["/etc/passwd"]).status == 126


def test_there_is_no_tty_and_input_ends(host):
    assert host.exec("tty").text == "not a tty\n"
    assert host.exec(["cat"]).stdout == b""


def test_a_command_that_does_not_read_its_input_does_not_block(host):
    assert host.exec("exec 0<&-; echo done", input=NOISE).stdout == b"done\n"


def test_timeout_ends_the_whole_process_group(host):
    start = time.monotonic()
    got = host.exec("sleep 987 & sleep 986", timeout=2)
    assert got.status == 124 and got.timed_out
    assert time.monotonic() - start < 60
    assert host.exec("pgrep -f 'sleep 98[67]'").status == 1


def test_a_client_that_is_killed_leaves_its_port_usable(host):
    argv = [sys.executable, "-m", "rigctl.cli", "--name", host.name, "exec", "--",
            "sh", "-c", "echo started; exec sleep 985"]
    client = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert client.stdout.readline() == b"started\n"
    client.kill()
    client.wait()
    client.stdout.close()
    assert host.exec("while pgrep -f 'sleep 98[5]'; do sleep 0.1; done", timeout=60).status == 0
    assert host.exec(["echo", "next"]).stdout == b"next\n"


def test_commands_run_side_by_side(host):
    """The first waits for what the second does."""
    results = []
    first = threading.Thread(target=lambda: results.append(host.exec(
        "until [ -e /tmp/second ]; do sleep 0.1; done; echo seen", timeout=90)))
    first.start()
    host.exec("touch /tmp/second", check=True)
    first.join()
    assert results[0].stdout == b"seen\n"


def test_push_and_pull_files_and_directories(host, tmp_path):
    src = tmp_path / "tree"
    (src / "sub").mkdir(parents=True)
    (src / "sub/noise").write_bytes(NOISE[:100000])
    (src / "a b").symlink_to("sub/noise")
    with open(src / "sparse", "wb") as f:
        f.truncate(1 << 30)
    (src / "sub/noise").chmod(0o751)

    host.push(src, "/root/pushed")
    assert host.exec("cd /root/pushed; readlink 'a b'; stat -c '%a %s' sub/noise sparse").text == (
        "sub/noise\n751 100000\n644 1073741824\n")
    assert int(host.exec(["du", "-k", "/root/pushed/sparse"]).text.split()[0]) < 100
    host.pull("/root/pushed", tmp_path / "back")
    assert (tmp_path / "back/sub/noise").read_bytes() == NOISE[:100000]
    host.pull("/root/pushed/sub/noise", tmp_path / "one")
    assert (tmp_path / "one").read_bytes() == NOISE[:100000]

    host.push(src / "sub/noise", "/root/new-dir/named")
    host.push(src / "sub/noise", "/root/new-dir/")
    assert host.exec("ls /root/new-dir").text == "named\nnoise\n"
    with pytest.raises(RigError, match="no such file or directory in dom0"):
        host.pull("/root/not-there", tmp_path / "x")


def test_a_rig_that_is_up_stays_what_it_is(host):
    assert Rig.up(host.name, product=False).folder == host.folder
    for other, why in (({"kind": "iommu"}, "with the machine 'standard'"), ({"cpus": 2}, "with 1 CPUs"),
                       ({"platform": "bookworm"}, "with the platform 'trixie'")):
        with pytest.raises(RigError, match=why):
            Rig.up(host.name, product=False, **other)


def test_dom0_is_a_xen_host_with_an_empty_table(host):
    assert host.exec(["xl", "list"], check=True).text.splitlines()[1].startswith("Domain-0 ")
    caps = host.exec(["xl", "info", "xen_caps"], check=True).text
    assert "hvm-3.0-x86_64" in caps
    assert "xenbr2" in host.exec(["ip", "-br", "link"]).text
    assert host.exec(["which", "gcc"]).status != 0
    clock = float(host.exec(["date", "+%s.%N"]).text)
    assert abs(clock - time.time()) < 60


def test_a_snapshot_takes_the_host_back(host):
    host.exec("echo before >/root/state", check=True)
    host.snapshot_save("here")
    host.exec("echo after >/root/state; rm -rf /etc/xen; sync", check=True)
    host.snapshot_load("here")
    assert host.exec("cat /root/state; ls -d /etc/xen").text == "before\n/etc/xen\n"
    with pytest.raises(RigError, match="does not exist"):
        host.snapshot_load("elsewhere")
    assert host.exec(["true"]).status == 0


def test_two_rigs_side_by_side_and_how_one_that_panicked_is_shown(host):
    other = Rig.up(f"{host.name}-b", product=False, bound=True)
    try:
        other.exec("echo b >/root/who", check=True)
        assert host.exec(["cat", "/root/who"]).status == 1
        with pytest.raises(RigDead) as e:
            other.exec("echo c >/proc/sysrq-trigger; sleep 300", timeout=200)
        assert "has panicked" in str(e.value)
        assert "(XEN) Hardware Dom0 crashed" in str(e.value)
        assert "sysrq: Trigger a crash" in "\n".join(other.console_tail(400))
        assert other.status()["state"] == "dead"
        assert host.exec(["true"]).status == 0
    finally:
        other.down()
    assert not os.path.exists(other.folder) and other.status()["state"] == "down"


def test_a_rig_whose_machine_ends_says_so():
    other = Rig.up(f"rig-test-{os.getpid()}-c", product=False, bound=True)
    try:
        with pytest.raises(RigDead, match="its QEMU has ended"):
            other.exec("echo o >/proc/sysrq-trigger; sleep 300", timeout=200)
    finally:
        other.down()


def test_a_bound_rig_ends_with_its_process_and_is_swept_away():
    name = f"rig-test-{os.getpid()}-d"
    code = f"from rigctl import Rig; import os; Rig.up({name!r}, product=False, bound=True); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    other = Rig(name)
    other.machine.wait(30)
    assert os.path.isdir(other.folder)
    Rig.up(f"{name}2", product=False, bound=True).down()
    assert not os.path.exists(other.folder)


def test_screenshot_is_a_picture(host, tmp_path):
    host.screenshot(tmp_path / "s.png")
    assert (tmp_path / "s.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
