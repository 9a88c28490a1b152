/* SPDX-License-Identifier: MIT */
/* stubdom blame: the phases of a guest's start, and how long each took. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xenstore.h>

#include "blame.h"
#include "cleanup.h"
#include "guest_json.h"
#include "guest_log.h"
#include "verb.h"
#include "xenstore_util.h"

/* When libxl began to build a domain: "SECONDS.HUNDREDTHS" at /vm/UUID/start_time. */
static long long build_ms(struct xs_handle *xs, unsigned domid)
{
	cleanup_free char *vm = xenstore_read(xs, "/local/domain/%u/vm", domid);
	cleanup_free char *text = vm && strncmp(vm, "/vm/", 4) == 0
					  ? xenstore_read(xs, "%s/start_time", vm)
					  : NULL;
	unsigned hundredths;
	long long seconds;

	if (!text || sscanf(text, "%lld.%2u", &seconds, &hundredths) != 2)
		return 0;
	return seconds * 1000 + hundredths * 10;
}

static void find_builds(const struct guest *guest, struct blame_builds *out)
{
	struct xs_handle *xs = guest->guest_alive ? xs_open(0) : NULL;

	if (!xs)
		return;
	out->guest_ms = build_ms(xs, guest->domid);
	if (guest->stub_known)
		out->stub_ms = build_ms(xs, guest->stub_domid);
	xs_close(xs);
}

static int read_file(const char *path, const struct blame_builds *builds,
		     struct blame *out, struct err *err)
{
	cleanup_file FILE *f = fopen(path, "re");

	if (!f)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	return blame_read(f, builds, out, err) < 0 ? err_prefix(err, "%s", path) : 0;
}

/* A long log's first part is in PATH.old; an earlier guest's may be there still. */
static int read_log(const char *path, const struct guest *guest,
		    const struct blame_builds *builds, struct blame *out, struct err *err)
{
	cleanup_free char *old = NULL;
	struct err ignored;
	struct stat st;

	if (read_file(path, builds, out, err) == 0)
		return 0;
	if (!guest->started || asprintf(&old, "%s.old", path) < 0) {
		old = NULL;
		return -1;
	}
	if (stat(old, &st) < 0 || st.st_mtime < guest->started)
		return -1;
	return read_file(old, builds, out, &ignored);
}

int verb_blame(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {
		{"json", no_argument, NULL, 'j'}, {"svg", no_argument, NULL, 's'}, {0}};
	cleanup_free char *path = NULL;
	struct blame_builds builds = {0};
	struct guest guest;
	struct blame blame;
	int form = verb_form(argc, argv, names, 1, err), rc;

	if (form < 0)
		return -1;
	rc = guest_log_find(argv[optind], &guest, &path, err);
	if (rc == 0) {
		find_builds(&guest, &builds);
		rc = read_log(path, &guest, &builds, &blame, err);
	}
	if (rc == 0 && form == 'j') {
		cleanup_json json_t *o = blame_to_json(&blame);

		guest_set_string(o, "name", guest.name ? guest.name : argv[optind]);
		guest_print_json(o);
	} else if (rc == 0 && form == 's') {
		blame_print_svg(&blame, guest.name ? guest.name : argv[optind], stdout);
	} else if (rc == 0) {
		blame_print(&blame, stdout);
	}
	guest_free(&guest);
	return rc;
}
