# SPDX-License-Identifier: MIT
"""Comments and docstrings of the tree, and the faults of their sentences. usage: comments.py [TREE]"""
import ast
import os
import re
import sys

import prose

FOLDERS = ("agent", "bench", "cli", "demo", "image", "include", "kernel", "launcher", "lib",
           "packaging", "rig", "tests")
C = (".c", ".h", ".S")
HASH = (".py", ".sh", ".tbl", ".ld", "meson.build")
# Strings come first, so that a comment's marks in one do not count.
C_COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|(/\*.*?\*/|//[^\n]*)', re.S)
HASH_COMMENT = re.compile(r"(?:^[ \t]*#(?!!).*\n?)+|(?<=\s)# .*", re.M)
CLAUSE = re.compile(r"(?:What|Whoever|Whatever|Whichever|Those|Who)\b")
# Lists and examples are set off by two blanks or a dash.
LIST = re.compile(r"^[ \t]*(?:\*|//|#)?[ \t]*(?:(?:\*|#)[ \t]{2,}|- )\S", re.M)
WORDS = 25


def files(tree):
    for folder in FOLDERS:
        for place, _, names in os.walk(f"{tree}/{folder}"):
            for name in sorted(names):
                path = os.path.join(place, name)
                if name.endswith(C + HASH):
                    yield path
                elif "." not in name and os.access(path, os.X_OK):
                    with open(path, "rb") as f:
                        if f.read(2) == b"#!":
                            yield path


def comments(path):
    """(line, text, whether it has a list) of each comment or docstring, without marks and line ends."""
    with open(path, encoding="utf-8") as f:
        text = f.read()
    if path.endswith(C):
        found = [(m.start(), m.group(1)) for m in C_COMMENT.finditer(text) if m.group(1)]
    else:
        found = [(m.start(), m.group()) for m in HASH_COMMENT.finditer(text)]
    out = [(text.count("\n", 0, at) + 1, re.sub(r"^/\*+|\*/$|^[ \t]*(?:\*|//|#)", "", said, flags=re.M),
            bool(LIST.search(said))) for at, said in found]
    if path.endswith(".py") or re.match(r"#!.*python", text):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node):
                said = ast.get_docstring(node)
                out.append((node.body[0].lineno, said, bool(re.search(r"^(?: {2,}|- )", said, re.M))))
    return [(line, re.sub(r"^SPDX-License-Identifier: \S+ ?", "", " ".join(said.split())), listed)
            for line, said, listed in out]


def faults(tree):
    """(comments, sentences at fault as "path:line: text"): a clause in front, or too many words. A
    question may begin so, and a semicolon ends a sentence as in a table."""
    seen, clauses, long = 0, [], []
    for path in files(tree):
        for line, text, listed in comments(path):
            seen += 1
            place = f"{os.path.relpath(path, tree)}:{line}"
            for sentence in re.split(r"(?<=[.?!;])\s+", text):
                if CLAUSE.match(sentence) and not sentence.endswith("?"):
                    clauses.append(f"{place}: {sentence[:70]}")
                if not listed and prose.words(sentence) > WORDS:
                    long.append(f"{place}: {sentence[:70]}")
    return seen, clauses, long


if __name__ == "__main__":
    print(*sum(faults(sys.argv[1] if len(sys.argv) > 1 else ".")[1:], []), sep="\n")
