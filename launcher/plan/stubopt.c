/* SPDX-License-Identifier: MIT */
/* Our own options: the command line and the configuration files. */
#include "plan/stubopt.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "qemu_opt.h"
#include "xalloc.h"

enum { CONF_LINES_MAX = 10000 };

void stubopt_init(struct stubopt *opt)
{
	memset(opt, 0, sizeof(*opt));
	opt->deprecations = &deprecations;
	opt->weight = opt->cap = STUBOPT_AS_GUEST;
	for (size_t i = 0; i < n_stubopt_keys; i++) {
		const struct stubopt_key *key = &stubopt_keys[i];
		struct err err;

		if (key->initial)
			stubopt_key_set(opt, key, key->initial, &err);
	}
}

static void warn_once(struct stubopt *opt, char *text)
{
	for (size_t i = 0; i < opt->n_warnings; i++) {
		if (strcmp(opt->warnings[i], text) == 0) {
			free(text);
			return;
		}
	}
	opt->warnings = xgrow(opt->warnings, opt->n_warnings, sizeof(*opt->warnings));
	opt->warnings[opt->n_warnings++] = text;
}

/* Puts the current spelling in place of an old one. */
static int modernize(struct stubopt *opt, const char **key, const char **value,
		     struct err *err)
{
	const struct deprecation *d = deprecation_find(opt->deprecations, *key, *value);
	const char *new_value;

	if (!d)
		return 0;
	new_value = d->new_value ? d->new_value : *value;
	if (version_compare(STUBDOM_VERSION, d->removed_in) >= 0)
		return err_set(err, ERR_USAGE,
			       "%s=%.200s: removed in %s; write %s=%.200s", *key, *value,
			       d->removed_in, d->new_key, new_value);
	warn_once(opt,
		  xasprintf("%s=%s: old spelling, will be removed in %s; write %s=%s",
			    *key, *value, d->removed_in, d->new_key, new_value));
	*key = d->new_key;
	*value = new_value;
	return 0;
}

static int unknown(const char *name, struct err *err)
{
	cleanup_free char *names = xstrdup("");

	for (size_t i = 0; i < n_stubopt_keys; i++) {
		char *longer =
			xasprintf("%s%s%s", names, i ? ", " : "", stubopt_keys[i].name);

		free(names);
		names = longer;
	}
	return err_set(err, ERR_USAGE, "'%.64s' is no option; there are %s", name, names);
}

int stubopt_set(struct stubopt *opt, const char *key, const char *value, struct err *err)
{
	if (modernize(opt, &key, &value, err) < 0)
		return -1;
	for (size_t i = 0; i < n_stubopt_keys; i++) {
		if (strcmp(stubopt_keys[i].name, key) == 0)
			return stubopt_key_set(opt, &stubopt_keys[i], value, err);
	}
	return unknown(key, err);
}

int stubopt_set_argument(struct stubopt *opt, const char *text, struct err *err)
{
	struct qemu_opts opts;
	int rc = 0;

	if (qemu_opts_parse(text, NULL, false, &opts, err) < 0)
		return -1;
	for (size_t i = 0; i < opts.n && rc == 0; i++)
		rc = stubopt_set(opt, opts.list[i].name, opts.list[i].value, err);
	qemu_opts_free(&opts);
	return rc;
}

static char *trim(char *s)
{
	size_t len;

	while (isspace((unsigned char)*s))
		s++;
	len = strlen(s);
	while (len > 0 && isspace((unsigned char)s[len - 1]))
		s[--len] = '\0';
	return s;
}

/* A '#' begins a comment at the start of a line or after a blank. */
static void cut_comment(char *line)
{
	for (char *p = strchr(line, '#'); p; p = strchr(p + 1, '#')) {
		if (p == line || isspace((unsigned char)p[-1])) {
			*p = '\0';
			return;
		}
	}
}

