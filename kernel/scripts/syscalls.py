#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the dispatch table, the prototypes, the checks of flags and the documentation from
syscalls.tbl, whose head says what stands in it. For the tests it makes a table that tells its uses
on the console, and lists of refused and of known arguments."""
import pathlib
import re
import sys
from dataclasses import dataclass, field

C_TYPES = {
    "int": "int", "uint": "u32", "u64": "u64", "s64": "s64", "ptr": "void *",
    "cptr": "const void *", "str": "const char *", "u32p": "u32 *",
}
LETTERS = {"int": "d", "uint": "x", "u64": "x", "s64": "l", "ptr": "p", "cptr": "p",
           "str": "s", "u32p": "p"}
LEVELS = ("full", "part", "stub")
WIDE = ("u64", "s64")
# Arguments of these names have a line of their own; but for those.
FLAGS = ("flags", "options", "option", "op", "cmd", "which", "how", "advice", "whence", "policy",
         "clock", "code", "prot", "resource", "name", "type", "level", "family", "persona")
NO_FLAGS = {("ioctl", "cmd"), ("exit", "code"), ("exit_group", "code"), ("rseq", "flags")}
# Names that are fields of several bits: any of them will do.
FIELDS = ("O_ACCMODE", "CSIGNAL", "AT_STATX_SYNC_TYPE")
OTHERS = "others"  # what no rule names
REGISTERS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")


@dataclass
class Rule:
    arg: str
    kind: str  # & = ! ~
    names: list
    bits: list  # of =: that may be set besides
    other: str  # errno, "ignored", or "" (~)


@dataclass
class Call:
    nr: int
    name: str
    level: str
    args: list
    remark: str
    rules: list = field(default_factory=list)


def parse_rule(words, call, where):
    arg, kind, rest = words[0], words[1], words[2:]
    other, bits = "", []
    if arg not in (a for a, _ in call.args) or kind not in "&=!~" or not rest:
        sys.exit(f"{where}: argument of {call.name}, one of & = ! ~, names")
    if kind == "!":
        other = rest.pop()
    elif "else" in rest:
        at = rest.index("else")
        other, rest = " ".join(rest[at + 1:]), rest[:at]
    if "with" in rest:
        at = rest.index("with")
        bits, rest = rest[at + 1:], rest[:at]
    if (kind == "~") == bool(other):
        sys.exit(f"{where}: what happens to others")
    return Rule(arg, kind, [] if rest == ["none"] else rest, bits, other)


def parse(path):
    calls, headers, seen = [], [], set()
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        text, _, remark = line.partition("#")
        words = text.split()
        if not words:
            continue
        where = f"{path}:{number}"
        if words[0] == "include":
            headers += words[1:]
            continue
        if line[0].isspace():
            calls[-1].rules.append(parse_rule(words, calls[-1], where))
            continue
        if len(words) < 3 or words[2] not in LEVELS:
            sys.exit(f"{where}: number, name, support ({', '.join(LEVELS)}), arguments")
        nr, name, level = int(words[0]), words[1], words[2]
        if nr in seen:
            sys.exit(f"{where}: number {nr} twice")
        seen.add(nr)
        args = []
        for word in words[3:]:
            arg, _, kind = word.partition(":")
            if kind not in C_TYPES:
                sys.exit(f"{where}: argument type {kind!r} is not known")
            args.append((arg, kind))
        if level != "full" and not remark.strip():
            sys.exit(f"{where}: support {level} needs a remark")
        calls.append(Call(nr, name, level, args, remark.strip()))
    for c in calls:
        ruled = {r.arg for r in c.rules}
        for arg, kind in c.args:
            if kind in ("int", "uint", "u64") and arg in FLAGS and arg not in ruled and (c.name, arg) not in NO_FLAGS:
                sys.exit(f"{path}: {c.name}: what is known of {arg}?")
    return sorted(calls, key=lambda c: c.nr), headers


def header(calls):
    out = ["/* Generated from syscalls.tbl. */", "#ifndef SYSCALLS_GEN_H",
           "#define SYSCALLS_GEN_H", "", "#include <nub/types.h>", ""]
    for c in calls:
        params = ", ".join(C_TYPES[k].rstrip() + ("" if C_TYPES[k].endswith("*") else " ")
                           + a + "_" for a, k in c.args) or "void"
        out.append(f"long sys_{c.name}({params});")
    return "\n".join(out + ["", "#endif", ""])


def argument(call, rule):
    """Its number, its type and C that reads it."""
    index = [a for a, _ in call.args].index(rule.arg)
    kind = "u64" if call.args[index][1] in WIDE else "u32"
    return index, kind, f"({kind})r->{REGISTERS[index]}"


def any_of(names, kind):
    return " | ".join(f"({kind})({n})" for n in names) or "0"


def check(call, rule, refuse="return -{}"):
    """C that returns the error for what the rule does not allow; nothing if all is."""
    _, kind, value = argument(call, rule)
    refuse = refuse.format(rule.other)
    mask = any_of(rule.names, kind)
    if rule.kind == "~" or rule.other == "ignored":
        return ""
    if rule.kind == "&":
        return f"\tif (unlikely({value} & ~({kind})({mask})))\n\t\t{refuse};\n"
    if rule.kind == "!":
        return f"\tif (unlikely({value} & ({mask})))\n\t\t{refuse};\n"
    cases = "".join(f"\tcase ({kind})({n}):\n" for n in rule.names)
    return (f"\tswitch ({value} & ~({kind})({any_of(rule.bits, kind)})) {{\n{cases}\t\tbreak;\n"
            f"\tdefault:\n\t\t{refuse};\n\t}}\n")


def value_of(call, index):
    """C for an argument of the call, without the bits that are to be ignored."""
    arg, kind = call.args[index]
    known = [r for r in call.rules if r.arg == arg and r.other == "ignored"]
    mask = f" & ({any_of(known[0].names, 'u64' if kind in WIDE else 'u32')})" if known else ""
    return f"({C_TYPES[kind]})(r->{REGISTERS[index]}{mask})" if mask else \
        f"({C_TYPES[kind]})r->{REGISTERS[index]}"


def uses(call, rule):
    """[(name, C that is true if the call uses it)], and of what the rule does not name."""
    _, kind, value = argument(call, rule)
    bits, values = rule.bits, []
    if rule.kind in "&!":
        bits = rule.names
    else:
        values = [(n, f"({value} & ~({kind})({any_of(rule.bits, kind)})) == ({kind})({n})")
                  for n in rule.names]
    found = values + [(n, f"{value} & ({n})" if n in FIELDS else
                       f"({value} & ({kind})({n})) == ({kind})({n})") for n in bits]
    if rule.kind == "&":
        found.append((OTHERS, f"{value} & ~({kind})({any_of(rule.names, kind)})"))
    elif rule.kind in "=~":
        found.append((OTHERS, "!(" + " || ".join(c for _, c in values) + ")"))
    return found


def source(calls, headers, telling):
    """telling: each use of what a rule names is told once, until the program writes to its
    standard output again."""
    out = ["/* Generated from syscalls.tbl. */", "#include <arch/regs.h>",
           "#include <nub/errno.h>",
           "#include <nub/syscall.h>", '#include "syscalls_gen.h"', ""]
    out += [f"#include <{h}>" if "/" in h else f'#include "linux/{h}"' for h in headers] + [""]
    told = 0
    if telling:
        count = sum(len(uses(c, r)) for c in calls for r in c.rules)
        out += ["#include <nub/printk.h>", "#include <nub/string.h>", "",
                f"static bool told[{count}];", "",
                "static void tell(unsigned i, const char *what)\n{\n\tif (!told[i])\n"
                "\t\tprintk(\"nub: use %s\\n\", what);\n\ttold[i] = true;\n}\n"]
    for c in calls:
        values = ", ".join(value_of(c, i) for i in range(len(c.args)))
        checks = ""
        for rule in c.rules if telling else ():
            for name, used in uses(c, rule):
                checks += f"\tif ({used})\n\t\ttell({told}, \"{c.name} {rule.arg} {name}\");\n"
                told += 1
        if telling and c.name == "write":
            checks = "\tif (r->rdi == 1)\n\t\tmemset(told, 0, sizeof(told));\n"
        checks += "".join(check(c, r) for r in c.rules)
        out.append(f"static long call_{c.name}(const struct regs *r)\n{{\n{checks}"
                   f"\treturn sys_{c.name}({values});\n}}\n")
    out.append("const struct syscall_entry syscall_table[SYSCALL_MAX] = {")
    for c in calls:
        letters = "".join(LETTERS[k] for _, k in c.args)
        out.append(f'\t[{c.nr}] = {{ "{c.name}", "{letters}", call_{c.name} }},')
    return "\n".join(out + ["};", ""])


def refusals(calls, headers):
    """C: what tests/abi/unknown.c tries."""
    out = ["/* Generated from syscalls.tbl. */", "#include <nub/errno.h>", ""]
    out += [f"#include <{h}>" if "/" in h else f'#include "linux/{h}"' for h in headers]
    out += ['#include "unknown.h"', "", "const struct unknown_rule unknown_rules[] = {"]
    for c in calls:
        for r in c.rules:
            if r.kind == "~":
                continue
            index, kind, _ = argument(c, r)
            values = ", ".join(f"({kind})({n})" for n in r.names) if r.kind == "=" else ""
            bits = r.bits if r.kind == "=" else r.names
            if r.other == "ignored":  # and not refused by another rule
                bits = bits + [n for q in c.rules if q.arg == r.arg and q.kind == "!" for n in q.names]
            mask = any_of(bits, kind)
            other = "0" if r.other == "ignored" else r.other
            out.append(f"\t{{ \"{c.name} {r.arg}\", {c.nr}, {index}, '{r.kind}', "
                       f"{'64' if kind == 'u64' else '32'}, {other}, {mask}, "
                       f"{len(r.names)}, {{ {values or 0} }} }},")
    return "\n".join(out + ["};", "const unsigned unknown_count = "
                            "sizeof(unknown_rules) / sizeof(unknown_rules[0]);", ""])


def sequences(calls, headers):
    """C: the calls and what is known of their arguments, for tests/abi/sequences.c."""
    letters = {"int": "d", "uint": "x", "u64": "X", "s64": "l", "ptr": "p", "cptr": "c",
               "str": "s", "u32p": "f"}
    out = ["/* Generated from syscalls.tbl. */"]
    out += [f"#include <{h}>" if "/" in h else f'#include "linux/{h}"' for h in headers]
    out += ['#include "sequences.h"', "", "const struct sequence_call sequence_calls[] = {"]
    for c in calls:
        out.append(f'\t{{ "{c.name}", {c.nr}, {len(c.args)}, {{')
        for arg, kind in c.args:
            rules = [r for r in c.rules if r.arg == arg]
            values = [n for r in rules if r.kind in "=~" for n in r.names]
            bits = [n for r in rules for n in (r.names if r.kind in "&!" else r.bits)]
            out.append(f"\t\t{{ \"{arg}\", '{letters[kind]}', {len(values)}, {len(bits)}, "
                       + ", ".join("{ " + (", ".join(f"(u64)({n})" for n in names) or "0") + " }"
                                   for names in (values, bits)) + " },")
        out.append("\t} },")
    return "\n".join(out + ["};", "const unsigned sequence_count = "
                            "sizeof(sequence_calls) / sizeof(sequence_calls[0]);", ""])


def shown(path):
    """{(call, argument, name): "program: case"} of exercised.txt."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            use, _, where = line.partition(" | ")
            found[tuple(use.split())] = where
    return found


