/* SPDX-License-Identifier: MIT */
/* Strings of a stub domain's QMP answers: none of them names something of dom0. */
#ifndef STUBDOM_QMP_WORD_H
#define STUBDOM_QMP_WORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Dom0's name of a character device, by QEMU's label. */
struct qmp_chardev {
	const char *label;
	const char *filename; /* as query-chardev shows it: "pty:/dev/pts/3" */
};

/* Dom0's name of a disk that the stub domain knows as /dev/NAME. */
struct qmp_disk {
	const char *name; /* "xvda" */
	const char *shown;
};

enum {
	QMP_MEDIA_MAX = 64,
	QMP_DISK_NAME_MAX = 15, /* "xvdaa" */
	QMP_SHOWN_MAX = 31,	/* "/dev/fdset/9223372036854775807" */
};

/* Disks that go when QEMU does not use them: media of the plan, and disks added since. */
struct qmp_media {
	struct qmp_medium {
		char name[QMP_DISK_NAME_MAX + 1];
		/* As its client named it; "": qmp_names has it. */
		char shown[QMP_SHOWN_MAX + 1];
	} list[QMP_MEDIA_MAX];
	size_t n;
};

struct qmp_schema;

/* The names and limits that answers are made with; borrowed by the filters. */
struct qmp_names {
	const struct qmp_schema *schema;
	const struct qmp_chardev *chardevs;
	size_t n_chardevs;
	const struct qmp_disk *disks;
	size_t n_disks;
	const struct qmp_media *media; /* come first; NULL: there are none */
	const char *vnc_host;	       /* NULL: no VNC server in dom0 */
	const char *vnc_service;
	bool vnc_password; /* that the relay asks viewers for */
};

/* The meaning of a string member; any other is a plain word. */
enum qmp_meaning {
	QMP_MEANS_WORD,	   /* no path */
	QMP_MEANS_TEXT,	   /* for people: one line of any content */
	QMP_MEANS_LINES,   /* for people: lines */
	QMP_MEANS_FILE,	   /* a disk of the stub domain, shown by dom0's name */
	QMP_MEANS_ADDRESS, /* of a socket: no word of the stub domain's is one */
	QMP_MEANS_QOM,	   /* a path in QEMU's tree of objects */
};

/* By the member's name; "": the whole answer is one string. */
enum qmp_meaning qmp_word_meaning(const char *member);

/*
 * The text of `value` that a client may read: without control characters, and "" if it
 * would name something that the stub domain cannot know.  `names` is for files' names
 * only.  NULL: out of memory.
 */
json_t *qmp_word_make(const struct qmp_names *names, enum qmp_meaning meaning,
		      const json_t *value);

/* A text for people of at most `most` bytes on one line; NULL becomes "". */
json_t *qmp_word_text(const json_t *value, size_t most);

#endif
