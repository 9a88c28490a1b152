/* SPDX-License-Identifier: MIT */
/* stubdom metrics: figures for Prometheus, in a file or over a socket. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "metrics.h"
#include "plan/stubopt.h"
#include "verb.h"

enum { REQUEST_MAX = 8192, REQUEST_MS = 5000 };

/* Reads a request's head from standard input; its words do not matter. */
static int read_request(struct err *err)
{
	const int64_t until = clock_ms() + REQUEST_MS;
	char text[REQUEST_MAX + 1];
	size_t len = 0;

	for (;;) {
		struct pollfd pfd = {.fd = STDIN_FILENO, .events = POLLIN};
		int64_t left = until - clock_ms();
		ssize_t n;

		text[len] = '\0';
		if (strstr(text, "\r\n\r\n") || strstr(text, "\n\n"))
			break;
		if (left <= 0 || len == REQUEST_MAX || poll(&pfd, 1, (int)left) < 1)
			return err_set(err, ERR_USAGE, "standard input: no HTTP request");
		n = read(STDIN_FILENO, text + len, REQUEST_MAX - len);
		if (n <= 0)
			return err_set(err, ERR_USAGE, "standard input: no HTTP request");
		len += (size_t)n;
	}
	if (strncmp(text, "GET ", 4) == 0)
		return 0;
	fputs("HTTP/1.0 405 Method Not Allowed\r\nAllow: GET\r\n\r\n", stdout);
	return err_set(err, ERR_USAGE, "standard input: not a GET");
}

/* The image's folder that the next start takes, if no guest's file says another. */
static void load_options(struct stubopt *options)
{
	struct err ignored;

	stubopt_init(options);
	stubopt_read_file(options, CONFDIR "/stubdom.conf", &ignored);
}

int verb_metrics(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"http", no_argument, NULL, 'h'}, {0}};
	struct metrics metrics = {.network_dir = "/sys/class/net",
				  .disks_dir = "/sys/bus/xen-backend/devices"};
	int form = verb_form(argc, argv, names, 0, err);
	struct crash_dir crashes;
	struct guest_list list;
	struct stubopt options;
	int rc = -1;

	if (form < 0 || (form == 'h' && read_request(err) < 0) ||
	    crash_dir_open(&crashes, CRASHDIR, err) < 0)
		return -1;
	load_options(&options);
	if (guest_list_read(&list, err) == 0) {
		metrics.list = &list;
		metrics.crashes = &crashes;
		metrics.image = options.image;
		metrics.reader = dominfo_open(err);
		if (metrics.reader) {
			if (form == 'h')
				fputs("HTTP/1.0 200 OK\r\nContent-Type: "
				      "application/openmetrics-text; version=1.0.0; "
				      "charset=utf-8\r\n\r\n",
				      stdout);
			metrics_print(&metrics, stdout);
			rc = 0;
		}
		dominfo_close(metrics.reader);
		guest_list_free(&list);
	}
	stubopt_free(&options);
	crash_dir_close(&crashes);
	return rc;
}
