/* SPDX-License-Identifier: MIT */
/* The guest's screen: VNC listens in dom0, where the caller said. */
#include <string.h>

#include "cleanup.h"
#include "decimal.h"
#include "plan/builder.h"
#include "xalloc.h"

enum {
	VNC_PORT_BASE = 5900,
	VNC_WEBSOCKET_BASE = 5700, /* websocket=on: so much above the display's number */
	VNC_DISPLAY_MAX = PLAN_PORT_MAX - VNC_PORT_BASE,
};

/* "HOST:D", "[V6]:D", ":D" or "unix:PATH". */
static int read_address(const char *address, const char *to, struct plan_endpoint *e,
			struct err *err)
{
	const char *colon = strrchr(address, ':');
	size_t host_len = colon ? (size_t)(colon - address) : 0;
	unsigned display;
	unsigned last;

	if (strncmp(address, "unix:", 5) == 0) {
		e->type = PLAN_ENDPOINT_UNIX_LISTEN;
		e->path = xstrdup(address + 5);
		return 0;
	}
	if (!colon || decimal_parse_unsigned(colon + 1, 0, VNC_DISPLAY_MAX, &display) < 0)
		return err_set(
			err, ERR_USAGE,
			"expected HOST:DISPLAY with a display from 0 to %d, or none",
			VNC_DISPLAY_MAX);
	last = display;
	if (to && decimal_parse_unsigned(to, 0, VNC_DISPLAY_MAX, &last) < 0)
		return err_set(err, ERR_USAGE, "to= is no display from 0 to %d",
			       VNC_DISPLAY_MAX);
	if (last < display)
		last = display;
	e->type = PLAN_ENDPOINT_TCP_LISTEN;
	e->port = VNC_PORT_BASE + display;
	e->to = VNC_PORT_BASE + last;
	if (host_len >= 2 && address[0] == '[' && address[host_len - 1] == ']') {
		address++;
		host_len -= 2;
	}
	e->host = xstrndup(address, host_len);
	return 0;
}

/*
 * websocket=on|PORT|HOST:PORT|unix:PATH: a second listening socket, with the screen's
 * host if it names none.
 */
static int read_websocket(const char *value, const struct plan_endpoint *screen,
			  struct plan_endpoint *e, struct err *err)
{
	const char *colon = strrchr(value, ':');
	const char *host = value;
	size_t host_len = colon ? (size_t)(colon - value) : 0;

	if (strncmp(value, "unix:", 5) == 0) {
		e->type = PLAN_ENDPOINT_UNIX_LISTEN;
		e->path = xstrdup(value + 5);
		return 0;
	}
	e->type = PLAN_ENDPOINT_TCP_LISTEN;
	if (!*value || strcmp(value, "on") == 0) {
		if (screen->type != PLAN_ENDPOINT_TCP_LISTEN)
			return err_set(err, ERR_USAGE,
				       "websocket=on wants a screen with a display's "
				       "number; use websocket=PORT");
		e->port = screen->port - VNC_PORT_BASE + VNC_WEBSOCKET_BASE;
		e->to = screen->to - VNC_PORT_BASE + VNC_WEBSOCKET_BASE;
	} else if (decimal_parse_unsigned(colon ? colon + 1 : value, 0, PLAN_PORT_MAX,
					  &e->port) < 0 ||
		   e->port == 0) {
		return err_set(err, ERR_USAGE,
			       "expected websocket=on, PORT, HOST:PORT or unix:PATH");
	} else {
		e->to = e->port;
	}
	if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
		host++;
		host_len -= 2;
	}
	e->host = host_len > 0 ? xstrndup(host, host_len)
			       : xstrdup(screen->host ? screen->host : "");
	return 0;
}

