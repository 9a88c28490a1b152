# SPDX-License-Identifier: MIT
"""Which installed Debian packages files come from."""
import os
import subprocess


class PackageError(Exception):
    pass


def _owners(paths):
    run = subprocess.run(["dpkg-query", "-S", "--"] + paths, text=True, env={**os.environ,
                         "LC_ALL": "C"}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    owners = {}
    for line in run.stdout.splitlines():
        if line.startswith("diversion "):
            continue
        names, _, path = line.rpartition(": ")
        owners[path] = names.split(", ")[0]
    return owners


def owners(paths):
    """{path: package}.  A package may list a file without the /usr of a merged root."""
    asked = {}
    for path in paths:
        real = os.path.realpath(path)
        asked[path] = [path, real] + [p[4:] for p in (path, real) if p.startswith("/usr/")]
    found = _owners(sorted({p for names in asked.values() for p in names}))
    result = {}
    for path, names in asked.items():
        owner = next((found[n] for n in names if n in found), None)
        if owner is None:
            raise PackageError(f"{path}: belongs to no installed package")
        result[path] = owner
    return result


def describe(paths):
    """[{name, version, arch}] of the packages that the files come from, sorted."""
    names = sorted(set(owners(paths).values()))
    fields = "${Package}\t${Version}\t${Architecture}\t${db:Status-Status}\n"
    run = subprocess.run(["dpkg-query", "-W", "-f", fields, "--"] + names, text=True, check=True,
                         stdout=subprocess.PIPE)
    rows = sorted({tuple(line.split("\t")) for line in run.stdout.splitlines()})
    for name, _, _, status in rows:
        # One that waits for triggers, or has some to process, is whole.
        if status not in ("installed", "triggers-awaited", "triggers-pending"):
            raise PackageError(f"package {name} is {status}: 'dpkg --configure -a' first, then "
                               "'stubdom image build'")
    return [{"name": n, "version": v, "arch": a} for n, v, a, _ in rows]
