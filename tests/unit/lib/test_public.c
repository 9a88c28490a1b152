/* SPDX-License-Identifier: MIT */
/* The header for other programs says what our own say. */
#include "unit.h"

#include "abi/boot.h"
#include "abi/facts.h"
#include "err.h"
#include "interface.h"
#include "manifest.h"
#include "plan/plan.h"
#include "qemu-stubdom/stubdom.h"

_Static_assert(QEMU_STUBDOM_INTERFACE_VERSION == INTERFACE_VERSION, "interface.h");
_Static_assert(QEMU_STUBDOM_PLAN_VERSION == PLAN_VERSION, "plan.h");
_Static_assert(QEMU_STUBDOM_MANIFEST_VERSION == MANIFEST_VERSION, "manifest.h");
_Static_assert(QEMU_STUBDOM_BOOT_VERSION == STUBDOM_BOOT_VERSION, "boot.h");

/* Each status of ours has a name there. */
static void test_exit_statuses(void **state)
{
	static const struct {
		int ours, theirs;
	} statuses[] = {
		{ERR_NONE, QEMU_STUBDOM_EXIT_DONE},
		{ERR_USAGE, QEMU_STUBDOM_EXIT_USAGE},
		{ERR_HOST, QEMU_STUBDOM_EXIT_HOST},
		{ERR_STUB, QEMU_STUBDOM_EXIT_STUB},
		{ERR_GUEST, QEMU_STUBDOM_EXIT_GUEST},
	};
	size_t n = 0;

#define X(id, status, meaning) n++;
	ERR_CODES(X)
#undef X
	assert_int_equal(n, sizeof(statuses) / sizeof(statuses[0]));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(statuses[i].ours, statuses[i].theirs);
}

static void test_xenstore(void **state)
{
	assert_string_equal(QEMU_STUBDOM_XS_GUESTS, STUBDOM_XS_FACTS);
	assert_string_equal(QEMU_STUBDOM_XS_STUB, STUBDOM_FACT_STUB);
	assert_string_equal(QEMU_STUBDOM_XS_KERNEL, STUBDOM_FACT_KERNEL);
	assert_string_equal(QEMU_STUBDOM_XS_TYPE, STUBDOM_FACT_TYPE);
	assert_string_equal(QEMU_STUBDOM_XS_GUEST, STUBDOM_FACT_GUEST);
	assert_string_equal(QEMU_STUBDOM_XS_LAUNCHER, STUBDOM_FACT_LAUNCHER);
	assert_string_equal(QEMU_STUBDOM_XS_STARTED, STUBDOM_FACT_STARTED);
	assert_string_equal(QEMU_STUBDOM_XS_LOG, STUBDOM_FACT_LOG);
}

static void test_socket(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), QEMU_STUBDOM_QMP_SOCKET, 7u);
	assert_string_equal(path, STUBDOM_RUN_DIR "/7/" STUBDOM_RUN_QMP);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_statuses),
		cmocka_unit_test(test_xenstore),
		cmocka_unit_test(test_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
