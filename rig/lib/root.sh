# SPDX-License-Identifier: MIT
# Makes cached Debian roots: complete or absent, one maker at a time, unused ones removed. Sourced.
#
# In $CACHE, for a root KIND with key KEY (a hash of its recipe):
#   KIND-KEY/          the finished directory; appears by rename, never half-made
#   KIND-KEY.tmp/      being made; the holder of the make lock may delete it
#   KIND-KEY.make      lock: exclusive while being made
#   KIND-KEY.use       lock: shared by every process that uses it; its mtime is the last use

ROOT_RECIPE=1	# part of every key: raise it when a root must be made anew without a new list
ROOT_KEEP=3	# unused roots of a kind that are kept: several work trees can share one cache

# root_key FILE...: the key of a root that is made from these files by this machine's architecture.
root_key() {
	{ echo $ROOT_RECIPE; dpkg --print-architecture; cat "$@"; } | sha256sum | cut -c1-12
}

# root_ensure KIND KEY MAKER ARG...: makes $CACHE/KIND-KEY if it is not there, by calling
# `MAKER TMPDIR ARG...`. Takes a shared lock on it in fd 9, for the caller's life and that of the
# programs that it executes.
root_ensure() {
	_kind=$1 _key=$2
	shift 2
	ROOT=$CACHE/$_kind-$_key
	mkdir -p "$CACHE"
	exec 9>>"$ROOT.use"
	flock -s 9
	# The lock that we waited for may have been pruned away with the root.
	while [ "$(stat -Lc %i /dev/fd/9)" != "$(stat -c %i "$ROOT.use" 2>/dev/null)" ]; do
		exec 9>>"$ROOT.use"
		flock -s 9
	done
	if [ ! -d "$ROOT" ]; then
		_root_make "$@"
	fi
	touch "$ROOT.use"
}

_root_make() {
	exec 8>>"$ROOT.make"
	if ! flock -n 8; then
		say "waiting for another run that is making $ROOT"
		flock 8
	fi
	if [ ! -d "$ROOT" ]; then
		rm -rf --one-file-system "$ROOT.tmp"
		_t0=$(date +%s)
		"$@" "$ROOT.tmp"
		# Everything of this root is on disk before its name says so.
		sync -f "$ROOT.tmp"
		mv -T "$ROOT.tmp" "$ROOT"
		say "made $ROOT in $(($(date +%s) - _t0)) s"
		root_prune "$_kind"
	fi
	exec 8>&-
}

# root_prune KIND: removes the leftovers of killed runs. Of the roots that nobody uses now, the
# $ROOT_KEEP last used stay.
root_prune() {
	_seen=0
	for _use in $(ls -t "$CACHE/$1"-*.use 2>/dev/null); do
		_r=${_use%.use}
		[ "$_r" != "$ROOT" ] || continue
		_seen=$((_seen + 1))
		(
			flock -xn 7 || exit 0
			rm -rf --one-file-system "$_r.tmp" "$_r.old"
			if [ -d "$_r" ] && [ "$_seen" -le "$ROOT_KEEP" ]; then
				exit 0
			fi
			# Renamed first: a delete that is cut short leaves no half root.
			[ ! -d "$_r" ] || mv -T "$_r" "$_r.old"
			rm -rf --one-file-system "$_r.old"
			rm -f "$_r.make" "$_use"
		) 7>>"$_use"
	done
}

# debian_root TARGET PACKAGES [mmdebstrap option...]: a Debian root of $SUITE. It runs in a
# process and mount name space that dies with us, so a killed run leaves neither processes
# nor mounts.
debian_root() {
	_target=$1 _pkgs=$2
	shift 2
	_work=$(mktemp -d)
	: >"$_work/log"
	mirror_lines >"$_work/sources.list" || exit 1
	mirror_aptopts >"$_work/apt.conf"
	platform_preferences >"$_work/preferences"
	_t0=$(date +%s)
	say "making a Debian $PLATFORM root with $(platform_packages "$_pkgs" | wc -l) packages and what they need" \
		"from $(awk 'NR == 1 { print $3 }' "$_work/sources.list")"
	# No initramfs is wanted from any kernel package here, and making one is slow.
	setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork \
		--kill-child=KILL --mount-proc env LC_ALL=C TMPDIR=/tmp mmdebstrap --mode=root \
		--format=directory --variant=apt --arch="$(dpkg --print-architecture)" \
		--include="$(platform_packages "$_pkgs" | paste -sd,)" \
		--setup-hook="mkdir -p \"\$1/etc/apt/preferences.d\" && cp '$_work/preferences' \"\$1/etc/apt/preferences.d/rig\"" \
		--aptopt="$_work/apt.conf" \
		--aptopt='Apt::Install-Recommends "false"' \
		--aptopt='Acquire::Languages "none"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-include=/usr/share/doc/*/copyright' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/info/*' \
		--essential-hook='chroot "$1" dpkg-divert --quiet --local --rename --add /usr/sbin/update-initramfs && ln -sf /bin/true "$1/usr/sbin/update-initramfs"' \
		"$@" "$SUITE" "$_target" "$_work/sources.list" 2>"$_work/log" 8>&- 9>&- &
	_pid=$!
	_step= _said=$_t0
	while kill -0 $_pid 2>/dev/null; do
		_now=$(sed -n 's/^I: \([a-z].*\)/\1/p' "$_work/log" | grep -vE 'automatically|architecture|signed-by|hook|success' | tail -n1)
		if [ -n "$_now" ] && [ "$_now" != "$_step" ]; then
			_step=$_now _said=$(date +%s)
			say "$(printf '[%3d s]' $((_said - _t0))) $_now"
		elif [ $(($(date +%s) - _said)) -ge 20 ]; then
			_said=$(date +%s)
			_n=$(grep -c '^Status: install ok installed' "$_target/var/lib/dpkg/status" 2>/dev/null) || _n=
			say "$(printf '[%3d s]' $((_said - _t0))) ${_step%...}${_n:+: $_n packages so far}"
		fi
		sleep 1
	done
	if ! wait $_pid; then
		tail -n 25 "$_work/log" >&2
		rm -rf "$_work"
		die "mmdebstrap failed (its last lines are above)"
	fi
	# Source packages can be fetched in it after an `apt-get update`.
	sed -n 's/^deb /deb-src /p' "$_work/sources.list" >>"$_target/etc/apt/sources.list"
	rm -rf "$_work"
}
