# SPDX-License-Identifier: MIT
"""QMP as QEMU in dom0 would give it: on every kind of socket, to several clients."""
import json
import subprocess

import pytest

from conftest import TREE
from guestlib.dom0host import ASSETS

PORT = 4455
GIVEN_FD = 20
# A listening socket that the toolstack's caller made, for -chardev socket,fd=.
LISTEN = (f"import os, socket, sys; s = socket.socket(1); s.bind(sys.argv[1]); s.listen(); "
          f"os.dup2(s.fileno(), {GIVEN_FD}); os.execvp('xl', sys.argv[2:])")
QMP = "/opt/qemu-qmp"
SECONDS = 240  # Python's asyncio, on an emulated machine


@pytest.fixture(scope="module")
def qemu_qmp(dom0):
    """The command for QEMU's own client in dom0, from Debian's source of QEMU; None without
    that."""
    try:
        made = subprocess.run([f"{TREE}/rig/qemu-qmp"], stdout=subprocess.PIPE, check=False, timeout=400)
    except subprocess.TimeoutExpired:
        made = None  # a mirror that stalls
    if not made or made.returncode:
        yield None
        return
    dom0.rig.push(made.stdout.decode().strip(), QMP)
    yield ["env", f"HOME={QMP}", f"PYTHONPATH={QMP}", "PYTHONDONTWRITEBYTECODE=1", "python3"]
    dom0.run("rm", "-r", QMP)


def check_real_clients(dom0, guest, path, python):
    """qemu.qmp and qmp-shell, as they are."""
    picture = f"{guest.folder}/picture"
    found = json.loads(dom0.run(*python, f"{ASSETS}/dom0/qmp_real.py", path, picture,
                                timeout=SECONDS).stdout)
    assert found["version"] >= 10
    assert found["names"] == [guest.name] * 40
    assert found["events"] == ["STOP", "RESUME"]
    assert found["error"] == "CommandNotFound"
    assert "xl dump-core" in found["refused"]
    assert found["picture"] == "P6"
    shell = dom0.run(*python, "-m", "qemu.qmp.qmp_shell", path, timeout=SECONDS,
                     stdin=b"query-status\nquery-name\n")
    assert '"status": "running"' in shell.stdout
    assert f'{{"return": {{"name": "{guest.name}"}}}}' in shell.stdout


def check_quit(dom0, guest):
    """QEMU ends and takes its leave of Xen, where nothing keeps the dead stub domain then."""
    dom0.run("stubdom", "qmp", guest.name, "quit")
    assert dom0.call("wait_xenstore_there", 60,
                     path=f"/local/domain/0/stubdom/{guest.domid}/died", seconds=60)
    dom0.wait_listed(guest.name)
    assert "says that QEMU ended" in dom0.run("stubdom", "status", guest.name).stdout


def check_silence(dom0, guest):
    """QEMU that does not answer is told in the list, until it has spoken again. Nobody waits: nothing."""
    node = f"/local/domain/0/stubdom/{guest.domid}/silent"
    answer = f"{guest.folder}/answer"
    dom0.run("xl", "pause", f"{guest.name}-dm")
    dom0.shell(f"stubdom qmp -t 300 {guest.name} query-status >{answer} 2>&1 &")
    assert dom0.call("wait_xenstore_there", 120, path=node, seconds=120)
    assert dom0.run("stubdom", "list").stdout.splitlines()[1].split()[-1] == "silent"
    dom0.run("xl", "unpause", f"{guest.name}-dm")
    dom0.wait_file(answer, '"status": "running"')
    dom0.wait_file(guest.log_path, "answers again", seconds=60)
    assert dom0.xenstore(node) is None
    assert dom0.run("stubdom", "list").stdout.splitlines()[1].split()[-1] == "running"


