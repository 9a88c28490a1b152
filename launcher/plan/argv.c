/* SPDX-License-Identifier: MIT */
/* QEMU's command line split into options and their values. */
#include "plan/argv.h"

#include <jansson.h>
#include <string.h>

#include "cleanup.h"
#include "qemu_opt.h"
#include "xalloc.h"

enum { ARG_QUOTED_MAX = 200 };

static int check_text(int i, const char *text, size_t *total, struct err *err)
{
	size_t len = strlen(text);
	cleanup_json json_t *probe = json_stringn(text, len);

	*total += len + 1;
	if (*total > ARGV_BYTES_MAX)
		return err_set(err, ERR_USAGE, "the arguments are longer than %d bytes",
			       ARGV_BYTES_MAX);
	if (!probe)
		return err_set(err, ERR_USAGE, "argument %d, '%.200s': not UTF-8 text", i,
			       text);
	return 0;
}

static int check_all(int argc, char *const argv[], struct err *err)
{
	size_t total = 0;

	if (argc > ARGV_MAX)
		return err_set(err, ERR_USAGE, "more than %d arguments", ARGV_MAX);
	for (int i = 1; i < argc; i++) {
		if (check_text(i, argv[i], &total, err) < 0)
			return -1;
	}
	return 0;
}

static int unknown(int i, const char *text, struct err *err)
{
	if (text[0] != '-')
		return err_set(
			err, ERR_USAGE,
			"argument %d, '%.200s': no option; QEMU would take it for a "
			"disk: write -drive file=...",
			i, text);
	return err_set(
		err, ERR_USAGE,
		"argument %d, '%.200s': not an option that stubdom-dm knows; leave it "
		"out, or run this guest with QEMU in dom0",
		i, text);
}

int args_split(int argc, char *const argv[], struct args *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (check_all(argc, argv, err) < 0)
		return -1;
	for (int i = 1; i < argc; i++) {
		struct arg arg = {i, option_find(argv[i]), argv[i], NULL};

		if (!arg.option) {
			args_free(out);
			return unknown(i, argv[i], err);
		}
		if (arg.option->takes_value) {
			if (i + 1 >= argc) {
				args_free(out);
				return err_set(err, ERR_USAGE,
					       "argument %d, '%s': its value is missing",
					       i, argv[i]);
			}
			arg.value = argv[++i];
		}
		out->list = xgrow(out->list, out->n, sizeof(*out->list));
		out->list[out->n++] = arg;
	}
	return 0;
}

void args_split_known(int argc, char *const argv[], struct args *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 1; i < argc; i++) {
		struct arg arg = {i, option_find(argv[i]), argv[i], NULL};

		if (!arg.option || (arg.option->takes_value && i + 1 >= argc))
			continue;
		if (arg.option->takes_value)
			arg.value = argv[++i];
		out->list = xgrow(out->list, out->n, sizeof(*out->list));
		out->list[out->n++] = arg;
	}
}

bool arg_is_machine(const struct arg *arg, const char *type)
{
	struct qemu_opts opts;
	struct err ignored;
	const char *value;
	bool is;

	if (arg->option->class != OPTION_MACHINE ||
	    qemu_opts_parse(arg->value, "type", true, &opts, &ignored) < 0)
		return false;
	value = qemu_opts_get(&opts, "type");
	is = value && strcmp(value, type) == 0;
	qemu_opts_free(&opts);
	return is;
}

bool args_is_probe(const struct args *args)
{
	for (size_t i = 0; i < args->n; i++)
		if (arg_is_machine(&args->list[i], "none"))
			return true;
	return false;
}

const struct arg *args_find(const struct args *args, const char *name)
{
	for (size_t i = 0; i < args->n; i++) {
		if (strcmp(args->list[i].option->name, name) == 0)
			return &args->list[i];
	}
	return NULL;
}

void args_free(struct args *args)
{
	free(args->list);
	memset(args, 0, sizeof(*args));
}

int arg_error(const struct arg *arg, struct err *err)
{
	size_t len;
	const char *secret;

	if (!arg->value)
		return err_prefix(err, "argument %d, '%s'", arg->index, arg->text);
	/* The log is readable by more people than the guest's configuration. */
	secret = strstr(arg->value, "password=");
	len = secret ? (size_t)(secret - arg->value) : strlen(arg->value);
	if (len > ARG_QUOTED_MAX)
		len = ARG_QUOTED_MAX;
	return err_prefix(err, "argument %d, '%s %.*s%s'", arg->index, arg->text,
			  (int)len, arg->value, arg->value[len] ? "..." : "");
}
