/* SPDX-License-Identifier: MIT */
/* Watches on nodes that the stub domain writes: a flood is not listened to for long. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "domain/nodes.h"

static unsigned watched;
static unsigned unwatched;
static char last[128];

/* libxenstore's, as far as it is used. */
bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	watched++;
	return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	unwatched++;
	snprintf(last, sizeof(last), "%s", path);
	return true;
}

static void test_quiet(void **state)
{
	struct domain_nodes nodes;
	struct err err;

	watched = unwatched = 0;
	assert_int_equal(domain_nodes_watch(&nodes, NULL, 7, &err), 0);
	assert_int_equal(watched, 5);
	/* A start, then a life at the rate. */
	domain_nodes_spend(&nodes, DOMAIN_NODES_AT_ONCE - 10, 0);
	for (int64_t s = 1; s < 1000; s++) {
		domain_nodes_spend(&nodes, DOMAIN_NODES_PER_S, s * 1000);
		assert_int_equal(domain_nodes_timeout(&nodes, s * 1000), -1);
		assert_int_equal(domain_nodes_tick(&nodes, s * 1000, &err), 0);
	}
	assert_int_equal(unwatched, 0);
	assert_int_equal(watched, 5);
	assert_false(nodes.told);
}

/* However fast it writes, dom0 hears of a bounded part. */
static void test_flood(void **state)
{
	struct domain_nodes nodes;
	struct err err;
	unsigned heard = 0;

	watched = unwatched = 0;
	assert_int_equal(domain_nodes_watch(&nodes, NULL, 7, &err), 0);
	for (int64_t ms = 0; ms < 100000; ms++) {
		if (!nodes.off) {
			heard++;
			domain_nodes_spend(&nodes, 1, ms);
		}
		assert_int_equal(domain_nodes_tick(&nodes, ms, &err), 0);
		assert_true(!nodes.off ||
			    domain_nodes_timeout(&nodes, ms) <= DOMAIN_NODES_OFF_MS);
	}
	assert_true(heard < DOMAIN_NODES_AT_ONCE + 100 * DOMAIN_NODES_PER_S + 100);
	assert_true(nodes.told);
	/* And of the last of it: what was taken off is put on again. */
	assert_int_equal(watched, 5 + unwatched - (nodes.off ? 4 : 0));
	assert_string_equal(last, "/local/domain/7/backend");
	/* Events that were on their way when it was taken off do not shut it for good. */
	domain_nodes_spend(&nodes, 100000, 100000);
	assert_int_equal(domain_nodes_tick(&nodes, 102000, &err), 0);
	assert_false(nodes.off);
}

/* Another stub domain takes over: each watch goes once, a flooded one is gone already. */
static void test_unwatch(void **state)
{
	struct domain_nodes nodes;
	struct err err;

	watched = unwatched = 0;
	assert_int_equal(domain_nodes_watch(&nodes, NULL, 7, &err), 0);
	domain_nodes_unwatch(&nodes);
	assert_int_equal(unwatched, watched);
	watched = unwatched = 0;
	assert_int_equal(domain_nodes_watch(&nodes, NULL, 8, &err), 0);
	domain_nodes_spend(&nodes, DOMAIN_NODES_AT_ONCE, 0);
	assert_true(nodes.off);
	domain_nodes_unwatch(&nodes);
	assert_int_equal(unwatched, watched);
}

/* Nodes of the stub domain's count; dom0's own do not. */
static void test_owns(void **state)
{
	static const char *const its[] = {DOMAIN_NODES_REPORT, DOMAIN_NODES_CHANNEL,
					  DOMAIN_NODES_PCI, DOMAIN_NODES_BACKEND};

	for (size_t i = 0; i < sizeof(its) / sizeof(its[0]); i++)
		assert_true(domain_nodes_owns(its[i]));
	assert_false(domain_nodes_owns("release"));
	assert_false(domain_nodes_owns("backend"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_unwatch),
		cmocka_unit_test(test_owns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
