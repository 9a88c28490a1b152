/* SPDX-License-Identifier: MIT */
/* stubdom blame: the phases of a guest's start, and how long each took. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <xenstore.h>

#include "blame.h"
#include "cleanup.h"
#include "guest.h"
#include "guest_json.h"
#include "guest_log.h"
#include "verb.h"

/* When libxl began to build a domain: "SECONDS.HUNDREDTHS" at /vm/UUID/start_time. */
static long long build_ms(struct xs_handle *xs, unsigned domid)
{
	char path[256];
	cleanup_free char *vm = NULL;
	cleanup_free char *text = NULL;
	unsigned len, hundredths;
	long long seconds;

	snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
	vm = xs_read(xs, XBT_NULL, path, &len);
	if (!vm || snprintf(path, sizeof(path), "%s/start_time", vm) >= (int)sizeof(path))
		return 0;
	text = xs_read(xs, XBT_NULL, path, &len);
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
	struct guest guest = {0};
	struct blame blame;
	struct err unknown;
	int form = verb_form(argc, argv, names, 1, err), rc;

	if (form < 0 || guest_log_find(argv[optind], &path, err) < 0)
		return -1;
	if (guest_find(argv[optind], &guest, &unknown) == 0)
		find_builds(&guest, &builds);
	rc = read_log(path, &guest, &builds, &blame, err);
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
