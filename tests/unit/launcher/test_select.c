/* SPDX-License-Identifier: MIT */
/* Which lines at QEMU's own path get a stub domain, and which Debian's QEMU. */
#include "unit.h"

#include <string.h>

#include "plan/select.h"

#define WORDS_MAX 16

static const struct {
	const char *line;
	enum select_way as_ever; /* with an image, and not named in the configuration */
	enum select_way no_image;
	enum select_way dom0; /* device-model = dom0 */
} lines[] = {
	/* A guest's device model, as libxl writes it; one with an option from tomorrow. */
	{"-xen-domid 7 -name a -machine xenfv,suppress-vmdesc=on", SELECT_STUBDOM,
	 SELECT_STUBDOM, SELECT_QEMU},
	{"-xen-domid 7 -M pc,accel=xen", SELECT_STUBDOM, SELECT_STUBDOM, SELECT_QEMU},
	{"-tomorrow x -xen-domid 7 -machine q35,accel=xen", SELECT_STUBDOM,
	 SELECT_STUBDOM, SELECT_QEMU},
	/* No machine: what QEMU makes of that is no back end. */
	{"-xen-domid 7", SELECT_STUBDOM, SELECT_STUBDOM, SELECT_QEMU},
	{"-xen-domid 7 -machine", SELECT_STUBDOM, SELECT_STUBDOM, SELECT_QEMU},
	/* QEMU would take the last. */
	{"-xen-domid 7 -M xenpv -machine xenfv", SELECT_STUBDOM, SELECT_STUBDOM,
	 SELECT_QEMU},
	{"-xen-domid 7 -machine xenpv,type=xenfv", SELECT_STUBDOM, SELECT_STUBDOM,
	 SELECT_QEMU},
	{"-xen-domid 7 -append -M -append xenpv -machine pc", SELECT_STUBDOM,
	 SELECT_STUBDOM, SELECT_QEMU},
	/* Back ends of PV and PVH guests, and dom0's own of /etc/init.d/xen. */
	{"-xen-domid 7 -xen-attach -name a -machine xenpv -m 64", SELECT_QEMU,
	 SELECT_QEMU, SELECT_QEMU},
	{"-xen-domid 7 -tomorrow x --machine xenpv", SELECT_QEMU, SELECT_QEMU,
	 SELECT_QEMU},
	{"-xen-domid 0 -xen-attach -name dom0 -nographic -M xenpv -daemonize",
	 SELECT_QEMU, SELECT_QEMU, SELECT_QEMU},
	/* The toolstack's probe: for which guest, it does not say. */
	{"-S -no-user-config -nodefaults -nographic -machine none,accel=xen "
	 "-chardev socket,id=libxl-cmd,fd=20,server=on,wait=off",
	 SELECT_STUBDOM, SELECT_QEMU, SELECT_STUBDOM},
	/* No guest of Xen's. */
	{"-help", SELECT_QEMU, SELECT_QEMU, SELECT_QEMU},
	{"--version", SELECT_QEMU, SELECT_QEMU, SELECT_QEMU},
	{"-M q35 -accel tcg", SELECT_QEMU, SELECT_QEMU, SELECT_QEMU},
	{"", SELECT_QEMU, SELECT_QEMU, SELECT_QEMU},
};

static void test_lines(void **state)
{
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[512], *argv[WORDS_MAX + 1] = {(char *)"qemu"}, *rest = text;
		struct args args;
		int argc = 1;

		strcpy(text, lines[i].line);
		for (char *word; argc < WORDS_MAX && (word = strsep(&rest, " "));)
			if (*word)
				argv[argc++] = word;
		args_split_known(argc, argv, &args);
		if (select_way(&args, STUBOPT_MODEL_STUBDOM, true) != lines[i].as_ever ||
		    select_way(&args, STUBOPT_MODEL_STUBDOM, false) !=
			    lines[i].no_image ||
		    select_way(&args, STUBOPT_MODEL_DOM0, true) != lines[i].dom0)
			fail_msg("%s", lines[i].line);
		args_free(&args);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
