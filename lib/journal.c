/* SPDX-License-Identifier: MIT */
/* Entries with fields in systemd's journal. */
#include "journal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clean.h"
#include "cleanup.h"
#include "unix_address.h"

enum { ENTRY_MAX = 8192, VALUE_MAX = 1000 };

/* "KEY=VALUE\n"; one that has no room is left out. */
static size_t add(char entry[ENTRY_MAX], size_t used, const char *key, const char *value)
{
	char text[VALUE_MAX + 1];
	int n;

	if (!value || !*value)
		return used;
	snprintf(text, sizeof(text), "%s", value);
	clean_string(text);
	n = snprintf(entry + used, ENTRY_MAX - used, "%s=%s\n", key, text);
	return n > 0 && (size_t)n < ENTRY_MAX - used ? used + (size_t)n : used;
}

void journal_send(const char *socket_path, enum journal_priority priority,
		  const char *message, const struct journal_field *fields)
{
	cleanup_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	char entry[ENTRY_MAX];
	char digit[2] = {(char)('0' + priority), '\0'};
	size_t n = 0;

	if (fd < 0 || unix_address_set(&address, socket_path) < 0)
		return;
	n = add(entry, n, "MESSAGE", message);
	n = add(entry, n, "PRIORITY", digit);
	n = add(entry, n, "SYSLOG_IDENTIFIER", "stubdom-dm");
	for (; fields && fields->key; fields++)
		n = add(entry, n, fields->key, fields->value);
	(void)!sendto(fd, entry, n, MSG_DONTWAIT | MSG_NOSIGNAL,
		      (const struct sockaddr *)&address, sizeof(address));
}
