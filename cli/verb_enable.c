/* SPDX-License-Identifier: MIT */
/* stubdom enable, disable: stub domains for every HVM guest of the host, or not. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cleanup.h"
#include "enable.h"
#include "image.h"
#include "plan/stubopt.h"
#include "verb.h"

static int check_call(int argc, char **argv, struct err *err)
{
	if (argc > 1)
		return verb_usage_error(argv[0], err, "'%s': takes no argument", argv[1]);
	if (geteuid() != 0)
		return err_set(err, ERR_HOST, "stubdom %s: only root may", argv[0]);
	return 0;
}

/* Without an image each HVM guest would be refused. */
static int check_image(struct err *err)
{
	cleanup_json json_t *manifest = NULL;
	struct stubopt options;

	stubopt_init(&options);
	if (stubopt_read_file(&options, CONFDIR "/stubdom.conf", err) == 0) {
		manifest = image_load(options.image, err);
		if (!manifest)
			err_prefix(err, "no image to start stub domains from "
					"('stubdom image build' makes one)");
	}
	stubopt_free(&options);
	return manifest ? 0 : -1;
}

int verb_enable(int argc, char **argv, struct err *err)
{
	if (check_call(argc, argv, err) < 0)
		return -1;
	if (access(enable_host.select, X_OK) < 0)
		return err_errno(err, ERR_HOST, errno, "%s", enable_host.select);
	if (check_image(err) < 0 || enable_on(&enable_host, err) < 0)
		return -1;
	puts("Every HVM guest has its QEMU in a stub domain from its next start on.\n"
	     "Exceptions: device-model = dom0, see stubdom.conf(5). 'stubdom status' shows "
	     "where each is now.");
	return 0;
}

int verb_disable(int argc, char **argv, struct err *err)
{
	enum enable_state state;

	if (check_call(argc, argv, err) < 0 || enable_off(&enable_host, err) < 0 ||
	    enable_look(&enable_host, &state, err) < 0)
		return -1;
	if (state != ENABLE_OFF)
		printf("%s: nothing of ours there. %s.\n", enable_host.path,
		       enable_state_text(state));
	else
		puts("QEMU runs in dom0 for a guest whose configuration does not name stubdom-dm,\n"
		     "from its next start on. Guests that run stay as they are.");
	return 0;
}
