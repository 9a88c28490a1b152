/* SPDX-License-Identifier: MIT */
/*
 * stubdom-select: stands at the path of Debian's QEMU while 'stubdom enable' is in effect.
 * It becomes stubdom-dm or that QEMU, with the arguments, environment and descriptors that
 * it was given.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0_qemu.h"
#include "err.h"
#include "log.h"
#include "manifest.h"
#include "plan/select.h"
#include "probe.h"
#include "qemu_path.h"
#include "xalloc.h"

extern char **environ;

static bool has_image(const char *dir)
{
	struct manifest manifest = {0};
	struct err ignored;
	bool has = manifest_load(dir, &manifest, &ignored) == 0;

	manifest_free(&manifest);
	return has;
}

/* A configuration that cannot be read is stubdom-dm's to refuse, as it is everywhere. */
static enum select_way look(const struct args *args)
{
	struct stubopt options;
	enum stubopt_model model;
	enum select_way way;
	struct err ignored;
	bool image;

	stubopt_init(&options);
	model = stubopt_load(&options, STUBDOM_CONFDIR, args, &ignored) == 0
			? options.device_model
			: STUBOPT_MODEL_STUBDOM;
	image = args_is_probe(args) && has_image(options.image);
	way = select_way(args, model, image);
	if (way != select_way(args, STUBOPT_MODEL_STUBDOM, image))
		log_info("device-model = dom0: QEMU runs in dom0");
	stubopt_free(&options);
	return way;
}

/* QEMU does not know our option; all else is as it came. */
static char **without_own(int argc, char **argv, const struct args *args)
{
	char **out = xalloc_check(calloc((size_t)argc + 1, sizeof(*out)));
	size_t next = 0, n = 0;

	for (int i = 0; i < argc; i++) {
		while (next < args->n && args->list[next].index < i)
			next++;
		if (next < args->n && args->list[next].index == i &&
		    args->list[next].option->class == OPTION_STUBDOM)
			i++;
		else
			out[n++] = argv[i];
	}
	return out;
}

/* 'stubdom disable' may have put it back between our start and this. */
static const char *qemu_path(void)
{
	struct stat st;

	if (access(QEMU_DIVERTED, F_OK) < 0 && lstat(QEMU_PATH, &st) == 0 &&
	    S_ISREG(st.st_mode))
		return QEMU_PATH;
	return QEMU_DIVERTED;
}

/* The path to execute: that of `real` or, for dom0's own QEMU, where its script looks. */
static const char *place(const struct args *args, const char *real)
{
	struct err err;

	if (!dom0_qemu_is_asked(args) || strcmp(real, QEMU_DIVERTED) != 0)
		return real;
	if (dom0_qemu_place(real, &err) == 0)
		return QEMU_PATH;
	log_warn("%s; /etc/init.d/xen will not find this QEMU", err.msg);
	return real;
}

int main(int argc, char **argv)
{
	struct args args;
	enum select_way way;
	const char *path;

	log_init("stubdom-select", LOG_LEVEL_INFO);
	if (argc < 1)
		return ERR_USAGE;
	args_split_known(argc, argv, &args);
	way = look(&args);
	if (way == SELECT_QEMU) {
		path = place(&args, qemu_path());
		argv = without_own(argc, argv, &args);
	} else {
		path = STUBDOM_BINDIR "/stubdom-dm";
		argv[0] = (char *)path;
	}
	args_free(&args);
	execve(path, argv, environ);
	log_error("%s: %s; 'stubdom doctor' tells what is missing", path,
		  strerror(errno));
	return ERR_HOST;
}
