/* SPDX-License-Identifier: MIT */
/* Takes a file that QEMU wrote in the stub domain into a descriptor of dom0. */
#include "relay/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void fail(struct relay_save *save, const char *what, const char *why)
{
	if (!save->failed)
		snprintf(save->why, sizeof(save->why), "%s%s%s", what, why ? ": " : "",
			 why ? why : "");
	save->failed = true;
	save->done = true;
}

void relay_save_start(struct relay_save *save, int fd, uint64_t most)
{
	*save = (struct relay_save){
		.active = true,
		.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3),
		.most = most,
	};
	if (save->fd < 0)
		fail(save, "keeping the file open in dom0", strerror(errno));
}

void relay_save_stop(struct relay_save *save)
{
	if (save->active && save->fd >= 0)
		close(save->fd);
	save->active = false;
}

static void take_header(struct relay_save *save)
{
	save->left = 0;
	for (unsigned i = 0; i < sizeof(save->header); i++)
		save->left |= (uint64_t)save->header[i] << (8 * i);
	if (save->left > save->most)
		fail(save, "the stub domain's file is larger than it may be", NULL);
}

static void store(struct relay_save *save, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(save->fd, data, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			fail(save, "writing the file in dom0",
			     strerror(n < 0 ? errno : ENOSPC));
			return;
		}
		data += n;
		len -= (size_t)n;
	}
}

void relay_save_take(struct relay_save *save, const char *data, size_t len)
{
	while (len > 0 && save->header_len < sizeof(save->header)) {
		save->header[save->header_len++] = (unsigned char)*data++;
		len--;
		if (save->header_len == sizeof(save->header))
			take_header(save);
	}
	if (len == 0 || save->done)
		return;
	if (len > save->left) {
		fail(save, "the stub domain sent more than its file", NULL);
		return;
	}
	save->left -= len;
	store(save, data, len);
}

void relay_save_end(struct relay_save *save)
{
	if (save->header_len < sizeof(save->header) || save->left > 0)
		fail(save, "the stub domain's file did not arrive whole", NULL);
	save->done = true;
}

void relay_save_add(struct relay_save *save, const char *data, size_t len)
{
	if (save->done && !save->failed)
		store(save, data, len);
}