def test_several_clients(make_guest, dom0, qemu_qmp):
    """Greeting, ids, events and errors are QEMU's; one client's end is not another's."""
    guest = make_guest("talk", disks=1, nics=(), serial="null")
    own = f"{guest.folder}/qmp"
    guest.config["device_model_args"] += ["-qmp", f"unix:{own},server=on,wait=off",
                                          "-qmp", f"tcp:127.0.0.1:{PORT},server=on,wait=off",
                                          "-chardev", f"socket,id=given,fd={GIVEN_FD},server=on,"
                                          "wait=off", "-mon", "chardev=given,mode=control"]
    guest.write_config()
    given = f"{guest.folder}/given"
    # Paused: `stop` takes QEMU's devices from a guest that runs, and what it reads is all ones.
    dom0.run("python3", "-c", LISTEN, given, "xl", "create", "-p", guest.config_path, timeout=180)
    libxl = f"/var/run/xen/qmp-libxl-{guest.domid}"
    large = 2**64 - 1
    unix, tcp, _, _, again, status, stop, seen, cont, _, unknown, refused, garbage, after, *_ = \
        dom0.qmp(
            ["unix", "open", own],
            ["tcp", "open", ["127.0.0.1", PORT]],
            ["unix", "ask", {"execute": "qmp_capabilities"}],
            ["tcp", "ask", {"execute": "qmp_capabilities"}],
            ["unix", "ask", {"execute": "qmp_capabilities"}],
            ["unix", "ask", {"execute": "query-status", "id": {"a": [large, "}{"]}}],
            ["unix", "ask", {"execute": "stop", "id": 1}],
            ["tcp", "event", "STOP"],
            ["tcp", "ask", {"execute": "cont"}],
            ["unix", "event", "RESUME"],
            ["unix", "ask", {"execute": "no-such-command", "id": 2}],
            ["unix", "ask", {"execute": "getfd", "arguments": {"fdname": "x"}, "id": 3}],
            ["unix", "raw", "GET / HTTP/1.0\r\n\r\n"],
            ["tcp", "ask", {"execute": "query-status"}],
            ["unix", "close"],
            ["libxl", "open", libxl],
            ["libxl", "close"])
    assert unix["QMP"]["version"]["qemu"]["major"] >= 10 and unix == tcp
    assert again["error"]["class"] == "CommandNotFound"
    assert status["id"] == {"a": [large, "}{"]} and status["return"]["status"] == "running"
    assert stop == {"return": {}, "id": 1} and "timestamp" in seen
    assert cont == {"return": {}}
    assert unknown["error"]["class"] == "CommandNotFound" and unknown["id"] == 2
    assert "add-fd" in refused["error"]["desc"] and refused["id"] == 3
    assert "not a JSON object" in garbage
    assert after["return"]["status"] == "running"

    # A client that is there and says nothing holds up nobody; the next one on its socket
    # is served when it has gone.
    answers = dom0.qmp(
        ["silent", "open", own],
        ["libxl", "open", libxl],
        ["libxl", "ask", {"execute": "qmp_capabilities"}],
        ["silent", "close"],
        ["next", "open", own],
        ["next", "ask", {"execute": "qmp_capabilities"}])
    assert answers[2] == answers[5] == {"return": {}}
    # On a descriptor that was left open for QEMU, one client after another.
    answers = dom0.qmp(
        *[[name, *step] for name in ("a", "b") for step in (
            ["open", given], ["ask", {"execute": "qmp_capabilities"}],
            ["ask", {"execute": "query-name"}], ["close"])])
    assert answers[2] == answers[6] == {"return": {"name": guest.name}}
    # A file that is named on the monitor is the stub domain's, which has none.
    text = guest.monitor("change nothing /etc/hostname", check=False)
    assert "xl cd-insert" in text, text
    if qemu_qmp:
        check_real_clients(dom0, guest, own, qemu_qmp)
    check_silence(dom0, guest)
    check_quit(dom0, guest)
    if not qemu_qmp:
        pytest.skip("all but QEMU's own client, for the mirror has no source of QEMU")
