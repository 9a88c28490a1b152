# SPDX-License-Identifier: MIT
"""The man pages and completions know every verb, option, key and exit status there is."""
import glob
import json
import os
import re
import subprocess
import sys

import comments
import prose
import pytest

BUILD = os.path.realpath(os.environ.get("BUILD", "build"))
TREE = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
sys.path[:0] = [os.path.join(TREE, "rig")]
STUBDOM = f"{BUILD}/cli/stubdom"
LAUNCHER = f"{BUILD}/launcher/stubdom-dm"
from guestlib import package  # noqa: E402

# Files of QEMU's and Xen's that docs name.
FOREIGN = {"tools/libs/light/libxl_dm.c", "libxl_internal.h", "SUPPORT.md", "CHANGELOG.md",
           "xen-mapcache.c", "hw/xen/xen-mapcache.c", "docs/designs/qemu-deprivilege.md",
           "target/i386/tcg/decode-new.c", "libxl_pci.c", "hw/xen/xen_pt.c",
           "conf_space_header.c", "xen_pt_graphics.c", "xen_igd_pt.c", "xen-host-pci-device.c"}


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def source(page):
    return read(f"{TREE}/docs/man/{page}.scd")


def output(*argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=60).stdout.decode()


def verbs():
    found = re.findall(r"^  ([a-z]+) ", output(STUBDOM, "help"), re.M)
    assert len(found) >= 12
    return found


def keys():
    """The keys that stubdom-dm itself names when it is given one that is none."""
    done = subprocess.run([LAUNCHER, "--plan", "-xen-domid", "1", "-nodefaults", "-stubdom", "x=y"],
                          stderr=subprocess.PIPE, check=False, timeout=60)
    found = re.search(rb"there are ([a-z_, -]+)", done.stderr).group(1).decode().split(", ")
    assert {"kernel", "memory", "type"} <= set(found)
    return found


@pytest.mark.parametrize("page", ["stubdom.1", "stubdom-dm.8", "stubdom-nub.7", "stubdom-select.8", "stubdom-topology.5",
                                  "stubdom.conf.5"])
def test_pages_are_pages(page):
    """groff reads what scdoc made without a warning."""
    done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", f"{BUILD}/docs/man/{page}"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=60,
                          env=dict(os.environ, MANWIDTH="80", MANPAGER="cat"))
    assert done.returncode == 0 and done.stderr == b""
    text = done.stdout.decode()
    assert "SEE ALSO" in text and "NAME" in text


def test_every_verb_is_explained():
    page = source("stubdom.1")
    for verb in verbs():
        assert re.search(rf"^\*{verb}\*", page, re.M), verb
        for option in re.findall(r"--[a-z]+", output(STUBDOM, verb, "--help")):
            if option != "--plan":
                assert option in page, (verb, option)


def test_every_exit_status_is_explained():
    statuses = dict(re.findall(r"(?:\bX\(|\bVERB_)([A-Z]+)(?:, | = )(\d)",
                               read(f"{TREE}/lib/err.h") + read(f"{TREE}/cli/verb.h")))
    assert len(statuses) == 6
    for status in statuses.values():
        assert re.search(rf"^\*{status}\*$", source("stubdom.1"), re.M), status


def test_every_key_is_explained():
    for key in keys():
        assert re.search(rf"^\*{key}\*=", source("stubdom-dm.8"), re.M), key
        assert re.search(rf"^\*{key}\* =", source("stubdom.conf.5"), re.M), key
        assert f"{key}=" in output(LAUNCHER, "--help"), key
        assert re.search(rf"^#{key} = ", read(f"{TREE}/packaging/stubdom.conf"), re.M), key


def test_every_option_of_nub_is_explained():
    found = set()
    for path in glob.glob(f"{TREE}/kernel/*/*.c"):
        if "/test/" not in path:
            found |= set(re.findall(r'cmdline_(?:option|has_word)\("([\w.]+)"', read(path)))
    assert {"init", "nub.trace", "nub.cpus"} <= found
    for name in found:
        assert f"*{name}=*" in source("stubdom-nub.7"), name
        assert f"`{name}=" in read(f"{TREE}/docs/kernel.md"), name


