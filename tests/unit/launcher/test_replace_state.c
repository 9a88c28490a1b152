/* SPDX-License-Identifier: MIT */
/* The waits of a replacement, each of which ends. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/boot.h"
#include "clock.h"
#include "domain/replace_state.h"
#include "domain/replace_vcpus.h"
#include "log.h"
#include "xenstore_util.h"

static int64_t now_ms;
static const char *stage; /* of the new stub domain */
static bool held_at_once; /* the relay's answer to RELAY_HOLD */
static bool answers_late; /* the child's answers are of an earlier step, all of them */
static bool died;	  /* the child has */
static bool refuses;	  /* QEMU does */
static unsigned n_sent, n_heard, n_started;
static struct relay_msg sent;
static int child = -1; /* of one that has died: always readable */

int64_t clock_ms(void)
{
	return now_ms += 10;
}

void log_msg(enum log_level level, const char *fmt, ...)
{
}

char *xenstore_read(struct xs_handle *xs, const char *fmt, ...)
{
	return stage && strstr(fmt, STUBDOM_XS_STAGE) ? strdup(stage) : NULL;
}

int xenstore_write(struct xs_handle *xs, struct err *err, const char *value,
		   const char *fmt, ...)
{
	return 0;
}

enum domain_life domain_host_life(struct domain_host *host, uint32_t domid)
{
	return DOMAIN_LIFE_ALIVE;
}

bool domain_channels_may_ask(struct domain_channels *channels)
{
	return false;
}

int domain_channels_hear(struct domain_channels *channels, struct err *err)
{
	return 0;
}

bool domain_channels_serve(struct domain_channels *channels, struct domain_host *host)
{
	channels->held |= held_at_once && n_sent > 0;
	return false;
}

bool relay_log_may_write(struct relay_log *log)
{
	return false;
}

bool relay_log_read(struct relay_log *log)
{
	return false;
}

int relay_msg_send(int socket, const struct relay_msg *msg, const int *fds, int n_fds)
{
	sent = *msg;
	n_sent++;
	return 0;
}

int asker_ask(struct asker *asker, enum asker_step step, struct err *err)
{
	asker->asked++;
	return 0;
}

int asker_hear(struct asker *asker, struct replace_gone *gone, struct err *err)
{
	n_heard++;
	if (answers_late)
		return 1;
	if (!died)
		return refuses ? err_set(err, ERR_STUB, "QEMU says no") : 0;
	asker->fd = -1;
	return err_set(err, ERR_HOST, "it has ended");
}

int asker_start(struct asker *asker, const struct asker_about *about, libxl_ctx *libxl,
		struct err *err)
{
	assert_true(about->state_fd == 77 && about->vcpus == 2 && about->uid == 1000);
	*asker = (struct asker){.fd = child};
	died = n_started++ > 0;
	return 0;
}

unsigned replace_count_vcpus(struct domain_host *host, uint32_t guest)
{
	return 2;
}

static struct domain_host host;
static struct relay relay = {.uid = 1000};
static struct plan plan = {.guest_domid = 3};
static struct domain_channels channels;
static struct domain_watch watch = {
	.host = &host, .relay = &relay, .plan = &plan, .stub = 4, .signals = -1};

static int setup(void **state)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return -1;
	close(pair[1]);
	child = pair[0];
	now_ms = 1000;
	stage = "boot";
	held_at_once = answers_late = refuses = false;
	died = true;
	n_sent = n_heard = n_started = 0;
	channels = (struct domain_channels){.plan = &plan, .relay = &relay};
	alarm(20); /* a wait without an end */
	return 0;
}

static int teardown(void **state)
{
	alarm(0);
	return close(child);
}

static struct replace make(void)
{
	return (struct replace){.watch = &watch,
				.channels = &channels,
				.asker.fd = child,
				.state_fd = 77,
				.next.stub = 5};
}

static void test_child_died_in_a_wait(void **state)
{
	struct replace r = make();
	struct err err;

	assert_int_equal(replace_wait_stage(&r, "incoming", now_ms + 50, &err), -1);
	assert_non_null(strstr(err.msg, "'boot'"));
	assert_non_null(strstr(err.msg, "it took longer"));
	stage = "incoming";
	assert_int_equal(replace_wait_stage(&r, "incoming", now_ms + 50, &err), 0);
	assert_int_equal(n_heard, 0);
}

static void test_hold(void **state)
{
	struct replace r = make();
	struct err err;

	replace_let_go(&r);
	assert_int_equal(n_sent, 0);
	assert_int_equal(replace_hold(&r, now_ms + 50, &err), -1);
	assert_int_equal(err.code, ERR_GUEST);
	assert_true(n_sent == 1 && sent.type == RELAY_HOLD && sent.code == 1);
	replace_let_go(&r);
	assert_true(n_sent == 2 && sent.type == RELAY_HOLD && sent.code == 0);
	replace_let_go(&r);
	assert_int_equal(n_sent, 2);
	/* The relay's word of that time is not one of this. */
	channels.held = true;
	held_at_once = true;
	r.serve_ms = 0;
	assert_int_equal(replace_hold(&r, now_ms + 50, &err), 0);
	assert_int_equal(n_sent, 3);
}

static void test_child_died_in_a_step(void **state)
{
	struct replace r = make();
	struct err err;

	assert_int_equal(replace_run_step(&r, ASKER_BACK, now_ms + 50, &err), -1);
	assert_string_equal(err.msg, "it has ended");
	assert_int_equal(n_heard, 1);
	assert_false(r.in_step);
}

/* The guest goes on though the child has died, and not though QEMU refuses. */
static void test_resume(void **state)
{
	struct replace r = make();
	struct err err;

	assert_int_equal(replace_resume_old(&r, now_ms + 500, &err), 0);
	assert_true(n_started == 1 && r.asker.asked == 1);
	died = false;
	assert_int_equal(replace_resume_old(&r, now_ms + 500, &err), 0);
	refuses = true;
	assert_int_equal(replace_resume_old(&r, now_ms + 500, &err), -1);
	assert_string_equal(err.msg, "QEMU says no");
	assert_int_equal(n_started, 1);
	/* No third one: the second has died, too. */
	died = true;
	assert_int_equal(replace_resume_old(&r, now_ms + 500, &err), -1);
	assert_int_equal(n_started, 2);
}

/* One late answer for each earlier step, and not one more. */
static void test_late_answers(void **state)
{
	struct replace r = make();
	struct err err;

	answers_late = true;
	r.asker.asked = 2;
	assert_int_equal(replace_run_step(&r, ASKER_BACK, INT64_MAX, &err), -1);
	assert_non_null(strstr(err.msg, "answers too much"));
	assert_int_equal(n_heard, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_child_died_in_a_wait, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(test_child_died_in_a_step, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_resume, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_answers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
