/* SPDX-License-Identifier: MIT */
/* Checks of the host: the configuration files. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "doctor.h"
#include "plan/stubopt.h"

static int check_conf_file(const struct doctor_host *host, struct doctor_report *report,
			   const char *path)
{
	struct stubopt options;
	char where[4096];
	struct err err;
	int rc;

	doctor_path(host, path, where, sizeof(where));
	stubopt_init(&options);
	rc = stubopt_read_file(&options, where, &err);
	for (size_t i = 0; i < options.n_warnings; i++)
		doctor_add(report, DOCTOR_WARN, "see stubdom.conf(5)", "%s: %s", path,
			   options.warnings[i]);
	if (rc < 0)
		doctor_add(report, DOCTOR_FAIL, "correct it, see stubdom.conf(5)", "%s",
			   err.msg);
	stubopt_free(&options);
	return rc < 0;
}

void doctor_check_config(const struct doctor_host *host, struct doctor_report *report)
{
	const struct dirent *entry;
	char path[4096];
	char dir[4096];
	int bad = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/stubdom.conf", host->conf);
	bad += check_conf_file(host, report, path);
	snprintf(dir, sizeof(dir), "%.2000s/guests", host->conf);
	d = opendir(doctor_path(host, dir, path, sizeof(path)));
	while (d && (entry = readdir(d))) {
		size_t len = strlen(entry->d_name);

		if (len < 6 || strcmp(entry->d_name + len - 5, ".conf") != 0)
			continue;
		snprintf(path, sizeof(path), "%.2100s/%s", dir, entry->d_name);
		bad += check_conf_file(host, report, path);
	}
	if (d)
		closedir(d);
	if (!bad)
		doctor_add(report, DOCTOR_OK, NULL, "the configuration can be read");
}
