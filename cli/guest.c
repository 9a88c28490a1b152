/* SPDX-License-Identifier: MIT */
/* Guests whose device model is a stub domain, as xenstore tells of them. */
#include "guest.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "abi/boot.h"
#include "abi/facts.h"
#include "clean.h"
#include "cleanup.h"
#include "decimal.h"
#include "manifest.h"

#define DOMAINS "/local/domain"

enum { FOREIGN_MAX = 200, DOMID_MAX = 0x7fef };

/* NULL: not there.  The caller frees. */
static char *read_path(struct xs_handle *xs, const char *under, const char *domid,
		       const char *key)
{
	char path[256];
	unsigned len;

	snprintf(path, sizeof(path), "%s/%s/%s", under, domid, key);
	return xs_read(xs, XBT_NULL, path, &len);
}

static char *read_fact(struct xs_handle *xs, const char *domid, const char *key)
{
	return read_path(xs, STUBDOM_XS_FACTS, domid, key);
}

/* The stub domain's own words: any bytes, any length. */
static char *read_foreign(struct xs_handle *xs, unsigned stub, const char *key)
{
	char domid[16];
	char *text;

	snprintf(domid, sizeof(domid), "%u", stub);
	text = read_path(xs, DOMAINS, domid, key);
	if (text) {
		if (strlen(text) > FOREIGN_MAX)
			text[FOREIGN_MAX] = '\0';
		clean_string(text);
	}
	return text;
}

static char *domain_name(struct xs_handle *xs, unsigned domid)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", domid);
	return read_path(xs, DOMAINS, text, "name");
}

/* dom0's own text, but the stub domain's words may be in it. */
static char *read_died(struct xs_handle *xs, const char *domid)
{
	char *text = read_fact(xs, domid, STUBDOM_FACT_DIED);

	if (text)
		clean_string(text);
	return text;
}

static void read_guest(struct xs_handle *xs, const char *domid, struct guest *out)
{
	cleanup_free char *stub = read_fact(xs, domid, STUBDOM_FACT_STUB);
	cleanup_free char *pid = read_fact(xs, domid, STUBDOM_FACT_LAUNCHER);
	cleanup_free char *started = read_fact(xs, domid, STUBDOM_FACT_STARTED);
	cleanup_free char *silent = read_fact(xs, domid, STUBDOM_FACT_SILENT);
	uint64_t n;

	/* Renamed at the end of a restore or migration: today's name before the first. */
	out->name = domain_name(xs, out->domid);
	if (!out->name)
		out->name = read_fact(xs, domid, STUBDOM_FACT_GUEST);
	out->kernel = read_fact(xs, domid, STUBDOM_FACT_KERNEL);
	out->type = read_fact(xs, domid, STUBDOM_FACT_TYPE);
	out->qemu = read_fact(xs, domid, STUBDOM_FACT_QEMU);
	out->image = read_fact(xs, domid, STUBDOM_FACT_IMAGE);
	out->image_mark = read_fact(xs, domid, STUBDOM_FACT_IMAGE_MARK);
	out->log = read_fact(xs, domid, STUBDOM_FACT_LOG);
	out->guest_alive = xs_is_domain_introduced(xs, out->domid);
	if (decimal_parse(stub, DOMID_MAX, &n) == 0) {
		out->stub_known = true;
		out->stub_domid = (unsigned)n;
		out->stub_alive = xs_is_domain_introduced(xs, out->stub_domid);
		out->stub_name = domain_name(xs, out->stub_domid);
		out->stage = read_foreign(xs, out->stub_domid, STUBDOM_XS_STAGE);
		out->error = read_foreign(xs, out->stub_domid, STUBDOM_XS_ERROR);
		out->exit = read_foreign(xs, out->stub_domid, STUBDOM_XS_EXIT);
		/* It is dead and so are its nodes: dom0's own record. */
		if (!out->stub_alive && !out->error)
			out->error = read_died(xs, domid);
		out->io_error = read_foreign(xs, out->stub_domid, STUBDOM_XS_IO_ERROR);
	}
	out->silent = silent;
	out->no_link = read_fact(xs, domid, STUBDOM_FACT_NO_LINK);
	if (out->no_link)
		clean_string(out->no_link);
	if (decimal_parse(pid, 1 << 22, &n) == 0 && n > 0) {
		out->launcher = (pid_t)n;
		out->launcher_alive = kill(out->launcher, 0) == 0 || errno == EPERM;
	}
	if (decimal_parse(started, 1ULL << 40, &n) == 0)
		out->started = (long long)n;
}

static int by_domid(const void *a, const void *b)
{
	unsigned x = ((const struct guest *)a)->domid;
	unsigned y = ((const struct guest *)b)->domid;

	return x < y ? -1 : x > y;
}

static int read_all(struct xs_handle *xs, struct guest_list *list, struct err *err)
{
	unsigned n = 0;
	cleanup_free char **domids = xs_directory(xs, XBT_NULL, STUBDOM_XS_FACTS, &n);

	if (!domids && errno == ENOENT)
		return 0;
	if (!domids)
		return err_errno(err, ERR_HOST, errno, "xenstore: " STUBDOM_XS_FACTS);
	list->guests = calloc(n + 1, sizeof(*list->guests));
	if (!list->guests)
		return err_set(err, ERR_HOST, "out of memory");
	for (unsigned i = 0; i < n; i++) {
		uint64_t domid;

		if (decimal_parse(domids[i], DOMID_MAX, &domid) < 0)
			continue;
		list->guests[list->n].domid = (unsigned)domid;
		read_guest(xs, domids[i], &list->guests[list->n++]);
	}
	qsort(list->guests, list->n, sizeof(*list->guests), by_domid);
	return 0;
}