def test_the_example_topology_is_one(tmp_path):
    """That of its manual page, for a guest with two NICs and one way out."""
    example = re.search(r"# EXAMPLE\n.*?```\n(.*?)```", source("stubdom-topology.5"), re.S).group(1)
    (tmp_path / "topology").write_text(example)
    line = ["-xen-domid", "1", "-nodefaults", "-machine", "xenfv",
            "-stubdom", f"topology={tmp_path}/topology"]
    for n in (0, 1):
        line += ["-device", f"e1000,id=nic{n},netdev=net{n},mac=00:16:3e:00:00:0{n}", "-netdev",
                 f"type=tap,id=net{n},ifname=vif1.{n}-emu,br=xenbr0,script=no,downscript=no"]
    done = subprocess.run([LAUNCHER, "--plan", *line], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["topology"]) == 6


def test_the_installed_configuration_is_valid():
    """Every line of it, were it not a comment."""
    text = read(f"{TREE}/packaging/stubdom.conf")
    for key, value in re.findall(r"^#([\w-]+) = (.*)$", text, re.M):
        done = subprocess.run([LAUNCHER, "--plan", "-xen-domid", "1", "-nodefaults",
                               "-stubdom", f"{key}={value.replace(',', ',,')}"],
                              stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False, timeout=60)
        assert done.returncode == 0, (key, done.stderr)


def options_with_values(verb):
    """As its own usage has them: -n N, --memory MIB."""
    return re.findall(r"(?<![\w-])(--?[a-z]+) [A-Z]+", output(STUBDOM, verb, "--help"))


def complete(*words):
    """bash's offers for the last of the words."""
    script = f'''
stubdom() {{ case "$1 $2" in
    "list --names") printf 's1\\ns2\\nother\\n' ;; *) {STUBDOM} "$@" ;; esac; }}
. {TREE}/cli/completion/stubdom.bash
COMP_WORDS=(stubdom "$@"); COMP_CWORD=$#
_stubdom 2>/dev/null; printf '%s\\n' "${{COMPREPLY[@]}}"'''
    return output("bash", "-c", script, "bash", *words).split()


def test_bash_completion():
    assert set(verbs()) <= set(complete(""))
    assert complete("scr") == ["screenshot"]
    for verb in ("status", "qmp", "monitor", "serial", "screenshot", "log", "plan"):
        assert complete(verb, "s") == ["s1", "s2"], verb
    values = {verb: options_with_values(verb) for verb in verbs()}
    assert "-n" in values["serial"] and "--memory" in values["replace"]
    for verb in ("qmp", "monitor", "serial", "log", "replace"):
        for option in values[verb]:
            assert complete(verb, option, "1", "o") == ["other"], (verb, option)
    assert complete("replace", "--memory", "s") == []
    assert complete("image", "v") == ["verify"]
    assert complete("list", "s") == []
    for verb in verbs():
        offered = complete(verb, "-")
        for option in re.findall(r"(?<![\w-])--?[a-z]+", output(STUBDOM, verb, "--help")):
            if verb not in ("help", "version") and option not in ("--plan", "-t"):
                assert option in offered, (verb, option)


def test_zsh_completion():
    text = read(f"{TREE}/cli/completion/_stubdom")
    subprocess.run(["zsh", "-n", f"{TREE}/cli/completion/_stubdom"], check=True, timeout=60)
    for verb in verbs():
        if verb != "version":
            assert re.search(rf"^\t{verb}\)", text, re.M), verb


def complete_fish(line):
    """The words that fish offers at the line's end."""
    script = f'''
function stubdom
    switch "$argv[1..2]"
    case "list --names"; printf 's1\\ns2\\nother\\n'
    case '*'; {STUBDOM} $argv
    end
end
source {TREE}/cli/completion/stubdom.fish
complete -C "{line}"'''
    return [offer.split("\t")[0] for offer in
            output("fish", "--no-config", "-c", script).splitlines()]


