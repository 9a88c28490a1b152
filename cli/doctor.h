/* SPDX-License-Identifier: MIT */
/* Checks of the host: is all there that a stub domain needs? */
#ifndef STUBDOM_DOCTOR_H
#define STUBDOM_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

/* Foreign mapping by PVH domains: "remove foreign mappings from the p2m on teardown". */
#define DOCTOR_XEN_FOR_PVH "4.19"

enum doctor_status {
	DOCTOR_OK,
	DOCTOR_NOTE, /* good to know, nothing to do */
	DOCTOR_WARN, /* works, but not as well as it could */
	DOCTOR_FAIL, /* stub domains will not run */
};

const char *doctor_status_name(enum doctor_status status);

/* The places to look at.  Tests put a tree of files in the place of the host's. */
struct doctor_host {
	const char *root;     /* "" or a directory that stands for / */
	const char *image;    /* directory, under root */
	const char *conf;     /* directory, under root */
	const char *launcher; /* file, under root */
	bool live;	      /* ask Xen, xenstore, dpkg and the user data base too */
};

struct doctor_finding {
	const char *check; /* the check's id */
	enum doctor_status status;
	char text[512];
	char remedy[512]; /* "": none */
};

struct doctor_report {
	struct doctor_finding *findings;
	size_t n;
	const char *check; /* the id that new findings get */
};

/* Runs every check.  -1: out of memory. */
int doctor_run(const struct doctor_host *host, struct doctor_report *report);

/* The worst status found. */
enum doctor_status doctor_worst(const struct doctor_report *report);

void doctor_report_free(struct doctor_report *report);

/*
 * For the checks.  Adds a finding; remedy may be NULL, and is not formatted.
 */
void doctor_add(struct doctor_report *report, enum doctor_status status,
		const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * For the checks: the first line of ROOT/path.  Returns 0, or -1 if it cannot be
 * read.
 */
int doctor_read_line(const struct doctor_host *host, const char *path, char *buf,
		     size_t size);

/* For the checks: ROOT/path.  Returns buf. */
char *doctor_path(const struct doctor_host *host, const char *path, char *buf,
		  size_t size);

typedef void doctor_check_fn(const struct doctor_host *host,
			     struct doctor_report *report);

/* doctor_xen.c: the hypervisor and dom0's way to it */
doctor_check_fn doctor_check_xen, doctor_check_dom0, doctor_check_devices;
/* doctor_live.c: what only a running host can answer */
doctor_check_fn doctor_check_root, doctor_check_xenstore, doctor_check_hardware,
	doctor_check_user, doctor_check_leftovers;
/* doctor_pci.c: what keeps a PCI device to the guest that has it */
doctor_check_fn doctor_check_pci;
/* doctor_files.c: the installed files */
doctor_check_fn doctor_check_launcher, doctor_check_image, doctor_check_permissions;
/* doctor_enable.c: which device model guests get */
doctor_check_fn doctor_check_enable;
/* doctor_config.c: the configuration files */
doctor_check_fn doctor_check_config;
/* doctor_fixes.c: security fixes of Xen */
doctor_check_fn doctor_check_fixes;
/* doctor_bugs.c: known bugs of others in the versions that are here */
doctor_check_fn doctor_check_bugs;

#endif
