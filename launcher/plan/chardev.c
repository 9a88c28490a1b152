/* SPDX-License-Identifier: MIT */
/* Character devices: each that ends in dom0 becomes a channel. */
#include <string.h>

#include "cleanup.h"
#include "decimal.h"
#include "plan/builder.h"
#include "plan/chardev_compat.h"
#include "xalloc.h"

enum { FD_MAX = 1 << 20, RECONNECT_MAX_S = 24 * 60 * 60 };

static int refuse_keys(const struct qemu_opts *opts, struct err *err)
{
	static const char *const keys[] = {"websocket",	 "tn3270",   "tls-creds",
					   "tls-authz",	 "abstract", "logfile",
					   "input-path", "mptcp"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = qemu_opts_get(opts, keys[i]);

		if (value && strcmp(value, "off") != 0)
			return err_set(
				err, ERR_USAGE,
				"%s is not carried out of the stub domain; leave it out",
				keys[i]);
	}
	return 0;
}

static int get_bool(const struct qemu_opts *opts, const char *key, bool missing,
		    bool *out, struct err *err)
{
	int v = qemu_opts_get_bool(opts, key, missing);

	if (v < 0)
		return err_set(err, ERR_USAGE, "%s is neither on nor off", key);
	*out = v;
	return 0;
}

static int read_reconnect(const struct qemu_opts *opts, struct plan_endpoint *e,
			  struct err *err)
{
	const char *seconds = qemu_opts_get(opts, "reconnect");
	const char *ms = qemu_opts_get(opts, "reconnect-ms");
	unsigned n = 0;

	if (seconds &&
	    decimal_parse_unsigned(seconds, 0, RECONNECT_MAX_S, &e->reconnect_s) < 0)
		return err_set(err, ERR_USAGE, "reconnect is no number of seconds");
	if (ms) {
		if (decimal_parse_unsigned(ms, 0, RECONNECT_MAX_S * 1000, &n) < 0)
			return err_set(err, ERR_USAGE,
				       "reconnect-ms is no number of milliseconds");
		e->reconnect_s = (n + 999) / 1000;
	}
	return 0;
}

static int read_tcp(const struct qemu_opts *opts, bool server, struct plan_endpoint *e,
		    struct err *err)
{
	const char *host = qemu_opts_get(opts, "host");
	const char *port = qemu_opts_get(opts, "port");
	const char *to = qemu_opts_get(opts, "to");

	if (!port || decimal_parse_unsigned(port, 0, PLAN_PORT_MAX, &e->port) < 0 ||
	    e->port == 0)
		return err_set(err, ERR_USAGE, "port is no number from 1 to %d",
			       PLAN_PORT_MAX);
	e->to = e->port;
	if (to &&
	    (decimal_parse_unsigned(to, 0, PLAN_PORT_MAX, &e->to) < 0 || e->to < e->port))
		return err_set(err, ERR_USAGE, "to is no number from %u to %d", e->port,
			       PLAN_PORT_MAX);
	if (!server && (!host || !*host))
		return err_set(err, ERR_USAGE, "host is missing");
	e->type = server ? PLAN_ENDPOINT_TCP_LISTEN : PLAN_ENDPOINT_TCP_CONNECT;
	e->host = xstrdup(host ? host : "");
	return get_bool(opts, "telnet", false, &e->telnet, err);
}

static int read_socket(struct build *b, const struct qemu_opts *opts,
		       struct plan_endpoint *e, struct err *err)
{
	const char *path = qemu_opts_get(opts, "path");
	const char *fd = qemu_opts_get(opts, "fd");
	unsigned n;
	bool server = false;
	bool wait = false;

	if (get_bool(opts, "server", false, &server, err) < 0 ||
	    get_bool(opts, "wait", server, &wait, err) < 0 ||
	    read_reconnect(opts, e, err) < 0)
		return -1;
	if (server && wait)
		plan_note(
			b->plan,
			"the guest starts without waiting for a client (wait=on of a socket)");
	if (fd) {
		if (decimal_parse_unsigned(fd, 0, FD_MAX, &n) < 0)
			return err_set(err, ERR_USAGE, "fd is no descriptor's number");
		e->type = PLAN_ENDPOINT_FD;
		e->fd = (int)n;
		e->listening = server;
		return 0;
	}
	if (!path)
		return read_tcp(opts, server, e, err);
	e->type = server ? PLAN_ENDPOINT_UNIX_LISTEN : PLAN_ENDPOINT_UNIX_CONNECT;
	e->path = xstrdup(path);
	return 0;
}

static int read_endpoint(struct build *b, const char *backend,
			 const struct qemu_opts *opts, struct plan_endpoint *e,
			 struct err *err)
{
	const char *path = qemu_opts_get(opts, "path");

