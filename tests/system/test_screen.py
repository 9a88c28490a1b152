# SPDX-License-Identifier: MIT
"""The guest's screen in dom0: VNC where the toolstack says, for several viewers, with input."""
import io
import time

import pytest
from PIL import Image

from guestlib.service import ServiceError

PORT = 5904  # display 3, which is taken, and vncunused=1
WEBSOCKET = 5790
TEXT = (720, 400)
GRAPHICS = [(320, 200), (640, 400)]  # QEMU may double it
SECONDS = 120
GIVEN_MIB = 48  # of the stub domain
FREE_KB = (9 + 4) * 1024  # as in test_cli.py
VNCDO_SECONDS = 240  # Python and Twisted, on an emulated machine


@pytest.fixture
def guest(make_guest, dom0):
    taken = "taken"
    dom0.call("listen", name=taken, port=PORT - 1)
    # xl passes on the part behind the address.
    guest = make_guest("screen", nics=(), vnc=1, vncunused=1,
                       vnclisten=f"127.0.0.1:3,websocket={WEBSOCKET}")
    yield guest
    dom0.call("listen_close", name=taken)


def picture(dom0, path):
    return Image.open(io.BytesIO(dom0.rig.exec(["cat", path]).stdout)).convert("RGB")


def view(dom0, name, path="/tmp/view.png"):
    size = dom0.call("viewer_picture", 120, name=name, path=path)
    image = picture(dom0, path)
    dom0.run("rm", path)
    assert list(image.size) == size
    return image


def view_at(dom0, name, sizes):
    """The picture once the screen has one of these sizes: QEMU notices a new mode at its next
    look."""
    end = time.monotonic() + SECONDS
    while True:
        image = view(dom0, name)
        if image.size in sizes:
            return image
        assert time.monotonic() < end, image.size


def is_our_screen(image):
    """Eight bars, each of one colour and unlike its neighbours, below a plain half with text."""
    assert image.size in GRAPHICS
    scale = image.size[0] // 320
    bars = [image.getpixel(((20 + 40 * bar) * scale, 150 * scale)) for bar in range(8)]
    assert len(set(bars)) == 8
    assert image.getpixel((300 * scale, 90 * scale)) not in bars


def test_screen(guest, dom0):
    guest.start()
    domid = guest.domid
    assert dom0.xenstore(f"/local/domain/{domid}/console/vnc-port") == str(PORT)
    assert dom0.xenstore(f"/local/domain/{domid}/console/vnc-listen") == "127.0.0.1"

    # A real client: the picture is the one that QEMU itself has, and it types.
    vncdo = ["vncdo", "-s", f"127.0.0.1::{PORT}"]
    dom0.run(*vncdo, "capture", "/tmp/vncdo.png", timeout=VNCDO_SECONDS)
    seen = picture(dom0, "/tmp/vncdo.png")
    is_our_screen(seen)
    dom0.run("stubdom", "screenshot", guest.name, "/tmp/own.png", timeout=VNCDO_SECONDS)
    assert picture(dom0, "/tmp/own.png").tobytes() == seen.tobytes()
    dom0.run("rm", "/tmp/vncdo.png", "/tmp/own.png")
    guest.ask("input", "input starts")
    dom0.run(*vncdo, "key", "a", "move", "100", "100", "move", "120", "110", "click", "1",
             "key", "esc", timeout=VNCDO_SECONDS)
    said = guest.wait("input done", SECONDS)
    keys = [line.split()[-1] for line in said.splitlines() if " key " in line]
    assert keys == ["1e", "9e", "1", "81"]  # a, Escape; pressed, let go
    assert "bios-guest: mouse " in said

    # A browser's way, beside the others.
    assert dom0.call("viewer_open", 120, name="web", host="127.0.0.1", port=WEBSOCKET,
                     websocket=True)
    assert view(dom0, "web").tobytes() == seen.tobytes()

    # Four at once; a fifth has its turn when one of them goes.
    for name in "abcd":
        assert dom0.call("viewer_open", 120, name=name, host="127.0.0.1", port=PORT)
        assert view(dom0, name).tobytes() == seen.tobytes()
    assert not dom0.call("viewer_open", name="e", host="127.0.0.1", port=PORT, seconds=3)
    dom0.call("viewer_close", name="d")
    assert dom0.call("viewer_open", 120, name="e", host="127.0.0.1", port=PORT)

    # One that does not read holds up neither the guest nor the others.
    dom0.call("viewer_stall", name="a")
    begin = time.monotonic()
    guest.ask("text", "text")
    assert time.monotonic() - begin < 60
    for name in "be":  # the screen has another size by now
        view_at(dom0, name, [TEXT])
    guest.ask("screen", "screen ok")
    for name in "be":
        is_our_screen(view_at(dom0, name, GRAPHICS))
    is_our_screen(view_at(dom0, "web", GRAPHICS))
    if guest.stub.options["kernel"] == "nub":
        inside = guest.inside()
        assert inside["total_kb"] < GIVEN_MIB * 1024 and inside["available_kb"] > FREE_KB, inside
    for name in (*"abce", "web"):
        dom0.call("viewer_close", name=name)


