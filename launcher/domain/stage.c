/* SPDX-License-Identifier: MIT */
/* The stages of a start, as the stub domain reports them. */
#include "domain/stage.h"

#include <string.h>

#include "abi/boot.h"

static const char *const stages[] = {
	STUBDOM_STAGE_BOOT,    STUBDOM_STAGE_DISKS,    STUBDOM_STAGE_NET,
	STUBDOM_STAGE_QEMU,    STUBDOM_STAGE_CHANNELS, STUBDOM_STAGE_INCOMING,
	STUBDOM_STAGE_RUNNING, STUBDOM_STAGE_EXITED,
};

enum { N_STAGES = sizeof(stages) / sizeof(stages[0]) };

enum stage_report stage_take(struct stage *stage, const char *said)
{
	unsigned at = 0;

	if (!said || strcmp(said, stage_name(stage)) == 0)
		return STAGE_OLD;
	while (at < N_STAGES && strcmp(stages[at], said) != 0)
		at++;
	if (at < N_STAGES && at >= stage->reached) {
		stage->reached = at + 1;
		return STAGE_NEW;
	}
	if (stage->told)
		return STAGE_OLD;
	stage->told = true;
	return STAGE_NONE;
}

const char *stage_name(const struct stage *stage)
{
	return stage->reached > 0 ? stages[stage->reached - 1] : "none";
}