	if (refuse_keys(opts, err) < 0)
		return -1;
	if (strcmp(backend, "socket") == 0)
		return read_socket(b, opts, e, err);
	if (strcmp(backend, "pty") == 0) {
		e->type = PLAN_ENDPOINT_PTY;
		e->path = xstrdup_null(path);
		return 0;
	}
	if (strcmp(backend, "stdio") == 0) {
		e->type = PLAN_ENDPOINT_STDIO;
		return 0;
	}
	if (strcmp(backend, "file") == 0) {
		e->type = PLAN_ENDPOINT_FILE;
		e->path = xstrdup(path ? path : "");
		return get_bool(opts, "append", false, &e->append, err);
	}
	return err_set(
		err, ERR_USAGE,
		"a chardev of type '%.64s' is not carried out of the stub domain; use "
		"pty, file or socket",
		backend);
}

/* Character devices that live inside QEMU and end nowhere in dom0. */
static bool is_inner(const char *backend)
{
	static const char *const inner[] = {"null",   "vc",	 "ringbuf",
					    "memory", "msmouse", "wctablet",
					    "mux",    "hub",	 "testdev"};

	for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
		if (strcmp(backend, inner[i]) == 0)
			return true;
	}
	return false;
}

/* Adds the channel and writes the -chardev that takes its place. */
static int move_chardev(struct build *b, const char *id, enum stubdom_channel_kind kind,
			const char *backend, const struct qemu_opts *opts,
			struct err *err)
{
	struct plan_endpoint e = {.fd = -1};
	cleanup_free char *label = NULL;
	struct qemu_opts socket;
	struct plan_channel *ch;
	bool mux = false;

	if (get_bool(opts, "mux", false, &mux, err) < 0)
		return -1;
	if (read_endpoint(b, backend, opts, &e, err) < 0) {
		free(e.path);
		free(e.host);
		return -1;
	}
	/* With mux QEMU names the device itself so, and the multiplexer on top `id`. */
	label = mux ? xasprintf("%s-base", id) : xstrdup(id);
	ch = build_add_channel(b, label, id, kind, &e, err);
	if (!ch || qemu_opts_parse("socket", "backend", false, &socket, err) < 0)
		return -1;
	qemu_opts_set(&socket, "id", id);
	qemu_opts_set(&socket, "path", ch->stub_path);
	qemu_opts_set(&socket, "server", "on");
	qemu_opts_set(&socket, "wait", "off");
	if (mux)
		qemu_opts_set(&socket, "mux", "on");
	build_emit_opts(b, "-chardev", &socket);
	qemu_opts_free(&socket);
	return 0;
}

/* The kind that one argument's use of the chardev makes of it; false: no use. */
static bool kind_by_use(const struct arg *arg, const char *id,
			enum stubdom_channel_kind *kind)
{
	const char *name = arg->option->name;
	bool is_mon = strcmp(name, "mon") == 0;
	bool is_device = strcmp(name, "device") == 0;
	struct qemu_opts opts;
	struct err ignored;
	const char *v;
	bool uses;

	if (arg->option->class == OPTION_PORT &&
	    strncmp(arg->value, "chardev:", 8) == 0 && strcmp(arg->value + 8, id) == 0) {
		*kind = strncmp(name, "qmp", 3) == 0	? STUBDOM_CHANNEL_QMP
			: strcmp(name, "monitor") == 0	? STUBDOM_CHANNEL_HMP
			: strcmp(name, "parallel") == 0 ? STUBDOM_CHANNEL_PARALLEL
							: STUBDOM_CHANNEL_SERIAL;
		return true;
	}
	if ((!is_mon && !is_device) || qemu_opts_parse(arg->value, arg->option->detail,
						       is_device, &opts, &ignored) < 0)
		return false;
	v = qemu_opts_get(&opts, "chardev");
	uses = v && strcmp(v, id) == 0;
	v = qemu_opts_get(&opts, is_mon ? "mode" : "driver");
	if (is_mon)
		*kind = v && strcmp(v, "control") == 0 ? STUBDOM_CHANNEL_QMP
						       : STUBDOM_CHANNEL_HMP;
	else
		*kind = v && strcmp(v, "isa-parallel") == 0 ? STUBDOM_CHANNEL_PARALLEL
							    : STUBDOM_CHANNEL_SERIAL;
	qemu_opts_free(&opts);
	return uses;
}

/*
 * A chardev that nothing on the line uses is a PV console's, and so is one that a monitor
 * shares (mux).  Their output must not wait for dom0 to attach.
 */
static enum stubdom_channel_kind find_kind(const struct build *b, const char *id,
					   const struct qemu_opts *opts)
{
	enum stubdom_channel_kind kind;

	if (qemu_opts_get_bool(opts, "mux", false) == 1)
		return STUBDOM_CHANNEL_SERIAL;
	for (size_t i = 0; i < b->args->n; i++) {
		if (kind_by_use(&b->args->list[i], id, &kind))
			return kind;
	}
	return STUBDOM_CHANNEL_SERIAL;
}

