/* SPDX-License-Identifier: MIT */
/* An ISA line's level is set when it changes, and at first. */
#include "unit.h"

#include "../../../kernel/xen/level.h"

#include <xen/hvm/dm_op.h>

static bool is_set(unsigned line, unsigned level)
{
	const struct xen_dm_op_set_isa_irq_level a = {.isa_irq = (u8)line,
						      .level = (u8)level};

	return level_is_set(XEN_DMOP_set_isa_irq_level, &a);
}

static void test_lines(void **state)
{
	for (unsigned line = 1; line < 8; line++) {
		/* The guest's state may have come with either. */
		assert_false(is_set(line, line & 1));
		assert_true(is_set(line, line & 1));
	}
	for (unsigned line = 10; line < 16; line++) {
		assert_false(is_set(line, 0));
		assert_true(is_set(line, 0));
		assert_false(is_set(line, 1));
		assert_true(is_set(line, 1));
		assert_false(is_set(line, 0));
	}
	assert_true(is_set(1, 1));
	assert_true(is_set(2, 0));
}

static void test_xens_own(void **state)
{
	static const unsigned lines[] = {0, 8, 9};

	for (unsigned i = 0; i < 3; i++) {
		assert_false(is_set(lines[i], 0));
		assert_false(is_set(lines[i], 0));
	}
}

static void test_others(void **state)
{
	const struct xen_dm_op_set_pci_intx_level a = {.device = 3};

	assert_false(level_is_set(XEN_DMOP_set_pci_intx_level, &a));
	assert_false(level_is_set(XEN_DMOP_set_pci_intx_level, &a));
	assert_false(is_set(16, 0));
	assert_false(is_set(16, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_xens_own),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
