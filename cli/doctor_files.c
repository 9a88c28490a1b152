/* SPDX-License-Identifier: MIT */
/* Checks of the host: the installed files, and who could change them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "doctor.h"
#include "image.h"

enum { PROBLEMS_SHOWN = 3 };

void doctor_check_launcher(const struct doctor_host *host, struct doctor_report *report)
{
	char path[4096];

	if (access(doctor_path(host, host->launcher, path, sizeof(path)), X_OK) == 0)
		doctor_add(report, DOCTOR_OK, NULL,
			   "a guest needs device_model_override=\"%s\"", host->launcher);
	else
		doctor_add(report, DOCTOR_FAIL, "install qemu-stubdom anew", "%s: %s",
			   host->launcher, strerror(errno));
}

/* The first few, and how many more. */
static void add_problems(struct doctor_report *report, enum doctor_status status,
			 const char *remedy, struct image_problems *problems)
{
	size_t n = problems->n;

	for (size_t i = 0; i < n && i < PROBLEMS_SHOWN; i++)
		doctor_add(report, status, remedy, "%s", problems->lines[i]);
	if (n > PROBLEMS_SHOWN)
		doctor_add(report, status, remedy, "and %zu more", n - PROBLEMS_SHOWN);
	image_problems_free(problems);
}

void doctor_check_image(const struct doctor_host *host, struct doctor_report *report)
{
	cleanup_json json_t *manifest = NULL;
	cleanup_fd int folder = -1;
	struct image_problems problems;
	size_t before = report->n;
	char dir[4096];
	struct err err;

	doctor_path(host, host->image, dir, sizeof(dir));
	folder = image_open(dir, &err);
	manifest = folder < 0 ? NULL : image_load_at(folder, dir, &err);
	if (!manifest) {
		doctor_add(report, DOCTOR_FAIL, "stubdom image build", "%s", err.msg);
		return;
	}
	if (image_check_files(manifest, folder, dir, 0, &problems, &err) < 0)
		doctor_add(report, DOCTOR_FAIL, NULL, "%s", err.msg);
	add_problems(report, DOCTOR_FAIL, "stubdom image build", &problems);
	if (host->live) {
		if (image_check_packages(manifest, &problems, &err) < 0)
			doctor_add(report, DOCTOR_NOTE, NULL,
				   "the image's age cannot be told: %s", err.msg);
		add_problems(report, DOCTOR_WARN, "stubdom image build", &problems);
	}
	if (report->n == before)
		doctor_add(report, DOCTOR_OK, NULL, "%s is whole and up to date",
			   host->image);
}

/* Such a file runs as root, or next to a guest's memory: nobody else may change it. */
static int check_owner(const struct doctor_host *host, struct doctor_report *report,
		       const char *path)
{
	char where[4096];
	char remedy[512];
	struct stat st;

	if (lstat(doctor_path(host, path, where, sizeof(where)), &st) < 0)
		return 0;
	if (st.st_uid == 0 && !(st.st_mode & (S_IWGRP | S_IWOTH)))
		return 0;
	snprintf(remedy, sizeof(remedy), "chown root:root %.200s && chmod go-w %.200s",
		 path, path);
	doctor_add(report, DOCTOR_FAIL, remedy, "%s: others than root can change it",
		   path);
	return 1;
}

static int check_directory(const struct doctor_host *host, struct doctor_report *report,
			   const char *dir)
{
	int bad = check_owner(host, report, dir);
	const struct dirent *entry;
	char path[4096];
	DIR *d = opendir(doctor_path(host, dir, path, sizeof(path)));

	while (d && (entry = readdir(d))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "%.2000s/%s", dir, entry->d_name);
		bad += check_owner(host, report, path);
	}
	if (d)
		closedir(d);
	return bad;
}

void doctor_check_permissions(const struct doctor_host *host,
			      struct doctor_report *report)
{
	char guests[4096];
	char path[4096];
	struct stat st;
	int bad = 0;

	snprintf(guests, sizeof(guests), "%s/guests", host->conf);
	bad += check_directory(host, report, host->image);
	bad += check_directory(host, report, host->conf);
	bad += check_directory(host, report, guests);
	bad += check_owner(host, report, host->launcher);
	if (stat(doctor_path(host, STUBDOM_RUN_DIR, path, sizeof(path)), &st) == 0 &&
	    (st.st_mode & (S_IRWXG | S_IRWXO))) {
		doctor_add(report, DOCTOR_FAIL, "chmod 0700 " STUBDOM_RUN_DIR,
			   STUBDOM_RUN_DIR ": others than root can reach the monitors");
		bad++;
	}
	if (!bad)
		doctor_add(report, DOCTOR_OK, NULL,
			   "only root can change the image and the configuration");
}
