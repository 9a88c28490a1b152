# SPDX-License-Identifier: MIT
"""Debian's noVNC in a headless Chromium beside the rig, looking at a screen in dom0."""
import base64
import functools
import http.server
import io
import json
import os
import select
import socket
import subprocess
import tempfile
import threading
import time

from PIL import Image
from rigctl.host import ensure_cached
from rigctl.link import FdInput
from rigctl.paths import RIG

NOVNC = "usr/share/novnc"
SECONDS = 120
SIZE = (1024, 800)  # of the page, larger than the guest's screens


class Forward:
    """A port here whose connections go to a port of dom0."""

    def __init__(self, rig, port):
        self.rig, self.target = rig, f"TCP:127.0.0.1:{port}"
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._carry, args=(sock,), daemon=True).start()

    def _carry(self, sock):
        try:
            self.rig.run(["socat", "-", self.target], FdInput(sock.fileno()),
                         lambda _, data: sock.sendall(data))
        except OSError:
            pass  # the browser has gone
        sock.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Browser:
    """One page, driven by the DevTools protocol over a pipe: JSON texts, each with a zero byte."""

    def __init__(self):
        root, self.lock = ensure_cached(f"{RIG}/browser/make")
        self.files = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Quiet, directory=f"{root}/{NOVNC}"))
        threading.Thread(target=self.files.serve_forever, daemon=True).start()
        self.errors = tempfile.TemporaryFile()  # what it says, for a test that fails
        its_in, self.to = os.pipe()
        self.back, its_out = os.pipe()
        self.process = subprocess.Popen(
            [f"{RIG}/browser/run", root, str(its_in), str(its_out), "--disable-gpu",
             "--no-first-run", "--disable-background-networking", "--no-proxy-server",
             f"--window-size={SIZE[0]},{SIZE[1]}"],
            pass_fds=(its_in, its_out), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=self.errors)
        os.close(its_in)
        os.close(its_out)
        self.raw, self.last, self.session = b"", 0, None
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.command("Target.attachToTarget", targetId=target,
                                    flatten=True)["sessionId"]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.errors.close()
        os.close(self.to)
        os.close(self.back)
        self.files.shutdown()
        self.files.server_close()
        self.lock.close()

    def _message(self, end):
        while b"\0" not in self.raw:
            if not select.select([self.back], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.back, 1 << 20)
            if not data:
                self.errors.seek(0)
                raise EOFError("the browser has ended: " +
                               self.errors.read().decode(errors="replace")[-2000:])
            self.raw += data
        text, self.raw = self.raw.split(b"\0", 1)
        return json.loads(text)

    def command(self, method, **params):
        self.last += 1
        text = {"id": self.last, "method": method, "params": params}
        if self.session:
            text["sessionId"] = self.session
        os.write(self.to, json.dumps(text).encode() + b"\0")
        end = time.monotonic() + SECONDS
        while True:
            answer = self._message(end)
            if answer.get("id") == self.last:
                break
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def value(self, script):
        """The value of a script in the page; a promise is waited for."""
        got = self.command("Runtime.evaluate", expression=script, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in got:
            raise RuntimeError(f"{script}: {got['exceptionDetails']}")
        return got["result"].get("value")

    def wait(self, condition, seconds=SECONDS // 2):
        """Until the condition, a script, holds in the page."""
        held = self.value(f"""new Promise(done => {{
            const end = Date.now() + {seconds * 1000};
            const timer = setInterval(() => {{
                const holds = {condition};
                if (!holds && Date.now() < end) return;
                clearInterval(timer);
                done(Boolean(holds));
            }}, 50);
        }})""")
        assert held, f"not within {seconds} s: {condition}; the page says: " + self.value(
            "document.body ? document.body.innerText : ''")

    # noVNC.

    def open(self, port):
        """noVNC's page, which connects at once."""
        here = self.files.server_address[1]
        self.command("Page.navigate", url=f"http://127.0.0.1:{here}/vnc.html?host=127.0.0.1"
                     f"&port={port}&path=&encrypt=0&autoconnect=1&resize=off&show_dot=1")
        self.wait("document.readyState == 'complete' && document.getElementById('noVNC_status')")
        self.value("""(status => {
            window.statuses = [];
            new MutationObserver(() => window.statuses.push(status.innerText)).observe(
                status, {childList: true, characterData: true, subtree: true});
        })(document.getElementById('noVNC_status'))""")

    def give_password(self, password):
        """As a person does it: into the dialog, by its keys."""
        self.wait("document.getElementById('noVNC_credentials_dlg')"
                  ".classList.contains('noVNC_open')")
        # Not before the dialog has been drawn.
        self.wait("(input => (input.focus(), document.activeElement == input))"
                  "(document.getElementById('noVNC_password_input'))")
        self.command("Input.insertText", text=password)
        self.key("Enter", "Enter", 13, "\r")

    def wait_connected(self):
        self.wait("document.documentElement.classList.contains('noVNC_connected')")

    def wait_status(self, text):
        """Until noVNC has shown this in the line at its top, which the next message replaces."""
        self.wait(f"window.statuses.some(text => text.includes('{text}'))")

    def picture(self):
        """The guest's screen, as the page has it."""
        url = self.value("document.querySelector('#noVNC_container canvas').toDataURL()")
        return Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB")

    def key(self, key, code, number, text=""):
        for kind in ("keyDown", "keyUp"):
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=code,
                         windowsVirtualKeyCode=number, text=text if kind == "keyDown" else "")

    def click(self, x, y):
        """At a place of the guest's screen."""
        left, top = self.value("(r => [r.left, r.top])(document.querySelector("
                               "'#noVNC_container canvas').getBoundingClientRect())")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=left + x, y=top + y,
                         button="none" if kind == "mouseMoved" else "left", clickCount=1)
