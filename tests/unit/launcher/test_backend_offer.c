/* SPDX-License-Identifier: MIT */
/* A device that the guest missed is offered again; one that it took is left alone. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/backend_offer.h"
#include "xenstore_util.h"

static bool shown, there; /* to the guest; in dom0 */
static unsigned offers;
static const char *guest_state, *stub_state;

/* Of xenstore and the device, as far as it is used. */
char *backend_device_read(const struct backend_device *device,
			  const struct backend_place *place, const char *key)
{
	assert_string_equal(key, "frontend");
	return there ? strdup("/guest") : NULL;
}

char *xenstore_read(struct xs_handle *xs, const char *fmt, ...)
{
	const char *state = guest_state;
	char path[64];
	va_list args;

	va_start(args, fmt);
	vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (strcmp(path, "/stub/state") == 0)
		state = stub_state;
	else
		assert_string_equal(path, "/guest/state");
	return state && (shown || state == stub_state) ? strdup(state) : NULL;
}

bool xenstore_exists(struct xs_handle *xs, const char *fmt, ...)
{
	return there;
}

void backend_device_hide(struct backend_device *device, const struct backend_place *place)
{
	assert_true(shown);
	shown = false;
}

int backend_device_offer(const struct backend_device *device,
			 const struct backend_place *place, struct err *err)
{
	assert_false(shown);
	shown = true;
	offers++;
	return 0;
}

static struct domain_host host;
static const struct backend_place place = {.host = &host, .guest = 1, .stub = 2};

static struct backend_device start(const char *guest, const char *stub)
{
	struct backend_device device = {.type = "qdisk", .to = "/stub"};

	shown = there = true;
	offers = 0;
	guest_state = guest;
	stub_state = stub;
	backend_offer_begin(&device, 0);
	return device;
}

/* Until nothing is due; the time then. */
static int64_t run(struct backend_device *device, int64_t now)
{
	int left;

	while ((left = backend_offer_timeout(device, now)) >= 0) {
		now += left;
		backend_offer_tick(device, &place, now);
		assert_true(now < 1000000);
	}
	return now;
}

static void test_taken(void **state)
{
	struct backend_device device = start("4", "4");

	assert_int_equal(run(&device, 0), BACKEND_OFFER_ANSWER_MS);
	assert_int_equal(offers, 0);
	assert_true(shown);
}

static void test_not_ready(void **state)
{
	/* QEMU has not opened the disk: nothing can be said of the guest yet. */
	struct backend_device device = start("1", "1");

	run(&device, 0);
	assert_int_equal(offers, 0);
	/* It opens the disk late. */
	device = start("1", "1");
	backend_offer_tick(&device, &place, BACKEND_OFFER_ANSWER_MS);
	assert_true(shown);
	stub_state = "2";
	run(&device, BACKEND_OFFER_ANSWER_MS);
	assert_int_equal(offers, BACKEND_OFFER_TRIES - 1);
	assert_true(shown);
}

static void test_missed(void **state)
{
	struct backend_device device = start("1", "2");

	/* Not before its time. */
	backend_offer_tick(&device, &place, BACKEND_OFFER_ANSWER_MS - 1);
	assert_true(shown);
	backend_offer_tick(&device, &place, BACKEND_OFFER_ANSWER_MS);
	assert_false(shown);
	assert_int_equal(backend_offer_timeout(&device, BACKEND_OFFER_ANSWER_MS),
			 BACKEND_OFFER_HIDDEN_MS);
	backend_offer_tick(&device, &place,
			   BACKEND_OFFER_ANSWER_MS + BACKEND_OFFER_HIDDEN_MS);
	assert_true(shown);
	/* Then it takes it. */
	guest_state = stub_state = "4";
	run(&device, BACKEND_OFFER_ANSWER_MS + BACKEND_OFFER_HIDDEN_MS);
	assert_int_equal(offers, 1);
	/* A guest without a driver is not asked for ever. */
	device = start("1", "2");
	run(&device, 0);
	assert_int_equal(offers, BACKEND_OFFER_TRIES);
	assert_true(shown);
}

static void test_taken_away(void **state)
{
	/* By the toolstack, while it is hidden: the guest's half is put back, for QEMU to close. */
	struct backend_device device = start("1", "2");

	backend_offer_tick(&device, &place, BACKEND_OFFER_ANSWER_MS);
	assert_false(shown);
	backend_offer_end(&device, &place);
	assert_true(shown);
	assert_int_equal(backend_offer_timeout(&device, BACKEND_OFFER_ANSWER_MS), -1);
	/* By force: nothing is made anew. */
	device = start("1", "2");
	backend_offer_tick(&device, &place, BACKEND_OFFER_ANSWER_MS);
	there = false;
	run(&device, BACKEND_OFFER_ANSWER_MS);
	assert_false(shown);
	assert_int_equal(offers, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_not_ready),
		cmocka_unit_test(test_missed),
		cmocka_unit_test(test_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
