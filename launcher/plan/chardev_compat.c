/* SPDX-License-Identifier: MIT */
/* QEMU's short spelling of character devices (its qemu_chr_parse_compat). */
#include "plan/chardev_compat.h"

#include <string.h>

#include "cleanup.h"
#include "xalloc.h"

/* Words that are a backend's name with nothing to add. */
static const char *const plain[] = {"null",    "pty",	  "msmouse", "wctablet",
				    "braille", "testdev", "stdio",   "vc"};

static const char *after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static int parse_plain(const char *backend, struct qemu_opts *out, struct err *err)
{
	return qemu_opts_parse(backend, "backend", false, out, err);
}

static int with_path(const char *backend, const char *path, struct qemu_opts *out,
		     struct err *err)
{
	if (parse_plain(backend, out, err) < 0)
		return -1;
	qemu_opts_set(out, "path", path);
	return 0;
}

/* "HOST:PORT[,option...]"; HOST may be empty, or in brackets. */
static int parse_tcp(const char *p, struct qemu_opts *out, struct err *err)
{
	size_t host_len = p[0] == '[' ? strcspn(p, "]") + 1 : strcspn(p, ":,");
	cleanup_free char *host = NULL;
	cleanup_free char *port = NULL;
	const char *options;

	if (host_len > strlen(p) || p[host_len] != ':')
		return err_set(err, ERR_USAGE, "expected HOST:PORT");
	host = p[0] == '[' ? xstrndup(p + 1, host_len - 2) : xstrndup(p, host_len);
	p += host_len + 1;
	port = xstrndup(p, strcspn(p, ","));
	options = p + strlen(port);
	if (qemu_opts_parse(*options ? options + 1 : "", NULL, false, out, err) < 0)
		return -1;
	qemu_opts_set(out, "backend", "socket");
	qemu_opts_set(out, "host", host);
	qemu_opts_set(out, "port", port);
	return 0;
}

static int parse_unix(const char *p, struct qemu_opts *out, struct err *err)
{
	if (qemu_opts_parse(p, "path", false, out, err) < 0)
		return -1;
	qemu_opts_set(out, "backend", "socket");
	return 0;
}

static int parse_telnet(const char *p, struct qemu_opts *out, struct err *err)
{
	if (parse_tcp(p, out, err) < 0)
		return -1;
	qemu_opts_set(out, "telnet", "on");
	return 0;
}

static int parse_address(const char *text, struct qemu_opts *out, struct err *err)
{
	const char *p;

	if ((p = after(text, "file:")))
		return with_path("file", p, out, err);
	if ((p = after(text, "pipe:")))
		return with_path("pipe", p, out, err);
	if ((p = after(text, "pty:")))
		return with_path("pty", p, out, err);
	if ((p = after(text, "unix:")))
		return parse_unix(p, out, err);
	if ((p = after(text, "tcp:")))
		return parse_tcp(p, out, err);
	if ((p = after(text, "telnet:")))
		return parse_telnet(p, out, err);
	if (after(text, "tn3270:") || after(text, "websocket:") || after(text, "udp:"))
		return err_set(err, ERR_USAGE,
			       "only tcp:, telnet: and unix: sockets are carried out of "
			       "the stub domain; use one of them");
	if (after(text, "vc:"))
		return parse_plain("vc", out, err);
	if (text[0] == '/')
		return with_path("serial", text, out, err);
	return err_set(err, ERR_USAGE,
		       "not a character device that stubdom-dm knows; use pty, "
		       "file:PATH, unix:PATH,server=on,wait=off or "
		       "tcp:HOST:PORT,server=on,wait=off");
}

int chardev_compat_parse(const char *text, struct qemu_opts *out, struct err *err)
{
	const char *multiplexed = after(text, "mon:");
	int rc = -2;

	if (multiplexed)
		text = multiplexed;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (strcmp(text, plain[i]) == 0)
			rc = parse_plain(text, out, err);
	}
	if (rc == -2)
		rc = parse_address(text, out, err);
	if (rc == 0 && multiplexed)
		qemu_opts_set(out, "mux", "on");
	return rc;
}
