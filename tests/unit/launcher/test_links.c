/* SPDX-License-Identifier: MIT */
/* The back ends of the stub domain's interfaces and disks: which is missing, what the log and
 * xenstore say. */
#include "unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/links.h"
#include "log.h"
#include "xenstore_util.h"

enum { NICS = 2 };

static const char *states[NICS]; /* in xenstore; NULL: no such node */
static const char *disk_state;	 /* of the second disk; the first is connected */
static bool libxl_knows = true;
static char watched[4][96];
static unsigned n_watched, lines;
static char fact[1024], line[2048];

/* libxenstore's and its short forms, as far as they are used. */
bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
	assert_string_equal(token, "link");
	snprintf(watched[n_watched++], sizeof(watched[0]), "%s", path);
	return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
	for (unsigned i = 0; i < n_watched; i++)
		if (strcmp(watched[i], path) == 0) {
			memmove(watched[i], watched[--n_watched], sizeof(watched[0]));
			return true;
		}
	fail_msg("%s was not watched", path);
	return false;
}

char *xenstore_read(struct xs_handle *xs, const char *fmt, ...)
{
	unsigned stub, n;
	char path[128];
	va_list args;
	char *out;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (sscanf(path, "/libxl/%u/device/vif/%u/backend", &stub, &n) == 2) {
		assert_true(asprintf(&out, "/local/domain/0/backend/vif/%u/%u", stub, n) >
			    0);
		if (libxl_knows)
			return out;
		free(out);
		return NULL;
	}
	if (sscanf(path, "/libxl/%u/device/vbd/%u/backend", &stub, &n) == 2) {
		assert_true(asprintf(&out, "/local/domain/0/backend/vbd/%u/%u", stub, n) >
			    0);
		return out;
	}
	if (strcmp(path, "/local/domain/0/backend/vbd/9/51712/state") == 0)
		return strdup("4");
	if (strcmp(path, "/local/domain/0/backend/vbd/9/51728/state") == 0)
		return disk_state ? strdup(disk_state) : NULL;
	assert_int_equal(
		sscanf(path, "/local/domain/0/backend/vif/%u/%u/state", &stub, &n), 2);
	return states[n] ? strdup(states[n]) : NULL;
}

int xenstore_write(struct xs_handle *xs, struct err *err, const char *value,
		   const char *fmt, ...)
{
	snprintf(fact, sizeof(fact), "%s", value);
	return 0;
}

void xenstore_remove(struct xs_handle *xs, const char *fmt, ...)
{
	fact[0] = '\0';
}

void log_msg(enum log_level level, const char *fmt, ...)
{
	va_list args;

	lines++;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
}

static struct plan_nic nics[NICS] = {
	{.xenif = 0, .mac = (char *)"00:16:3e:00:00:01", .bridge = (char *)"xenbr0"},
	{.xenif = 1},
};
static struct plan_disk disks[] = {
	{.dev = (char *)"xvda", .target = (char *)"/a.img", .use = (char *)"drive 0"},
	{.dev = (char *)"xvdb", .target = (char *)"/b.img", .use = (char *)"drive 1"},
};
static struct plan plan = {
	.guest_domid = 3, .nics = nics, .n_nics = NICS, .disks = disks, .n_disks = 2};
static struct domain_host host;
static struct domain_links links;

static int begin(void **state)
{
	links = (struct domain_links){.host = &host, .plan = &plan};
	n_watched = lines = 0;
	fact[0] = '\0';
	libxl_knows = true;
	states[0] = states[1] = "4";
	return 0;
}

static int end(void **state)
{
	domain_links_free(&links);
	return 0;
}

static void watch(uint32_t stub)
{
	struct err err;

	assert_int_equal(domain_links_watch(&links, stub, "link", &err), 0);
	assert_int_equal(n_watched, NICS);
}

/* Every state but "connected" is no link, and so is a word that is no state. */
static void test_check(void **state)
{
	static const char *const words[] = {"0", "1", "2",  "3", "5", "6",
					    "7", "",  "44", "x", NULL};
	struct err err;

	watch(9);
	assert_string_equal(watched[1], "/local/domain/0/backend/vif/9/1/state");
	assert_int_equal(domain_links_check(&links, &err), 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		states[1] = words[i];
		assert_int_equal(domain_links_check(&links, &err), -1);
		assert_int_equal(err.code, ERR_HOST);
	}
	assert_string_equal(
		err.msg,
		"xenif1 (an interface, on no bridge): its back end is not connected (gone)");
	states[0] = "6";
	assert_int_equal(domain_links_check(&links, &err), -1);
	assert_string_equal(err.msg,
			    "xenif0 (00:16:3e:00:00:01 of the guest, on xenbr0): "
			    "its back end is not connected (Closed)");
	assert_int_equal(domain_links_check_once(&host, &plan, 9, &err), -1);
	assert_non_null(strstr(err.msg, "xenif0 "));
	states[0] = states[1] = "4";
	assert_int_equal(domain_links_check_once(&host, &plan, 9, &err), 0);
}

