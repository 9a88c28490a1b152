/* SPDX-License-Identifier: MIT */
/* The fate of a guest whose stub domain has died, with a Xen of this file's. */
#include "domain/on_crash.h"

#include <errno.h>
#include <string.h>
#include <xen/sched.h>
#include <xenguest.h>

#include "unit.h"

enum { GUEST = 7 };

static char acts[128]; /* one word each */
static enum domain_life life;
static bool shuts_down; /* before it is paused */
static const char *fails;

static int act(const char *what)
{
	strcat(strcat(acts, *acts ? " " : ""), what);
	errno = EPERM;
	return fails && strcmp(fails, what) == 0 ? -1 : 0;
}

int xc_domain_pause(xc_interface *xc, uint32_t domid)
{
	assert_int_equal(domid, GUEST);
	if (shuts_down)
		life = DOMAIN_LIFE_SHUTDOWN;
	return act("pause");
}

int xc_domain_unpause(xc_interface *xc, uint32_t domid)
{
	return act("unpause");
}

int xc_domain_shutdown(xc_interface *xc, uint32_t domid, int reason)
{
	return act(reason == SHUTDOWN_crash ? "crash" : "reboot");
}

int xc_domain_resume(xc_interface *xc, uint32_t domid, int fast)
{
	assert_int_equal(fast, 0);
	return act("resume");
}

bool xs_resume_domain(struct xs_handle *xs, unsigned int domid)
{
	return act("tell") == 0;
}

int libxl_domain_destroy(libxl_ctx *ctx, uint32_t domid, const libxl_asyncop_how *ao_how)
{
	return act("destroy");
}

enum domain_life domain_host_life(struct domain_host *host, uint32_t domid)
{
	return life;
}

void domain_host_forget_error(struct domain_host *host)
{
}

int domain_host_error(struct domain_host *host, struct err *err, const char *fmt, ...)
{
	return err_set(err, ERR_HOST, "it failed");
}

const char *stubopt_on_crash_name(enum stubopt_on_crash action)
{
	return "a word";
}

static void check(enum stubopt_on_crash action, const char *expected)
{
	const struct plan plan = {.guest_domid = GUEST};
	struct domain_host host = {0};

	acts[0] = '\0';
	on_crash_act(&host, &plan, action);
	assert_string_equal(acts, expected);
}

static int alive(void **state)
{
	life = DOMAIN_LIFE_ALIVE;
	shuts_down = false;
	fails = NULL;
	return 0;
}

static void test_acts(void **state)
{
	check(STUBOPT_ON_CRASH_LEAVE, "");
	check(STUBOPT_ON_CRASH_PAUSE, "pause");
	check(STUBOPT_ON_CRASH_DESTROY, "destroy");
	check(STUBOPT_ON_CRASH_RESTART, "pause resume crash resume tell reboot unpause");
}

/* A guest that is shut down is its toolstack's, also if it shuts down meanwhile. */
static void test_shut_down(void **state)
{
	shuts_down = true;
	check(STUBOPT_ON_CRASH_RESTART, "pause unpause");
	life = DOMAIN_LIFE_SHUTDOWN;
	check(STUBOPT_ON_CRASH_DESTROY, "");
}

/* The guest does not stay paused by us. */
static void test_failures(void **state)
{
	fails = "pause";
	check(STUBOPT_ON_CRASH_RESTART, "pause");
	fails = "crash";
	check(STUBOPT_ON_CRASH_RESTART, "pause resume crash unpause");
	fails = "resume";
	check(STUBOPT_ON_CRASH_RESTART, "pause resume unpause");
	fails = "reboot";
	check(STUBOPT_ON_CRASH_RESTART, "pause resume crash resume tell reboot unpause");
}

static void test_choice(void **state)
{
	struct plan plan = {.name = "g-dm", .on_crash = STUBOPT_ON_CRASH_RESTART};

	for (int n = 0; n < ON_CRASH_RESTARTS; n++)
		assert_int_equal(on_crash_choose(&plan, n), STUBOPT_ON_CRASH_RESTART);
	assert_int_equal(on_crash_choose(&plan, ON_CRASH_RESTARTS),
			 STUBOPT_ON_CRASH_LEAVE);
	/* Nobody knows how often. */
	assert_int_equal(on_crash_choose(&plan, -1), STUBOPT_ON_CRASH_LEAVE);
	plan.on_crash = STUBOPT_ON_CRASH_DESTROY;
	assert_int_equal(on_crash_choose(&plan, 99), STUBOPT_ON_CRASH_DESTROY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_acts, alive),
		cmocka_unit_test_setup(test_shut_down, alive),
		cmocka_unit_test_setup(test_failures, alive),
		cmocka_unit_test(test_choice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
