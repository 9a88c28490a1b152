/* SPDX-License-Identifier: MIT */
/* A stub domain's reports of its start: known stages, once each, in order. */
#include "unit.h"

#include "abi/boot.h"
#include "domain/stage.h"

static void test_start(void **state)
{
	struct stage stage = {0};

	assert_int_equal(stage_take(&stage, NULL), STAGE_OLD);
	assert_string_equal(stage_name(&stage), "none");
	assert_int_equal(stage_take(&stage, "boot"), STAGE_NEW);
	assert_int_equal(stage_take(&stage, "boot"), STAGE_OLD);
	/* One that was too quick to be seen is passed. */
	assert_int_equal(stage_take(&stage, "qemu"), STAGE_NEW);
	assert_string_equal(stage_name(&stage), STUBDOM_STAGE_QEMU);
	assert_int_equal(stage_take(&stage, "channels"), STAGE_NEW);
	assert_int_equal(stage_take(&stage, "incoming"), STAGE_NEW);
	assert_int_equal(stage_take(&stage, "running"), STAGE_NEW);
	assert_int_equal(stage_take(&stage, "exited"), STAGE_NEW);
	assert_string_equal(stage_name(&stage), STUBDOM_STAGE_EXITED);
}

static void test_lies(void **state)
{
	struct stage stage = {0};

	assert_int_equal(stage_take(&stage, "net"), STAGE_NEW);
	/* The first is worth a line, a million are not. */
	assert_int_equal(stage_take(&stage, "\033[2J"), STAGE_NONE);
	assert_int_equal(stage_take(&stage, "boot"), STAGE_OLD);
	assert_int_equal(stage_take(&stage, "none"), STAGE_OLD);
	assert_int_equal(stage_take(&stage, ""), STAGE_OLD);
	assert_string_equal(stage_name(&stage), STUBDOM_STAGE_NET);
	assert_int_equal(stage_take(&stage, "running"), STAGE_NEW);
	assert_int_equal(stage_take(&stage, "qemu"), STAGE_OLD);
	assert_int_equal(stage_take(&stage, "running"), STAGE_OLD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