static void test_check_disks(void **state)
{
	struct err err;

	disk_state = "4";
	assert_int_equal(domain_links_check_disks(&host, &plan, 9, &err), 0);
	disk_state = "5";
	assert_int_equal(domain_links_check_disks(&host, &plan, 9, &err), -1);
	assert_int_equal(err.code, ERR_HOST);
	assert_string_equal(
		err.msg,
		"xvdb (/b.img, drive 1): its back end is not connected (Closing)");
	disk_state = NULL;
	assert_int_equal(domain_links_check_disks(&host, &plan, 9, &err), -1);
	assert_non_null(strstr(err.msg, "(gone)"));
}

/* An interface that libxl has no record of has no back end. */
static void test_unknown(void **state)
{
	struct err err;

	libxl_knows = false;
	assert_int_equal(domain_links_watch(&links, 9, "link", &err), 0);
	assert_int_equal(n_watched, 0);
	assert_int_equal(domain_links_check(&links, &err), -1);
}

/* xenstore tells of a change, long after the last one. */
static void change(void)
{
	static int64_t now;

	now += 60000;
	domain_links_hear(&links);
	domain_links_follow(&links, now);
}

/* A line for each change, none for a change that is none. */
static void test_follow(void **state)
{
	watch(9);
	change();
	assert_int_equal(lines, 0);
	assert_string_equal(fact, "");
	states[0] = "5";
	change();
	change();
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "xenif0 "));
	assert_non_null(strstr(line, " (Closing); "));
	states[1] = NULL;
	change();
	assert_int_equal(lines, 2);
	assert_string_equal(fact,
			    "xenif0 (00:16:3e:00:00:01 of the guest, on xenbr0): its "
			    "back end is not connected (Closing); "
			    "xenif1 (an interface, on no bridge): its back end is not "
			    "connected (gone)");
	states[0] = states[1] = "4";
	change();
	assert_int_equal(lines, 4);
	assert_non_null(strstr(line, "connected again"));
	assert_string_equal(fact, "");
}

/* A back end may be another domain's, which can change its state all the time. */
static void test_flood(void **state)
{
	watch(9);
	for (int64_t ms = 0; ms < 10000; ms++) {
		states[0] = ms / 100 % 2 ? "4" : "5";
		domain_links_hear(&links);
		domain_links_follow(&links, ms);
	}
	assert_in_range(lines, 100, 110);
	states[0] = "6";
	assert_int_equal(domain_links_timeout(&links, 20000), 0);
	domain_links_follow(&links, 20000);
	assert_non_null(strstr(fact, "Closed"));
}

/* The last state is not missed, however often the others change. */
static void test_looks(void **state)
{
	watch(9);
	assert_int_equal(domain_links_timeout(&links, 1000), -1);
	states[0] = "5";
	domain_links_follow(&links, 1000); /* nothing was heard of it */
	assert_int_equal(lines, 0);
	domain_links_hear(&links);
	domain_links_follow(&links, 1000);
	assert_int_equal(lines, 1);
	states[0] = "4";
	domain_links_hear(&links);
	assert_int_equal(domain_links_timeout(&links, 1001), 99);
	domain_links_follow(&links, 1099);
	assert_int_equal(lines, 1);
	domain_links_follow(&links, 1100);
	assert_int_equal(lines, 2);
	assert_string_equal(fact, "");
	assert_int_equal(domain_links_timeout(&links, 1100), -1);
}

/* After a replacement the new stub domain's are followed, and nothing else. */
static void test_another(void **state)
{
	watch(9);
	watch(12);
	for (unsigned i = 0; i < NICS; i++)
		assert_non_null(strstr(watched[i], "/vif/12/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_check, begin, end),
		cmocka_unit_test_setup_teardown(test_check_disks, begin, end),
		cmocka_unit_test_setup_teardown(test_unknown, begin, end),
		cmocka_unit_test_setup_teardown(test_follow, begin, end),
		cmocka_unit_test_setup_teardown(test_flood, begin, end),
		cmocka_unit_test_setup_teardown(test_looks, begin, end),
		cmocka_unit_test_setup_teardown(test_another, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
