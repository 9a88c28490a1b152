/* SPDX-License-Identifier: MIT */
/* A viewer behind the relay's door.  usage: vnc_pass VIEWER QEMU...: sockets.  With each byte
 * on standard input it goes on with the next QEMU, and says so by a byte on standard output. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "relay/vnc_door.h"

/* There is no password. */
bool vnc_password_may_try(struct vnc_password *password, int64_t now_ms)
{
	return false;
}

bool vnc_password_check(struct vnc_password *password,
			const unsigned char challenge[VNC_CHALLENGE],
			const unsigned char response[VNC_CHALLENGE], int64_t now_s)
{
	return false;
}

int64_t vnc_password_now(void)
{
	return 0;
}

struct passing {
	struct vnc_door door;
	struct buffer to_viewer, to_qemu;
	int viewer;
	int qemu;
	char **next; /* their numbers; NULL at the end */
};

static void deliver(struct buffer *b, int fd)
{
	while (b->len > 0) {
		ssize_t n = write(fd, buffer_bytes(b), b->len);

		if (n <= 0)
			exit(0);
		buffer_consume(b, (size_t)n);
	}
}

static void go_on(struct passing *p)
{
	if (!*p->next)
		exit(1);
	close(p->qemu);
	buffer_free(&p->to_qemu);
	p->qemu = atoi(*p->next++);
	if (write(STDOUT_FILENO, "", 1) != 1)
		exit(1);
}

static int take(struct passing *p, int fd, bool is_viewer, struct err *err)
{
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	int rc;

	if (n <= 0)
		exit(0);
	rc = is_viewer ? vnc_door_viewer(&p->door, chunk, (size_t)n, &p->to_viewer,
					 &p->to_qemu, err)
		       : vnc_door_qemu(&p->door, chunk, (size_t)n, &p->to_viewer,
				       &p->to_qemu, err);
	if (rc > 0)
		go_on(p);
	return rc;
}

static int take_order(struct passing *p, struct err *err)
{
	char order;
	int rc;

	if (read(STDIN_FILENO, &order, 1) != 1)
		exit(0);
	rc = vnc_door_switch(&p->door, err);
	if (rc == 0)
		go_on(p);
	return rc;
}

static int round_trip(struct passing *p, struct err *err)
{
	struct pollfd fds[] = {
		{.fd = STDIN_FILENO, .events = POLLIN},
		{.fd = vnc_door_reads(&p->door) ? p->viewer : -1, .events = POLLIN},
		{.fd = vnc_door_wants_qemu(&p->door) ? p->qemu : -1, .events = POLLIN}};
	int rc = 0;

	if (poll(fds, 3, -1) < 0)
		exit(1);
	if (fds[0].revents)
		rc = take_order(p, err);
	else if (fds[1].revents)
		rc = take(p, p->viewer, true, err);
	else if (fds[2].revents)
		rc = take(p, p->qemu, false, err);
	deliver(&p->to_viewer, p->viewer);
	deliver(&p->to_qemu, p->qemu);
	return rc;
}

int main(int argc, char **argv)
{
	struct passing p = {0};
	struct err err = {0};

	if (argc < 3)
		return 2;
	p.viewer = atoi(argv[1]);
	p.qemu = atoi(argv[2]);
	p.next = argv + 3;
	vnc_door_open(&p.door, NULL, false, 0, &p.to_viewer);
	deliver(&p.to_viewer, p.viewer);
	while (round_trip(&p, &err) >= 0)
		;
	fprintf(stderr, "%s\n", err.msg);
	return 1;
}
