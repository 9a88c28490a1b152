/* SPDX-License-Identifier: MIT */
/* The bounds of a stub domain and its relay, measured in dom0 now. */
#ifndef STUBDOM_SECURITY_H
#define STUBDOM_SECURITY_H

#include <stddef.h>
#include <sys/types.h>

#include "err.h"
#include "guest.h"

struct xs_handle;

enum security_state {
	SECURITY_HELD,
	SECURITY_UNKNOWN, /* this host does not show it */
	SECURITY_NOT_HELD,
};

const char *security_state_name(enum security_state state);

/*
 * The processes and domains to measure.  Tests put a tree of files in the place of /proc.
 */
struct security_subject {
	const struct guest *guest;
	const char *proc; /* "/proc" */
	const char *sums; /* IMAGE_SUMS_DIR */
	struct xs_handle *xs;
	pid_t relay, guardian; /* by security_find_processes; 0: there is none */
};

struct security_line {
	const char *id;
	enum security_state state;
	char text[400]; /* the observation; foreign bytes are made printable */
};

enum { SECURITY_LINES_MAX = 40 };

struct security_report {
	struct security_line lines[SECURITY_LINES_MAX];
	size_t n;
};

/* The launcher's two children. */
void security_find_processes(struct security_subject *subject);

/* Measures everything. */
void security_measure(const struct security_subject *subject,
		      struct security_report *report);

enum security_state security_worst(const struct security_report *report);

/* For the checks: the state, and one line's text. */
struct security_result {
	enum security_state state;
	char *text;
	size_t size;
};

void security_say(struct security_result *result, enum security_state state,
		  const char *fmt, ...) __attribute__((format(printf, 3, 4)));

typedef void security_check_fn(const struct security_subject *subject,
			       struct security_result *result);

/* security_relay.c: the process that reads the stub domain's bytes */
security_check_fn security_relay_user, security_relay_groups, security_relay_capabilities,
	security_relay_new_privileges, security_relay_seccomp, security_relay_namespaces,
	security_relay_root, security_relay_landlock, security_relay_files,
	security_relay_limits, security_relay_memory, security_relay_cpu,
	security_relay_group;
/* security_dom0.c: the launcher, its guardian, sockets, the image */
security_check_fn security_processes, security_oom, security_sockets, security_image;
/* security_xen.c: the stub domain's rights in Xen and xenstore */
security_check_fn security_type, security_target, security_kernel, security_devices,
	security_store_own, security_store_facts, security_store_others;

/* For the checks: PROC/PID/NAME.  Returns buf. */
char *security_path(const struct security_subject *subject, pid_t pid, const char *name,
		    char *buf, size_t size);

/* For the checks: the value of a "KEY:\tVALUE" or "KEY  VALUE" line of that file; -1: no
 * such line. */
int security_field(const struct security_subject *subject, pid_t pid, const char *file,
		   const char *key, char *out, size_t size);

#endif