def describe(call, rule, seen):
    def listed(names):
        """Names, and behind those with the same test which one it is."""
        out = []
        for i, name in enumerate(names):
            where = seen.get((call.name, rule.arg, name))
            more = i + 1 < len(names) and seen.get((call.name, rule.arg, names[i + 1])) == where
            out.append(f"`{name}`" + (f" ({where})" if where and not more else ""))
        return ", ".join(out)
    names = listed(rule.names) or "nothing"
    bits = f" with {listed(rule.bits)}" if rule.bits else ""
    if rule.kind == "!":
        return f"{rule.arg}: not {names}: `{rule.other}`"
    other = "others are ignored, as on Linux" if rule.other == "ignored" else \
        f"others: `{rule.other}`" if rule.other else "others: the call's own error"
    where = seen.get((call.name, rule.arg, OTHERS))
    return f"{rule.arg}: {names}{bits}; {other}" + (f" ({where})" if where else "")


# glibc's names of them.
LIBC = {
    "pread64": "pread", "pwrite64": "pwrite", "rt_sigpending": "sigpending",
    "rt_sigtimedwait": "sigtimedwait", "rt_sigsuspend": "sigsuspend", "rt_sigaction": "sigaction",
    "rt_sigprocmask": "sigprocmask", "pselect6": "pselect", "newfstatat": "fstatat",
    "getdents64": "readdir", "exit": "pthread_exit", "exit_group": "_exit", "eventfd2": "eventfd",
    "fadvise64": "posix_fadvise", "prlimit64": "prlimit", "signalfd4": "signalfd",
}


