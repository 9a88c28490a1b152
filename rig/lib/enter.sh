#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs in the workbench's private mount name space: lays the mounts, enters the root, becomes CMD.
# usage: enter.sh ROOT TREE CACHE PATH CMD...
set -eu
root=$1 tree=$2 cache=$3 path=$4
shift 4
cwd=$(pwd -P)

# A throw-away layer over the cached root: a command's changes in / are gone with it, and no other
# sees them. Without overlayfs the cached root itself is used.
if mount -t tmpfs -o mode=755 tmpfs /mnt 2>/dev/null &&
	mkdir /mnt/upper /mnt/work /mnt/root &&
	mount -t overlay -o "lowerdir=$root,upperdir=/mnt/upper,workdir=/mnt/work" overlay /mnt/root 2>/dev/null
then
	root=/mnt/root
else
	mount --bind "$root" "$root"
fi

bind() { # PATH: the same path, the same content inside
	mkdir -p "$root$1"
	mount --bind "$1" "$root$1"
}
bind_file() {
	[ -e "$1" ] || return 0
	rm -f "$root$1"
	: >"$root$1"
	mount --bind "$1" "$root$1"
}

mount --rbind /dev "$root/dev"
mount --rbind /proc "$root/proc"
mount --rbind /sys "$root/sys"
bind /tmp
bind_file /etc/resolv.conf
bind_file /etc/hosts
# A linked git work tree has its repository elsewhere.
if [ -f "$tree/.git" ]; then
	git=$(sed -n 's/^gitdir: //p' "$tree/.git")
	if [ -f "$git/commondir" ]; then
		git=$(cd "$git" && cd "$(cat commondir)" && pwd -P)
	fi
	[ ! -d "$git" ] || bind "$git"
fi
bind "$tree"
bind "$cache"
mkdir -p "$root$HOME"

case $cwd/ in
"$tree"/* | "$cache"/* | /tmp/*) ;;
*) cwd=$tree ;;
esac

for v in $(env | sed -n 's/^\(LD_[A-Z_]*\|PYTHONHOME\|PYENV_[A-Z_]*\|PIP_[A-Z_]*\|VIRTUAL_ENV\|CONDA_[A-Z_]*\|PERL[A-Z0-9_]*\|LIBRARY_PATH\|C_INCLUDE_PATH\|CPATH\|PKG_CONFIG[A-Z_]*\|[A-Z_]*CA_BUNDLE\|SSL_CERT_[A-Z]*\|TMPDIR\|LC_[A-Z]*\|LANGUAGE\|ENV\|BASH_ENV\)=.*/\1/p'); do
	unset "$v"
done
PATH=$path LANG=C.UTF-8
export PATH LANG
exec chroot "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$cwd" "$@"
