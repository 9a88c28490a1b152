/* SPDX-License-Identifier: MIT */
/* The agent's reports to dom0, and the one way in which PID 1 ends. */
#ifndef AGENT_REPORT_H
#define AGENT_REPORT_H

#include "err.h"

/* Enters a stage (abi/boot.h) and says so on the console and in xenstore. */
void report_stage(const char *stage);

/* A line of the agent's own on the console. */
void report_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* QEMU's end: "exit N" or "signal N". */
void report_exit(const char *how);

/* Reports "stage: why" to xenstore and the console; does not end. */
void report_error(const struct err *err);

/* report_error, then power_off. */
_Noreturn void report_fatal(const struct err *err);

/* Lets the console drain, then powers the domain off. */
_Noreturn void report_power_off(void);

#endif
