/* SPDX-License-Identifier: MIT */
/* stubdom-dm: runs a guest's QEMU, given its command line, in a domain of its own. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check/image_load.h"
#include "check/resolve.h"
#include "check/state_note.h"
#include "cleanup.h"
#include "domain/backends_plan.h"
#include "domain/run.h"
#include "domain/tell.h"
#include "endpoint/endpoint.h"
#include "err.h"
#include "image_check.h"
#include "interface.h"
#include "log.h"
#include "plan/machine.h"
#include "plan/plan.h"
#include "probe.h"
#include "refusal.h"

static const char help_begin[] =
	"usage: stubdom-dm [--plan] QEMU-ARGUMENT...\n"
	"       stubdom-dm --interface\n"
	"\n"
	"Runs the device model of a Xen HVM guest in a domain of its own. The toolstack runs\n"
	"it in QEMU's place, with QEMU's arguments; in the guest's configuration:\n"
	"\n"
	"  device_model_override = \"/usr/bin/stubdom-dm\"\n"
	"  device_model_args = [ \"-stubdom\", \"memory=512\" ]      # if need be\n"
	"\n"
	"  --plan      print the plan of the arguments as JSON, and touch nothing\n"
	"  --interface print as JSON the options, versions and exit statuses\n"
	"  --help      this text (-help: QEMU's own, for toolstacks that look into it)\n"
	"  --version   our version (-version: QEMU's)\n"
	"\n"
	"  -stubdom key=value,...   may be given more than once:\n";

static const char help_end[] =
	"\n"
	"Defaults: " STUBDOM_CONFDIR "/stubdom.conf, then\n" STUBDOM_CONFDIR
	"/guests/GUEST.conf, lines of `key = value`.\n"
	"\n"
	"Exit status:\n";

/*
 * On a host without the image or a disk, their parts of the plan are left out: the rest
 * is still worth seeing.  A line that no host can run is an error.
 */
static int print_plan(struct plan *plan, const struct stubopt *options, struct err *err)
{
	struct manifest manifest = {0};
	struct err missing = {0};
	cleanup_json json_t *json = NULL;
	int rc = 0;

	if (image_load(options->image, stubopt_kernel_name(options->kernel), &manifest,
		       &missing) < 0)
		log_warn("%s", missing.msg);
	rc = plan_resolve(plan, err);
	if (rc < 0 && err->code != ERR_USAGE) {
		log_warn("%s", err->msg);
		rc = 0;
	}
	if (manifest.dir)
		plan_set_memory(plan, &manifest);
	manifest_free(&manifest);
	json = plan_to_json(plan);
	json_dumpf(json, stdout, JSON_INDENT(1));
	putchar('\n');
	if (fflush(stdout) != 0)
		return err_errno(err, ERR_HOST, errno, "standard output");
	return rc;
}

static int run_plan(struct plan *plan, const struct stubopt *options, struct err *err)
{
	struct manifest manifest = {0};
	struct image_files files = {0};
	int rc = -1;

	if (endpoint_check_inherited(plan, err) == 0 &&
	    image_load_checked(options->image, stubopt_kernel_name(options->kernel),
			       &manifest, &files, err) == 0 &&
	    domain_backends_plan(plan, err) == 0 && plan_resolve(plan, err) == 0 &&
	    endpoint_lookup(plan, err) == 0) {
		plan_set_memory(plan, &manifest);
		plan_set_machine(plan, &manifest);
		for (size_t i = 0; i < plan->n_notes; i++)
			log_info("%s", plan->notes[i]);
		rc = state_note_check(plan, &manifest, err);
		if (rc == 0)
			rc = domain_run(plan, &manifest, &files, err);
	}
	image_files_close(&files);
	manifest_free(&manifest);
	return rc;
}

static int run_probe(const struct args *args, const struct stubopt *options,
		     struct err *err)
{
	struct manifest manifest = {0};
	int rc;

	if (image_check_owner(options->image, err) < 0 ||
	    manifest_load(options->image, &manifest, err) < 0)
		return -1;
	rc = probe_run(args, &manifest, err);
	manifest_free(&manifest);
	return rc;
}

