/* SPDX-License-Identifier: MIT */
/* The stub domain that is to take over: made beside the one that serves. */
#include "domain/replace_new.h"

#include <string.h>

#include "abi/boot.h"
#include "abi/channel.h"
#include "check/image_load.h"
#include "check/resolve.h"
#include "cleanup.h"
#include "domain/create.h"
#include "domain/memory.h"
#include "domain/ramdisk.h"
#include "domain/replace_machine.h"
#include "log.h"
#include "xalloc.h"

static char restore_name[] = "restore";
static char restore_path[] = STUBDOM_SOCKET_DIR "/restore.sock";
static char incoming_option[] = "-incoming";
static char incoming_value[] = "unix:" STUBDOM_SOCKET_DIR "/restore.sock";

/* The guest's, without the devices that are gone, and room for two more. */
static void plan_arguments(struct replace_new *next, const struct plan *plan,
			   const struct replace_gone *gone)
{
	size_t n = 0;

	next->qemu = xalloc_check(calloc(plan->n_qemu + 3, sizeof(char *)));
	for (size_t i = 0; i < plan->n_qemu; i++) {
		if (replace_gone_drops(plan, gone, i))
			i++;
		else
			next->qemu[n++] = plan->qemu[i];
	}
	next->plan.qemu = next->qemu;
	next->plan.n_qemu = n;
}

/* A guest that was restored has this argument, and the channel, already. */
static void plan_incoming(struct replace_new *next, const struct plan *plan)
{
	size_t k = plan->n_channels;

	for (size_t i = 0; i < k; i++) {
		if (plan->channels[i].kind == STUBDOM_CHANNEL_RESTORE) {
			next->restore = plan->channels[i].name;
			return;
		}
	}
	next->qemu[next->plan.n_qemu++] = incoming_option;
	next->qemu[next->plan.n_qemu++] = incoming_value;
	next->channels = xalloc_check(calloc(k + 1, sizeof(*next->channels)));
	memcpy(next->channels, plan->channels, k * sizeof(*next->channels));
	next->channels[k] = (struct plan_channel){
		.name = restore_name,
		.kind = STUBDOM_CHANNEL_RESTORE,
		.stub_path = restore_path,
	};
	next->plan.channels = next->channels;
	next->plan.n_channels = k + 1;
	next->restore = restore_name;
}

/*
 * Another kernel may let its QEMU have requests of a guest that another one serves, or wait
 * for a word that we do not give.  Another agent may let the old QEMU touch the guest at its
 * end.
 */
static int check_image(const struct manifest *manifest, const char *kernel,
		       struct err *err)
{
	const struct manifest_kernel *found = manifest_find_kernel(manifest, kernel);

	if (found && found->replace)
		return 0;
	return err_set(
		err, ERR_HOST,
		"the image %s is of another version of this program, which replaces "
		"QEMU in another way or not at all; the guest gets it at its next start",
		manifest->dir);
}

/* Without a word it is no smaller than the one that it has now. */
static int plan_size(struct replace_new *next, const struct domain_watch *watch,
		     const struct replace_wish *wish, struct err *err)
{
	struct plan *plan = &next->plan;
	unsigned given = wish->memory_mb ? wish->memory_mb : watch->memory_mb;
	unsigned now = plan->memory_mb;
	unsigned long long least = plan_least_mb(plan, &next->manifest);

	if (wish->vcpus || watch->vcpus)
		plan->vcpus = wish->vcpus ? wish->vcpus : watch->vcpus;
	plan->memory_mb = given;
	plan_set_memory(plan, &next->manifest);
	if (!given && plan->memory_mb < now)
		plan->memory_mb = now;
	if (plan->memory_mb >= least)
		return 0;
	return err_set(err, ERR_USAGE,
		       "%u MiB are too little for this image, which needs at least %llu",
		       plan->memory_mb, least);
}

static int plan_wiring(struct replace_new *next, const struct replace_wish *wish,
		       struct err *err)
{
	if (!wish->topology)
		return resolve_topology_again(&next->plan, err) < 0
			       ? err_prefix(err, "give it another topology (--topology)")
			       : 0;
	next->plan.topology_file = xstrdup(wish->topology);
	next->plan.topology = NULL;
	next->plan.n_topology = 0;
	next->rewired = true;
	return resolve_topology(&next->plan, err) < 0 ? err_prefix(err, "topology") : 0;
}

