/* SPDX-License-Identifier: MIT */
/* Serves the needs of QMP jobs: by the launcher, and by the save channel. */
#ifndef STUBDOM_RELAY_JOB_H
#define STUBDOM_RELAY_JOB_H

#include <stdint.h>

#include "relay/channel.h"
#include "relay/msg.h"

/* Asks for the channel's job's new needs.  -1: the launcher is gone. */
int relay_job_serve(struct relay_channel *channel, uint32_t index, int control,
		    struct relay_channel *save, int64_t now_ms);

/* An answer of the launcher; takes the descriptor. */
void relay_job_hear(struct relay_channel *channel, uint32_t index, int control,
		    const struct relay_msg *msg, int fd);

#endif