def refused(dom0, why, **how):
    with pytest.raises(ServiceError, match=why):
        dom0.call("viewer_open", 120, name="no", host="127.0.0.1", **how)


def test_password(make_guest, dom0):
    """The relay asks viewers for it, by VNC and by websocket. Debian's QEMU for Xen has no cipher
    for it: with QEMU in dom0 such a guest does not start."""
    web = {"port": WEBSOCKET + 1, "websocket": True}
    guest = make_guest("secret", nics=(), vnc=1, vncpasswd="sesame open",
                       vnclisten=f"127.0.0.1:6,websocket={WEBSOCKET + 1}")
    guest.start()
    assert dom0.xenstore(f"/local/domain/{guest.domid}/console/vnc-pass") == "sesame open"
    dom0.run("stubdom", "screenshot", guest.name, "/tmp/own.png", timeout=VNCDO_SECONDS)
    seen = picture(dom0, "/tmp/own.png")
    is_our_screen(seen)
    # A real client; of a password eight characters count.
    dom0.run("vncdo", "-s", "127.0.0.1::5906", "-p", "sesame open", "capture", "/tmp/vncdo.png",
             timeout=VNCDO_SECONDS)
    assert picture(dom0, "/tmp/vncdo.png").tobytes() == seen.tobytes()
    dom0.run("rm", "/tmp/vncdo.png", "/tmp/own.png")
    refused(dom0, "wants a password", port=5906)
    refused(dom0, "authentication failed", port=5906, password="sesame")

    # As a browser does it: the same picture, and it types.
    refused(dom0, "authentication failed", password="open", **web)
    assert dom0.call("viewer_open", 120, name="web", host="127.0.0.1", password="sesame o", **web)
    assert view(dom0, "web").tobytes() == seen.tobytes()
    guest.ask("input", "input starts")
    dom0.call("viewer_type", name="web", keysyms=[ord("a"), 0xff1b])
    said = guest.wait("input done", SECONDS)
    assert [line.split()[-1] for line in said.splitlines() if " key " in line] == \
        ["1e", "9e", "1", "81"]
    dom0.call("viewer_close", name="web")

    # Another one, as a person and as a program say it.
    guest.monitor("change vnc password other")
    refused(dom0, "authentication failed", port=5906, password="sesame open")
    assert dom0.call("viewer_open", 120, name="a", host="127.0.0.1", port=5906, password="other")
    dom0.run("stubdom", "qmp", guest.name, "change-vnc-password", "password=third")
    assert view(dom0, "a").tobytes() == seen.tobytes()  # it stays
    dom0.call("viewer_close", name="a")
    assert '"auth": "vnc"' in dom0.run("stubdom", "qmp", guest.name, "query-vnc").stdout
    # Guessing is slow: after five that were wrong each costs five seconds.
    for _ in range(10):
        with pytest.raises(ServiceError) as caught:
            dom0.call("viewer_open", 120, name="no", host="127.0.0.1", port=5906, password="x")
        if "too many wrong passwords" in str(caught.value):
            break
    else:
        raise AssertionError("ten wrong passwords in a row were looked at")
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            assert dom0.call("viewer_open", 120, name="b", host="127.0.0.1", port=5906,
                             password="third")
            break
        except ServiceError as e:
            assert "too many" in str(e)
    is_our_screen(view(dom0, "b"))
    dom0.call("viewer_close", name="b")
