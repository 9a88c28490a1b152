# SPDX-License-Identifier: MIT
"""A viewer goes on with another QEMU behind the relay's door: with the image's own QEMU, and each way of its to
compress. The pictures are written into the screen's memory by qtest."""
import base64
import functools
import random
import socket
import subprocess
import sys
import time

import pytest
from conftest import BUILD, TREE
from stubimage import contents

sys.path.insert(0, str(TREE / "rig" / "guestlib" / "dom0"))
from vncshot import Rfb  # noqa: E402  pylint: disable=wrong-import-position

ENCODINGS = {"raw": 0, "hextile": 5, "zlib": 6, "tight": 7, "zrle": 16}
MEMORY = 0xE0000000
SECONDS = 60
TRIES = 5  # one update may be that of before


@functools.lru_cache(maxsize=None)
def draw(seed, width, height):
    """Four bytes a pixel: parts of one, of two, of some, of many colours, and a slope."""
    rng = random.Random(seed)
    some = [rng.randrange(1 << 24) for _ in range(rng.randrange(3, 40))]

    def pixel(x, y):
        part = x * 5 // width
        if part == 0:
            return some[0]
        if part == 1:
            return some[1] if rng.random() < 0.3 else some[2]
        if part == 2:
            return rng.choice(some)
        if part == 3:
            return rng.randrange(1 << 24) if y < height // 4 else some[y % 3]
        return (x * 2 + y) % 256 << 16 | (x + y * 2) % 256 << 8 | (x + y) % 256

    return b"".join(pixel(x, y).to_bytes(4, "little") for y in range(height) for x in range(width))


class Qemu:
    def __init__(self, folder, width, height):
        folder.mkdir()
        self.path, self.width, self.height = folder / "vnc", width, height
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(
            [contents.QEMU, "-no-user-config", "-nodefaults", "-machine", "pc,accel=qtest", "-m", "32", "-display", "none",
             "-device", "VGA,addr=2", "-vnc", f"unix:{self.path}", "-chardev", f"socket,id=q,fd={theirs.fileno()}",
             "-qtest", "chardev:q", "-qtest-log", "none"], pass_fds=[theirs.fileno()])
        theirs.close()
        ours.settimeout(SECONDS)
        self.qtest = ours.makefile("rw")
        for word in ("outl 0xcf8 0x80001010", f"outl 0xcfc {MEMORY:#x}", "outl 0xcf8 0x80001004", "outw 0xcfc 0x7"):
            self.order(word)
        for index, value in ((4, 0), (1, width), (2, height), (3, 32), (4, 0x41)):
            self.order(f"outw 0x1ce {index}")
            self.order(f"outw 0x1cf {value}")
        # The screen is not blank (the attribute controller's bit 5).
        self.order("inb 0x3da")
        self.order("outb 0x3c0 0x20")

    def order(self, word):
        self.qtest.write(word + "\n")
        self.qtest.flush()
        assert self.qtest.readline().startswith("OK"), word

    def show(self, seed):
        pixels = draw(seed, self.width, self.height)
        self.order(f"b64write {MEMORY:#x} {len(pixels)} {base64.b64encode(pixels).decode()}")
        return pixels

    def connect(self):
        sock = socket.socket(socket.AF_UNIX)
        end = time.monotonic() + SECONDS
        while not self.path.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        sock.connect(str(self.path))
        return sock

    def stop(self):
        self.qtest.close()
        self.process.kill()
        self.process.wait()


class Viewer(Rfb):
    """A viewer that is given its connection, and the door that it is behind."""

    def __init__(self, encoding, qemus):  # pylint: disable=super-init-not-called
        self.sock, theirs = socket.socketpair()
        self.sock.settimeout(SECONDS)
        self.begin(encoding)
        behind = [theirs, *(qemu.connect() for qemu in qemus)]
        self.door = subprocess.Popen([BUILD / "tests/unit/vnc_pass", *(str(s.fileno()) for s in behind)],
                                     pass_fds=[s.fileno() for s in behind], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, bufsize=0)
        for sock in behind:
            sock.close()
        self.open()

    def order_switch(self):
        self.door.stdin.write(b"x")

    def wait_switched(self):
        assert self.door.stdout.read(1) == b"\0"

    def sees(self, pixels):
        """The whole screen is this, soon."""
        rgb = bytearray(len(pixels) // 4 * 3)
        rgb[0::3], rgb[1::3], rgb[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
        return any(b"".join(self.picture()) == rgb for _ in range(TRIES))

    def close(self):
        self.sock.close()
        self.door.wait(SECONDS)


@pytest.fixture(name="qemus", scope="module")
def make_qemus(tmp_path_factory):
    """The second has another screen."""
    folder = tmp_path_factory.mktemp("vnc")
    qemus = [Qemu(folder / "old", 320, 200), Qemu(folder / "new", 400, 304)]
    yield qemus
    for qemu in qemus:
        qemu.stop()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_viewer_goes_on(qemus, encoding):
    old, new = qemus
    first = old.show(1)
    viewer = Viewer(ENCODINGS[encoding], [old, new, old])
    assert viewer.sees(first)
    assert viewer.sees(old.show(2))
    third = new.show(3)
    viewer.order_switch()
    viewer.wait_switched()
    assert viewer.sees(third)
    assert viewer.sees(new.show(4))
    # In the middle of an update, which comes to its end.
    for _ in range(3):
        viewer.request()
    viewer.order_switch()
    viewer.picture()
    viewer.wait_switched()
    assert viewer.sees(old.show(5))
    assert set(viewer.decoder.rectangles) == {encoding}
    viewer.close()
