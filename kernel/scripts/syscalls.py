#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the dispatch table, the prototypes and the documentation from syscalls.tbl."""
import sys

C_TYPES = {
    "int": "int", "uint": "u32", "u64": "u64", "s64": "s64", "ptr": "void *",
    "cptr": "const void *", "str": "const char *", "u32p": "u32 *",
}
LETTERS = {"int": "d", "uint": "x", "u64": "x", "s64": "l", "ptr": "p", "cptr": "p",
           "str": "s", "u32p": "p"}
LEVELS = ("full", "part", "stub")


def parse(path):
    calls = []
    seen = set()
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        text, _, remark = line.partition("#")
        words = text.split()
        if not words:
            continue
        where = f"{path}:{number}"
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
        calls.append((nr, name, level, args, remark.strip()))
    return sorted(calls)


def header(calls):
    out = ["/* Generated from syscalls.tbl. */", "#ifndef SYSCALLS_GEN_H",
           "#define SYSCALLS_GEN_H", "", "#include <nub/types.h>", ""]
    for _, name, _, args, _ in calls:
        params = ", ".join(C_TYPES[k].rstrip() + ("" if C_TYPES[k].endswith("*") else " ")
                           + a + "_" for a, k in args) or "void"
        out.append(f"long sys_{name}({params});")
    return "\n".join(out + ["", "#endif", ""])


def source(calls):
    out = ["/* Generated from syscalls.tbl. */", "#include <nub/syscall.h>",
           '#include "syscalls_gen.h"', ""]
    for _, name, _, args, _ in calls:
        values = ", ".join(f"({C_TYPES[k]})a->a[{i}]" for i, (_, k) in enumerate(args))
        unused = "" if args else "\t(void)a;\n"
        out.append(f"static long call_{name}(const struct sysargs *a)\n{{\n{unused}"
                   f"\treturn sys_{name}({values});\n}}\n")
    out.append("const struct syscall_entry syscall_table[SYSCALL_MAX] = {")
    for nr, name, _, args, _ in calls:
        letters = "".join(LETTERS[k] for _, k in args)
        out.append(f'\t[{nr}] = {{ "{name}", "{letters}", call_{name} }},')
    return "\n".join(out + ["};", ""])


def document(calls):
    out = ["# System calls of nub", "",
           "Generated from `kernel/syscalls.tbl`; do not edit. *full*: as Linux for all that "
           "one program without job control can see. *part*: the remark says what is missing. "
           "*stub*: accepted without effect, and the remark says why that is right. Everything "
           "else returns `ENOSYS` and is logged once with its number.", "",
           f"{len(calls)} calls: " + ", ".join(
               f"{sum(c[2] == level for c in calls)} {level}" for level in LEVELS) + ".", "",
           "| nr | call | support | remark |", "|---|---|---|---|"]
    for nr, name, level, args, remark in calls:
        out.append(f"| {nr} | `{name}({', '.join(a for a, _ in args)})` | {level} | {remark} |")
    return "\n".join(out + [""])


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("header", "source", "doc"):
        sys.exit("usage: syscalls.py header|source|doc syscalls.tbl OUTPUT")
    text = {"header": header, "source": source, "doc": document}[sys.argv[1]](
        parse(sys.argv[2]))
    with open(sys.argv[3], "w", encoding="utf-8") as f:
        f.write(text)


main()