def test_fish_completion():
    if not package.need("fish"):
        pytest.skip("the mirror does not give fish")
    assert set(verbs()) <= set(complete_fish("stubdom "))
    assert complete_fish("stubdom scr") == ["screenshot"]
    for verb in ("status", "serial", "screenshot", "log", "plan", "security"):
        assert [o for o in complete_fish(f"stubdom {verb} s") if o in ("s1", "s2")] == ["s1", "s2"]
    for verb in ("qmp", "monitor", "serial", "log", "replace"):
        for option in options_with_values(verb):
            assert complete_fish(f"stubdom {verb} {option} 1 o") == ["other"], (verb, option)
    assert complete_fish("stubdom image v") == ["verify"]
    assert complete_fish("stubdom list s") == []
    assert "kernel=nub" in complete_fish("stubdom plan -stubdom ")
    for verb in verbs():
        offered = complete_fish(f"stubdom {verb} -")
        for option in re.findall(r"(?<![\w-])--[a-z]+", output(STUBDOM, verb, "--help")):
            if verb not in ("help", "version") and option != "--plan":
                assert option in offered, (verb, option)


def strings_of_sources():
    """Each run of string literals that the compiler joins, and formats as the reader sees them."""
    out = []
    for folder in ("launcher", "agent", "lib", "cli", "include"):
        for path in glob.glob(f"{TREE}/{folder}/**/*.[ch]", recursive=True):
            text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
            for run in re.findall(r'"(?:[^"\\\n]|\\.)*"(?:\s*(?:[A-Z_]+\s*)?"(?:[^"\\\n]|\\.)*")*', text):
                out.append("".join(re.findall(r'"((?:[^"\\\n]|\\.)*)"', run)))
    return out


def test_messages_that_are_explained_exist():
    """docs/troubleshooting.md goes by messages: each is one of ours, but for the names in it."""
    sources = strings_of_sources()
    messages = re.findall(r"^\| `([^`]+)` \|", read(f"{TREE}/docs/troubleshooting.md"), re.M)
    assert len(messages) > 25
    missing = []
    for message in messages:
        parts = [re.escape(p) for p in message.split("…")]
        pattern = re.compile(".*".join(parts))
        said_by_system = message.endswith(("No such file or directory", "No such file",
                                           "Cannot allocate memory"))
        if not said_by_system and not any(pattern.search(s) for s in sources):
            missing.append(message)
    assert not missing


def test_tests_that_are_named_exist():
    """A page that names a test as evidence names one that is there."""
    there = {os.path.basename(path) for path in glob.glob(f"{TREE}/tests/**/*", recursive=True)}
    missing, named = [], 0
    for path in glob.glob(f"{TREE}/docs/*.md") + glob.glob(f"{TREE}/*.md"):
        for name in re.findall(r"\b(?:test|fuzz)_[a-z0-9_]+\.(?:py|c)\b", read(path)):
            named += 1
            if name not in there:
                missing.append(f"{os.path.basename(path)}: {name}")
        for name, function in re.findall(r"\b(test_[a-z0-9_]+\.py)::(test_\w+)", read(path)):
            files = glob.glob(f"{TREE}/tests/**/{name}", recursive=True)
            if not any(f"def {function}(" in read(f) for f in files):
                missing.append(f"{os.path.basename(path)}: {name}::{function}")
        for name in re.findall(r"(?<![\w/])tests/[\w/.-]*[\w]", read(path)):
            if not glob.glob(f"{TREE}/{name}*"):
                missing.append(f"{os.path.basename(path)}: {name}")
    assert named > 40
    assert not missing, missing


