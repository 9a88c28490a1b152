/* SPDX-License-Identifier: MIT */
/* The QEMU process: started, listened to, and how it ended. */
#ifndef AGENT_QEMU_H
#define AGENT_QEMU_H

#include <stdbool.h>
#include <stdint.h>

#include "boot_contract.h"

/* Starts QEMU with /dev/null as input and its output on a pipe to the agent. */
int qemu_start(const struct boot_contract *boot, struct err *err);

/*
 * When its libraries were loaded and linked, by clock_ms(); -1: not known.  To be asked
 * once.
 */
int64_t qemu_linked_ms(void);

/* The pipe that QEMU's output comes from; -1 at its end. */
int qemu_output_fd(void);

/*
 * Reads the output that waits, and puts whole lines on the console.  False: nothing now.
 */
bool qemu_read_output(void);

/* Collects dead children.  True once QEMU is one of them. */
bool qemu_reap(void);

/* "exit N" or "signal N", once qemu_reap has returned true. */
const char *qemu_how_ended(void);

/* Whether signal `sig` ended it. */
bool qemu_ended_by(int sig);

/* The most memory that it had, in KiB. */
long qemu_peak_kb(void);

/* Whether it ended by itself with status 0. */
bool qemu_ended_well(void);

/* QEMU's last line of output: mostly its reason when it cannot start. */
const char *qemu_last_line(void);

void qemu_signal(int sig);

#endif
