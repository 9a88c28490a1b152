/* SPDX-License-Identifier: MIT */
/* The part of the plan that the relay, a program of its own, works from. */
#ifndef STUBDOM_PLAN_HANDOVER_H
#define STUBDOM_PLAN_HANDOVER_H

#include "plan/plan.h"

/*
 * Writes channels, disks, the log's level and the machine into a memfd, as JSON in the words
 * of plan_to_json.  The manifest's schema of QEMU's answers is beside them.  The descriptor,
 * at its start, or -1.
 */
int plan_hand_over(const struct plan *plan, const json_t *schema, struct err *err);

/*
 * The other end of it, which closes the descriptor; *out has nothing else, and is the
 * caller's to plan_free, as is *schema to json_decref.  Behind the plan's channels is one
 * more, for RELAY_STATE (relay/msg.h).
 */
int plan_take_over(int fd, struct plan *out, json_t **schema, struct err *err);

/* A schema alone, for RELAY_SWITCH: the same two ends.  NULL: it cannot be read. */
int plan_hand_over_schema(const json_t *schema, struct err *err);
json_t *plan_take_over_schema(int fd);

#endif