static int carry_chardev(struct build *b, const struct arg *arg,
			 const struct qemu_opts *opts, struct err *err)
{
	const char *backend = qemu_opts_get(opts, "backend");
	const char *id = qemu_opts_get(opts, "id");

	if (!backend || !id)
		return err_set(err, ERR_USAGE, "expected a type and id=");
	if (b->plan->n_channels >= STUBDOM_CHANNELS_MAX)
		return err_set(err, ERR_USAGE, "more than %d channels",
			       STUBDOM_CHANNELS_MAX);
	if (is_inner(backend)) {
		if (refuse_keys(opts, err) < 0)
			return -1;
		build_emit_pair(b, arg->text, arg->value);
		return 0;
	}
	return move_chardev(b, id, find_kind(b, id, opts), backend, opts, err);
}

int build_chardev(struct build *b, const struct arg *arg, struct err *err)
{
	struct qemu_opts opts;
	int rc;

	if (qemu_opts_parse(arg->value, "backend", false, &opts, err) < 0)
		return -1;
	rc = carry_chardev(b, arg, &opts, err);
	qemu_opts_free(&opts);
	return rc;
}

/* QEMU's label for the next -serial, -parallel, -monitor. */
static char *next_label(struct build *b, const struct qemu_option *option,
			enum stubdom_channel_kind *kind)
{
	unsigned *n = &b->n_monitor;

	*kind = option->name[0] == 'q' ? STUBDOM_CHANNEL_QMP : STUBDOM_CHANNEL_HMP;
	if (strcmp(option->name, "serial") == 0) {
		n = &b->n_serial;
		*kind = STUBDOM_CHANNEL_SERIAL;
	} else if (strcmp(option->name, "parallel") == 0) {
		n = &b->n_parallel;
		*kind = STUBDOM_CHANNEL_PARALLEL;
	} else if (strcmp(option->name, "debugcon") == 0) {
		*kind = STUBDOM_CHANNEL_SERIAL;
		return xstrdup(option->detail);
	}
	return xasprintf("%s%u", option->detail, (*n)++);
}

/* The option again, now naming the chardev that was made for it. */
static void emit_port(struct build *b, const struct arg *arg, const char *label, bool mux,
		      enum stubdom_channel_kind kind)
{
	cleanup_free char *by_name = xasprintf("chardev:%s", label);
	cleanup_free char *mon = xasprintf(
		"chardev=%s,mode=%s%s", label,
		kind == STUBDOM_CHANNEL_QMP ? "control" : "readline",
		strcmp(arg->option->name, "qmp-pretty") == 0 ? ",pretty=on" : "");

	if (kind == STUBDOM_CHANNEL_QMP || kind == STUBDOM_CHANNEL_HMP) {
		build_emit_pair(b, "-mon", mon);
		return;
	}
	if (mux)
		build_emit_pair(b, "-mon", mon);
	build_emit_pair(b, arg->text, by_name);
}

int build_port(struct build *b, const struct arg *arg, struct err *err)
{
	cleanup_free char *label = NULL;
	enum stubdom_channel_kind kind;
	struct qemu_opts opts;
	const char *backend;
	int rc = 0;

	if (strcmp(arg->value, "none") == 0) {
		/*
		 * It takes a serial port's number, but no parallel port's, no
		 * monitor's.
		 */
		b->n_serial += strcmp(arg->option->name, "serial") == 0;
		build_emit_pair(b, arg->text, arg->value);
		return 0;
	}
	label = next_label(b, arg->option, &kind);
	if (strncmp(arg->value, "chardev:", 8) == 0) {
		build_emit_pair(b, arg->text, arg->value);
		return 0;
	}
	if (chardev_compat_parse(arg->value, &opts, err) < 0)
		return -1;
	backend = qemu_opts_get(&opts, "backend");
	if (is_inner(backend)) {
		build_emit_pair(b, arg->text, arg->value);
	} else {
		rc = move_chardev(b, label, kind, backend, &opts, err);
		if (rc == 0)
			emit_port(b, arg, label,
				  qemu_opts_get_bool(&opts, "mux", false) == 1, kind);
	}
	qemu_opts_free(&opts);
	return rc;
}

int build_incoming(struct build *b, const struct arg *arg, struct err *err)
{
	struct plan_endpoint e = {.type = PLAN_ENDPOINT_FD};
	cleanup_free char *address = NULL;
	struct plan_channel *ch;
	unsigned fd;

	if (strncmp(arg->value, "fd:", 3) != 0 ||
	    decimal_parse_unsigned(arg->value + 3, 0, FD_MAX, &fd) < 0)
		return err_set(err, ERR_USAGE,
			       "the state of a guest comes through a descriptor of the "
			       "toolstack; write fd:N");
	for (size_t i = 0; i < b->plan->n_channels; i++) {
		if (b->plan->channels[i].kind == STUBDOM_CHANNEL_RESTORE)
			return err_set(err, ERR_USAGE, "given twice; leave one out");
	}
	e.fd = (int)fd;
	ch = build_add_channel(b, NULL, "restore", STUBDOM_CHANNEL_RESTORE, &e, err);
	if (!ch)
		return -1;
	address = xasprintf("unix:%s", ch->stub_path);
	build_emit_pair(b, arg->text, address);
	return 0;
}
