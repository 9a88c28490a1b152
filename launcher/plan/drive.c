/* SPDX-License-Identifier: MIT */
/* Disks: what a drive opens in dom0 becomes a PV disk of the stub domain. */
#include <string.h>

#include "cleanup.h"
#include "plan/builder.h"
#include "xalloc.h"

/*
 * Block drivers that open nothing but the file below them.  Others reach for the
 * network, for a directory or for a device of dom0.
 */
static const char *const drivers[] = {
	"raw",	   "qcow2",    "qcow",	   "qed",	   "vpc",	  "vhdx", "vmdk",
	"vdi",	   "cloop",    "dmg",	   "bochs",	   "parallels",	  "luks", "file",
	"null-co", "null-aio", "throttle", "copy-on-read", "host_device", NULL};

static bool is_driver(const char *name)
{
	for (size_t i = 0; drivers[i]; i++) {
		if (strcmp(drivers[i], name) == 0)
			return true;
	}
	return false;
}

/* Whether the last part of a dotted key is this. */
static bool key_is(const char *key, const char *last)
{
	const char *dot = strrchr(key, '.');

	return strcmp(dot ? dot + 1 : key, last) == 0;
}

static int check_drivers(const struct qemu_opts *opts, struct err *err)
{
	for (size_t i = 0; i < opts->n; i++) {
		const char *key = opts->list[i].name;

		if (!key_is(key, "driver") && strcmp(key, "format") != 0)
			continue;
		if (!is_driver(opts->list[i].value))
			return err_set(
				err, ERR_USAGE,
				"the block driver '%.64s' opens more than a file or "
				"block device of dom0; give the guest the image itself",
				opts->list[i].value);
	}
	return 0;
}

/* A path, from what QEMU takes for one: "file:" in front is the same, "nbd:" is not. */
static const char *path_of(const char *text, struct err *err)
{
	size_t scheme = strcspn(text, ":/");

	if (strncmp(text, "file:", 5) == 0)
		return text + 5;
	if (text[scheme] == ':') {
		err_set(err, ERR_USAGE,
			"'%.*s:' is no file or block device of dom0; attach it in dom0 and "
			"name its block device",
			(int)(scheme < 64 ? scheme : 64), text);
		return NULL;
	}
	return text;
}

/*
 * Another -blockdev on top of this node: its driver, for the caller to free (NULL: there
 * is none), and whether it only reads.
 */
static char *find_above(const struct build *b, const char *node, bool *readonly)
{
	char *driver = NULL;

	for (size_t i = 0; node && i < b->args->n && !driver; i++) {
		struct qemu_opts opts;
		struct err ignored;
		const char *file;

		if (b->args->list[i].option->class != OPTION_BLOCKDEV ||
		    qemu_opts_parse(b->args->list[i].value, "driver", true, &opts,
				    &ignored) < 0)
			continue;
		file = qemu_opts_get(&opts, "file");
		if (file && strcmp(file, node) == 0) {
			driver = xstrdup_null(qemu_opts_get(&opts, "driver"));
			*readonly |= qemu_opts_get_bool(&opts, "read-only", false) == 1;
		}
		qemu_opts_free(&opts);
	}
	return driver;
}

static const char *get_below(const struct qemu_opts *opts, const char *prefix,
			     const char *key)
{
	cleanup_free char *name = xasprintf("%s%s", prefix, key);

	return qemu_opts_get(opts, name);
}

static bool is_on(const struct qemu_opts *opts, const char *prefix, const char *key)
{
	cleanup_free char *name = xasprintf("%s%s", prefix, key);

	return qemu_opts_get_bool(opts, name, false) == 1;
}

/* "a.b.filename" and 1: "a.b."; 2: "a." */
static char *prefix_of(const char *key, unsigned up)
{
	size_t len = strlen(key);

	while (up--) {
		while (len > 0 && key[len - 1] != '.')
			len--;
		if (up && len > 0)
			len--;
	}
	return xstrndup(key, len);
}

static bool is_readonly(const struct qemu_opts *opts, const char *prefix,
			const char *parent)
{
	const char *media = qemu_opts_get(opts, "media");

	return is_on(opts, "", "readonly") || is_on(opts, "", "read-only") ||
	       is_on(opts, prefix, "read-only") || is_on(opts, parent, "read-only") ||
	       (media && strcmp(media, "cdrom") == 0) || strstr(prefix, "backing.");
}

/*
 * The format of a named file, for the caller to free; NULL: not said.  It is the driver
 * above the file's own: in the same option, or in another.
 */
static char *find_format(const struct build *b, const struct qemu_opts *opts,
			 const char *key, const char *prefix, const char *parent,
			 bool *readonly)
{
	const char *own = qemu_opts_get(opts, "driver");
	const char *format;

	if (strcmp(key, "file") == 0 || *prefix) {
		format = *parent ? NULL : qemu_opts_get(opts, "format");
		if (!format)
			format = get_below(opts, parent, "driver");
	} else if (own && strcmp(own, "file") != 0 && strcmp(own, "host_device") != 0) {
		format = own;
	} else {
		return find_above(b, qemu_opts_get(opts, "node-name"), readonly);
	}
	return xstrdup_null(format && strcmp(format, "host_device") == 0 ? "raw"
									 : format);
}

