# SPDX-License-Identifier: MIT
"""Takes pictures of a VNC server (RFB 3.8, screens that change size), and types."""
import socket
import struct
import time
import zlib

from rfbdecode import Decoder
from websocket import WebSocket

TIMEOUT = 60
DESKTOP_SIZE = -223
STALL_REQUESTS = 64


class Rfb:
    def __init__(self, host, port, websocket=False, password=None, encoding=0):
        self.begin(encoding, password)
        self.sock = socket.create_connection((host, port), TIMEOUT)
        self.sock.settimeout(TIMEOUT)
        if websocket:
            self.sock = WebSocket(self.sock)

    def begin(self, encoding, password=None):
        self.encoding, self.password = encoding, password
        self.decoder = Decoder(self.get)

    def get(self, length):
        data = bytearray()
        while len(data) < length:
            part = self.sock.recv(min(65536, length - len(data)))
            if not part:
                raise OSError("the server closed the connection")
            data += part
        return bytes(data)

    def unpack(self, fmt):
        return struct.unpack(fmt, self.get(struct.calcsize(fmt)))

    def open(self):
        """Afterwards width and height are known."""
        self.get(12)
        self.sock.sendall(b"RFB 003.008\n")
        (count,) = self.unpack(">B")
        if not count:
            (length,) = self.unpack(">I")
            raise OSError(self.get(length).decode(errors="replace"))
        kinds = self.get(count)
        if 1 in kinds:
            self.sock.sendall(b"\x01")
        elif 2 in kinds and self.password is not None:
            self.sock.sendall(b"\x02")
            self.sock.sendall(answer(self.password, self.get(16)))
        else:
            raise OSError("the server wants a password")
        if self.unpack(">I")[0]:
            (length,) = self.unpack(">I")
            raise OSError(f"the server refused us: {self.get(length).decode(errors='replace')}")
        self.sock.sendall(b"\x01")
        self.width, self.height = self.unpack(">HH")
        self.get(16)
        (length,) = self.unpack(">I")
        self.get(length)
        # 32 bits a pixel, little-endian, blue in the lowest byte
        self.sock.sendall(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255,
                                      16, 8, 0))
        self.sock.sendall(struct.pack(">BxHii", 2, 2, self.encoding, DESKTOP_SIZE))

    def press(self, keysym, down):
        self.sock.sendall(struct.pack(">BBxxI", 4, down, keysym))

    def key(self, keysym):
        """Pressed and let go."""
        for down in (True, False):
            self.press(keysym, down)

    def request(self, incremental=False):
        self.sock.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def start_picture(self):
        self.request()
        return bytearray(self.width * self.height * 4), self.width * self.height

    def wait_filled(self, pixel, seconds):
        """Asks for changes until the whole screen has this colour; the bytes of pixels that came."""
        came, rows, end = 0, [False] * self.height, time.monotonic() + seconds
        self.request(incremental=True)
        while not all(rows):
            if time.monotonic() > end:
                raise OSError(f"{rows.count(True)} of {self.height} rows of {self.width} pixels have "
                              f"colour 0x{pixel:x} after {seconds} s")
            (kind,) = self.unpack(">B")
            if kind == 3:
                (length,) = self.unpack(">3xI")
                self.get(length)
            if kind != 0:
                continue
            (rectangles,) = self.unpack(">xH")
            for _ in range(rectangles):
                x, y, w, h, encoding = self.unpack(">HHHHi")
                if encoding == DESKTOP_SIZE:
                    self.width, self.height = w, h
                    rows = [False] * h
                    continue
                data = self.get(w * h * 4)
                came += len(data)
                # A row counts as drawn when its last pixel is.
                if x + w == self.width:
                    for row in range(h):
                        last = (row + 1) * w * 4
                        rows[y + row] = struct.unpack_from("<I", data, last - 4)[0] & 0xFFFFFF == pixel
            self.request(incremental=True)
        return came

    def picture(self):
        """The whole screen as rows of RGB bytes."""
        pixels, left = self.start_picture()
        while left > 0:
            (kind,) = self.unpack(">B")
            if kind == 2:
                continue
            if kind == 3:
                (length,) = self.unpack(">3xI")
                self.get(length)
                continue
            if kind != 0:
                raise OSError(f"unexpected message {kind}")
            (rectangles,) = self.unpack(">xH")
            for _ in range(rectangles):
                x, y, w, h, encoding = self.unpack(">HHHHi")
                if encoding == DESKTOP_SIZE:
                    self.width, self.height = w, h
                    pixels, left = self.start_picture()
                    continue
                data = self.decoder.decode(encoding, w, h)
                for row in range(h):
                    at = ((y + row) * self.width + x) * 4
                    pixels[at : at + w * 4] = data[row * w * 4 : (row + 1) * w * 4]
                left -= w * h
        width = self.width
        rgb = bytearray(width * self.height * 3)
        rgb[0::3], rgb[1::3], rgb[2::3] = pixels[2::4], pixels[1::4], pixels[0::4]
        return [bytes(rgb[y * width * 3 : (y + 1) * width * 3]) for y in range(self.height)]


def answer(password, challenge):
    """VNC's DES (RFC 6143, 7.2.2); vncdotool's library has it."""
    from Cryptodome.Cipher import DES
    key = bytes(int(f"{c:08b}"[::-1], 2) for c in password.encode()[:8].ljust(8, b"\0"))
    return DES.new(key, DES.MODE_ECB).encrypt(challenge)


def write_png(path, width, rows):
    def chunk(kind, body):
        return (struct.pack(">I", len(body)) + kind + body
                + struct.pack(">I", zlib.crc32(kind + body)))

    raw = b"".join(b"\0" + row for row in rows)
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n"
                + chunk(b"IHDR", struct.pack(">IIBBBBB", width, len(rows), 8, 2, 0, 0, 0))
                + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


def vnc_shot(host, port, path):
    """Writes the picture to `path`; returns its size."""
    viewer_open("once", host, port)
    try:
        return viewer_picture("once", path)
    finally:
        viewer_close("once")


viewers = {}


def viewer_open(name, host, port, seconds=TIMEOUT, websocket=False, password=None, encoding=0):
    """Whether the server has welcomed a viewer, which stays, in that time."""
    rfb = Rfb(host, int(port), websocket, password, encoding)
    rfb.sock.settimeout(seconds)
    try:
        rfb.open()
    except TimeoutError:
        rfb.sock.close()
        return False
    rfb.sock.settimeout(TIMEOUT)
    viewers[name] = rfb
    return True


def viewer_picture(name, path):
    """Writes the picture to `path`; returns its size."""
    rfb = viewers[name]
    rows = rfb.picture()
    write_png(path, rfb.width, rows)
    return [rfb.width, rfb.height]


def viewer_wait_filled(name, pixel, seconds):
    return viewers[name].wait_filled(pixel, seconds)


def viewer_encodings(name):
    """How many rectangles of each have come."""
    return viewers[name].decoder.rectangles


def viewer_press(name, keysym, down):
    viewers[name].press(keysym, down)


def viewer_type(name, keysyms):
    for keysym in keysyms:
        viewers[name].key(keysym)


def viewer_stall(name):
    """It asks for many pictures and reads none."""
    for _ in range(STALL_REQUESTS):
        viewers[name].request()


def viewer_close(name):
    viewers.pop(name).sock.close()
