/* SPDX-License-Identifier: MIT */
/* The agent's reports of QEMU's events. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "abi/boot.h"
#include "events.h"
#include "report.h"
#include "xs.h"

static unsigned lines;
static char node[400];

void report_line(const char *fmt, ...)
{
	lines++;
}

int xs_client_write(const char *path, const char *value, struct err *err)
{
	assert_string_equal(path, STUBDOM_XS_IO_ERROR);
	snprintf(node, sizeof(node), "%s", value);
	return 0;
}

static void test_words(void **state)
{
	static const struct {
		const char *says, *text;
		enum events_kind kind;
	} cases[] = {
		{"{\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"ide0-hd0\","
		 "\"operation\":\"write\",\"action\":\"stop\",\"nospace\":true,"
		 "\"reason\":\"No space left on device\"}}",
		 "disk ide0-hd0: write: No space left on device; QEMU has stopped the guest "
		 "('cont' lets it go on)",
		 EVENTS_STOPPED},
		{"{\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"\",\"qom-path\":"
		 "\"/machine/peripheral/xvde\",\"operation\":\"read\",\"action\":\"report\"}}",
		 "disk /machine/peripheral/xvde: read: I/O error; the guest was told",
		 EVENTS_TOLD},
		{"{\"event\":\"BLOCK_IMAGE_CORRUPTED\",\"data\":{\"device\":\"hd\",\"msg\":"
		 "\"bad\"}}",
		 "disk hd: its image is damaged: bad", EVENTS_STOPPED},
		{"{\"event\":\"RESUME\"}", "", EVENTS_RESUMED},
		{"{\"event\":\"STOP\"}", "", EVENTS_NOTHING},
		{"{\"event\":7}", "", EVENTS_NOTHING},
		{"{\"QMP\":{}}", "", EVENTS_NOTHING},
		{"[1]", "", EVENTS_NOTHING},
		{"{\"event\":\"BLOCK_IO_ERROR\"}",
		 "disk : : I/O error; the guest was told", EVENTS_TOLD},
		{"{\"event", "", EVENTS_NOTHING},
		{"", "", EVENTS_NOTHING},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];

		assert_int_equal(events_word(cases[i].says, strlen(cases[i].says), text,
					     sizeof(text)),
				 cases[i].kind);
		assert_string_equal(text, cases[i].text);
	}
}

static void take(const char *disk, const char *action)
{
	char text[200];

	snprintf(
		text, sizeof(text),
		"{\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"%s\",\"operation\":"
		"\"write\",\"action\":\"%s\"}}",
		disk, action);
	events_take(text, strlen(text));
}

/* A guest that causes errors without end fills no log, and hides none that stops it. */
static void test_many(void **state)
{
	static const char resume[] = "{\"event\":\"RESUME\"}";
	unsigned before;

	for (unsigned i = 0; i < 1000; i++)
		take("hd0", "report");
	assert_in_range(lines, 5, 20);
	assert_non_null(strstr(node, "disk hd0"));
	before = lines;
	take("hd1", "stop");
	assert_int_equal(lines, before + 2); /* it, and how many are not shown */
	assert_non_null(strstr(node, "disk hd1"));
	take("hd0", "report");
	assert_non_null(strstr(node, "disk hd1"));
	events_take(resume, strlen(resume));
	assert_string_equal(node, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words),
					   cmocka_unit_test(test_many)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
