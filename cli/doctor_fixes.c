/* SPDX-License-Identifier: MIT */
/* Checks of the host: fixes of Xen that hold a stub domain which was taken over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor.h"

enum { MINOR_FIRST = 19, BRANCHES = 4 };

/*
 * The release of each stable branch, from 4.19 on, that has the fix.  Then the number of
 * commits from the release before it to the fix: Debian's versions count them
 * (4.20.3+125-g...).  From git: rev-list --count --first-parent RELEASE-4.20.3..COMMIT.
 */
static const struct {
	const char *advisory;
	const char *text;
	struct {
		int point, after;
	} fixed[BRANCHES]; /* 4.19, 4.20, 4.21, 4.22; all are in later ones */
} fixes[] = {
	{"XSA-506",
	 "a device model's call with too few buffers reads leftovers of Xen's stack",
	 {{6, 50}, {4, 125}, {2, 141}, {0, 0}}},
	{"XSA-505",
	 "a domain's own event channels, changed from two sides at once, damage Xen",
	 {{6, 49}, {4, 124}, {2, 140}, {0, 0}}},
	{"XSA-500",
	 "grant copies by a domain reach another's pages",
	 {{6, 44}, {4, 119}, {2, 135}, {0, 0}}},
	{"XSA-491",
	 "a device model that maps I/O ports while its guest runs can stop the host",
	 {{6, 7}, {4, 46}, {2, 48}, {0, 0}}},
};

/* A release of a branch and the commits behind it; exact: both are known. */
struct release {
	int minor, point, after;
	bool exact;
};

/* "4.20.4+63-g7abfd2bce2" somewhere in the text: Debian's, and that of git describe. */
static bool find_count(const char *text, struct release *out)
{
	char prefix[16];

	snprintf(prefix, sizeof(prefix), "4.%d.", out->minor);
	for (const char *at = strstr(text, prefix); at; at = strstr(at + 1, prefix)) {
		if (sscanf(at + strlen(prefix), "%d+%d-g", &out->point, &out->after) != 2)
			continue;
		out->exact = true;
		return true;
	}
	return false;
}

static bool read_release(const struct doctor_host *host, struct release *out)
{
	static const char *const places[] = {"/sys/hypervisor/version/extra",
					     "/sys/hypervisor/compilation/compiled_by",
					     "/sys/hypervisor/compilation/compile_date",
					     "/sys/hypervisor/compilation/compiler"};
	char text[256], tail[64] = "";

	if (doctor_read_line(host, "/sys/hypervisor/version/major", text, sizeof(text)) <
		    0 ||
	    strcmp(text, "4") != 0 ||
	    doctor_read_line(host, "/sys/hypervisor/version/minor", text, sizeof(text)) <
		    0)
		return false;
	*out = (struct release){.minor = atoi(text)};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (doctor_read_line(host, places[i], text, sizeof(text)) == 0 &&
		    find_count(text, out))
			return true;
	/* ".4" is the release itself, ".5-pre" anything between .4 and .5. */
	if (doctor_read_line(host, places[0], text, sizeof(text)) < 0 ||
	    sscanf(text, ".%d%63s", &out->point, tail) < 1)
		return false;
	out->exact = !*tail;
	if (strncmp(tail, "-pre", 4) == 0)
		out->point--;
	return true;
}

/* 1: it has the fix; 0: it has not; -1: it cannot be told. */
static int has_fix(const struct release *release, int point, int after)
{
	if (release->point >= point)
		return 1;
	if (release->point < point - 1)
		return 0;
	return release->exact ? release->after >= after : -1;
}

void doctor_check_fixes(const struct doctor_host *host, struct doctor_report *report)
{
	struct release release;
	size_t before = report->n;
	int branch;

	if (!read_release(host, &release) || release.minor < MINOR_FIRST) {
		doctor_add(
			report, DOCTOR_NOTE, NULL,
			"this Xen's version does not say which security fixes it has: ask "
			"your distributor for XSA-491, 500, 505 and 506");
		return;
	}
	branch = release.minor - MINOR_FIRST;
	for (size_t i = 0; branch < BRANCHES && i < sizeof(fixes) / sizeof(fixes[0]);
	     i++) {
		const int point = fixes[i].fixed[branch].point;
		int has = has_fix(&release, point, fixes[i].fixed[branch].after);
		char remedy[64];

		snprintf(remedy, sizeof(remedy), "upgrade Xen to 4.%d.%d or later",
			 release.minor, point);
		if (has == 0)
			doctor_add(report, DOCTOR_WARN, remedy,
				   "Xen 4.%d.%d is from before the fix of %s: %s",
				   release.minor, release.point, fixes[i].advisory,
				   fixes[i].text);
		else if (has < 0)
			doctor_add(
				report, DOCTOR_NOTE, NULL,
				"this Xen's version does not tell whether it has the fix "
				"of %s: %s",
				fixes[i].advisory, fixes[i].text);
	}
	if (report->n == before)
		doctor_add(report, DOCTOR_OK, NULL,
			   "Xen has the fixes of XSA-491, 500, 505 and 506");
}
