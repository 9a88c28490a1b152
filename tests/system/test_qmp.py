# SPDX-License-Identifier: MIT
"""QMP as QEMU in dom0 would give it: on every kind of socket, to several clients."""

PORT = 4455


def test_several_clients(make_guest, dom0):
    """Greeting, ids, events and errors are QEMU's; one client's end is not another's."""
    guest = make_guest("talk", disks=1, nics=(), serial="null")
    own = f"{guest.folder}/qmp"
    guest.config["device_model_args"] += ["-qmp", f"unix:{own},server=on,wait=off",
                                          "-qmp", f"tcp:127.0.0.1:{PORT},server=on,wait=off"]
    guest.write_config()
    guest.create()
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
    # A file that is named on the monitor is the stub domain's, which has none.
    text = guest.monitor("change nothing /etc/hostname", check=False)
    assert "not found" in text or "No such file" in text or "is not" in text, text
