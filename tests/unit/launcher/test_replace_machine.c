/* SPDX-License-Identifier: MIT */
/* Which QEMU can take the state of which guest's machine. */
#include "unit.h"

#include <string.h>

#include "domain/replace_machine.h"

static struct manifest ten, eleven, older;

static int make(void **state)
{
	/* As QEMU 10.0 and 11.1 have them. */
	ten = (struct manifest){
		.dir = (char *)"/ten",
		.qemu_version = (char *)"10.0.13",
		.schema = json_pack("[{s:s}]", "name", "a"),
		.machines = json_pack("{s:s, s:s, s:s, s:s}", "xenfv", "xenfv-3.1",
				      "xenfv-3.1", "xenfv-3.1", "xenfv-4.2", "xenfv-4.2",
				      "pc", "pc-i440fx-10.0"),
	};
	eleven = (struct manifest){
		.dir = (char *)"/eleven",
		.qemu_version = (char *)"11.1.3",
		.schema = json_pack("[{s:s}]", "name", "b"),
		.machines = json_pack("{s:s, s:s, s:s}", "xenfv", "xenfv-4.2",
				      "xenfv-4.2", "xenfv-4.2", "pc", "pc-i440fx-11.1"),
	};
	older = (struct manifest){
		.dir = (char *)"/older",
		.qemu_version = (char *)"10.0.12",
		.schema = json_pack("[{s:s}]", "name", "a"),
	};
	return 0;
}

static int release(void **state)
{
	struct manifest *const all[] = {&ten, &eleven, &older};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		json_decref(all[i]->schema);
		json_decref(all[i]->machines);
	}
	return 0;
}

/* The refusal; NULL: it is none. */
static const char *try(const struct manifest *now, const struct manifest *next,
		       const char *option, const char *machine, const char *more)
{
	char *argv[] = {(char *)option,	    (char *)machine, (char *)"-m",
			(char *)"xenfv",    (char *)"-name", (char *)"M",
			(char *)"-machine", (char *)more,    NULL};
	const struct plan plan = {.qemu = argv, .n_qemu = 8};
	static struct err err;

	if (replace_machine_check(&plan, now, next, &err) == 0)
		return NULL;
	assert_int_equal(err.code, ERR_HOST);
	return err.msg;
}

static void test_same(void **state)
{
	assert_null(try(&ten, &ten, "-machine", "xenfv,suppress-vmdesc=on", "acpi=off"));
	assert_null(try(&ten, &eleven, "-M", "xenfv-4.2", "acpi=off"));
	assert_null(try(&ten, &eleven, "--machine", "type=xenfv-4.2", "acpi=off"));
	/* The last one counts. */
	assert_null(
		try(&ten, &eleven, "-machine", "xenfv,suppress-vmdesc=on", "xenfv-4.2"));
	/* The other way round, too: an alias and a name. */
	assert_null(try(&eleven, &ten, "-machine", "xenfv-4.2", "hpet=off"));
}

static void test_others(void **state)
{
	assert_string_equal(
		try(&ten, &eleven, "-machine", "xenfv,suppress-vmdesc=on", "acpi=off"),
		"/eleven has QEMU 11.1.3, whose machine 'xenfv' is 'xenfv-4.2', and the "
		"guest's QEMU 10.0.13 has 'xenfv-3.1' by that name, whose state is "
		"another; the guest gets it at its next start");
	assert_non_null(
		strstr(try(&ten, &eleven, "-machine", "xenfv-4.2", "pc,accel=xen"),
		       "whose machine 'pc' is 'pc-i440fx-11.1'"));
	assert_non_null(strstr(try(&ten, &eleven, "-machine", "xenfv-3.1", "acpi=off"),
			       "which has no machine 'xenfv-3.1'"));
}

/* Of one version of QEMU, as far as its answers tell. */
static void test_images_that_do_not_say(void **state)
{
	assert_null(try(&older, &older, "-machine", "xenfv", "acpi=off"));
	assert_null(try(&older, &ten, "-machine", "xenfv", "acpi=off"));
	assert_null(try(&ten, &ten, "-machine", "acpi=on", "acpi=off"));
	assert_non_null(strstr(try(&older, &eleven, "-machine", "xenfv-4.2", "acpi=off"),
			       "it is not known whether"));
	assert_non_null(strstr(try(&ten, &eleven, "-machine", "acpi=on", "acpi=off"),
			       "it is not known whether"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_images_that_do_not_say),
	};

	return cmocka_run_group_tests(tests, make, release);
}