/* QEMU's own text, from the manifest. */
static int print_qemu_text(bool version, const struct stubopt *options, struct err *err)
{
	struct manifest manifest = {0};
	const char *text;

	if (manifest_load(options->image, &manifest, err) < 0)
		return -1;
	text = version ? manifest.version_text : manifest.help_text;
	printf("%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
	manifest_free(&manifest);
	return 0;
}

static int run_line(bool plan_only, const struct args *args,
		    const struct stubopt *options, struct err *err)
{
	struct plan plan = {0};
	int rc;

	if (!plan_only && args_is_probe(args))
		return run_probe(args, options, err);
	if (plan_build(args, options, &plan, err) < 0)
		return -1;
	rc = plan_only ? print_plan(&plan, options, err) : run_plan(&plan, options, err);
	if (!plan_only)
		tell_end(&plan, rc < 0 ? err : NULL);
	plan_free(&plan);
	return rc;
}

static int run_with_options(int argc, char **argv, bool plan_only,
			    struct stubopt *options, struct err *err)
{
	struct args args;
	int rc;

	if (args_split(argc, argv, &args, err) < 0)
		return -1;
	rc = stubopt_load(options, STUBDOM_CONFDIR, &args, err);
	if (rc == 0) {
		log_init("stubdom-dm", options->log);
		for (size_t i = 0; i < options->n_warnings; i++)
			log_warn("%s", options->warnings[i]);
		if (options->device_model == STUBOPT_MODEL_DOM0)
			log_warn("device-model = dom0 has no effect on a guest whose "
				 "configuration names stubdom-dm");
		rc = run_line(plan_only, &args, options, err);
	}
	args_free(&args);
	return rc;
}

static int print_help(struct err *err)
{
	fputs(help_begin, stdout);
	stubopt_print_keys(stdout);
	fputs(help_end, stdout);
	interface_print_statuses(stdout);
	return fflush(stdout) == 0 ? 0
				   : err_errno(err, ERR_HOST, errno, "standard output");
}

static int print_interface(struct err *err)
{
	cleanup_json json_t *json = interface_to_json();

	if (json_dumpf(json, stdout, JSON_INDENT(1)) < 0)
		return err_set(err, ERR_HOST, "standard output: cannot write the JSON");
	putchar('\n');
	return fflush(stdout) == 0 ? 0
				   : err_errno(err, ERR_HOST, errno, "standard output");
}

static bool is_word(const char *arg, const char *a, const char *b)
{
	return strcmp(arg, a) == 0 || strcmp(arg, b) == 0;
}

static int run(int argc, char **argv, struct err *err)
{
	struct stubopt options;
	bool plan_only;
	int rc;

	if (argc < 2)
		return err_set(err, ERR_USAGE,
			       "no arguments; a toolstack runs this program in QEMU's "
			       "place (try --help)");
	if (strcmp(argv[1], "--help") == 0)
		return print_help(err);
	if (strcmp(argv[1], "--version") == 0)
		return puts("stubdom-dm " STUBDOM_VERSION) < 0 ? -1 : 0;
	if (strcmp(argv[1], "--interface") == 0)
		return print_interface(err);
	stubopt_init(&options);
	plan_only = strcmp(argv[1], "--plan") == 0;
	if (is_word(argv[1], "-help", "-h") || strcmp(argv[1], "-version") == 0) {
		struct args none = {0};

		rc = stubopt_load(&options, STUBDOM_CONFDIR, &none, err);
		if (rc == 0)
			rc = print_qemu_text(argv[1][1] == 'v', &options, err);
	} else {
		rc = run_with_options(argc - plan_only, argv + plan_only, plan_only,
				      &options, err);
	}
	stubopt_free(&options);
	return rc;
}

int main(int argc, char **argv)
{
	struct err err = {.code = ERR_HOST};

	log_init("stubdom-dm", LOG_LEVEL_INFO);
	if (run(argc, argv, &err) == 0)
		return 0;
	log_error("%s", err.msg);
	refusal_tell(argc, argv, &err);
	return err.code;
}
