/* SPDX-License-Identifier: MIT */
/* Turns a plan into a running stub domain and stays until it ends. */
#include "domain/run.h"

#include <stdbool.h>
#include <unistd.h>

#include "cleanup.h"
#include "domain/backends.h"
#include "domain/cgroup.h"
#include "domain/create.h"
#include "domain/disk_hotplug.h"
#include "domain/disks.h"
#include "domain/end_signals.h"
#include "domain/facts.h"
#include "domain/guardian.h"
#include "domain/host.h"
#include "domain/memory.h"
#include "domain/orders.h"
#include "domain/orphan.h"
#include "domain/pci.h"
#include "domain/ramdisk.h"
#include "domain/relay.h"
#include "domain/run_dir.h"
#include "domain/undo.h"
#include "domain/watch.h"
#include "log.h"
#include "proc_status.h"
#include "start_log.h"

enum { OOM_SCORE = -900 };

/* The relay has them; held here, a closed socket would look open to its clients. */
static void close_inherited(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_channels; i++) {
		const struct plan_endpoint *end = &plan->channels[i].endpoint;

		if (end->type == PLAN_ENDPOINT_FD && end->fd > STDERR_FILENO)
			close(end->fd);
	}
}

static int create(struct domain_watch *watch, const struct manifest *manifest,
		  const struct manifest_kernel *kernel, struct err *err)
{
	const struct plan *plan = watch->plan;
	cleanup_fd int ramdisk =
		domain_ramdisk_make(plan, manifest, kernel, watch->image, err);
	struct domain_parts parts = {
		.plan = plan,
		.kernel = kernel,
		.kernel_fd = watch->image->fd[0],
		.ramdisk_fd = ramdisk,
		.disks = watch->hotplug->disks,
		.uuid = watch->uuid,
	};

	if (ramdisk < 0)
		return -1;
	log_info(START_LOG_CREATING "%s: %u MiB, %zu disks, %zu interfaces", plan->name,
		 plan->memory_mb, plan->n_disks, plan->n_nics);
	if (domain_create(watch->host, &parts, &watch->stub, err) < 0)
		return -1;
	/* Of an image that has been replaced, the root's disk alone needs room from now on:
	 * its loop device has it. */
	image_files_close(watch->image);
	return 0;
}

static int start_backends(struct domain_watch *watch, struct err *err)
{
	watch->backends->place = (struct backend_place){
		watch->host, watch->plan->guest_domid, watch->stub};
	return domain_backends_start(watch->backends, err);
}

/* From the open disks to the end of the stub domain. */
static int serve(struct domain_watch *watch, const struct manifest *manifest,
		 const struct manifest_kernel *kernel, struct err *err)
{
	const struct plan *plan = watch->plan;
	int rc = create(watch, manifest, kernel, err);

	/* libxl's calls are not interrupted by a signal; one that came is their end. */
	if (end_signals_came(watch->signals))
		rc = err_set(err, ERR_HOST,
			     "the toolstack ended the start of %s (libxl allows 60 s; is "
			     "this host overloaded?)",
			     plan->name);
	watch->hotplug->stub = watch->stub;
	watch->pci->stub = watch->stub;
	if (rc == 0)
		rc = start_backends(watch, err);
	if (rc == 0)
		rc = domain_facts_write(watch->host, plan, manifest, watch->stub,
					watch->relay->landlock, err);
	if (rc == 0)
		rc = domain_config_hide(&watch->hotplug->config, watch->host, watch->stub,
					err);
	if (rc == 0)
		rc = domain_watch(watch, err);
	if (rc == 0)
		domain_flush(watch->host, plan, watch->hotplug->changes > 0, watch->stub);
	return rc;
}

