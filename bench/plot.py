#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws results of bench.py and scale.py as pictures: a bar from the smallest to the largest value, and
a mark at the median. `plot.py RESULTS.json FOLDER` writes an SVG and a PNG for each part that it knows."""
import json
import os
import sys

from PIL import Image, ImageDraw, ImageFont

LEFT, WIDTH, ROW, TOP, RIGHT = 380, 460, 26, 60, 150
DOM0, STUB, LINUX = "#8c8c8c", "#3b6ea5", "#b5803b"
PAPER, INK, GRID = "#ffffff", "#222222", "#dddddd"


class Svg:
    def __init__(self, width, height):
        self.parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                      'font-family="sans-serif" font-size="13">',
                      f'<rect width="{width}" height="{height}" fill="{PAPER}"/>']

    def box(self, x, y, width, height, colour):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
                          f'fill="{colour}"/>')

    def text(self, x, y, text, anchor="start"):
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        self.parts.append(f'<text x="{x:.1f}" y="{y + 13:.1f}" text-anchor="{anchor}" '
                          f'fill="{INK}">{text}</text>')

    def save(self, path):
        with open(path + ".svg", "w", encoding="utf-8") as f:
            f.write("\n".join(self.parts + ["</svg>", ""]))


class Png:
    def __init__(self, width, height):
        self.image = Image.new("RGB", (width, height), PAPER)
        self.draw, self.font = ImageDraw.Draw(self.image), ImageFont.load_default(13)

    def box(self, x, y, width, height, colour):
        self.draw.rectangle((x, y, x + max(width, 1) - 1, y + height - 1), fill=colour)

    def text(self, x, y, text, anchor="start"):
        width = self.draw.textlength(text, font=self.font)
        x -= {"start": 0, "middle": width / 2, "end": width}[anchor]
        self.draw.text((x, y), text, fill=INK, font=self.font)

    def save(self, path):
        self.image.save(path + ".png", optimize=True)


def draw(canvas, title, rows, most, unit):
    """rows: (label, colour, smallest, median, largest)."""
    canvas.text(12, 14, title)
    scale = WIDTH / most
    for i in range(5):
        x = LEFT + WIDTH * i / 4
        canvas.box(x, TOP - 4, 1, ROW * len(rows) + 4, GRID)
        canvas.text(x, TOP - 22, f"{most * i / 4:g}", "middle")
    for i, (label, colour, low, middle, high) in enumerate(rows):
        y = TOP + i * ROW
        canvas.text(LEFT - 10, y, label, "end")
        canvas.box(LEFT, y + 9, low * scale, 2, GRID)
        canvas.box(LEFT + low * scale, y + 4, max((high - low) * scale, 2), 12, colour)
        canvas.box(LEFT + middle * scale - 1, y + 1, 3, 18, INK)
        canvas.text(LEFT + high * scale + 8, y, f"{number(middle)} {unit}".rstrip())


def number(value):
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def scale_of(rows):
    """The next round number above all values."""
    most, step = max(row[4] for row in rows), 1.0
    while step < most:
        step *= 10
    return next(step * part for part in (0.2, 0.4, 0.6, 0.8, 1) if step * part >= most)


def picture(path, title, rows, unit=""):
    size = LEFT + WIDTH + RIGHT, TOP + ROW * len(rows) + 16
    for canvas in (Svg(*size), Png(*size)):
        draw(canvas, title, rows, scale_of(rows), unit)
        canvas.save(path)


def start_pictures(part, folder):
    """Seconds of both sides; and ratios."""
    rows = [(f"{row['what']}: {name}", colour, *(row[side][k] for k in ("min", "median", "max")))
            for row in part["rows"].values() if row["unit"] == "s"
            for side, name, colour in (("dom0", "QEMU in dom0", DOM0), ("stub", "stub domain", STUB))]
    picture(f"{folder}/start", f"Start, seconds: smallest, median, largest of {len(part['rounds'])} rounds",
            rows, "s")
    rows = [(row["what"], STUB, *(row["ratio"][k] for k in ("min", "median", "max")))
            for row in part["rows"].values() if "ratio" in row]
    picture(f"{folder}/ratios", "Stub domain to QEMU in dom0, round by round (1: the same)", rows)


def scale_pictures(part, folder):
    rows = [(f"{number} guests", STUB, *part[number]["create_all_s"])
            for number in part if number not in ("one", "at once")]
    picture(f"{folder}/scale", "xl create beside the guests that run: smallest, median, largest", rows, "s")


COLOURS = {"dom0": DOM0, "nub": STUB, "linux": LINUX}


def disk_pictures(part, folder):
    """Exits of one read: one round, so there is no spread."""
    rows = [(f"{controller}: {side}", COLOURS[side], *[found["median"]] * 3)
            for controller, loads in part.items()
            for side, found in loads["read/4096/1"]["exits"].items()]
    picture(f"{folder}/exits", "Exits of guest and stub domain for a read of 4 KiB", rows)


PARTS = {"start": start_pictures, "scale": scale_pictures, "disk": disk_pictures}


def main():
    if len(sys.argv) != 3:
        print("usage: plot.py RESULTS.json FOLDER", file=sys.stderr)
        return 2
    with open(sys.argv[1], encoding="utf-8") as f:
        parts = json.load(f)["parts"]
    os.makedirs(sys.argv[2], exist_ok=True)
    for name, pictures in PARTS.items():
        if parts.get(name):
            pictures(parts[name], sys.argv[2])
    return 0


if __name__ == "__main__":
    sys.exit(main())