/* The relay speaks the protocol, and VNC to QEMU: so its viewers stay at a replacement. */
static int carry_websocket(struct build *b, struct qemu_opts *opts,
			   const struct plan_channel *screen, struct err *err)
{
	const char *value = qemu_opts_get(opts, "websocket");
	struct plan_endpoint e = {.fd = -1};
	struct plan_channel *ch;

	if (value && strcmp(value, "off") != 0) {
		if (read_websocket(value, &screen->endpoint, &e, err) < 0)
			return -1;
		ch = build_add_channel(b, NULL, "vnc-websocket", STUBDOM_CHANNEL_VNC, &e,
				       err);
		if (!ch)
			return -1;
		ch->password = screen->password;
		ch->websocket = true;
		free(ch->stub_path);
		ch->stub_path = xstrdup(screen->stub_path);
	}
	qemu_opts_remove(opts, "websocket");
	return 0;
}

static int refuse_keys(const struct qemu_opts *opts, struct err *err)
{
	static const char *const keys[] = {
		"tls-creds", "tls-authz",  "tls", "x509",    "x509verify",
		"sasl",	     "sasl-authz", "acl", "reverse", "password-secret"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = qemu_opts_get(opts, keys[i]);

		if (value && strcmp(value, "off") != 0)
			return err_set(
				err, ERR_USAGE,
				"%s is not carried out of the stub domain; leave it "
				"out, and protect the connection with ssh",
				keys[i]);
	}
	return 0;
}

static int carry_vnc(struct build *b, struct qemu_opts *opts, struct err *err)
{
	/* These belong to the address in dom0. */
	static const char *const of_address[] = {"to", "ipv4", "ipv6", "tls-creds",
						 "reverse"};
	const char *address = qemu_opts_get(opts, "vnc");
	struct plan_endpoint e = {.fd = -1};
	cleanup_free char *inner = NULL;
	struct plan_channel screen;
	struct plan_channel *ch;

	if (!address)
		return err_set(err, ERR_USAGE, "expected an address");
	if (strcmp(address, "none") == 0) {
		build_emit_opts(b, "-vnc", opts);
		return 0;
	}
	for (size_t i = 0; i < b->plan->n_channels; i++) {
		if (b->plan->channels[i].kind == STUBDOM_CHANNEL_VNC)
			return err_set(err, ERR_USAGE,
				       "a second screen address; leave one out");
	}
	if (refuse_keys(opts, err) < 0 ||
	    read_address(address, qemu_opts_get(opts, "to"), &e, err) < 0)
		return -1;
	ch = build_add_channel(b, NULL, "vnc", STUBDOM_CHANNEL_VNC, &e, err);
	if (!ch)
		return -1;
	ch->password = qemu_opts_get_bool(opts, "password", false) == 1;
	inner = xasprintf("unix:%s", ch->stub_path);
	screen = *ch; /* the next channel moves it, not its strings */
	qemu_opts_set(opts, "vnc", inner);
	if (carry_websocket(b, opts, &screen, err) < 0)
		return -1;
	/* Debian's QEMU for Xen has no DES; behind the relay it needs no password. */
	qemu_opts_remove(opts, "password");
	for (size_t i = 0; i < sizeof(of_address) / sizeof(of_address[0]); i++)
		qemu_opts_remove(opts, of_address[i]);
	build_emit_opts(b, "-vnc", opts);
	return 0;
}

int build_vnc(struct build *b, const struct arg *arg, struct err *err)
{
	const char *text = arg->value;
	struct qemu_opts opts;
	int rc;

	if (strcmp(arg->option->name, "display") == 0)
		text += strlen("vnc=");
	if (qemu_opts_parse(text, "vnc", false, &opts, err) < 0)
		return -1;
	rc = carry_vnc(b, &opts, err);
	qemu_opts_free(&opts);
	return rc;
}

int build_display(struct build *b, const struct arg *arg, struct err *err)
{
	if (strncmp(arg->value, "vnc=", 4) == 0)
		return build_vnc(b, arg, err);
	if (strcmp(arg->value, "none") != 0)
		return err_set(
			err, ERR_USAGE,
			"the stub domain has no screen of this kind; use none, or VNC "
			"(vnc=1 in the guest's configuration)");
	build_emit_pair(b, arg->text, arg->value);
	return 0;
}
