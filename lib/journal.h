/* SPDX-License-Identifier: MIT */
/* Entries with fields in systemd's journal. */
#ifndef STUBDOM_JOURNAL_H
#define STUBDOM_JOURNAL_H

#include <stddef.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Of syslog(3). */
enum journal_priority { JOURNAL_ERR = 3, JOURNAL_INFO = 6 };

struct journal_field {
	const char *key;   /* "STUBDOM_GUEST"; NULL ends a list */
	const char *value; /* NULL or "": the field is left out */
};

/*
 * Sends one entry of stubdom-dm's (systemd's native protocol).  Control characters of a
 * value become '?', and a value is cut at 1000 bytes.  It never waits.  Where there is no
 * journal, or it is full, nothing happens: the log has the same words.
 */
void journal_send(const char *socket, enum journal_priority priority, const char *message,
		  const struct journal_field *fields);

#endif