def users(calls, tests):
    """{call: programs that run on both kernels and make it}, by their text."""
    names = re.search(r"abi_programs = \[(.*?)\]", (tests / "meson.build").read_text(), re.S)
    texts = {n: (tests / f"{n}.c").read_text(encoding="utf-8")
             for n in re.findall(r"'(\w+)'", names.group(1))}
    return {c.name: [n for n, t in texts.items()
                     if re.search(rf"\b(SYS_{c.name}\b|{LIBC.get(c.name, c.name)}\(|call\({c.name}\b)", t)]
            for c in calls}


def document(calls, tests):
    by = users(calls, tests)
    out = ["# System calls of nub", "",
           "Generated from `kernel/syscalls.tbl`; do not edit. *full*: as Linux for all that "
           "one program without job control can see. *part*: the remark says what is missing. "
           "*stub*: accepted without effect, and the remark says why that is right. Everything "
           "else returns `ENOSYS` and is logged once with its number. The programs are those of "
           "`tests/abi` that make the call: they print the same on Linux and on nub.", "",
           f"{len(calls)} calls: " + ", ".join(
               f"{sum(c.level == level for c in calls)} {level}" for level in LEVELS) + ".", "",
           "| nr | call | support | remark | programs |", "|---|---|---|---|---|"]
    for c in calls:
        out.append(f"| {c.nr} | `{c.name}({', '.join(a for a, _ in c.args)})` | {c.level} | "
                   f"{c.remark} | {', '.join(by[c.name])} |")
    out += ["", "## Flags, commands and options", "",
            "The flags, commands and options that nub knows. Brackets name the program of "
            "`tests/abi` and its case that use one. Code that is generated from the same table "
            "checks them before the call. "
            "`abi-unknown` tries every bit and value that is not named.", "",
            "| call | argument: what is known |", "|---|---|"]
    seen = shown(tests / "exercised.txt")
    for c in calls:
        if c.rules:
            out.append(f"| `{c.name}` | {'<br>'.join(describe(c, r, seen) for r in c.rules)} |")
    return "\n".join(out + [""])


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("header", "source", "telling", "refusals", "sequences",
                                                 "doc"):
        sys.exit("usage: syscalls.py header|source|telling|refusals|sequences|doc syscalls.tbl "
                 "OUTPUT [tests/abi]")
    calls, headers = parse(sys.argv[2])
    if sys.argv[1] == "header":
        text = header(calls)
    elif sys.argv[1] in ("source", "telling"):
        text = source(calls, headers, sys.argv[1] == "telling")
    elif sys.argv[1] == "refusals":
        text = refusals(calls, headers)
    elif sys.argv[1] == "sequences":
        text = sequences(calls, headers)
    else:
        text = document(calls, pathlib.Path(sys.argv[4]))
    pathlib.Path(sys.argv[3]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