static struct xs_handle *open_xenstore(struct err *err)
{
	struct xs_handle *xs = xs_open(0);

	if (!xs)
		err_errno(err, ERR_HOST, errno,
			  "xenstore cannot be reached (are you root in dom0? "
			  "'stubdom doctor' tells more)");
	return xs;
}

int guest_list_read(struct guest_list *list, struct err *err)
{
	struct xs_handle *xs;
	int rc;

	*list = (struct guest_list){0};
	xs = open_xenstore(err);
	if (!xs)
		return -1;
	rc = read_all(xs, list, err);
	xs_close(xs);
	return rc;
}

/*
 * Whether any domain has this name or id: to tell a typing error from a guest of
 * dom0's.
 */
static bool domain_exists(struct xs_handle *xs, const char *name_or_id)
{
	unsigned n = 0;
	cleanup_free char **domids = xs_directory(xs, XBT_NULL, DOMAINS, &n);

	for (unsigned i = 0; domids && i < n; i++) {
		cleanup_free char *name = read_path(xs, DOMAINS, domids[i], "name");

		if (strcmp(domids[i], name_or_id) == 0 ||
		    (name && strcmp(name, name_or_id) == 0))
			return true;
	}
	return false;
}

static int not_found(const char *name_or_id, struct err *err)
{
	struct xs_handle *xs = open_xenstore(err);
	bool exists;

	if (!xs)
		return -1;
	exists = domain_exists(xs, name_or_id);
	xs_close(xs);
	if (exists)
		return err_set(
			err, ERR_GUEST,
			"'%s' has no stub domain; 'stubdom list' shows the guests that have one",
			name_or_id);
	return err_set(err, ERR_GUEST,
		       "no guest '%s'; 'stubdom list' shows those there are", name_or_id);
}

int guest_find(const char *name_or_id, struct guest *out, struct err *err)
{
	struct guest_list list;
	uint64_t domid;
	bool is_id = decimal_parse(name_or_id, DOMID_MAX, &domid) == 0;
	size_t found;

	*out = (struct guest){0};
	if (guest_list_read(&list, err) < 0)
		return -1;
	/* A name before an id: Xen allows a guest to be called "5". */
	for (found = 0; found < list.n; found++)
		if (list.guests[found].name &&
		    strcmp(list.guests[found].name, name_or_id) == 0)
			break;
	if (found == list.n && is_id)
		for (found = 0; found < list.n; found++)
			if (list.guests[found].domid == domid)
				break;
	if (found < list.n) {
		*out = list.guests[found];
		list.guests[found] = (struct guest){0};
	}
	guest_list_free(&list);
	return out->name || out->domid ? 0 : not_found(name_or_id, err);
}

const char *guest_state(const struct guest *guest)
{
	if (!guest->guest_alive)
		return "guest gone";
	if (guest->stub_known && !guest->stub_alive)
		return "stub gone";
	if (guest->error)
		return "failed";
	if (!guest->stub_known)
		return "starting";
	if (guest->stage && strcmp(guest->stage, STUBDOM_STAGE_EXITED) == 0)
		return "ended";
	if (guest->launcher && !guest->launcher_alive)
		return "unserved";
	if (guest->stage && strcmp(guest->stage, STUBDOM_STAGE_RUNNING) == 0)
		return guest->silent ? "silent" : "running";
	return "starting";
}

enum guest_image guest_image_look(const struct guest *guest)
{
	const struct manifest_kernel *kernel;
	struct manifest manifest = {0};
	char mark[MANIFEST_MARK_MAX];
	enum guest_image found = GUEST_IMAGE_UNKNOWN;
	struct err ignored;

	if (!guest->image || !guest->image_mark || !guest->kernel ||
	    manifest_load(guest->image, &manifest, &ignored) < 0)
		return found;
	kernel = manifest_find_kernel(&manifest, guest->kernel);
	if (kernel) {
		manifest_mark(kernel, mark);
		found = strcmp(mark, guest->image_mark) == 0 ? GUEST_IMAGE_SAME
							     : GUEST_IMAGE_OLDER;
	}
	manifest_free(&manifest);
	return found;
}

bool guest_image_is_older(const struct guest *guest)
{
	return guest_image_look(guest) == GUEST_IMAGE_OLDER;
}

char *guest_socket(const struct guest *guest, const char *name)
{
	char *path;

	if (asprintf(&path, STUBDOM_RUN_DIR "/%u/%s", guest->domid, name) < 0)
		return NULL;
	return path;
}

void guest_free(struct guest *guest)
{
	free(guest->name);
	free(guest->stub_name);
	free(guest->kernel);
	free(guest->type);
	free(guest->qemu);
	free(guest->image);
	free(guest->image_mark);
	free(guest->log);
	free(guest->stage);
	free(guest->error);
	free(guest->io_error);
	free(guest->no_link);
	free(guest->exit);
	*guest = (struct guest){0};
}

void guest_list_free(struct guest_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		guest_free(&list->guests[i]);
	free(list->guests);
	*list = (struct guest_list){0};
}
