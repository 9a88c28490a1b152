#!/bin/sh
# SPDX-License-Identifier: MIT
# A container in which systemd is the first process. There somebody logs in and starts what a guest
# has in dom0, the login ends, and the container is powered off. Prints what was seen on the way,
# lines of "NAME VALUE". usage: unshare --mount container.sh SCOPES
set -eu
[ "$(readlink /proc/self/ns/mnt)" != "$(readlink /proc/1/ns/mnt)" ]

mount -t cgroup2 none /sys/fs/cgroup
group=/sys/fs/cgroup/stubdom-test-$$
mkdir "$group"
echo $$ >"$group/cgroup.procs"
trap 'echo $$ >/sys/fs/cgroup/cgroup.procs; find "$group" -depth -type d -exec rmdir {} +' EXIT

# A throw-away copy of this root.
mount -t tmpfs none /run
mkdir /run/upper /run/work /run/root
mount -t overlay -o lowerdir=/,upperdir=/run/upper,workdir=/run/work none /run/root
root=/run/root
cp "$1" $root/usr/bin/scopes
cp "$(dirname "$0")/probe.sh" $root/usr/bin/probe
tr -d - </proc/sys/kernel/random/uuid >/run/id
cp /run/id $root/etc/machine-id
# systemd-nspawn wants one of its own host, too.
[ -e /etc/machine-id ] || : >/etc/machine-id
mount --bind /run/id /etc/machine-id
units=$root/etc/systemd/system
rm -rf $units/*.wants
mkdir -p $root/etc/systemd/logind.conf.d
# Without a name in the list root's processes are spared.
printf '[Login]\nKillUserProcesses=yes\nKillExcludeUsers=nobody\n' >$root/etc/systemd/logind.conf.d/test.conf

# Stand-ins, which say at their stop what has not been stopped yet.
unit() { # NAME LINE...
	{
		echo "[Unit]"
		for line; do
			[ "$line" = "$1" ] || echo "$line"
		done
		echo "[Service]"
		echo "Type=oneshot"
		echo "RemainAfterExit=yes"
		echo "ExecStart=/bin/true"
		echo "ExecStop=/usr/bin/probe stop $1"
		echo "StandardOutput=append:/seen"
	} >"$units/$1.service"
}
unit xen
unit xendomains After=xen.service
unit libvirt-guests Wants=virt-guest-shutdown.target After=virt-guest-shutdown.target
printf '[Unit]\nDescription=stand-in of libvirt\n' >$units/virt-guest-shutdown.target
cat >$units/probe.target <<-UNIT
	[Unit]
	Requires=basic.target systemd-logind.service
	Wants=xen.service xendomains.service libvirt-guests.service probe.service
UNIT
cat >$units/probe.service <<-UNIT
	[Unit]
	After=xendomains.service libvirt-guests.service systemd-logind.service dbus.socket
	[Service]
	ExecStart=/usr/bin/probe login
	StandardOutput=append:/seen
	StandardError=append:/seen
UNIT
timeout 300 systemd-nspawn --register=no --keep-unit --directory=$root --boot \
	systemd.unit=probe.target >/run/console 2>&1 </dev/null || cat /run/console >&2
cat $root/seen