/* Relay and guardian are there; everything from here on is undone by domain_undo. */
static int prepare_and_serve(struct domain_watch *watch, const struct manifest *manifest,
			     struct err *err)
{
	const struct plan *plan = watch->plan;
	const char *name = stubopt_kernel_name(plan->kernel);
	const struct manifest_kernel *kernel = manifest_find_kernel(manifest, name);
	struct domain_disks disks = {0};
	struct domain_hotplug hotplug = {
		.host = watch->host, .plan = plan, .disks = &disks};
	struct domain_orders orders = {.console_lock = -1};
	struct domain_backends backends = {
		.plan = plan, .hotplug = &hotplug, .ptys = watch->relay->ptys};
	struct domain_pci pci = {
		.host = watch->host, .plan = plan, .signals = watch->signals};
	int rc;

	if (!kernel)
		return err_set(err, ERR_HOST,
			       "the image in %s has no kernel '%s' (-stubdom kernel=)",
			       manifest->dir, name);
	if (domain_host_open(watch->host, err) < 0 ||
	    domain_check(watch->host, plan, manifest, &watch->earlier, err) < 0 ||
	    run_dir_make(plan, err) < 0)
		return -1;
	log_info(START_LOG_CHECKED);
	if (relay_go(watch->relay, plan, watch->signals, err) < 0)
		return -1;
	log_info(START_LOG_READY);
	/* Not earlier: it has read nothing yet, and its start is not to be slowed down. */
	domain_cgroup_enter(plan, watch->relay->pid, watch->guardian->pid);
	close_inherited(plan);
	watch->hotplug = &hotplug;
	watch->orders = &orders;
	watch->backends = &backends;
	watch->pci = &pci;
	/* The disk's file is the last one of the kernel's. */
	rc = domain_disks_open(&disks, plan, kernel->disk,
			       watch->image->fd[kernel->n_files - 1], err);
	if (rc == 0)
		rc = serve(watch, manifest, kernel, err);
	/* Not earlier: blkback opens them at a moment of its own. */
	domain_disks_close(&disks);
	domain_config_free(&hotplug.config);
	domain_orders_free(&orders);
	domain_backends_free(&backends);
	return rc;
}

int domain_run(struct plan *plan, const struct manifest *manifest,
	       struct image_files *files, struct err *err)
{
	struct guardian guardian = {.pidfd = -1, .control = -1, .lifeline = -1};
	struct relay relay = {.pidfd = -1, .control = -1, .log.fd = -1};
	struct domain_host host = {0};
	cleanup_fd int signals = end_signals_open(err);
	struct orphan orphan = {.signals = signals};
	struct toolstack toolstack;
	struct err undo_err;
	libxl_uuid uuid;
	int rc = -1;
	struct domain_watch watch = {
		.plan = plan,
		.image = files,
		.host = &host,
		.relay = &relay,
		.guardian = &guardian,
		.manifest = manifest,
		.uuid = &uuid,
		.toolstack = &toolstack,
		.signals = signals,
	};

	if (signals < 0)
		return -1;
	toolstack_find(&toolstack);
	host.freed_kb = domain_memory_account(err);
	if (!host.freed_kb)
		return -1;
	guardian.freed_kb = host.freed_kb;
	guardian.manifest = manifest;
	/* Guardian and scripts have it from us; the last to go, for they tidy up. */
	proc_set_oom_score(OOM_SCORE);
	libxl_uuid_generate(&uuid);
	watch.generation = libxl_uuid_bytearray_const(&uuid)[DOMAIN_UUID_FAMILY];
	if (relay_start(&relay, plan, manifest->schema, err) == 0 &&
	    guardian_start(&guardian, plan, &uuid, NULL, relay.pidfd, err) == 0)
		rc = prepare_and_serve(&watch, manifest, err);
	if (watch.earlier) {
		/* Nothing was made yet, and what domain_undo removes is the earlier one's. */
		relay_stop(&relay);
		domain_host_close(&host);
		guardian_stop(&guardian);
		return rc;
	}
	orphan.manifest = watch.manifest;
	orphan.why = err->msg;
	orphan.code = err->code;
	if (domain_undo(&host, plan, &uuid, &relay, rc < 0 ? &orphan : NULL, &undo_err) ==
	    0)
		guardian_stop(&guardian);
	else /* The guardian tries on when we are gone. */
		log_error("%s", undo_err.msg);
	manifest_free(&watch.replaced);
	return rc;
}
