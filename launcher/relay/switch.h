/* SPDX-License-Identifier: MIT */
/* The relay's part in a replacement: clients wait, and go on with another stub domain. */
#ifndef STUBDOM_RELAY_SWITCH_H
#define STUBDOM_RELAY_SWITCH_H

#include "relay/msg.h"
#include "relay/state.h"

/* RELAY_HOLD */
void relay_hold(struct relay_state *state, const struct relay_msg *msg);

/* Says RELAY_HELD, once, when it is so.  -1: the launcher is gone. */
int relay_check_held(struct relay_state *state);

/* RELAY_SWITCH.  schema: of the new QEMU, closed here; -1: none came, the old one's stays. */
void relay_switch(struct relay_state *state, int schema);

/* RELAY_LEFT */
void relay_left(struct relay_state *state);

#endif
