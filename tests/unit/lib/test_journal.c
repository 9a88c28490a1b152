/* SPDX-License-Identifier: MIT */
/* An entry for the journal is whole, bounded, and has no line of somebody else's making. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "journal.h"
#include "unix_address.h"

static char dir[] = "/tmp/test_journal.XXXXXX";
static char path[64];
static int journal;

static int set_up(void **state)
{
	struct sockaddr_un address;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/socket", dir);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(unix_address_set(&address, path), 0);
	return bind(journal, (struct sockaddr *)&address, sizeof(address));
}

static int tear_down(void **state)
{
	close(journal);
	unlink(path);
	return rmdir(dir);
}

static const char *receive(void)
{
	static char text[16384];
	ssize_t n = recv(journal, text, sizeof(text) - 1, 0);

	assert_true(n > 0);
	text[n] = '\0';
	return text;
}

static void test_fields(void **state)
{
	const struct journal_field fields[] = {
		{"A", "one\nB=two\x1b"}, {"C", NULL}, {"D", ""}, {"E", "five"}, {0}};

	journal_send(path, JOURNAL_ERR, "it\nended", fields);
	assert_string_equal(receive(), "MESSAGE=it?ended\nPRIORITY=3\n"
				       "SYSLOG_IDENTIFIER=stubdom-dm\nA=one?B=two?\n"
				       "E=five\n");
}

static void test_bounds(void **state)
{
	struct journal_field fields[21] = {0};
	char *big = malloc(5001);
	const char *text;

	memset(big, 'x', 5000);
	big[5000] = '\0';
	for (int i = 0; i < 20; i++)
		fields[i] = (struct journal_field){"BIG", big};
	journal_send(path, JOURNAL_INFO, big, fields);
	text = receive();
	assert_true(strlen(text) < 8192);
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_int_equal(strcspn(text, "\n"), strlen("MESSAGE=") + 1000);
	free(big);
}

static void test_no_journal_and_a_full_one(void **state)
{
	journal_send("/nonexistent/socket", JOURNAL_INFO, "lost", NULL);
	/* Would hang if it waited. */
	for (int i = 0; i < 5000; i++)
		journal_send(path, JOURNAL_INFO, "many", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_no_journal_and_a_full_one),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