static int read_line(struct stubopt *opt, char *line, struct err *err)
{
	char *equals;

	cut_comment(line);
	line = trim(line);
	if (*line == '\0')
		return 0;
	equals = strchr(line, '=');
	if (!equals)
		return err_set(err, ERR_USAGE, "expected 'key = value'");
	*equals = '\0';
	return stubopt_set(opt, trim(line), trim(equals + 1), err);
}

int stubopt_read_file(struct stubopt *opt, const char *path, struct err *err)
{
	cleanup_file FILE *f = fopen(path, "re");
	cleanup_free char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (!f && errno == ENOENT)
		return 0;
	if (!f)
		return err_errno(err, ERR_HOST, errno, "%s", path);
	for (int n = 1; (len = getline(&line, &size, f)) >= 0; n++) {
		if (n > CONF_LINES_MAX)
			return err_set(err, ERR_USAGE, "%s: more than %d lines", path,
				       CONF_LINES_MAX);
		if ((size_t)len != strlen(line))
			return err_set(err, ERR_USAGE, "%s:%d: not text", path, n);
		if (read_line(opt, line, err) < 0)
			return err_prefix(err, "%s:%d", path, n);
	}
	if (ferror(f))
		return err_errno(err, ERR_HOST, errno, "%s", path);
	return 0;
}

/* The guest's own file, if its name can be that of a file.  A guest that is just being
 * migrated to this host is called NAME--incoming by xl, and is NAME. */
static int read_guest_file(struct stubopt *opt, const char *dir, const struct arg *name,
			   struct err *err)
{
	cleanup_free char *path = NULL;
	struct qemu_opts opts;
	const char *guest;

	if (qemu_opts_parse(name->value, "guest", false, &opts, err) < 0)
		return arg_error(name, err);
	guest = qemu_opts_get(&opts, "guest");
	if (guest && *guest && *guest != '.' && !strchr(guest, '/')) {
		const char *tail = strstr(guest, "--incoming");
		int len = (int)(tail && strcmp(tail, "--incoming") == 0
					? (size_t)(tail - guest)
					: strlen(guest));

		path = xasprintf("%s/guests/%.*s.conf", dir, len, guest);
	}
	qemu_opts_free(&opts);
	return path ? stubopt_read_file(opt, path, err) : 0;
}

static int choose_kernel(struct stubopt *opt, struct err *err)
{
	bool pv = opt->type == STUBOPT_TYPE_PV;

	if (pv && opt->kernel == STUBOPT_KERNEL_NUB)
		return err_set(
			err, ERR_USAGE,
			"kernel=nub: nub is a PVH kernel; leave type=pv out, or give kernel=linux");
	if (opt->kernel == STUBOPT_KERNEL_AUTO)
		opt->kernel = pv ? STUBOPT_KERNEL_LINUX : STUBOPT_KERNEL_NUB;
	return 0;
}

int stubopt_load(struct stubopt *opt, const char *dir, const struct args *args,
		 struct err *err)
{
	cleanup_free char *path = xasprintf("%s/stubdom.conf", dir);
	const struct arg *name = args_find(args, "name");

	if (stubopt_read_file(opt, path, err) < 0)
		return -1;
	if (name && read_guest_file(opt, dir, name, err) < 0)
		return -1;
	for (size_t i = 0; i < args->n; i++) {
		if (args->list[i].option->class == OPTION_STUBDOM &&
		    stubopt_set_argument(opt, args->list[i].value, err) < 0)
			return arg_error(&args->list[i], err);
	}
	return choose_kernel(opt, err);
}

void stubopt_free(struct stubopt *opt)
{
	for (size_t i = 0; i < opt->n_warnings; i++)
		free(opt->warnings[i]);
	free(opt->warnings);
	free(opt->backing);
	free(opt->image);
	free(opt->topology);
	free(opt->backend);
	free(opt->cpupool);
	free(opt->seclabel);
	free(opt->cpus);
	memset(opt, 0, sizeof(*opt));
}
