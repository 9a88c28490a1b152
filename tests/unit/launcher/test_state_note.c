/* SPDX-License-Identifier: MIT */
/* The machine that a saved state names: read back, refused if it is another, damaged, not there. */
#include "unit.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "check/state_note.h"
#include "plan/machine.h"

/* As QEMU ends a state. */
#define STATE "QEVM\0\0\0\3 devices \0"

static const char note_31[] =
	"\6\0\0\0\x28{\"qemu-stubdom\":{\"machine\":\"xenfv-3.1\"}}";

static struct err err;

/* The machine that a state of these bytes and a note names; "damaged"; NULL: none. */
static char *read_back(const char *note, size_t len)
{
	char bytes[1024];
	char *machine;
	size_t n = sizeof(STATE) - 1;
	size_t from;

	memcpy(bytes, STATE, n);
	memcpy(bytes + n, note, len);
	n += len;
	from = n > STATE_NOTE_MAX ? n - STATE_NOTE_MAX : 0;
	if (state_note_read(bytes + from, n - from, &machine, &err) == 0)
		return machine;
	assert_null(machine);
	assert_int_equal(err.code, ERR_HOST);
	return strdup("damaged");
}

static void check_read(const char *note, size_t len, const char *wanted)
{
	char *got = read_back(note, len);

	if (wanted) {
		assert_non_null(got);
		assert_string_equal(got, wanted);
	} else {
		assert_null(got);
	}
	free(got);
}

static void test_form(void **state)
{
	char note[STATE_NOTE_MAX];

	/* The form is in states that are kept. */
	assert_int_equal(state_note_make("xenfv-3.1", note), sizeof(note_31) - 1);
	assert_memory_equal(note, note_31, sizeof(note_31) - 1);
	check_read(note_31, sizeof(note_31) - 1, "xenfv-3.1");
	/* As a later version may write it. */
	check_read(
		"\6\0\0\0\x31{\"qemu-stubdom\":{\"machine\":\"pc-q35-9.0\",\"a\":[1]}}",
		54, "pc-q35-9.0");
}

static void test_long_names(void **state)
{
	char note[STATE_NOTE_MAX];
	char name[STATE_NOTE_MAX + 1] = "";

	memset(name, 'm', 64);
	check_read(note, state_note_make(name, note), name);
	memset(name, 'm', STATE_NOTE_MAX);
	assert_int_equal(state_note_make(name, note), 0);
	/* Not UTF-8. */
	assert_int_equal(state_note_make("\xff", note), 0);
}

static void test_no_note(void **state)
{
	char *machine;

	check_read("", 0, NULL);
	/* A description of QEMU's own, and what a guest has left in a device. */
	check_read("\6\0\0\0\x12{\"page_size\":4096}", 23, NULL);
	check_read("{\"qemu-stubdom\":{\"machine\":\"x\"}}\0", 34, NULL);
	assert_int_equal(state_note_read("", 0, &machine, &err), 0);
	assert_null(machine);
}

static void test_damaged(void **state)
{
	static const char *const texts[] = {
		"{\"qemu-stubdom\":{}}",
		"{\"qemu-stubdom\":{\"machine\":7}}",
		"{\"qemu-stubdom\":{\"machine\":\"\"}}",
		"{\"qemu-stubdom\":{\"machine\":\"a b\"}}",
		"{\"qemu-stubdom\":{\"machine\":\"\\u001b[2J\"}}",
		"{\"qemu-stubdom\":[[[[[[{}}",
		"{\"qemu-stubdom\":{\"machine\":\"" /* longer than a name may be */
		"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm\"}}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char note[STATE_NOTE_MAX] = "\6\0\0\0";
		size_t len = strlen(texts[i]);

		note[4] = (char)len;
		memcpy(note + 5, texts[i], len);
		check_read(note, 5 + len, "damaged");
	}
	assert_non_null(strstr(err.msg, "which names its machine, is damaged"));
}

