/* SPDX-License-Identifier: MIT */
/* Our own options: their table, the command line and the configuration files. */
#include "plan/stubopt.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "decimal.h"
#include "qemu_opt.h"
#include "xalloc.h"

enum { CONF_LINES_MAX = 10000, TIMEOUT_DEFAULT_S = 120 };

static const char *const kernels[] = {"auto", "linux", "nub", NULL};
static const char *const types[] = {"pvh", "pv", NULL};
static const char *const logs[] = {"error", "warn", "info", "debug", NULL};

_Static_assert(sizeof(enum stubopt_kernel) == sizeof(unsigned) &&
		       sizeof(enum stubopt_type) == sizeof(unsigned) &&
		       sizeof(enum log_level) == sizeof(unsigned),
	       "the table below stores enums as unsigned");

static bool is_path(const char *value)
{
	return value[0] == '/';
}

/* A domain's name or number; what there is, libxl finds out. */
static bool is_domain(const char *value)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)value[i]) || value[i] == '/')
			return false;
	return len > 0 && len < 128;
}

static const struct key {
	const char *name;
	size_t offset;
	const char *const *words;	  /* one of these, or */
	unsigned least, most;		  /* a number, or, if both are 0, */
	bool (*valid)(const char *value); /* a text */
	const char *what;
} keys[] = {
	{"backend", offsetof(struct stubopt, backend), NULL, 0, 0, is_domain,
	 "a domain's name or number"},
	{"backing", offsetof(struct stubopt, backing), NULL, 0, 0, is_path,
	 "an absolute path"},
	{"image", offsetof(struct stubopt, image), NULL, 0, 0, is_path,
	 "an absolute path"},
	{"kernel", offsetof(struct stubopt, kernel), kernels, 0, 0, NULL,
	 "auto, linux or nub"},
	{"log", offsetof(struct stubopt, log), logs, 0, 0, NULL,
	 "error, warn, info or debug"},
	{"memory", offsetof(struct stubopt, memory_mb), NULL, 32, 1 << 20, NULL,
	 "a number of MiB, at least 32"},
	{"timeout", offsetof(struct stubopt, timeout_s), NULL, 1, 86400, NULL,
	 "a number of seconds, at least 1"},
	{"topology", offsetof(struct stubopt, topology), NULL, 0, 0, is_path,
	 "an absolute path"},
	{"type", offsetof(struct stubopt, type), types, 0, 0, NULL, "pvh or pv"},
	{"vcpus", offsetof(struct stubopt, vcpus), NULL, 1, 64, NULL,
	 "a number from 1 to 64"},
};

const char *stubopt_kernel_name(enum stubopt_kernel kernel)
{
	return kernels[kernel];
}

const char *stubopt_type_name(enum stubopt_type type)
{
	return types[type];
}

void stubopt_init(struct stubopt *opt)
{
	memset(opt, 0, sizeof(*opt));
	opt->vcpus = 1;
	opt->timeout_s = TIMEOUT_DEFAULT_S;
	opt->log = LOG_LEVEL_INFO;
	opt->image = xstrdup(STUBDOM_IMAGEDIR);
	opt->deprecations = &deprecations;
}

static int read_word(const struct key *key, const char *value, unsigned *out)
{
	for (unsigned i = 0; key->words[i]; i++) {
		if (strcmp(key->words[i], value) == 0) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

static int read_number(const struct key *key, const char *value, unsigned *out)
{
	return decimal_parse_unsigned(value, key->least, key->most, out);
}

static int read_text(const struct key *key, const char *value, char **out)
{
	if (!key->valid(value))
		return -1;
	free(*out);
	*out = xstrdup(value);
	return 0;
}

static int set_key(struct stubopt *opt, const struct key *key, const char *value,
		   struct err *err)
{
	void *at = (char *)opt + key->offset;
	int rc;

	if (key->words)
		rc = read_word(key, value, at);
	else if (key->most)
		rc = read_number(key, value, at);
	else
		rc = read_text(key, value, at);
	if (rc < 0)
		return err_set(err, ERR_USAGE, "%s: '%.200s' is not %s", key->name, value,
			       key->what);
	return 0;
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

int stubopt_set(struct stubopt *opt, const char *key, const char *value, struct err *err)
{
	if (modernize(opt, &key, &value, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, key) == 0)
			return set_key(opt, &keys[i], value, err);
	}
	return err_set(err, ERR_USAGE,
		       "'%.64s' is no option; there are backend, backing, image, "
		       "kernel, log, memory, timeout, topology, type, vcpus",
		       key);
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
	memset(opt, 0, sizeof(*opt));
}
