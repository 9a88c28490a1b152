/* SPDX-License-Identifier: MIT */
/* For how long clients' commands have waited for QEMU, by the relay's words (RELAY_SILENT). */
#include "domain/waited.h"

#include "relay/msg.h"

void waited_add(struct waited *waited, int64_t now_ms)
{
	int64_t since_ms = now_ms - waited->at_ms;

	waited->ms += waited->ms == 0 || since_ms > SILENCE_MS ? SILENCE_MS : since_ms;
	waited->at_ms = now_ms;
}

unsigned waited_seconds(const struct waited *waited)
{
	return (unsigned)((waited->ms + 500) / 1000);
}
