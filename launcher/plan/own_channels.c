/* SPDX-License-Identifier: MIT */
/* Channels of our own, which every stub domain has. */
#include "plan/own_channels.h"

#include <string.h>

#include "abi/facts.h"
#include "xalloc.h"

static const struct plan_channel *add_channel(struct plan *plan, const char *name,
					      const char *label,
					      enum stubdom_channel_kind kind,
					      const char *file)
{
	struct plan_channel *ch;

	plan->channels = xgrow(plan->channels, plan->n_channels, sizeof(*plan->channels));
	ch = &plan->channels[plan->n_channels++];
	*ch = (struct plan_channel){
		.name = xstrdup(name),
		.label = xstrdup_null(label),
		.kind = kind,
		.stub_path = xasprintf(STUBDOM_SOCKET_DIR "/%s.sock", name),
		.endpoint = {.type = PLAN_ENDPOINT_UNIX_LISTEN,
			     .fd = -1,
			     .path = xasprintf(STUBDOM_RUN_DIR "/%u/%s",
					       plan->guest_domid, file)},
	};
	return ch;
}

static void add_argument(struct plan *plan, const char *option, char *value)
{
	plan->qemu = xgrow(plan->qemu, plan->n_qemu + 2, sizeof(*plan->qemu));
	plan->qemu[plan->n_qemu++] = xstrdup(option);
	plan->qemu[plan->n_qemu++] = value;
	plan->qemu[plan->n_qemu] = NULL;
}

/* Its path is a file's, which QEMU writes; nobody in dom0 is at its other end. */
static void add_save_channel(struct plan *plan)
{
	struct plan_channel *ch;

	plan->channels = xgrow(plan->channels, plan->n_channels, sizeof(*plan->channels));
	ch = &plan->channels[plan->n_channels++];
	*ch = (struct plan_channel){
		.name = xstrdup(STUBDOM_CHANNEL_OWN_SAVE),
		.kind = STUBDOM_CHANNEL_SAVE,
		.stub_path = xstrdup(STUBDOM_SOCKET_DIR "/saved"),
		.endpoint = {.type = PLAN_ENDPOINT_DISCARD, .fd = -1},
	};
}

/* Without -display QEMU chooses one itself: a window, or VNC on TCP. */
static void say_display(struct plan *plan)
{
	for (size_t i = 0; i < plan->n_qemu; i++) {
		if (strcmp(plan->qemu[i], "-display") == 0)
			return;
	}
	add_argument(plan, "-display", xstrdup("none"));
}

int own_add_channels(struct plan *plan, struct err *err)
{
	const struct plan_channel *ch;

	if (plan->n_channels + 2 > STUBDOM_CHANNELS_MAX)
		return err_set(err, ERR_USAGE, "more than %d channels",
			       STUBDOM_CHANNELS_MAX - 2);
	ch = add_channel(plan, STUBDOM_CHANNEL_OWN_QMP, STUBDOM_CHANNEL_OWN_QMP,
			 STUBDOM_CHANNEL_QMP, STUBDOM_RUN_QMP);
	add_argument(plan, "-chardev",
		     xasprintf("socket,id=%s,path=%s,server=on,wait=off", ch->label,
			       ch->stub_path));
	add_argument(plan, "-mon", xasprintf("chardev=%s,mode=control", ch->label));
	add_save_channel(plan);
	say_display(plan);
	return 0;
}
