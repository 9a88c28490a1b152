/* SPDX-License-Identifier: MIT */
/* Operations of a QEMU that is to take over a guest, while another one serves it. */
#include "unit.h"

#include <nub/cmdline.h>
#include <string.h>

#include "../../../kernel/xen/hold.h"

#include <xen/hvm/dm_op.h>

static bool served;

bool cmdline_has_word(const char *name, const char *word)
{
	return served && !strcmp(name, "nub.guest") && !strcmp(word, "served");
}

static bool enable(u8 on)
{
	const struct xen_dm_op_set_ioreq_server_state a = {.id = 1, .enabled = on};

	return hold_disables(XEN_DMOP_set_ioreq_server_state, &a);
}

static bool ends(u8 on)
{
	const struct xen_dm_op_set_ioreq_server_state a = {.id = 1, .enabled = on};

	return hold_ends(XEN_DMOP_set_ioreq_server_state, &a);
}

static bool line(void)
{
	return hold_takes(XEN_DMOP_set_isa_irq_level);
}

static void test_alone(void **state)
{
	hold_init();
	assert_false(ends(1));
	assert_false(enable(1));
	assert_false(line());
}

/* Its ioreq server gets no request before QEMU runs. */
static void test_served(void **state)
{
	served = true;
	hold_init();
	assert_true(line());
	assert_false(ends(1));
	assert_true(enable(1));
	assert_true(line());
	assert_false(ends(0));
	assert_false(enable(0));
	assert_true(line());
	assert_false(hold_ends(XEN_DMOP_set_isa_irq_level, NULL));
	assert_true(ends(1));
	assert_false(hold_takes(XEN_DMOP_map_io_range_to_ioreq_server));
	assert_false(hold_takes(XEN_DMOP_destroy_ioreq_server));
	assert_false(hold_takes(XEN_DMOP_set_ioreq_server_state));
	assert_false(enable(1));
	assert_false(line());
	assert_false(ends(1));
	assert_false(enable(0));
	assert_false(enable(1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alone),
		cmocka_unit_test(test_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
