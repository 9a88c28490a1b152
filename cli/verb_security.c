/* SPDX-License-Identifier: MIT */
/* stubdom security: the bounds of a stub domain, measured now. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <xenstore.h>

#include "cleanup.h"
#include "guest.h"
#include "guest_json.h"
#include "image_check.h"
#include "security.h"
#include "term.h"
#include "verb.h"

#define SECURITY_VERSION 1 /* of the JSON form, stubdom(1) */

static void print_lines(const struct security_report *report)
{
	static const enum term_colour colours[] = {TERM_GREEN, TERM_YELLOW, TERM_RED};

	for (size_t i = 0; i < report->n; i++) {
		const struct security_line *line = &report->lines[i];

		printf("%s%-9s%s  %-14s  %s\n", term_colour(stdout, colours[line->state]),
		       security_state_name(line->state), term_colour(stdout, TERM_PLAIN),
		       line->id, line->text);
	}
}

static void print_json(const struct guest *guest, const struct security_report *report)
{
	cleanup_json json_t *root = json_pack(
		"{s:i, s:i, s:i, s:b, s:[]}", "version", SECURITY_VERSION, "domid",
		(int)guest->domid, "stub_domid", (int)guest->stub_domid, "held",
		security_worst(report) < SECURITY_NOT_HELD, "restrictions");

	for (size_t i = 0; i < report->n; i++) {
		const struct security_line *line = &report->lines[i];

		json_array_append_new(
			json_object_get(root, "restrictions"),
			json_pack("{s:s, s:s, s:s}", "restriction", line->id, "state",
				  security_state_name(line->state), "text", line->text));
	}
	guest_set_string(root, "name", guest->name);
	guest_print_json(root);
}

static int measure(const struct guest *guest, struct security_report *report,
		   struct err *err)
{
	struct security_subject subject = {
		.guest = guest, .proc = "/proc", .sums = IMAGE_SUMS_DIR};

	if (!guest->stub_alive)
		return err_set(err, ERR_STUB, "%s: its stub domain is not there",
			       guest->name ? guest->name : "the guest");
	subject.xs = xs_open(0);
	if (!subject.xs)
		return err_errno(err, ERR_HOST, errno, "xenstore cannot be reached");
	security_find_processes(&subject);
	security_measure(&subject, report);
	xs_close(subject.xs);
	return 0;
}

int verb_security(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"json", no_argument, NULL, 'j'}, {0}};
	static struct security_report report;
	int form = verb_form(argc, argv, names, 1, err);
	struct guest guest;
	int rc;

	if (form < 0 || guest_find(argv[optind], &guest, err) < 0)
		return -1;
	rc = measure(&guest, &report, err);
	if (rc == 0 && form == 'j')
		print_json(&guest, &report);
	else if (rc == 0)
		print_lines(&report);
	guest_free(&guest);
	if (rc == 0 && security_worst(&report) == SECURITY_NOT_HELD)
		return err_set(err, VERB_NO, "%s", "");
	return rc;
}
