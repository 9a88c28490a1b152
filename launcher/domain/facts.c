/* SPDX-License-Identifier: MIT */
/* Records in xenstore what dom0 knows of a stub domain (abi/facts.h). */
#include "domain/facts.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "abi/facts.h"
#include "xenstore_util.h"

static int put(struct domain_host *host, const struct plan *plan, const char *key,
	       const char *value, struct err *err)
{
	if (!value || !value[0])
		return 0;
	return xenstore_write(host->xs, err, value, STUBDOM_XS_FACTS "/%u/%s",
			      plan->guest_domid, key);
}

static int put_number(struct domain_host *host, const struct plan *plan, const char *key,
		      long long value, struct err *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", value);
	return put(host, plan, key, text, err);
}

/* The file that the toolstack has pointed our standard error to; "": it is none. */
static void find_log(char path[PATH_MAX])
{
	struct stat st;
	ssize_t n = -1;

	if (fstat(STDERR_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		n = readlink("/proc/self/fd/2", path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = '\0';
}

static int put_nics(struct domain_host *host, const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_nics; i++) {
		const struct plan_nic *nic = &plan->nics[i];
		char key[32], text[128];

		snprintf(key, sizeof(key), STUBDOM_FACT_NIC "/%s", nic->tap);
		snprintf(text, sizeof(text), "%.80s%s%s", nic->model ? nic->model : "?",
			 nic->mac ? " " : "", nic->mac ? nic->mac : "");
		if (put(host, plan, key, text, err) < 0)
			return -1;
	}
	return 0;
}

int domain_facts_write(struct domain_host *host, const struct plan *plan,
		       const struct manifest *manifest, uint32_t stub, int landlock,
		       struct err *err)
{
	const char *kernel = stubopt_kernel_name(plan->kernel);
	char log[PATH_MAX], mark[MANIFEST_MARK_MAX];

	find_log(log);
	manifest_mark(manifest_find_kernel(manifest, kernel), mark);
	if (put_number(host, plan, STUBDOM_FACT_STUB, stub, err) < 0 ||
	    put_number(host, plan, STUBDOM_FACT_LAUNCHER, getpid(), err) < 0 ||
	    put_number(host, plan, STUBDOM_FACT_LANDLOCK, landlock, err) < 0 ||
	    put_number(host, plan, STUBDOM_FACT_STARTED, time(NULL), err) < 0 ||
	    put(host, plan, STUBDOM_FACT_KERNEL, kernel, err) < 0 ||
	    put(host, plan, STUBDOM_FACT_TYPE, stubopt_type_name(plan->type), err) < 0 ||
	    put(host, plan, STUBDOM_FACT_GUEST, plan->guest_name, err) < 0 ||
	    put(host, plan, STUBDOM_FACT_IMAGE, manifest->dir, err) < 0 ||
	    put(host, plan, STUBDOM_FACT_IMAGE_MARK, mark, err) < 0 ||
	    put(host, plan, STUBDOM_FACT_QEMU, manifest->qemu_version, err) < 0 ||
	    put(host, plan, STUBDOM_FACT_LOG, log, err) < 0 ||
	    put_nics(host, plan, err) < 0)
		return -1;
	return 0;
}

/* The directory of them all, if ours was the last; another may be writing its own. */
static void remove_parent(struct xs_handle *xs)
{
	bool done = false;

	while (!done) {
		xs_transaction_t t = xs_transaction_start(xs);
		unsigned n = 0;
		char **children;

		if (t == XBT_NULL)
			return;
		children = xs_directory(xs, t, STUBDOM_XS_FACTS, &n);
		if (children && n == 0)
			xs_rm(xs, t, STUBDOM_XS_FACTS);
		free(children);
		done = xs_transaction_end(xs, t, false) || errno != EAGAIN;
	}
}

void domain_facts_remove(struct domain_host *host, const struct plan *plan)
{
	xenstore_remove(host->xs, STUBDOM_XS_FACTS "/%u", plan->guest_domid);
	remove_parent(host->xs);
}
