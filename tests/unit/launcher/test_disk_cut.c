/* SPDX-License-Identifier: MIT */
/* The back ends of a stub domain's disks, as xenstore has them. */
#include "unit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "domain/disk_cut.h"
#include "domain/end_signals.h"
#include "xenstore_util.h"

enum { DISKS = 2, UNTIL = 100 };

static struct {
	bool gone;     /* the back end's directory */
	bool frontend; /* the stub domain's half is there */
	char state[4], online[4];
} disks[DISKS];
static int64_t now_ms;
static int closes_at; /* ms after it was told to */
static unsigned conflicts;
static bool signalled;

int64_t clock_ms(void)
{
	return now_ms;
}

/* The back ends' turn: the other half is gone, and they are told to close. */
void clock_wait_ms(int ms)
{
	now_ms += ms;
	for (int i = 0; i < DISKS; i++)
		if (now_ms >= closes_at && !disks[i].frontend &&
		    strcmp(disks[i].state, "5") == 0)
			strcpy(disks[i].state, "6");
}

bool end_signals_came(int signals)
{
	return signalled;
}

xs_transaction_t xs_transaction_start(struct xs_handle *h)
{
	return 1;
}

bool xs_transaction_end(struct xs_handle *h, xs_transaction_t t, bool abort)
{
	errno = EAGAIN;
	return conflicts == 0 || conflicts-- == 0;
}

char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path,
		    unsigned int *num)
{
	char **ids = calloc(DISKS, sizeof(*ids));

	assert_string_equal(path, "/libxl/5/device/vbd");
	ids[0] = (char *)"0";
	ids[1] = (char *)"1";
	*num = DISKS;
	return ids;
}

/* The state of back end N below "be/N". */
void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path,
	      unsigned int *len)
{
	unsigned n;

	assert_int_equal(sscanf(path, "be/%u/state", &n), 1);
	return disks[n].gone ? NULL : strdup(disks[n].state);
}

char *xenstore_read(struct xs_handle *xs, const char *fmt, ...)
{
	char path[128], out[32];
	const char *last;
	va_list ap;
	unsigned n;

	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	last = strrchr(path, '/');
	if (strcmp(last, "/state") == 0)
		return xs_read(xs, XBT_NULL, path, NULL);
	assert_int_equal(sscanf(path, "/libxl/5/device/vbd/%u/", &n), 1);
	snprintf(out, sizeof(out), "%s/%u", strcmp(last, "/backend") == 0 ? "be" : "fe",
		 n);
	return strdup(out);
}

bool xs_rm(struct xs_handle *h, xs_transaction_t t, const char *path)
{
	unsigned n;

	assert_int_equal(sscanf(path, "fe/%u", &n), 1);
	disks[n].frontend = false;
	return true;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data,
	      unsigned int len)
{
	char key[16];
	unsigned n;

	assert_int_equal(sscanf(path, "be/%u/%15s", &n, key), 2);
	assert_false(disks[n].gone);
	strcpy(strcmp(key, "state") == 0 ? disks[n].state : disks[n].online, data);
	return true;
}

static int setup(void **state)
{
	for (int i = 0; i < DISKS; i++) {
		memset(&disks[i], 0, sizeof(disks[i]));
		disks[i].frontend = true;
		strcpy(disks[i].state, "4");
		strcpy(disks[i].online, "1");
	}
	now_ms = 0;
	closes_at = 10;
	conflicts = 0;
	signalled = false;
	return 0;
}

static int close_all(struct err *err)
{
	static struct domain_host host;

	return domain_disks_cut(&host, 5, -1, UNTIL, err);
}

static void test_closes(void **state)
{
	struct err err;

	conflicts = 3;
	assert_int_equal(close_all(&err), 0);
	for (int i = 0; i < DISKS; i++) {
		assert_string_equal(disks[i].state, "6");
		assert_string_equal(disks[i].online, "0");
		assert_false(disks[i].frontend);
	}
	/* All at once. */
	assert_true(now_ms < 2 * closes_at);
	/* Another time there is nothing to do. */
	assert_int_equal(close_all(&err), 0);
	assert_string_equal(disks[0].state, "6");
}

static void test_gone(void **state)
{
	struct err err;

	disks[0].gone = true;
	assert_int_equal(close_all(&err), 0);
	assert_string_equal(disks[1].state, "6");
}

static void test_busy(void **state)
{
	struct err err;

	closes_at = 2 * UNTIL;
	assert_int_equal(close_all(&err), -1);
	assert_string_equal(err.msg, "be/0 does not close");
	assert_true(now_ms >= UNTIL && now_ms < 2 * UNTIL);
	signalled = true;
	assert_int_equal(close_all(&err), -1);
	assert_non_null(strstr(err.msg, "toolstack"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_closes, setup),
		cmocka_unit_test_setup(test_gone, setup),
		cmocka_unit_test_setup(test_busy, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
