/* SPDX-License-Identifier: MIT */
/* stubdom serial: attaches the terminal to a guest's serial port. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include <xenstore.h>

#include "cleanup.h"
#include "decimal.h"
#include "guest.h"
#include "pty_slave.h"
#include "verb.h"

enum { ESCAPE = 0x1d /* Ctrl-], as in xl console and telnet */, PORTS_MAX = 64 };

/*
 * Reads the node that names QEMU's pty of that port; libxl writes it for its console
 * tools.
 */
static int find_tty(const struct guest *guest, int port, char **out, struct err *err)
{
	struct xs_handle *xs = xs_open(0);
	char path[96];
	unsigned len;

	*out = NULL;
	if (!xs)
		return err_errno(err, ERR_HOST, errno, "xenstore cannot be reached");
	snprintf(path, sizeof(path), "/local/domain/%u/serial/%d/tty", guest->domid,
		 port);
	*out = xs_read(xs, XBT_NULL, path, &len);
	xs_close(xs);
	if (!*out || !**out)
		return err_set(err, ERR_GUEST,
			       "no pty for serial port %d; the guest needs "
			       "serial=\"pty\" in its configuration",
			       port);
	return 0;
}

static int write_all(int fd, const char *buf, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, buf, n);

		if (done < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = fd, .events = POLLOUT};

			poll(&p, 1, -1);
			continue;
		}
		if (done < 0 && errno != EINTR)
			return -1;
		if (done > 0) {
			buf += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

/* Passes typed bytes on, up to the escape; 1: it was there, or the input ended. */
static int pump_typed(int tty, bool terminal)
{
	char buf[512];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
	char *escape;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -1;
	if (n == 0)
		return 1;
	escape = terminal ? memchr(buf, ESCAPE, (size_t)n) : NULL;
	if (write_all(tty, buf, escape ? (size_t)(escape - buf) : (size_t)n) < 0)
		return -1;
	return escape != NULL;
}

/* The bytes go to the terminal as they are: it is the guest's terminal now. */
static int pump(int tty, bool terminal, struct err *err)
{
	/* Standard output: only whether its reader is gone. */
	struct pollfd fds[] = {{.fd = tty, .events = POLLIN},
			       {.fd = STDIN_FILENO, .events = POLLIN},
			       {.fd = STDOUT_FILENO, .events = 0}};

	for (;;) {
		char buf[4096];
		int rc;

		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return err_errno(err, ERR_HOST, errno, "poll");
		if (fds[2].revents & (POLLERR | POLLHUP))
			return 0;
		if (fds[0].revents) {
			ssize_t n = read(tty, buf, sizeof(buf));

			if (n < 0 && errno != EAGAIN && errno != EINTR)
				return err_set(err, ERR_GUEST,
					       "the serial port was closed");
			if (n == 0)
				return err_set(err, ERR_GUEST,
					       "the serial port was closed");
			if (n > 0 && write_all(STDOUT_FILENO, buf, (size_t)n) < 0)
				return err_errno(err, ERR_HOST, errno, "standard output");
		}
		if (!fds[1].revents)
			continue;
		rc = pump_typed(tty, terminal);
		if (rc < 0)
			return err_errno(err, ERR_GUEST, errno, "writing to the port");
		if (rc > 0 && terminal)
			return 0;
		/* Input from a file has ended: go on printing what the guest writes. */
		if (rc > 0)
			fds[1].fd = -1;
	}
}

static void make_raw(int fd, struct termios *was)
{
	struct termios raw;

	if (tcgetattr(fd, was) < 0)
		return;
	raw = *was;
	cfmakeraw(&raw);
	tcsetattr(fd, TCSADRAIN, &raw);
}

static int attach(const char *path, struct err *err)
{
	bool terminal = isatty(STDIN_FILENO);
	struct termios was_tty;
	struct termios was;
	/* The node is dom0's, but its text came from the stub domain. */
	cleanup_fd int tty = pty_slave_open(path, O_RDWR | O_NONBLOCK, err);
	int rc;

	if (tty < 0)
		return -1;
	/* The pty must not echo the guest's output back to it. */
	make_raw(tty, &was_tty);
	if (terminal) {
		fprintf(stderr, "attached to %s; Ctrl-] detaches\n", path);
		make_raw(STDIN_FILENO, &was);
	}
	rc = pump(tty, terminal, err);
	if (terminal) {
		tcsetattr(STDIN_FILENO, TCSADRAIN, &was);
		fputs("\ndetached\n", stderr);
	}
	return rc;
}

int verb_serial(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"number", required_argument, NULL, 'n'},
					      {0}};
	cleanup_free char *tty = NULL;
	struct guest guest;
	unsigned port = 0;
	int rc;
	int c;

	while ((c = verb_getopt(argc, argv, "n:", names, err)) != -1) {
		if (c == '?')
			return -1;
		if (decimal_parse_unsigned(optarg, 0, PORTS_MAX - 1, &port) < 0)
			return verb_usage_error(argv[0], err,
						"'%s': expected a port from 0 to %d",
						optarg, PORTS_MAX - 1);
	}
	if (optind + 1 != argc)
		return verb_usage_error(argv[0], err, "expected one GUEST");
	if (guest_find(argv[optind], &guest, err) < 0)
		return -1;
	rc = find_tty(&guest, (int)port, &tty, err);
	guest_free(&guest);
	if (rc == 0)
		rc = attach(tty, err);
	return rc == 0 ? 0 : err_prefix(err, "%s", argv[optind]);
}
