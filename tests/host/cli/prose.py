# SPDX-License-Identifier: MIT
"""Sentences of a text in Markdown or scdoc, and how long they are. usage: prose.py FILE..."""
import re
import sys


def blocks(text):
    """Paragraphs and list items, without code, tables, headings and comments."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.S)
    out = []
    for line in text.splitlines() + [""]:
        if re.match(r"(    |#|\||; |\[|\S+\([158]\)$)", line):
            line = ""
        bare = line.strip()
        if not bare or re.match(r"([-*] |\d+\. )", bare) or re.match(r"\*\S", line):
            out.append([])
        if not out:
            out.append([])
        if bare:
            out[-1].append(re.sub(r"^([-*]|\d+\.) ", "", bare))
    return [" ".join(b) for b in out if b]


def words(sentence):
    return len([w for w in sentence.split() if re.search(r"\w", w)])


def plain(text):
    """Without the names in back quotes and the targets of links."""
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "X", text))


def sentences(text):
    for block in blocks(text):
        for s in re.split(r"(?<=[.?!])[\")*_]*\s+(?=[A-Z\"(*_`0-9])", plain(block)):
            if words(s) > 1:
                yield words(s), s


def cells(text):
    """The sentences in the cells of tables; a semicolon ends one there."""
    for line in re.findall(r"^\|(.*)\|$", text, re.M):
        for cell in line.split(" | "):
            for s in re.split(r"(?<=[.?!;])\s+", plain(cell)):
                yield words(s), s.strip()


def main(paths):
    for path in paths:
        with open(path, encoding="utf-8") as f:
            found = list(sentences(f.read()))
        lengths = [n for n, _ in found]
        print(f"{path}: {len(found)} sentences, mean {sum(lengths) / len(lengths):.1f}, "
              f"longest {max(lengths)}, {sum(n > 25 for n in lengths)} over 25, {sum(n > 40 for n in lengths)} over 40")
        for n, s in found:
            if n > LIMIT:
                print(f"  {n}: {s[:150]}")


LIMIT = 40
if __name__ == "__main__":
    if sys.argv[1] == "-l":
        LIMIT = int(sys.argv[2])
        sys.argv[1:3] = []
    main(sys.argv[1:])
