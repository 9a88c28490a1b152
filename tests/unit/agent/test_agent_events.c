/* SPDX-License-Identifier: MIT */
/* The agent's reports of QEMU's events. */
#include "unit.h"

#include <string.h>

#include "events.h"
#include "report.h"
#include "xs.h"

void report_line(const char *fmt, ...)
{
}

int xs_client_write(const char *path, const char *value, struct err *err)
{
	return 0;
}

static void test_words(void **state)
{
	static const struct {
		const char *says, *text;
	} cases[] = {
		{"{\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"ide0-hd0\","
		 "\"operation\":\"write\",\"action\":\"stop\",\"nospace\":true,"
		 "\"reason\":\"No space left on device\"}}",
		 "disk ide0-hd0: write: No space left on device; QEMU has stopped the guest "
		 "('cont' lets it go on)"},
		{"{\"event\":\"BLOCK_IO_ERROR\",\"data\":{\"device\":\"\",\"qom-path\":"
		 "\"/machine/peripheral/xvde\",\"operation\":\"read\",\"action\":\"report\"}}",
		 "disk /machine/peripheral/xvde: read: I/O error; the guest was told"},
		{"{\"event\":\"BLOCK_IMAGE_CORRUPTED\",\"data\":{\"device\":\"hd\",\"msg\":"
		 "\"bad\"}}",
		 "disk hd: its image is damaged: bad"},
		{"{\"event\":\"RESUME\"}", "RESUME"},
		{"{\"event\":\"STOP\"}", ""},
		{"{\"event\":7}", ""},
		{"{\"QMP\":{}}", ""},
		{"[1]", ""},
		{"{\"event\":\"BLOCK_IO_ERROR\"}",
		 "disk : : I/O error; the guest was told"},
		{"{\"event", ""},
		{"", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];

		events_word(cases[i].says, strlen(cases[i].says), text, sizeof(text));
		assert_string_equal(text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
