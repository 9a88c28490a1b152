/* SPDX-License-Identifier: MIT */
/* The log's lines that tell of a start: the launcher and the agent write them, blame reads them. */
#ifndef STUBDOM_START_LOG_H
#define STUBDOM_START_LOG_H

/* Of the launcher.  The toolstack's name is at most 15 letters (Linux's comm), no comma. */
#define START_LOG_CALLED "called by "
#define START_LOG_CALLED_REST                                                            \
	", process %d, %lld ms after its start and %lld ms after this program's"
#define START_LOG_CHECKED "guest and host are checked"
#define START_LOG_READY "the relay is ready"
#define START_LOG_CREATING "creating "
#define START_LOG_SCRIPT "hot-plug script "
#define START_LOG_DEVICE "hot-plug: a device is ready"
#define START_LOG_UNPAUSED "unpaused "
#define START_LOG_TOLD " runs the device model of domain "
#define START_LOG_RETURNED "the toolstack has returned"
/* Then "KEY=NUMBER", by spaces: pause_ms, state_bytes, those of STUBDOM_REPLACE_PHASES (abi/facts.h). */
#define START_LOG_REPLACED "replaced:"

/* Of the agent; its clock counts from its kernel's start. */
#define START_LOG_STAGE "stage %s after %lld ms"
#define START_LOG_LINKED                                                                 \
	"QEMU was linked after %lld ms; %u channels took %lld ms, %u answers of "        \
	"xenstore %lld ms"
#define START_LOG_DISK "%llu requests read %llu KiB of the root's disk"

#endif
