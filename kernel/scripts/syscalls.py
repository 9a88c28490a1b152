#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the dispatch table, the prototypes, the checks of flags and the documentation from
syscalls.tbl, whose head says what stands in it."""
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
    return sorted(calls, key=lambda c: c.nr), headers


def header(calls):
    out = ["/* Generated from syscalls.tbl. */", "#ifndef SYSCALLS_GEN_H",
           "#define SYSCALLS_GEN_H", "", "#include <nub/types.h>", ""]
    for c in calls:
        params = ", ".join(C_TYPES[k].rstrip() + ("" if C_TYPES[k].endswith("*") else " ")
                           + a + "_" for a, k in c.args) or "void"
        out.append(f"long sys_{c.name}({params});")
    return "\n".join(out + ["", "#endif", ""])


def check(call, rule):
    """C that returns the error for what the rule does not allow; nothing if all is."""
    index = [a for a, _ in call.args].index(rule.arg)
    kind = "u64" if call.args[index][1] in WIDE else "u32"
    value = f"({kind})r->{REGISTERS[index]}"
    mask = " | ".join(f"({kind})({n})" for n in rule.names) or "0"
    if rule.kind == "~" or rule.other == "ignored":
        return ""
    if rule.kind == "&":
        return f"\tif (unlikely({value} & ~({kind})({mask})))\n\t\treturn -{rule.other};\n"
    if rule.kind == "!":
        return f"\tif (unlikely({value} & ({mask})))\n\t\treturn -{rule.other};\n"
    bits = " | ".join(f"({kind})({n})" for n in rule.bits) or "0"
    cases = "".join(f"\tcase ({kind})({n}):\n" for n in rule.names)
    return (f"\tswitch ({value} & ~({kind})({bits})) {{\n{cases}\t\tbreak;\n"
            f"\tdefault:\n\t\treturn -{rule.other};\n\t}}\n")


def source(calls, headers):
    out = ["/* Generated from syscalls.tbl. */", "#include <arch/regs.h>",
           "#include <nub/errno.h>",
           "#include <nub/syscall.h>", '#include "syscalls_gen.h"', ""]
    out += [f"#include <{h}>" if "/" in h else f'#include "linux/{h}"' for h in headers] + [""]
    for c in calls:
        values = ", ".join(f"({C_TYPES[k]})r->{REGISTERS[i]}" for i, (_, k) in enumerate(c.args))
        checks = "".join(check(c, r) for r in c.rules)
        out.append(f"static long call_{c.name}(const struct regs *r)\n{{\n{checks}"
                   f"\treturn sys_{c.name}({values});\n}}\n")
    out.append("const struct syscall_entry syscall_table[SYSCALL_MAX] = {")
    for c in calls:
        letters = "".join(LETTERS[k] for _, k in c.args)
        out.append(f'\t[{c.nr}] = {{ "{c.name}", "{letters}", call_{c.name} }},')
    return "\n".join(out + ["};", ""])


def describe(rule):
    names = ", ".join(f"`{n}`" for n in rule.names) or "nothing"
    bits = (" with " + ", ".join(f"`{n}`" for n in rule.bits)) if rule.bits else ""
    if rule.kind == "!":
        return f"{rule.arg}: not {names} (`{rule.other}`)"
    other = "; others are ignored, as on Linux" if rule.other == "ignored" else \
        f"; others: `{rule.other}`" if rule.other else ""
    return f"{rule.arg}: {names}{bits}{other}"


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
            "What a call knows. The checks are made before the call, by code generated from the "
            "same table; where no error is named the call, or what it is about, checks.", "",
            "| call | argument: what is known |", "|---|---|"]
    for c in calls:
        if c.rules:
            out.append(f"| `{c.name}` | {'<br>'.join(describe(r) for r in c.rules)} |")
    return "\n".join(out + [""])


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("header", "source", "doc"):
        sys.exit("usage: syscalls.py header|source|doc syscalls.tbl OUTPUT [tests/abi]")
    calls, headers = parse(sys.argv[2])
    if sys.argv[1] == "header":
        text = header(calls)
    elif sys.argv[1] == "source":
        text = source(calls, headers)
    else:
        text = document(calls, pathlib.Path(sys.argv[4]))
    pathlib.Path(sys.argv[3]).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