int replace_new_plan(struct replace_new *next, const struct domain_watch *watch,
		     const struct plan *plan, const struct replace_gone *gone,
		     const struct replace_wish *wish, struct err *err)
{
	const char *kernel = stubopt_kernel_name(STUBOPT_KERNEL_NUB);

	*next = (struct replace_new){
		.plan = *plan, .stub = REPLACE_NO_STUB, .orders.console_lock = -1};
	next->plan.kernel = STUBOPT_KERNEL_NUB;
	next->plan.type = STUBOPT_TYPE_PVH;
	if (plan->n_channels + 1 > STUBDOM_CHANNELS_MAX)
		return err_set(err, ERR_USAGE, "the guest has %zu channels, %d at most",
			       plan->n_channels, STUBDOM_CHANNELS_MAX - 1);
	if (image_load_checked(wish->image, kernel, &next->manifest, &next->files, err) <
		    0 ||
	    check_image(watch->manifest, stubopt_kernel_name(plan->kernel), err) < 0 ||
	    check_image(&next->manifest, kernel, err) < 0)
		return -1;
	if (replace_machine_check(plan, watch->manifest, &next->manifest, err) < 0)
		return -1;
	next->name = xasprintf("%s-new", plan->name);
	next->plan.name = next->name;
	plan_arguments(next, plan, gone);
	plan_incoming(next, plan);
	if (plan_wiring(next, wish, err) < 0)
		return -1;
	return plan_size(next, watch, wish, err);
}

/* The root's, or a free one for it. */
static struct domain_disk *root_place(const struct domain_disks *disks)
{
	struct domain_disk *place = domain_disks_find(disks, STUBDOM_ROOT_DISK);

	return place ? place : domain_disks_find(disks, "");
}

static int open_disks(struct replace_new *next, const struct domain_disks *now,
		      const struct manifest_kernel *kernel, struct err *err)
{
	next->disks.n = now->n;
	next->disks.list = xalloc_check(calloc(now->n, sizeof(*now->list)));
	memcpy(next->disks.list, now->list, now->n * sizeof(*now->list));
	next->root = root_place(&next->disks);
	if (!next->root)
		return err_set(err, ERR_HOST, "no more than %d disks can be added",
			       DISKS_ADDED_MAX);
	*next->root = (struct domain_disk){.fd = -1};
	/* The disk's file is the last one of the kernel's. */
	return kernel->disk ? domain_disk_open_root(kernel->disk,
						    next->files.fd[kernel->n_files - 1],
						    next->root, err)
			    : 0;
}

void replace_new_keep_root(struct replace_new *next, struct domain_disks *disks)
{
	struct domain_disk *place = root_place(disks);

	if (!next->root || !place)
		return;
	domain_disk_close(place);
	*place = *next->root;
	next->root = NULL;
}

static int create(struct replace_new *next, const struct domain_watch *watch,
		  struct err *err)
{
	const struct manifest_kernel *kernel = manifest_find_kernel(
		&next->manifest, stubopt_kernel_name(next->plan.kernel));
	cleanup_fd int ramdisk = domain_ramdisk_make(&next->plan, &next->manifest, kernel,
						     &next->files, err);
	struct domain_parts parts = {
		.plan = &next->plan,
		.kernel = kernel,
		.kernel_fd = next->files.fd[0],
		.ramdisk_fd = ramdisk,
		.disks = &next->disks,
		.uuid = &next->uuid,
		.second = true,
	};

	if (ramdisk < 0 || open_disks(next, watch->hotplug->disks, kernel, err) < 0)
		return -1;
	if (domain_create(watch->host, &parts, &next->stub, err) < 0)
		return -1;
	image_files_close(&next->files);
	return 0;
}

int replace_new_make(struct replace_new *next, struct domain_watch *watch,
		     struct err *err)
{
	uint8_t *bytes = libxl_uuid_bytearray(&next->uuid);

	next->uuid = *watch->uuid;
	bytes[DOMAIN_UUID_FAMILY] = ++watch->generation;
	if (create(next, watch, err) < 0 ||
	    domain_backends_offer(watch->backends, next->stub, err) < 0 ||
	    domain_config_hide(&next->config, watch->host, next->stub, err) < 0 ||
	    domain_orders_take(&next->orders, watch->host, next->stub, "order", err) <
		    0 ||
	    domain_unpause(watch->host, next->stub, err) < 0)
		return -1;
	return 0;
}

void replace_new_remove(struct replace_new *next, const struct domain_watch *watch,
			int end_ms)
{
	struct err err;

	domain_orders_free(&next->orders);
	if (next->stub == REPLACE_NO_STUB)
		return;
	if (end_ms > 0 && domain_host_life(watch->host, next->stub) == DOMAIN_LIFE_ALIVE)
		domain_ask_leave(watch->host, next->stub, end_ms);
	if (domain_remove_one(watch->host, next->stub, &err) < 0)
		log_error("%s", err.msg);
	next->stub = REPLACE_NO_STUB;
}

void replace_new_drop(struct replace_new *next, const struct domain_watch *watch,
		      int end_ms)
{
	replace_new_remove(next, watch, end_ms);
	/* Without a domain, too: dom0 may have made room before its creation failed. */
	domain_memory_give_back(watch->host);
}

void replace_new_free(struct replace_new *next)
{
	domain_orders_free(&next->orders);
	domain_config_free(&next->config);
	if (next->root)
		domain_disk_close(next->root);
	free(next->disks.list);
	image_files_close(&next->files);
	manifest_free(&next->manifest);
	free(next->qemu);
	free(next->channels);
	free(next->name);
	if (next->rewired)
		plan_drop_topology(&next->plan);
	*next = (struct replace_new){.stub = REPLACE_NO_STUB, .orders.console_lock = -1};
}
