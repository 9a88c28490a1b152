/* SPDX-License-Identifier: MIT */
/* The plan follows the medium of the only CD drive. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "abi/boot.h"
#include "domain/replace_medium.h"

static char *argv[] = {
	"qemu",
	"-drive",
	"file=/dev/xvda,if=ide,index=0,media=disk,format=qcow2,backing.file.filename=/dev/xvdc",
	"-drive",
	"if=none,readonly=on,id=ide-5632,file=/dev/xvdb,format=raw",
	"-device",
	"ide-cd,id=ide-5632,drive=ide-5632,bus=ide.1,unit=0",
	"-drive",
	"file=/dev/xvdd,if=ide,index=1,media=cdrom",
	NULL,
};

enum { CD = 4, ONE_CD = 7, TWO_CDS = 9 };

static struct plan_disk plan_disks[] = {
	{.dev = "xvda"},
	{.dev = "xvdb", .readonly = true},
	{.dev = "xvdc", .readonly = true},
};

static struct plan plan = {
	.disks = plan_disks,
	.n_disks = 3,
	.qemu = argv,
	.n_qemu = ONE_CD,
};

static struct domain_disk list[6];
static const struct domain_disks disks = {.list = list, .n = 6};

/* domain/disks.c opens files, too. */
struct domain_disk *domain_disks_find(const struct domain_disks *of, const char *dev)
{
	for (size_t i = 0; i < of->n; i++)
		if (strcmp(of->list[i].dev, dev) == 0)
			return &of->list[i];
	return NULL;
}

static void have(const char *a, const char *b, const char *c)
{
	const char *names[] = {a, b, c, STUBDOM_ROOT_DISK};

	memset(list, 0, sizeof(list));
	for (size_t i = 0; i < 4; i++)
		strcpy(list[i].dev, names[i]);
}

static void check_empty(const struct replace_medium *now)
{
	assert_string_equal(now->plan.qemu[CD], "if=none,readonly=on,id=ide-5632");
	assert_int_equal(now->plan.n_disks, 2);
	assert_string_equal(now->plan.disks[0].dev, "xvda");
	assert_string_equal(now->plan.disks[1].dev, "xvdc");
}

static void test_medium(void **state)
{
	struct replace_medium now;
	struct err err;

	have("xvda", "xvdc", "");
	assert_int_equal(replace_medium_plan(&plan, &disks, &now, &err), 0);
	check_empty(&now);
	replace_medium_free(&now);

	have("xvda", "xvdg", "xvdc");
	assert_int_equal(replace_medium_plan(&plan, &disks, &now, &err), 0);
	assert_string_equal(now.plan.qemu[CD],
			    "if=none,readonly=on,id=ide-5632,file=/dev/xvdg,format=raw");
	assert_int_equal(now.plan.n_disks, 3);
	assert_string_equal(now.plan.disks[2].dev, "xvdg");
	assert_true(now.plan.disks[2].readonly);
	/* The guest's own is as it was. */
	assert_string_equal(plan.qemu[CD],
			    "if=none,readonly=on,id=ide-5632,file=/dev/xvdb,format=raw");
	replace_medium_free(&now);
}

static void test_unknown(void **state)
{
	struct replace_medium now;
	struct err err;

	/* A disk more, a disk less. */
	have("xvda", "xvdc", "xvdg");
	strcpy(list[4].dev, "xvdh");
	assert_int_equal(replace_medium_plan(&plan, &disks, &now, &err), -1);
	replace_medium_free(&now);
	have("xvda", "xvdg", "");
	assert_int_equal(replace_medium_plan(&plan, &disks, &now, &err), -1);
	replace_medium_free(&now);
	/* In which drive? */
	have("xvda", "xvdc", "xvdg");
	plan.n_qemu = TWO_CDS;
	assert_int_equal(replace_medium_plan(&plan, &disks, &now, &err), -1);
	replace_medium_free(&now);
	plan.n_qemu = ONE_CD;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_medium),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
