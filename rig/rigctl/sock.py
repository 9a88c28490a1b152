# SPDX-License-Identifier: MIT
"""Unix sockets whose path may be longer than a socket address can hold."""

import os
import socket
import time


def connect(path, timeout=0):
    """Connects to the unix socket `path`; until `timeout` it may still have to appear."""
    deadline = time.monotonic() + timeout
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        folder = -1
        try:
            folder = os.open(os.path.dirname(path), os.O_PATH | os.O_DIRECTORY)
            sock.connect(f"/proc/self/fd/{folder}/{os.path.basename(path)}")
            return sock
        except OSError:
            sock.close()
            if time.monotonic() >= deadline:
                raise
        finally:
            if folder >= 0:
                os.close(folder)
        time.sleep(0.02)