def test_every_interface_has_a_test():
    """docs/threat-model.md: each interface has a bound, and a test or a page that shows it."""
    text = read(f"{TREE}/docs/threat-model.md")
    table = text.split("## Interfaces, their bounds and their tests")[1].split("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")]
            for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 20
    for row in rows:
        assert len(row) == 4 and all(row), row
        assert re.search(r"\.(c|py)`|`tests/|QEMU's own tests|Xen's own", row[3]), row


def test_every_promise_is_held():
    """SPECIFICATION.md: each number is a constant of a test's, and the same."""
    rows = re.findall(r"^\| (.+) \| ([\d.]+) \| `(tests/[\w/.]+)`: `(\w+)` \|$",
                      read(f"{TREE}/SPECIFICATION.md"), re.M)
    assert len(rows) == read(f"{TREE}/SPECIFICATION.md").count("\n|") - 2 > 8
    for what, number, path, name in rows:
        text = read(f"{TREE}/{path}")
        (value,) = re.findall(rf"^{name} = ([\d.()+*<< ]+?)(?: *#.*)?$", text, re.M)
        assert len(re.findall(rf"\b{name}\b", text)) > 1, (what, "is not used")
        assert eval(value) == float(number), (what, value)  # digits and operators only


def pages():
    return [f"{TREE}/{name}.md" for name in ("README", "CHANGES", "CONTRIBUTING", "SECURITY", "SPECIFICATION")] + \
        glob.glob(f"{TREE}/docs/*.md") + glob.glob(f"{TREE}/docs/man/*.scd")


def test_sentences_are_short():
    """At most 25 words, and 16 in the mean: one fact a sentence. In tables, too."""
    lengths = []
    for path in pages():
        if os.path.basename(path) in ("options.md", "syscalls.md", "ioctls.md", "hypercalls.md"):
            continue  # made from tables
        found = list(prose.sentences(read(path)))
        long = [text for words, text in found + list(prose.cells(read(path))) if words > 25]
        assert not long, (path, long)
        lengths += [words for words, _ in found]
    assert len(lengths) > 500
    assert sum(lengths) / len(lengths) <= 16


def test_comments_are_in_plain_words():
    """None begins with "What", "Those" or "Whoever": its reader would wait for the verb. None has
    more than 25 words, but for lists."""
    seen, clauses, long = comments.faults(TREE)
    assert seen > 5000
    assert not clauses, "name the thing first (CONTRIBUTING.md, How code reads): " + "; ".join(clauses)
    assert not long, "more than 25 words (CONTRIBUTING.md, How code reads): " + "; ".join(long)


def test_files_that_docs_name_exist():
    """By their path or the end of it."""
    ends = set()
    for folder in [*comments.FOLDERS, "docs", "."]:
        for place, below, names in os.walk(f"{TREE}/{folder}"):
            if folder == ".":
                below.clear()
            for name in names:
                parts = os.path.relpath(os.path.join(place, name), TREE).split("/")
                ends |= {"/".join(parts[i:]) for i in range(len(parts))}
    named, missing = 0, []
    for path in pages():
        for name in re.findall(r"(?<![\w/.*<-])((?:[\w-]+/)*[\w-]+\.(?:c|h|S|py|tbl|sh|scd|md))\b(?!\()",
                               read(path)):
            named += 1
            if name not in ends | FOREIGN:
                missing.append((os.path.basename(path), name))
    assert named > 300
    assert not missing


def test_links_lead_somewhere():
    """To a page, and to a heading of it."""
    def anchors(path):
        heads = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", read(path), flags=re.S | re.M), re.M)
        return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}
    links, wrong = 0, []
    for path in pages():
        for target in re.findall(r"\]\(([^)\s]+)\)", read(path)):
            if "://" in target:
                continue
            links += 1
            page, _, anchor = target.partition("#")
            page = os.path.normpath(os.path.join(os.path.dirname(path), page)) if page else path
            if not os.path.exists(page) or (anchor and anchor not in anchors(page)):
                wrong.append((os.path.basename(path), target))
    assert links > 60
    assert not wrong
