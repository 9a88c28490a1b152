/* SPDX-License-Identifier: MIT */
/* Turns a plan into a running stub domain and stays until it ends. */
#include "domain/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "domain/backends.h"
#include "domain/create.h"
#include "domain/disk_hotplug.h"
#include "domain/facts.h"
#include "domain/guardian.h"
#include "domain/host.h"
#include "domain/loop.h"
#include "domain/ramdisk.h"
#include "domain/relay.h"
#include "domain/run_dir.h"
#include "domain/undo.h"
#include "domain/watch.h"
#include "log.h"

/* The signals that a toolstack, an init or a person ends a QEMU with. */
static int catch_signals(struct err *err)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return err_errno(err, ERR_HOST, errno, "blocking signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd >= 0 ? fd : err_errno(err, ERR_HOST, errno, "catching signals");
}

/* The relay has them; held here, a closed socket would look open to its clients. */
static void close_inherited(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n_channels; i++) {
		const struct plan_endpoint *end = &plan->channels[i].endpoint;

		if (end->type == PLAN_ENDPOINT_FD && end->fd > STDERR_FILENO)
			close(end->fd);
	}
}

static int create(struct domain_host *host, const struct plan *plan,
		  const struct manifest *manifest, const struct manifest_kernel *kernel,
		  const struct domain_disk *disks, const libxl_uuid *uuid, uint32_t *stub,
		  struct err *err)
{
	cleanup_fd int ramdisk = domain_ramdisk_make(plan, manifest, kernel, err);

	if (ramdisk < 0)
		return -1;
	log_info("creating %s: %u MiB, %zu disks, %zu interfaces", plan->name,
		 plan->memory_mb, plan->n_disks, plan->n_nics);
	return domain_create(host, plan, kernel, ramdisk, disks, uuid, stub, err);
}

/* libxl's calls are not interrupted by a signal; one that came meanwhile is their end. */
static bool told_to_end(int signals)
{
	struct pollfd pfd = {.fd = signals, .events = POLLIN};

	return poll(&pfd, 1, 0) == 1;
}

/* Relay and guardian are there; everything from here on is undone by domain_undo. */
static int serve(struct domain_host *host, const struct plan *plan,
		 const struct manifest *manifest, struct relay *relay,
		 struct guardian *guardian, const libxl_uuid *uuid, int signals,
		 struct err *err)
{
	const char *name = stubopt_kernel_name(plan->kernel);
	const struct manifest_kernel *kernel = manifest_find_kernel(manifest, name);
	struct domain_hotplug hotplug = {0};
	struct domain_disk *disks;
	int rc;
	struct domain_watch watch = {
		.plan = plan,
		.host = host,
		.relay = relay,
		.guardian = guardian,
		.hotplug = &hotplug,
		.uuid = uuid,
		.signals = signals,
	};

	if (!kernel)
		return err_set(err, ERR_HOST,
			       "the image in %s has no kernel '%s' (-stubdom kernel=)",
			       manifest->dir, name);
	if (domain_host_open(host, err) < 0 ||
	    domain_check(host, plan, manifest, kernel, err) < 0 ||
	    run_dir_make(plan, err) < 0 || relay_go(relay, err) < 0)
		return -1;
	close_inherited(plan);
	disks = domain_disks_open(plan, err);
	if (!disks)
		return -1;
	rc = create(host, plan, manifest, kernel, disks, uuid, &watch.stub, err);
	if (told_to_end(signals))
		rc = err_set(err, ERR_HOST,
			     "the toolstack ended the start of %s (libxl allows 60 s; is "
			     "this host overloaded?)",
			     plan->name);
	if (rc == 0)
		rc = domain_backends_move(host, plan, watch.stub, err);
	if (rc == 0)
		rc = domain_facts_write(host, plan, manifest, watch.stub, err);
	if (rc == 0)
		rc = domain_hotplug_init(&hotplug, host, plan, disks, err);
	hotplug.stub = watch.stub;
	if (rc == 0)
		rc = domain_watch(&watch, err);
	if (rc == 0)
		domain_flush(host, plan, watch.stub);
	/* Not earlier: blkback opens them at a moment of its own. */
	domain_hotplug_free(&hotplug);
	domain_disks_close(disks, plan->n_disks);
	free(disks);
	return rc;
}

int domain_run(const struct plan *plan, const struct manifest *manifest, struct err *err)
{
	struct guardian guardian = {.pidfd = -1, .control = -1, .lifeline = -1};
	struct relay relay = {.pidfd = -1, .control = -1, .log.fd = -1};
	struct domain_host host = {0};
	cleanup_fd int signals = catch_signals(err);
	struct err undo_err;
	libxl_uuid uuid;
	int rc = -1;

	if (signals < 0)
		return -1;
	libxl_uuid_generate(&uuid);
	if (relay_start(&relay, plan, err) == 0 &&
	    guardian_start(&guardian, plan, &uuid, NULL, relay.pidfd, err) == 0)
		rc = serve(&host, plan, manifest, &relay, &guardian, &uuid, signals, err);
	if (domain_undo(&host, plan, &uuid, &relay, &undo_err) == 0)
		guardian_stop(&guardian);
	else /* The guardian tries on when we are gone. */
		log_error("%s", undo_err.msg);
	return rc;
}
