# SPDX-License-Identifier: MIT
"""The kernel's files need each other in circles: a reader of one must read the others. The largest
circle, by the objects' definitions and uses, may shrink and not grow. The map in
docs/kernel.md has rows: a file uses its own and earlier ones."""
import fnmatch
import re
import subprocess

from test_abi import BUILD, TREE

OBJECTS = BUILD / "kernel/libnub-objects.a.p"
TABLE = BUILD / "kernel/kernel-nub.debug.p"  # of system calls; the test's kernel has another one
LARGEST = 3


def needs():
    """{object: objects that define what it uses}."""
    defined, used = {}, {}
    for path in [*sorted(OBJECTS.glob("*.o")), *TABLE.glob("*syscalls_gen*.o")]:
        out = subprocess.run(["nm", "-g", path], check=True, capture_output=True, text=True).stdout
        used[path.name] = set()
        for line in out.splitlines():
            *_, kind, name = line.split()
            if kind in "Uw":
                used[path.name].add(name)
            else:
                defined[name] = path.name
    return {o: {defined[n] for n in names if n in defined} - {o} for o, names in used.items()}


def reached(graph, start):
    seen, todo = set(), [start]
    while todo:
        for other in graph[todo.pop()] - seen:
            seen.add(other)
            todo.append(other)
    return seen


def largest_circle(graph):
    """The most files that all need each other, by any way."""
    to = {o: reached(graph, o) for o in graph}
    return max(({p for p in to[o] if o in to[p]} for o in graph), key=len)


def test_largest_circle():
    assert len(largest_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()})) == 2
    graph = needs()
    assert len(graph) > 90
    circle = largest_circle(graph)
    assert len(circle) <= LARGEST, f"{len(circle)} files need each other: {sorted(circle)}"


def rows():
    """[patterns of files] for each row of the map, the lowest first."""
    text = (TREE / "docs/kernel.md").read_text(encoding="utf-8")
    table = text.split("\n## Map\n")[1].split("\n## ")[0].split("\n\n")[1]
    return [re.findall(r"`([^`]+)`", line.split("|")[2]) for line in table.splitlines()[2:]]


def place(name, levels):
    """The row of a file: one names it, or else one has its folder."""
    exact = [i for i, patterns in enumerate(levels) if name in patterns]
    folder = [i for i, patterns in enumerate(levels)
              if any(fnmatch.fnmatch(name, p) for p in patterns if "*" in p)]
    assert len(exact or folder) == 1, f"{name} has no row in docs/kernel.md, or more than one"
    return (exact or folder)[0]


def source(name):
    """The file of an object, without what ends its name; folders stand for generated ones."""
    made = {"hypercalls_gen": "xen/", "syscalls_gen": "linux/", "ioctls_gen": "linux/",
            "vdso_embed": "vdso/"}
    stem = re.sub(r"\.[cS]\.o$", "", name).rpartition(".._")[2]
    if stem in made:
        return made[stem] + stem
    return re.sub(r"^(arch_x86|[a-z]+)_", lambda m: m[1].replace("_", "/") + "/", stem)


def test_no_file_uses_a_later_row():
    levels, graph = rows(), needs()
    assert len(levels) > 8
    at = {o: place(source(o), levels) for o in graph}
    wrong = [f"{source(o)} uses {source(other)}"
             for o in graph for other in graph[o] if at[other] > at[o]]
    assert not wrong
