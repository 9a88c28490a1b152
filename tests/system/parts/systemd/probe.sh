#!/bin/sh
# SPDX-License-Identifier: MIT
# In the container of container.sh. usage: probe login | stop UNIT
set -eu

groups() { # LABEL
	for pid in $(pgrep "^stubdom-"); do
		echo "$1-$(cat "/proc/$pid/comm") $(sed -n 's/^0:://p' "/proc/$pid/cgroup")"
	done
}

case $1 in
login)
	# A session as of ssh, not as of cron; the shell's other child has no place of its own.
	XDG_SESSION_CLASS=user su -l root -c '
		/usr/bin/scopes kept 7
		sleep infinity &
		echo "session $(sed -n "s/^0:://p" /proc/$!/cgroup)"'
	tail --pid="$(pgrep -x sleep || echo 2147483647)" -f /dev/null
	groups after
	for unit in qemu-stubdom-7.scope qemu-stubdom-relay-7.scope; do
		systemctl show --property=CPUWeight,CPUQuotaPerSecUSec,MemoryMax,TasksMax $unit |
			sed "s/^/$unit /"
	done
	systemctl poweroff --no-block
	;;
stop)
	# "waiting": systemd has not begun to stop it.
	systemctl list-jobs --no-legend | awk -v unit="$2" '$2 ~ /^qemu-stubdom-.*scope$/ { print unit "-" $2, $4 }'
	groups "$2"
	echo "$2 stopped"
	;;
esac