/* Moves one file name of the option into the stub domain. */
static int move_file(struct build *b, struct qemu_opts *opts, const char *at,
		     struct err *err)
{
	/* The changes below move the list that `at` points into. */
	cleanup_free char *key = xstrdup(at);
	cleanup_free char *prefix = prefix_of(key, 1);
	cleanup_free char *parent = prefix_of(key, 2);
	cleanup_free char *driver_key = xasprintf("%sdriver", prefix);
	cleanup_free char *use = xasprintf("drive %u", b->n_drive);
	cleanup_free char *format = NULL;
	cleanup_free char *dev = NULL;
	const char *driver = qemu_opts_get(opts, driver_key);
	const char *path = path_of(qemu_opts_get(opts, key), err);
	bool readonly = is_readonly(opts, prefix, parent);
	const struct plan_disk *disk;

	if (!path)
		return -1;
	format = find_format(b, opts, key, prefix, parent, &readonly);
	disk = build_add_disk(b, path, format, readonly, use, err);
	if (!disk)
		return -1;
	dev = xasprintf("/dev/%s", disk->dev);
	qemu_opts_set(opts, key, dev);
	/* /dev/xvda is no regular file, and the file driver says so on the log. */
	if (strcmp(key, "file") != 0 && driver && strcmp(driver, "file") == 0)
		qemu_opts_set(opts, driver_key, "host_device");
	return 0;
}

/* Changes of opts may move the list, so the search begins anew after each. */
static int move_files(struct build *b, struct qemu_opts *opts, bool drive,
		      struct err *err)
{
	for (size_t i = 0; i < opts->n; i++) {
		const char *key = opts->list[i].name;
		bool is_file =
			key_is(key, "filename") || (drive && strcmp(key, "file") == 0);

		if (!is_file || opts->list[i].value[0] == '\0')
			continue;
		if (move_file(b, opts, key, err) < 0)
			return -1;
	}
	b->n_drive++;
	return 0;
}

/*
 * Any other text in the form of a path: not opened as a disk, so not in the stub domain.
 */
static int check_rest(const struct qemu_opts *opts, struct err *err)
{
	for (size_t i = 0; i < opts->n; i++) {
		const char *value = opts->list[i].value;

		if (value[0] == '/' && strncmp(value, "/dev/xvd", 8) != 0)
			return err_set(
				err, ERR_USAGE,
				"'%.64s' names a file of dom0 that the stub domain "
				"does not have; leave it out",
				opts->list[i].name);
	}
	return 0;
}

static bool says_backing(const struct qemu_opts *opts)
{
	for (size_t i = 0; i < opts->n; i++) {
		if (strstr(opts->list[i].name, "backing"))
			return true;
	}
	return false;
}

/* The disk of this -drive's `file` may stand on others, which are added to the -drive. */
static void note_drive(struct build *b, const struct qemu_opts *opts)
{
	const char *file = qemu_opts_get(opts, "file");

	for (size_t i = 0; file && i < b->plan->n_disks; i++) {
		cleanup_free char *dev = xasprintf("/dev/%s", b->plan->disks[i].dev);

		if (strcmp(dev, file) == 0)
			b->plan->disks[i].drive = b->plan->n_qemu - 1;
	}
}

static int carry_disks(struct build *b, const char *option, struct qemu_opts *opts,
		       bool drive, struct err *err)
{
	if (drive && is_on(opts, "", "snapshot"))
		return err_set(
			err, ERR_USAGE,
			"the stub domain has no room for a snapshot's changes; give "
			"the guest a copy of its disk");
	if (check_drivers(opts, err) < 0 || move_files(b, opts, drive, err) < 0 ||
	    check_rest(opts, err) < 0)
		return -1;
	build_emit_opts(b, option, opts);
	if (drive && !says_backing(opts))
		note_drive(b, opts);
	return 0;
}

int build_drive(struct build *b, const struct arg *arg, struct err *err)
{
	struct qemu_opts opts;
	int rc;

	if (qemu_opts_parse(arg->value, NULL, false, &opts, err) < 0)
		return -1;
	rc = carry_disks(b, arg->text, &opts, true, err);
	qemu_opts_free(&opts);
	return rc;
}

int build_blockdev(struct build *b, const struct arg *arg, struct err *err)
{
	struct qemu_opts opts;
	int rc;

	if (qemu_opts_parse(arg->value, "driver", true, &opts, err) < 0)
		return -1;
	rc = carry_disks(b, arg->text, &opts, false, err);
	qemu_opts_free(&opts);
	return rc;
}

int build_disk_file(struct build *b, const struct arg *arg, struct err *err)
{
	struct qemu_opts opts;
	int rc;

	if (qemu_opts_parse(arg->option->detail, NULL, false, &opts, err) < 0)
		return -1;
	if (arg->value[0])
		qemu_opts_set(&opts, "file", arg->value);
	rc = carry_disks(b, "-drive", &opts, true, err);
	qemu_opts_free(&opts);
	return rc;
}
