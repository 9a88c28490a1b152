/* SPDX-License-Identifier: MIT */
/* The log: the speaker of each line, and the file's bounds. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "domain/relay_log.h"
#include "err.h"
#include "log.h"
#include "log_file.h"
#include "relay/console.h"

struct place {
	char dir[32];
	char path[48];
	char old[64];
	int fd;
	int stderr_fd;
};

static int set_up(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	strcpy(place->dir, "/tmp/test-log-XXXXXX");
	assert_non_null(mkdtemp(place->dir));
	snprintf(place->path, sizeof(place->path), "%s/log", place->dir);
	snprintf(place->old, sizeof(place->old), "%s.old", place->path);
	place->fd = open(place->path, O_WRONLY | O_CREAT | O_APPEND, 0644);
	assert_true(place->fd >= 0);
	place->stderr_fd = dup(STDERR_FILENO);
	dup2(place->fd, STDERR_FILENO);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;

	dup2(place->stderr_fd, STDERR_FILENO);
	close(place->stderr_fd);
	close(place->fd);
	unlink(place->path);
	unlink(place->old);
	rmdir(place->dir);
	free(place);
	return 0;
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	assert_non_null(f);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, f) < 65535);
	fclose(f);
	return text;
}

/* The text behind the time in line n. */
static void assert_line(const char *text, int n, const char *want)
{
	char line[256];

	while (n-- > 0) {
		text = strchr(text, '\n');
		assert_non_null(text);
		text++;
	}
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(text, "\n"), text);
	/* 2026-01-31T12:00:00.123Z */
	assert_true(strlen(line) > 25);
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
	assert_string_equal(line + 25, want);
}

static void test_sources(void **state)
{
	static const char said[] =
		"Linux version 6\r\nagent: stage boot\nqemu: agent: no\n"
		"agent:no mark\n\nqemu: \n";
	struct place *place = *state;
	struct relay_console console = {.fd = -1};
	char longest[1500];
	int pipes[2];
	char *text;

	assert_int_equal(pipe(pipes), 0);
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	relay_console_open(&console, pipes[0]);
	assert_int_equal(write(pipes[1], said, sizeof(said) - 1), sizeof(said) - 1);
	relay_console_read(&console, 0);
	/* The rest of a line that is too long is the same speaker's. */
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "qemu: ", 6);
	longest[sizeof(longest) - 1] = '\n';
	assert_int_equal(write(pipes[1], longest, sizeof(longest)), sizeof(longest));
	relay_console_read(&console, 0);
	close(pipes[1]);
	relay_console_read(&console, 0);
	assert_int_equal(console.fd, -1);
	text = read_file(place->path);
	assert_line(text, 0, "kernel: Linux version 6");
	assert_line(text, 1, "agent: stage boot");
	assert_line(text, 2, "qemu: agent: no");
	assert_line(text, 3, "kernel: agent:no mark");
	assert_line(text, 4, "qemu: ");
	assert_non_null(strstr(text, "Z qemu: xxx"));
	assert_null(strstr(text, "kernel: xxx"));
	free(text);
}

/* An error often quotes somebody else. */
static void test_error_is_one_line(void **state)
{
	struct err err;

	err_set(&err, ERR_STUB, "%s",
		"a\nb\033[1m\xc2\x9d"
		"0;x\xc2\x9c\x9b"
		"1m\xc3\xa4");
	assert_string_equal(err.msg, "a?b?[1m?0;x??1m\xc3\xa4");
	err_prefix(&err, "%s", "\xc2\x9b");
	assert_string_equal(err.msg, "?: a?b?[1m?0;x??1m\xc3\xa4");
}

static void test_flood_is_bounded(void **state)
{
	struct place *place = *state;
	struct relay_console console = {.fd = -1};
	int pipes[2];
	char *text;

	assert_int_equal(pipe(pipes), 0);
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	relay_console_open(&console, pipes[0]);
	console.rate.left = 2;
	assert_int_equal(write(pipes[1], "1\n2\n3\n4\n", 8), 8);
	relay_console_read(&console, 0);
	assert_int_equal(write(pipes[1], "5\n", 2), 2);
	relay_console_read(&console, 1000);
	text = read_file(place->path);
	assert_line(text, 1, "kernel: 2");
	assert_non_null(
		strstr(text, "2 lines of the stub domain's console were dropped"));
	assert_line(text, 3, "kernel: 5");
	free(text);
	close(pipes[0]);
	close(pipes[1]);
}

