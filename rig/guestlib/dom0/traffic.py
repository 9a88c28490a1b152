# SPDX-License-Identifier: MIT
"""dom0's side of TCP and UDP traffic with the direct-boot guest (tests/system/parts/guests/direct/traffic.c)."""
import socket
import threading
import time

HEADER = 16
PERIOD = 65521
CHUNK = 65536
PATTERN = bytes((i % PERIOD * 167 >> 3) & 0xFF for i in range(PERIOD + CHUNK))
SECONDS = 120

servers = {}


def send_pattern(sock, size):
    view, at = memoryview(PATTERN), 0
    while at < size:
        start = at % PERIOD
        at += sock.send(view[start : start + min(size - at, CHUNK)])


def take_pattern(sock, size):
    """Whether these bytes came, each as it should be."""
    buffer = bytearray(CHUNK)
    view, expected = memoryview(buffer), memoryview(PATTERN)
    at, good = 0, True
    while at < size:
        n = sock.recv_into(view[: min(size - at, CHUNK)])
        if not n:
            return False
        start = at % PERIOD
        good = good and view[:n] == expected[start : start + n]
        at += n
    return good


def serve_stream(sock):
    with sock:
        sock.settimeout(SECONDS)
        header = sock.recv(HEADER, socket.MSG_WAITALL).decode()
        if header[0] == "u":
            sock.sendall(b"ok" if take_pattern(sock, int(header[1:])) else b"no")
        else:
            send_pattern(sock, int(header[1:]))
            sock.recv(2, socket.MSG_WAITALL)


def serve_datagrams(sock):
    """Echoes what begins with "e", counts what begins with "x" and tells on "q", sends on "d"."""
    came, first, last = 0, 0.0, 0.0
    while True:
        data, peer = sock.recvfrom(65536)
        kind = data[:1]
        if kind == b"e":
            sock.sendto(data, peer)
        elif kind == b"x":
            last = time.monotonic()
            first = first if came else last
            came += 1
        elif kind == b"q":
            sock.sendto(f"{came} {last - first:.6f}".encode(), peer)
            came = 0
        elif kind == b"d":
            count, size = map(int, data[1:].split())
            for _ in range(count):
                sock.sendto(bytes(size), peer)


def traffic_serve():
    """The port that streams and datagrams are served on, from now to the end of the run."""
    if not servers:
        stream = socket.create_server(("", 0), backlog=8)
        port = stream.getsockname()[1]
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        datagrams.bind(("", port))

        def accept():
            while True:
                threading.Thread(target=serve_stream, args=(stream.accept()[0],),
                                 daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        threading.Thread(target=serve_datagrams, args=(datagrams,), daemon=True).start()
        servers["port"] = port
    return servers["port"]


def traffic_to(address, port, way, size):
    """A stream with a guest that serves: seconds, or an error."""
    with socket.create_connection((address, port), timeout=SECONDS) as sock:
        start = time.monotonic()
        sock.sendall(f"{way}{size:015d}".encode())
        if way == "u":
            send_pattern(sock, size)
            good = sock.recv(2, socket.MSG_WAITALL) == b"ok"
        else:
            good = take_pattern(sock, size)
            sock.sendall(b"ok" if good else b"no")
        return {"good": good, "seconds": time.monotonic() - start}
