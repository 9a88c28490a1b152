/* SPDX-License-Identifier: MIT */
/* stubdom doctor: the findings of the host's checks, and the remedies. */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "cleanup.h"
#include "doctor.h"
#include "term.h"
#include "verb.h"

#define DOCTOR_VERSION 1 /* of the JSON form, stubdom(1) */

static void print_lines(const struct doctor_report *report)
{
	static const enum term_colour colours[] = {TERM_GREEN, TERM_PLAIN, TERM_YELLOW,
						   TERM_RED};

	for (size_t i = 0; i < report->n; i++) {
		const struct doctor_finding *f = &report->findings[i];

		printf("%s%-4s%s  %-11s  %s\n", term_colour(stdout, colours[f->status]),
		       doctor_status_name(f->status), term_colour(stdout, TERM_PLAIN),
		       f->check, f->text);
		if (*f->remedy)
			printf("%-19sremedy: %s\n", "", f->remedy);
	}
}

static void print_json(const struct doctor_report *report)
{
	cleanup_json json_t *root =
		json_pack("{s:i, s:b, s:[]}", "version", DOCTOR_VERSION, "ok",
			  doctor_worst(report) < DOCTOR_FAIL, "checks");

	for (size_t i = 0; i < report->n; i++) {
		const struct doctor_finding *f = &report->findings[i];

		json_array_append_new(json_object_get(root, "checks"),
				      json_pack("{s:s, s:s, s:s, s:s}", "check", f->check,
						"status", doctor_status_name(f->status),
						"text", f->text, "remedy", f->remedy));
	}
	json_dumpf(root, stdout, JSON_INDENT(2));
	putchar('\n');
}

int verb_doctor(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"json", no_argument, NULL, 'j'}, {0}};
	static const struct doctor_host host = {.root = "",
						.image = IMAGEDIR,
						.conf = CONFDIR,
						.launcher = BINDIR "/stubdom-dm",
						.live = true};
	struct doctor_report report;
	int form = verb_form(argc, argv, names, 0, err);
	bool good;

	if (form < 0)
		return -1;
	if (doctor_run(&host, &report) < 0) {
		doctor_report_free(&report);
		return err_set(err, ERR_HOST, "out of memory");
	}
	if (form == 'j')
		print_json(&report);
	else
		print_lines(&report);
	good = doctor_worst(&report) < DOCTOR_FAIL;
	doctor_report_free(&report);
	return good ? 0 : err_set(err, VERB_NO, "%s", "");
}
