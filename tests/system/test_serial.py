# SPDX-License-Identifier: MIT
"""The guest's serial console in dom0: a file, and `xl console`."""
import pytest


def test_serial_file(make_guest, dom0):
    """The guest's output, from its first word on, is in the file."""
    guest = make_guest("file", serial="file:/opt/guests/run/file/serial.log")
    guest.create()
    text = dom0.wait_file("/opt/guests/run/file/serial.log", "bios-guest: ready")
    assert text.startswith("bios-guest: up\nbios-guest: disk 0 ok")


def test_xl_console(make_guest, dom0):
    """`xl console -t serial` types to the guest and prints its answer."""
    guest = make_guest("con")
    guest.start()
    guest.detach()
    dom0.call("console_run", name="xl", argv=["xl", "console", "-t", "serial", "con"])
    asker(dom0, "xl")("echo from-xl\r", "bios-guest: echo from-xl")
    dom0.call("console_close", name="xl")


def test_serial_flood_is_complete(make_guest):
    """No line is lost or out of order, however fast the guest speaks."""
    guest = make_guest("flood")
    guest.start()
    said = guest.ask("flood 100", "flood done", 240)
    lines = [line for line in said.splitlines() if "flood 0" in line]
    assert lines == [f"bios-guest: flood {i:08x}" for i in range(100)]


def use(dom0, name, terminal):
    """A console of this name on a socket or tty in dom0; returns what asks it."""
    dom0.call("console_open", name=name, terminal=terminal)
    return asker(dom0, name)


def asker(dom0, name):
    def ask(text, pattern, seconds=60):
        got = dom0.call("console_ask", seconds, name=name, text=text, pattern=pattern,
                        seconds=seconds)
        assert got["found"], f"{name}: no '{pattern}': {got}"
        return got["text"]
    return ask


def test_many_ports(make_guest, dom0):
    """Four serial ports, a printer and three monitors on one guest, each of another kind."""
    at = "/opt/guests/run/ports"
    guest = make_guest("ports", nics=(),
                       serial=["pty", "pty", f"file:{at}/com2", f"unix:{at}/com3,server=on,wait=off"])
    guest.config["device_model_args"] += [
        "-parallel", f"file:{at}/paper", "-monitor", "tcp:127.0.0.1:4444,server=on,wait=off",
        "-monitor", "telnet:127.0.0.1:4445,server=on,wait=off",
        "-monitor", f"unix:{at}/hmp,server=on,wait=off"]
    guest.write_config()
    # A socket that is left over in the way is replaced, as QEMU does.
    dom0.run("python3", "-c", f"import socket; socket.socket(1).bind('{at}/com3')")
    guest.start()

    # The second port, where `xl console -n 1` and `stubdom serial -n 1` find it.
    assert dom0.xenstore(f"/local/domain/{guest.domid}/serial/1/tty").startswith("/dev/pts/")
    guest.ask("com 1 nobody listens yet", "com 1 done")
    for command in ["xl console -t serial -n 1 ports", "stubdom serial -n 1 ports"]:
        guest.ask(f"com 1 for {command}", "com 1 done")
        dom0.call("console_run", name="n1", argv=command.split())
        said = asker(dom0, "n1")("", f"for {command}")
        assert ("nobody listens yet" in said) == command.startswith("xl")
        dom0.call("console_close", name="n1")

    guest.ask("comflood 2 100", "comflood 2 done")
    lines = dom0.wait_file(f"{at}/com2", "flood 00000063").splitlines()
    assert lines == [f"flood {i:08x}" for i in range(100)]

    com3 = use(dom0, "com3", f"unix:{at}/com3")
    guest.ask("com 3 to the socket", "com 3 done")
    com3("", "to the socket")
    guest.ask("print on paper", "print done")
    assert dom0.wait_file(f"{at}/paper", "on paper\n") == "on paper\n"

    # Monitors: two at once, and one client after another.
    other = use(dom0, "hmp", f"unix:{at}/hmp")
    for _ in range(2):
        tcp = use(dom0, "tcp", "tcp:127.0.0.1:4444")
        assert "VM status: running" in tcp("info status\n", "VM status")
        assert "ports" in other("info name\n", "ports")
        dom0.call("console_run", name="telnet",
                  argv=["busybox", "telnet", "127.0.0.1", "4445"])
        assert "VM status: running" in asker(dom0, "telnet")("info status\r", "VM status")
    # A command that only works by QMP is refused, and the line does not reach QEMU.
    said = other("block_resize ide0-hd0 64M\ninfo name\n", "ports")
    assert "use 'xl qemu-monitor-command GUEST COMMAND'" in said, said
    assert "Cannot grow" not in said, said
    assert "xl cd-insert" in tcp("change ide1-cd0 /a.iso\n", "cd-insert")
    chardevs = dom0.run("stubdom", "qmp", "ports", "query-chardev").stdout
    assert f"unix:{at}/com3,server=on" in chardevs
    for name in ["com3", "hmp", "tcp", "telnet"]:
        dom0.call("console_close", name=name)


@pytest.fixture
def full_disk(dom0):
    """A folder in dom0 whose disk is full as long as the file `filler` is there."""
    path = "/opt/full"
    dom0.shell(f"mkdir -p {path} && mount -t tmpfs -o size=16k none {path} && "
               f"head -c 16384 /dev/zero >{path}/filler")
    yield path
    # Before the guest is gone: it may have a file open.
    dom0.run("umount", "-l", path)


def test_tcp_ports(make_guest, dom0, full_disk):
    """TCP both ways round: a server that clients come back to, a client that comes back. A
    printer whose disk is full."""
    guest = make_guest("tcp", nics=(),
                       serial=["pty", "tcp:127.0.0.1:4555,server=on,wait=off",
                               "tcp:127.0.0.1:4556,reconnect=1", "stdio"])
    guest.config["device_model_args"] += ["-parallel", f"file:{full_disk}/paper"]
    guest.write_config()
    guest.start()  # though nobody listens on 4556 yet
    guest.ask("com 1 kept for the client", "com 1 done")
    server = use(dom0, "server", "tcp:127.0.0.1:4555")
    server("", "kept for the client")
    for _ in range(2):
        server = use(dom0, "server", "tcp:127.0.0.1:4555")
        guest.ask("com 1 hello", "com 1 done")
        server("", "hello")
    dom0.call("console_close", name="server")

    guest.ask("com 2 kept for the server", "com 2 done")
    dom0.call("listen", name="back", port=4556)
    for said in ["kept for the server", "again"]:
        dom0.call("console_accept", 60, name="back", seconds=60)
        if said == "again":
            guest.ask("com 2 again", "com 2 done")
        asker(dom0, "back")("", said)
    dom0.call("listen_close", name="back")

    guest.ask("com 3 into the log", "com 3 done")
    dom0.wait_file(guest.log_path, "into the log")

    # Bytes that cannot be written are lost, and said so once; the guest goes on.
    guest.ask("print this is lost", "print done")
    dom0.wait_file(guest.log_path, "paper: No space left on device; output is lost")
    guest.ask("print this, too", "print done")
    dom0.run("rm", f"{full_disk}/filler")
    guest.ask("print this is not", "print done")
    dom0.wait_file(f"{full_disk}/paper", "this is not\n")
    assert dom0.read(guest.log_path).count("No space left") == 1
