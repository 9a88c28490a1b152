# SPDX-License-Identifier: MIT
"""stubdom metrics: strict OpenMetrics, whatever a guest is called; each figure is explained, and
the example dashboard asks for such figures only."""
import json
import re

import pytest
from openmetrics import Wrong, read
from test_stubdom import TREE, crashes, host  # noqa: F401, fixtures

NAME = 'a"b\\c\nd'


def samples(families, name):
    return families[name]["samples"]


def test_every_figure(host, crashes):  # noqa: F811
    families = read(host.run("metrics")[0])
    labels = {"guest": "s1", "domid": "7"}
    info, value = samples(families, "stubdom_guest_info")[0]
    assert value == 1 and info == {**labels, "kernel": "linux", "type": "pvh", "qemu": "10.0.13",
                                   "image": "/image"}
    states = samples(families, "stubdom_guest_state")
    assert [labels["stubdom_guest_state"] for labels, value in states if value] == ["running"]
    assert {value for _, value in states} == {0, 1}
    assert len(states) == 8
    for name in ("stubdom_memory_used_bytes", "stubdom_memory_given_bytes",
                 "stubdom_start_time_seconds", "stubdom_cpu_seconds"):
        [(found, value)] = samples(families, name)
        assert found == labels and value > 0, name
    assert samples(families, "stubdom_crashes") == [({"guest": "s1"}, 2), ({"guest": "s2"}, 1)]


def test_a_name_of_any_kind(host):  # noqa: F811
    host.put("local/domain/7/name", NAME)
    families = read(host.run("metrics")[0])
    assert samples(families, "stubdom_guest_info")[0][0]["guest"] == NAME.replace("\n", "?")


def test_by_http(host):  # noqa: F811
    request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    head, body = host.run("metrics", "--http", input=request)[0].split("\r\n\r\n", 1)
    assert head.startswith("HTTP/1.0 200 OK\r\n")
    assert "application/openmetrics-text; version=1.0.0" in head
    read(body)
    out, _ = host.run("metrics", "--http", input=b"POST / HTTP/1.1\r\n\r\n", status=2)
    assert out.startswith("HTTP/1.0 405 ")
    assert "no HTTP request" in host.run("metrics", "--http", input=b"GET", status=2)[1]


def test_the_reader_is_strict():
    good = '# TYPE a counter\n# HELP a x\na_total{b="c"} 1\n# EOF\n'
    read(good)
    for bad in (good[:-1], good.replace("counter", "info").replace("_total", "_info"),
                good.replace("_total", ""), good.replace('"c"', '"c""'),
                good.replace("} 1\n", "} 1\na_total{b=\"c\"} 2\n"), good.replace(" 1\n", "\n"),
                good.replace("# TYPE a counter\n", ""), good.replace("1\n", "-1\n")):
        with pytest.raises((Wrong, ValueError)):
            read(bad)


def test_docs_and_dashboard(host):  # noqa: F811
    families = read(host.run("metrics")[0])
    with open(f"{TREE}/docs/metrics.md", encoding="utf-8") as f:
        explained = set(re.findall(r"^\| `(stubdom_\w+)`", f.read(), re.M))
    assert explained == set(families)
    known = {name + ("_total" if f["type"] == "counter" else "") for name, f in families.items()}
    with open(f"{TREE}/docs/examples/grafana.json", encoding="utf-8") as f:
        dashboard = json.load(f)
    asked = set()
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            asked |= set(re.findall(r"\bstubdom_\w+", re.sub(r"\{[^}]*\}", "", target["expr"])))
    assert len(asked) > 5 and asked <= known, asked - known
