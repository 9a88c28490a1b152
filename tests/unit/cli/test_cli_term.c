/* SPDX-License-Identifier: MIT */
/* Other domains' bytes on a terminal. */
#include "unit.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "term.h"

static const char foreign[] = "a\033]0;x\007b\r\nc\rd\te\xc2\x9b"
			      "2Jf\xc3\xa4\n";

/* The terminal's bytes for `foreign`, written as two pieces. */
static void check_terminal(size_t cut)
{
	static const char want[] = "a?]0;x?b\nc?d\te?2Jf\xc3\xa4\n";
	struct term_foreign pieces;
	struct termios raw;
	char got[128] = "";
	size_t used = 0;
	int master;
	int slave;
	FILE *out;
	ssize_t n;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	assert_int_equal(tcgetattr(slave, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(slave, TCSANOW, &raw), 0);
	out = fdopen(slave, "w");
	term_foreign_begin(&pieces, out);
	term_foreign_write(&pieces, foreign, cut);
	term_foreign_write(&pieces, foreign + cut, sizeof(foreign) - 1 - cut);
	term_foreign_end(&pieces);
	fflush(out);
	/* A terminal's stream is written line by line. */
	while (used < strlen(want)) {
		n = read(master, got + used, sizeof(got) - 1 - used);
		assert_true(n > 0);
		used += (size_t)n;
	}
	assert_string_equal(got, want);
	fclose(out);
	close(master);
}

static void test_terminal(void **state)
{
	for (size_t cut = 0; cut < sizeof(foreign); cut++)
		check_terminal(cut);
}

static void test_file(void **state)
{
	FILE *out = tmpfile();
	char got[128];
	size_t n;

	term_write_foreign(out, foreign, sizeof(foreign) - 1);
	rewind(out);
	n = fread(got, 1, sizeof(got), out);
	/* All but the carriage return of the line's end. */
	assert_int_equal(n, sizeof(foreign) - 2);
	assert_memory_equal(got, "a\033]0;x\007b\nc\rd", 12);
	assert_false(term_has_colour(out));
	assert_string_equal(term_colour(out, TERM_RED), "");
	fclose(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
