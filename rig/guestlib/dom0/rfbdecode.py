# SPDX-License-Identifier: MIT
"""A VNC viewer's reading of compressed rectangles (RFC 6143, 7.7; rfbproto's Tight Encoding), as far as QEMU sends
them: pixels of 32 bits, of which tight and ZRLE leave the highest byte out. Streams go on for the whole connection."""
import struct
import zlib

RAW, HEXTILE, ZLIB, TIGHT, ZRLE = 0, 5, 6, 7, 16
FILL, JPEG = 8, 9
LEAST = 12  # bytes that tight compresses


def pixels_of(three):
    """Four bytes each, out of three."""
    out = bytearray(len(three) // 3 * 4)
    out[0::4], out[1::4], out[2::4] = three[0::3], three[1::3], three[2::3]
    return bytes(out)


class Bytes:
    def __init__(self, data):
        self.data, self.at = data, 0

    def get(self, length):
        part = self.data[self.at : self.at + length]
        assert len(part) == length, "a stream is too short"
        self.at += length
        return part

    def byte(self):
        return self.get(1)[0]


class Decoder:
    """`get` reads so many bytes of the connection. Each rectangle becomes its pixels, row by row."""

    def __init__(self, get):
        self.get = get
        self.streams = {}
        self.rectangles = {}  # how many of each encoding came

    def decode(self, encoding, w, h):
        name = {RAW: "raw", HEXTILE: "hextile", ZLIB: "zlib", TIGHT: "tight", ZRLE: "zrle"}[encoding]
        self.rectangles[name] = self.rectangles.get(name, 0) + 1
        return getattr(self, name)(w, h)

    def inflate(self, stream, data):
        return self.streams.setdefault(stream, zlib.decompressobj()).decompress(data)

    def raw(self, w, h):
        return self.get(w * h * 4)

    def zlib(self, w, h):
        (length,) = struct.unpack(">I", self.get(4))
        data = self.inflate("zlib", self.get(length))
        assert len(data) == w * h * 4
        return data

    def hextile(self, w, h):
        out = bytearray(w * h * 4)
        for y in range(0, h, 16):
            for x in range(0, w, 16):
                self.hextile_tile(Tile(out, w, x, y, min(16, w - x), min(16, h - y)))
        return bytes(out)

    def hextile_tile(self, tile):
        kind = self.get(1)[0]
        if kind & 1:
            tile.put(self.get(tile.w * tile.h * 4))
            return
        if kind & 2:
            self.background = self.get(4)
        if kind & 4:
            self.foreground = self.get(4)
        tile.fill(0, 0, tile.w, tile.h, self.background)
        for _ in range(self.get(1)[0] if kind & 8 else 0):
            colour = self.get(4) if kind & 16 else self.foreground
            at, size = self.get(2)
            tile.fill(at >> 4, at & 15, (size >> 4) + 1, (size & 15) + 1, colour)

    def zrle(self, w, h):
        (length,) = struct.unpack(">I", self.get(4))
        data = Bytes(self.inflate("zrle", self.get(length)))
        out = bytearray(w * h * 4)
        for y in range(0, h, 64):
            for x in range(0, w, 64):
                tile = Tile(out, w, x, y, min(64, w - x), min(64, h - y))
                tile.put(zrle_tile(data, tile.w, tile.h))
        return bytes(out)

    def tight_size(self):
        size = 0
        for shift in (0, 7, 14):
            byte = self.get(1)[0]
            size |= (byte & (0x7F if shift < 14 else 0xFF)) << shift
            if not byte & 0x80:
                break
        return size

    def tight_data(self, stream, length):
        if length < LEAST:
            return self.get(length)
        data = self.inflate(("tight", stream), self.get(self.tight_size()))
        assert len(data) == length
        return data

    def tight(self, w, h):
        control = self.get(1)[0]
        for stream in range(4):
            if control & 1 << stream:
                self.streams.pop(("tight", stream), None)
        kind = control >> 4
        if kind == FILL:
            return tight_pixels(self.get(3)) * (w * h)
        assert kind < FILL, "tight: no lossy pictures were asked for"
        stream, kind = kind & 3, self.get(1)[0] if kind & 4 else 0
        if kind == 0:
            return tight_pixels(self.tight_data(stream, w * h * 3))
        if kind == 2:
            return gradient(self.tight_data(stream, w * h * 3), w, h)
        colours = self.get(1)[0] + 1
        palette = tight_pixels(self.get(3 * colours))
        palette = [palette[i * 4 : i * 4 + 4] for i in range(colours)]
        if colours > 2:
            return b"".join(palette[i] for i in self.tight_data(stream, w * h))
        row = (w + 7) // 8
        data = self.tight_data(stream, row * h)
        return b"".join(palette[data[y * row + x // 8] >> (7 - x % 8) & 1] for y in range(h) for x in range(w))


def tight_pixels(data):
    """Red, green, blue become what our format has."""
    out = bytearray(len(data) // 3 * 4)
    out[0::4], out[1::4], out[2::4] = data[2::3], data[1::3], data[0::3]
    return bytes(out)


def gradient(data, w, h):
    above, out = [0] * (w * 3), bytearray()
    for y in range(h):
        row = []
        for i in range(w * 3):
            left, corner = (row[i - 3], above[i - 3]) if i >= 3 else (0, 0)
            row.append(data[y * w * 3 + i] + max(0, min(255, left + above[i] - corner)) & 255)
        out += bytes(row)
        above = row
    return tight_pixels(out)


class Tile:
    def __init__(self, out, width, x, y, w, h):
        self.out, self.width, self.x, self.y, self.w, self.h = out, width, x, y, w, h

    def put(self, data):
        for row in range(self.h):
            at = ((self.y + row) * self.width + self.x) * 4
            self.out[at : at + self.w * 4] = data[row * self.w * 4 : (row + 1) * self.w * 4]

    def fill(self, x, y, w, h, colour):
        for row in range(self.y + y, self.y + y + h):
            at = (row * self.width + self.x + x) * 4
            self.out[at : at + w * 4] = colour * w


def run_length(data):
    length = 1
    while True:
        byte = data.byte()
        length += byte
        if byte != 255:
            return length


def zrle_tile(data, w, h):
    """RFC 6143, 7.7.6"""
    kind, area = data.byte(), w * h
    if kind == 0:
        return pixels_of(data.get(area * 3))
    colours = kind & 127
    palette = pixels_of(data.get(colours * 3)) if kind != 128 else b""
    palette = [palette[i * 4 : i * 4 + 4] for i in range(len(palette) // 4)]
    out = bytearray()
    if kind >= 128:
        while len(out) < area * 4:
            index = data.byte() if kind > 128 else None
            colour = pixels_of(data.get(3)) if index is None else palette[index & 127]
            out += colour * (run_length(data) if index is None or index & 128 else 1)
    elif kind == 1:
        out = palette[0] * area
    else:
        bits = 1 if kind == 2 else 2 if kind <= 4 else 4
        for _ in range(h):
            row = int.from_bytes(data.get((w * bits + 7) // 8), "big")
            whole = (w * bits + 7) // 8 * 8
            for x in range(w):
                out += palette[row >> (whole - (x + 1) * bits) & (1 << bits) - 1]
    assert len(out) == area * 4
    return bytes(out)
