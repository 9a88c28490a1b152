/* SPDX-License-Identifier: MIT */
/* Whose the guest is, when the new stub domain is told to take it and anything goes wrong. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/boot.h"
#include "clock.h"
#include "domain/end_signals.h"
#include "domain/replace_take.h"
#include "xenstore_util.h"

#define PATH "/local/domain/5/" STUBDOM_XS_TAKE

enum { NEVER = 1 << 30, UNTIL = 1000 };

/* The node, and when (ms) the stub domain does what. */
static int64_t now_ms;
static char node[16];
static bool writable;
static int mine_at, done_at, dead_at, signal_at;
static bool store_is_broken;

int64_t clock_ms(void)
{
	return now_ms;
}

/* The stub domain's turn. */
void clock_wait_ms(int ms)
{
	now_ms += ms;
	if (now_ms >= mine_at && now_ms < dead_at && writable)
		strcpy(node, STUBDOM_TAKE_MINE);
}

static bool said_mine(void)
{
	return strcmp(node, STUBDOM_TAKE_MINE) == 0;
}

bool xenstore_exists(struct xs_handle *xs, const char *fmt, ...)
{
	assert_non_null(strstr(fmt, STUBDOM_XS_TAKEN));
	return said_mine() && now_ms >= done_at;
}

int xenstore_write(struct xs_handle *xs, struct err *err, const char *value,
		   const char *fmt, ...)
{
	if (store_is_broken)
		return err_set(err, ERR_HOST, "xenstore is broken");
	strcpy(node, value);
	return 0;
}

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
	      unsigned int *len)
{
	assert_string_equal(path, PATH);
	return strdup(node);
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
			struct xs_permissions *perms, unsigned int n)
{
	assert_string_equal(path, PATH);
	assert_true(perms[0].id == 0 && perms[0].perms == XS_PERM_NONE);
	assert_true(n == 1 || (n == 2 && perms[1].id == 5 &&
			       perms[1].perms == (XS_PERM_READ | XS_PERM_WRITE)));
	writable = n == 2;
	return true;
}

enum domain_life domain_host_life(struct domain_host *host, uint32_t domid)
{
	assert_int_equal(domid, 5);
	return now_ms >= dead_at ? DOMAIN_LIFE_SHUTDOWN : DOMAIN_LIFE_ALIVE;
}

bool end_signals_came(int signals)
{
	return now_ms >= signal_at;
}

static enum replace_take take(int mine, int done, int dead, struct err *err)
{
	static struct domain_host host;
	enum replace_take took;

	*err = (struct err){0};
	now_ms = 0;
	node[0] = '\0';
	writable = false;
	mine_at = mine;
	done_at = done;
	dead_at = dead;
	took = replace_take(&host, 5, -1, UNTIL, err);
	/* A guest that it has not taken it cannot take later. */
	assert_true(took != REPLACE_NOT_TAKEN || (!writable && !said_mine()));
	assert_true(took == REPLACE_TAKEN || err->msg[0]);
	return took;
}

static int setup(void **state)
{
	signal_at = NEVER;
	store_is_broken = false;
	return 0;
}

static void test_takes(void **state)
{
	struct err err;

	assert_int_equal(take(1, 2, NEVER, &err), REPLACE_TAKEN);
	/* It says so in time, and Xen is slow. */
	assert_int_equal(take(UNTIL - 1, 10 * UNTIL, NEVER, &err), REPLACE_TAKEN);
	/* It dies at once after that: the guest is its own all the same. */
	assert_int_equal(take(1, 2, 3, &err), REPLACE_TAKEN);
}

static void test_no_answer(void **state)
{
	struct err err;

	assert_int_equal(take(UNTIL + 1, UNTIL + 1, NEVER, &err), REPLACE_NOT_TAKEN);
	assert_non_null(strstr(err.msg, "does not take the guest"));
	assert_true(now_ms <= UNTIL + 1);
}

static void test_dies(void **state)
{
	struct err err;

	assert_int_equal(take(NEVER, NEVER, 0, &err), REPLACE_NOT_TAKEN);
	assert_int_equal(take(NEVER, NEVER, 10, &err), REPLACE_NOT_TAKEN);
	assert_non_null(strstr(err.msg, "ended as it took the guest"));
	assert_int_equal(take(5, NEVER, 10, &err), REPLACE_TORN);
}

/* One that has said that the guest is its own, and lives on without a word. */
static void test_torn(void **state)
{
	struct err err;

	assert_int_equal(take(5, NEVER, NEVER, &err), REPLACE_TORN);
	assert_true(now_ms > 10 * UNTIL);
	signal_at = 50;
	assert_int_equal(take(5, NEVER, NEVER, &err), REPLACE_TORN);
	assert_true(now_ms <= 60);
	assert_int_equal(take(NEVER, NEVER, NEVER, &err), REPLACE_NOT_TAKEN);
	assert_true(now_ms <= 60);
}

static void test_no_xenstore(void **state)
{
	struct err err;

	store_is_broken = true;
	assert_int_equal(take(NEVER, NEVER, NEVER, &err), REPLACE_NOT_TAKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_takes, setup),
		cmocka_unit_test_setup(test_no_answer, setup),
		cmocka_unit_test_setup(test_dies, setup),
		cmocka_unit_test_setup(test_torn, setup),
		cmocka_unit_test_setup(test_no_xenstore, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
