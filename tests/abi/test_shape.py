# SPDX-License-Identifier: MIT
"""The kernel's files need each other in circles: a reader of one must read the others. The largest
circle, by the objects' definitions and uses, may shrink and not grow."""
import subprocess

from test_abi import BUILD

OBJECTS = BUILD / "kernel/libnub-objects.a.p"
LARGEST = 3


def needs():
    """{object: objects that define what it uses}."""
    defined, used = {}, {}
    for path in sorted(OBJECTS.glob("*.o")):
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