/* Each byte of the head another one, and each end that was cut off. */
static void test_each_byte(void **state)
{
	const size_t size = sizeof(note_31) - 1;

	for (size_t i = 0; i < 5; i++) {
		char note[sizeof(note_31)];

		memcpy(note, note_31, sizeof(note));
		note[i] ^= 1;
		check_read(note, size, "damaged");
	}
	for (size_t len = 0; len < size; len++) {
		char *got = read_back(note_31, len);

		assert_true(!got || strcmp(got, "damaged") == 0);
		free(got);
	}
	/* Its beginning is before what is read. */
	for (size_t from = 1; from <= 5; from++) {
		char *machine;

		assert_int_equal(
			state_note_read(note_31 + from, size - from, &machine, &err), -1);
		assert_null(machine);
	}
}

static char *words[] = {(char *)"xen-qemu", (char *)"-machine",
			(char *)"xenfv,suppress-vmdesc=on", NULL};

/* Of a state in this descriptor; the refusal, or NULL. */
static const char *check(int fd, json_t *machines)
{
	struct plan_channel channels[] = {
		{.kind = STUBDOM_CHANNEL_QMP, .endpoint.fd = -1},
		{.kind = STUBDOM_CHANNEL_RESTORE, .endpoint.fd = fd},
	};
	struct plan plan = {
		.qemu = words, .n_qemu = 3, .channels = channels, .n_channels = 2};
	const struct manifest manifest = {.dir = (char *)"/image",
					  .qemu_version = (char *)"11.1.3",
					  .machines = machines};
	int rc;

	plan_set_machine(&plan, &manifest);
	rc = state_note_check(&plan, &manifest, &err);
	free(plan.machine);
	json_decref(machines);
	return rc < 0 ? err.msg : NULL;
}

static int make_file(const char *note, size_t len)
{
	int fd = memfd_create("state", MFD_CLOEXEC);

	assert_int_equal(write(fd, STATE, sizeof(STATE) - 1), sizeof(STATE) - 1);
	assert_int_equal(write(fd, note, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void test_check(void **state)
{
	int fd = make_file(note_31, sizeof(note_31) - 1);
	json_t *const same = json_pack("{s:s}", "xenfv", "xenfv-3.1");
	json_t *const other = json_pack("{s:s}", "xenfv", "xenfv-4.2");
	json_t *const both =
		json_pack("{s:s, s:s}", "xenfv", "xenfv-4.2", "xenfv-3.1", "xenfv-3.1");

	assert_null(check(fd, same));
	assert_string_equal(
		check(fd, other),
		"the guest was saved with QEMU's machine 'xenfv-3.1'; QEMU 11.1.3 of /image has "
		"'xenfv-4.2' by the name 'xenfv', and would load the state wrongly; give "
		"'-stubdom image=DIR' with an image of a QEMU that has it ('xl restore CONFIG "
		"FILE' takes another configuration)");
	assert_non_null(
		strstr(check(fd, both),
		       "; give 'device_model_args_hvm = [ \"-machine\", \"xenfv-3.1\" ]' "
		       "in the guest's configuration ('xl restore"));
	/* An image that does not say what its QEMU has. */
	assert_null(check(fd, NULL));
	/* QEMU is to read it from its start. */
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
}

static void test_check_others(void **state)
{
	int fd = make_file("", 0);
	int pipe_fds[2];

	/* Of QEMU in dom0, or of an earlier version of this program. */
	assert_null(check(fd, json_pack("{s:s}", "xenfv", "xenfv-4.2")));
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_null(check(fd, NULL));
	close(fd);
	fd = make_file("\6\0\0\0\x13{\"qemu-stubdom\":{}}", 24);
	assert_non_null(strstr(check(fd, NULL), "is damaged"));
	close(fd);
	/* No file. */
	assert_int_equal(pipe(pipe_fds), 0);
	assert_null(check(pipe_fds[0], NULL));
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_form),	     cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_no_note),	     cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_each_byte),    cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
