# SPDX-License-Identifier: MIT
"""A strict reader of the OpenMetrics text format, version 1.0, as far as stubdom uses it."""
import re

# Types that Prometheus' older text format has, too: node_exporter refuses a file with any other.
SUFFIXES = {"gauge": [""], "counter": ["_total"]}
LABELS = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")


class Wrong(Exception):
    """The text is none of OpenMetrics."""


def demand(holds, line):
    if not holds:
        raise Wrong(line)


def read_labels(text):
    labels, at = {}, 0
    while at < len(text):
        found = LABELS.match(text, at)
        demand(found and found[1] not in labels, text)
        labels[found[1]] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], found[2])
        at = found.end()
        demand(found[3] == "," or at == len(text), text)
    demand(not text.endswith(","), text)
    return labels


def read_sample(line, family):
    found = SAMPLE.match(line)
    demand(found, line)
    suffix = found[1].removeprefix(family["name"])
    demand(found[1].startswith(family["name"]) and suffix in SUFFIXES[family["type"]], line)
    labels, value = read_labels(found[2] or ""), float(found[3])
    demand(family["type"] != "counter" or value >= 0, line)
    demand(labels not in [other for other, _ in family["samples"]], line)
    family["samples"].append((labels, value))


def read(text):
    """Name of each family to its type, unit, help and samples, which are (labels, value)."""
    demand(text.endswith("\n# EOF\n") and "\r" not in text, text[-40:])
    families, family = {}, None
    for line in text.splitlines()[:-1]:
        words = line.split(" ", 3)
        if words[0] != "#":
            demand(family, line)
            read_sample(line, family)
            continue
        demand(len(words) == 4 and words[1] in ("TYPE", "UNIT", "HELP"), line)
        if words[1] == "TYPE":
            demand(words[2] not in families and words[3] in SUFFIXES, line)
            family = families[words[2]] = {"name": words[2], "type": words[3], "samples": []}
            continue
        demand(family and words[2] == family["name"] and words[1] not in family, line)
        demand(not family["samples"], line)
        demand(words[1] == "HELP" or words[2].endswith("_" + words[3]), line)
        family[words[1]] = words[3]
    demand("# EOF" not in text[:-6], text)
    return families