/* Even one that was taken over speaks as nobody else, and in printable lines. */
static void test_relay_speaks_for_itself(void **state)
{
	static const char said[] = "relay: ready\nkernel: Linux\nstubdom-dm: forged\n"
				   "guardian: \033[2J\xc2\x9b"
				   "31m\xe2\x80\xae\nno mark\n\nqemu: the last";
	struct place *place = *state;
	struct relay_log log;
	char longest[4096];
	int pipes[2];
	char *text;

	assert_int_equal(pipe(pipes), 0);
	relay_log_open(&log, pipes[0]);
	assert_false(relay_log_read(&log));
	assert_int_equal(write(pipes[1], said, sizeof(said) - 1), sizeof(said) - 1);
	assert_true(relay_log_read(&log));
	assert_false(relay_log_read(&log));
	assert_int_equal(write(pipes[1], " words\n", 7), 7);
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(write(pipes[1], longest, sizeof(longest)), sizeof(longest));
	close(pipes[1]);
	relay_log_drain(&log);
	assert_int_equal(log.fd, -1);
	assert_false(relay_log_read(&log));
	text = read_file(place->path);
	assert_line(text, 0, "relay: ready");
	assert_line(text, 1, "kernel: Linux");
	assert_line(text, 2, "relay: stubdom-dm: forged");
	assert_line(text, 3, "relay: guardian: ?[2J?31m?");
	assert_line(text, 4, "relay: no mark");
	assert_line(text, 5, "qemu: the last words");
	assert_non_null(strstr(text, "Z relay: xxx"));
	free(text);
}

/*
 * The launcher is busy and takes nothing: the relay goes on, and counts the lost lines.
 */
static void test_full_pipe(void **state)
{
	struct place *place = *state;
	struct relay_log log;
	int pipes[2];
	char *text;

	assert_int_equal(pipe(pipes), 0);
	fcntl(pipes[1], F_SETFL, O_NONBLOCK);
	relay_log_open(&log, pipes[0]);
	dup2(pipes[1], STDERR_FILENO);
	log_to_pipe();
	for (int i = 0; i < 5000; i++)
		log_info("line %04d of this flood", i);
	dup2(place->fd, STDERR_FILENO);
	/*
	 * The pipe's end is another process's: lines that are read here are written with
	 * a time.
	 */
	text = calloc(1, 65536);
	assert_non_null(text);
	assert_true(read(pipes[0], text, 65535) > 4096);
	assert_memory_equal(text, "stubdom: line 0000 of", 21);
	free(text);
	dup2(pipes[1], STDERR_FILENO);
	log_info("there is room");
	dup2(place->fd, STDERR_FILENO);
	close(pipes[1]);
	text = calloc(1, 65536);
	assert_non_null(text);
	for (size_t n = 0; n < 65535;) {
		ssize_t more = read(pipes[0], text + n, 65535 - n);

		if (more <= 0)
			break;
		n += (size_t)more;
	}
	assert_non_null(strstr(
		text, " lines of the log were lost here\nstubdom: there is room\n"));
	free(text);
	relay_log_close(&log);
}

static void test_written(void **state)
{
	log_take_written(1);
	assert_false(log_take_written(40));
	log_info("%s", "one line of the log");
	assert_true(log_take_written(40));
	assert_false(log_take_written(40));
}

static void test_file_is_bounded(void **state)
{
	struct place *place = *state;
	struct stat st;
	char *text;

	for (int i = 0; i < 50; i++)
		log_info("line %d", i);
	log_file_bound_fd(STDERR_FILENO, 65536); /* not yet */
	assert_int_equal(access(place->old, F_OK), -1);
	log_file_bound_fd(STDERR_FILENO, 1000);
	/* A program that has it open goes on at its start. */
	assert_int_equal(write(place->fd, "other\n", 6), 6);
	text = read_file(place->path);
	assert_non_null(strstr(text, "the log was over"));
	assert_string_equal(strrchr(text, '\n') - 5, "other\n");
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_size, strlen(text)); /* no hole */
	free(text);
	text = read_file(place->old);
	assert_line(text, 49, "stubdom: line 49");
	free(text);

	/* Again: the old content of before is gone. */
	for (int i = 50; i < 100; i++)
		log_info("line %d", i);
	log_file_bound_fd(STDERR_FILENO, 1000);
	text = read_file(place->old);
	assert_null(strstr(text, "line 49\n"));
	assert_non_null(strstr(text, "line 99\n"));
	free(text);
}

/* A terminal, a pipe, a file that is not appended to, one that has no name. */
static void test_others_are_left_alone(void **state)
{
	struct place *place = *state;
	int fd = open(place->path, O_RDWR);
	struct stat st;

	assert_int_equal(write(fd, "0123456789", 10), 10);
	log_file_bound_fd(fd, 5);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 10);
	close(fd);
	/* Removed: emptied, and another file of that name is not touched. */
	unlink(place->path);
	fd = open(place->path, O_WRONLY | O_CREAT, 0644);
	assert_int_equal(write(fd, "another", 7), 7);
	close(fd);
	log_file_bound_fd(STDERR_FILENO, 5);
	assert_int_equal(access(place->old, F_OK), -1);
	assert_int_equal(stat(place->path, &st), 0);
	assert_int_equal(st.st_size, 7);
	assert_int_equal(fstat(place->fd, &st), 0);
	assert_true(st.st_size > 10 && st.st_size < 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_is_one_line),
		cmocka_unit_test_setup_teardown(test_sources, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_flood_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_others_are_left_alone, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_relay_speaks_for_itself, set_up,
						tear_down),
		/* The last, for there is no way back from a pipe. */
		cmocka_unit_test_setup_teardown(test_full_pipe, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
