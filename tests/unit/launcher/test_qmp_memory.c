/* SPDX-License-Identifier: MIT */
/* The relay's cost of the dearest QMP messages: far less than its address space. */
#include "unit.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "relay/qmp/filter.h"
#include "sample_schema.h"

/* A quarter of the relay's address space (sandbox/sandbox.c). */
enum { MEMORY_MAX = 32 * 1024 * 1024, PIECE = 4096 };

static struct qmp_schema schema;
static const struct qmp_names names = {.schema = &schema};
static size_t used;
static size_t peak;

static void *take(size_t size)
{
	void *memory = malloc(size);

	used += malloc_usable_size(memory);
	if (used > peak)
		peak = used;
	return memory;
}

static void give(void *memory)
{
	used -= malloc_usable_size(memory);
	free(memory);
}

/* As many of `element` as go into a message; `%u` in it is a number. */
static char *fill(const char *element, size_t *len)
{
	size_t most = QMP_MESSAGE_MAX - 64;
	char *text = malloc(QMP_MESSAGE_MAX + 1);
	size_t n = (size_t)sprintf(text, "{\"id\":1,\"return\":[");
	unsigned values = 8;
	size_t per_element = 1;

	for (const char *c = element; *c; c++)
		per_element += *c == '{' || *c == '[' || *c == ',';
	for (unsigned i = 0; n < most && values + per_element < QMP_VALUES_MAX; i++) {
		n += (size_t)sprintf(text + n, element, i);
		text[n++] = ',';
		values += (unsigned)per_element;
	}
	n--;
	n += (size_t)sprintf(text + n, "]}");
	*len = n;
	return text;
}

static int feed(struct qmp_filter *f, const char *text, size_t len)
{
	struct err err;
	int rc = 0;

	for (size_t at = 0; at < len && rc == 0; at += PIECE)
		rc = qmp_filter_stub(f, text + at, len - at < PIECE ? len - at : PIECE,
				     &err);
	return rc;
}

static void check(const char *element)
{
	struct qmp_filter f = {.names = &names, .greeted = true};
	/* Texts that jansson made are freed by others: not all of it comes back. */
	size_t before = used;
	struct err err;
	size_t len;
	char *text = fill(element, &len);

	peak = used;
	assert_int_equal(qmp_filter_client(&f, "{\"execute\":\"numbers\"}", 21, &err), 0);
	assert_int_equal(feed(&f, text, len), 0);
	assert_true(f.to_client.len > 0);
	if (peak - before > MEMORY_MAX)
		fail_msg("%s: %zu bytes of a message of %zu", element, peak - before,
			 len);
	print_message("%s: %zu of %zu\n", element, peak - before, len);
	qmp_filter_free(&f);
	free(text);
}

static void test_largest(void **state)
{
	static const char *const elements[] = {
		"{}",	"[]",	      "\"\"", "{\"a%u\":1}",	"{\"a%u\":\"x\"}",
		"[[]]", "{\"a\":{}}", "1.5",  "\"0123456789\"", "18446744073709551615",
		"true",
	};

	for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++)
		check(elements[i]);
}

/* One value more than may be, one byte more than may be. */
static void test_bounds(void **state)
{
	static const char *const tails[] = {"[]", "\"", ","};
	char *text = malloc(2 * QMP_MESSAGE_MAX);

	for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		struct qmp_filter f = {.names = &names, .greeted = true};
		size_t n = (size_t)sprintf(text, "{\"event\":[");

		while (n < QMP_MESSAGE_MAX + PIECE)
			n += (size_t)sprintf(text + n, "%s", tails[i]);
		peak = used;
		assert_int_equal(feed(&f, text, n), -1);
		/* Refused before it is parsed. */
		assert_int_equal(peak, used);
		qmp_filter_free(&f);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_bounds),
	};
	int rc;

	json_set_alloc_funcs(take, give);
	schema = sample_schema_load();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	qmp_schema_free(&schema);
	return rc;
}
