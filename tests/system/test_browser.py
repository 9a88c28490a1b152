# SPDX-License-Identifier: MIT
"""The guest's screen in a real browser: Debian's noVNC in a headless Chromium, by websocket."""
import io
import time

import pytest
from PIL import Image

from guestlib.browser import Browser, Forward

PORT = 5793
SECONDS = 120


@pytest.fixture(name="browser")
def make_browser():
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture(name="forward")
def make_forward(rig):
    forward = Forward(rig, PORT)
    yield forward
    forward.close()


def own_picture(dom0, guest):
    """The screen as QEMU itself has it."""
    path = f"{guest.folder}/own.png"
    dom0.run("stubdom", "screenshot", guest.name, path, timeout=SECONDS)
    return Image.open(io.BytesIO(dom0.rig.exec(["cat", path]).stdout)).convert("RGB")


def wait_same(browser, wanted):
    """The page shows this picture, to the last point."""
    end = time.monotonic() + SECONDS
    while True:
        seen = browser.picture()
        if (seen.size, seen.tobytes()) == (wanted.size, wanted.tobytes()):
            return
        assert time.monotonic() < end, f"{seen.size} is not {wanted.size}, or differs"


@pytest.mark.long("a browser is installed: 800 MB; `make check-browser` runs it")
@pytest.mark.parametrize("password", ["", "sesame"])
def test_browser(make_guest, dom0, forward, browser, password):
    """The relay speaks to the browser, and asks for the password if there is one."""
    guest = make_guest("web", nics=(), vnc=1, vnclisten=f"127.0.0.1:8,websocket={PORT}",
                       **({"vncpasswd": password} if password else {}))
    guest.start()
    browser.open(forward.port)
    if password:
        browser.give_password("open")
        browser.wait_status("authentication failed")
        browser.open(forward.port)
        browser.give_password(password)
    browser.wait_connected()

    first = own_picture(dom0, guest)
    assert len(first.getcolors()) > 8  # the guest's bars, and text
    wait_same(browser, first)
    guest.ask("input", "input starts")
    browser.click(100, 100)
    browser.click(120, 110)
    browser.key("a", "KeyA", 65, "a")
    browser.key("Escape", "Escape", 27)
    said = guest.wait("input done", SECONDS)
    assert [line.split()[-1] for line in said.splitlines() if " key " in line] == \
        ["1e", "9e", "1", "81"]  # a, Escape; pressed, let go
    assert "bios-guest: mouse " in said

    # The screen becomes another one, of another size.
    guest.ask("text", "text")
    second = own_picture(dom0, guest)
    assert second.size != first.size
    wait_same(browser, second)
    guest.ask("screen", "screen ok")
    third = own_picture(dom0, guest)
    assert third.size == first.size and third.tobytes() != first.tobytes()  # another text
    wait_same(browser, third)
