# SPDX-License-Identifier: MIT
# Common code of the rig's shell programs: names, messages, the cache directory. Sourced.

CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/qemu-stubdom
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf '%s\n' "${PROG}: $*" >&2; }
die() { say "$*"; exit 1; }

need_root() {
	[ "$(id -u)" -eq 0 ] || die "must be run as root (it mounts, and makes Debian roots)"
}

# packages_of FILE: the package names in FILE, without comments, one a line.
packages_of() { sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$1"; }
