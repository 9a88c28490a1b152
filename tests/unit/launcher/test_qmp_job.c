/* SPDX-License-Identifier: MIT */
/*
 * QMP commands that name files, descriptors and disks of dom0: each step, each
 * failure.
 */
#include "unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "expect.h"
#include "relay/qmp/filter.h"
#include "sample_schema.h"

static struct qmp_schema schema;
static const struct qmp_names names = {.schema = &schema};
static struct qmp_shared shared;
static struct qmp_filter f;

static int set_up(void **state)
{
	shared = (struct qmp_shared){.save_path = "/run/stubdom/saved"};
	f = (struct qmp_filter){.names = &names, .shared = &shared, .greeted = true};
	return 0;
}

static int tear_down(void **state)
{
	qmp_filter_free(&f);
	qmp_fds_free(&shared.fds);
	return 0;
}

static void client(const char *text)
{
	struct err err;

	assert_int_equal(qmp_filter_client(&f, text, strlen(text), &err), 0);
}

/* The answer, its last brace left out, to the last command. */
static void stub(const char *text)
{
	char answer[512];
	struct err err;

	snprintf(answer, sizeof(answer), "%s,\"id\":%" JSON_INTEGER_FORMAT "}", text,
		 f.last_id);
	assert_int_equal(qmp_filter_stub(&f, answer, strlen(answer), &err), 0);
}

/* The last command, its last brace left out. */
static void sent(const char *text)
{
	char command[512];

	snprintf(command, sizeof(command), "%s,\"id\":%" JSON_INTEGER_FORMAT "}\r\n",
		 text, f.last_id);
	expect(&f.to_stub, command);
}

static void go_on(void)
{
	struct err err;

	assert_int_equal(qmp_filter_go_on(&f, &err), 0);
}

/* Passes a descriptor and add-fd; it becomes set `set`. */
static int pass_fd(const char *path, int flags, int set)
{
	int fd = open(path, flags | O_CLOEXEC);
	char answer[100];

	assert_true(fd >= 0);
	qmp_arrived_put(&f.arrived, fd);
	client("{\"execute\":\"add-fd\",\"arguments\":{\"opaque\":\"raw:/x\"},\"id\":1}");
	snprintf(answer, sizeof(answer),
		 "{\"return\":{\"fdset-id\":%d,\"fd\":%d},\"id\":1}\r\n", set, fd);
	expect(&f.to_client, answer);
	return fd;
}

static void test_fd_sets(void **state)
{
	char text[200];
	int first, second;

	client("{\"execute\":\"add-fd\"}");
	expect(&f.to_client, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"add-fd: "
			     "No file descriptor supplied via SCM_RIGHTS\"}}\r\n");
	first = pass_fd("/dev/null", O_RDONLY, 0);
	second = pass_fd("/dev/null", O_WRONLY, 1);
	client("{\"execute\":\"query-fdsets\"}");
	snprintf(text, sizeof(text),
		 "{\"return\":[{\"fdset-id\":0,\"fds\":[{\"fd\":%d,\"opaque\":"
		 "\"raw:/x\"}]},{\"fdset-id\":1,\"fds\":[{\"fd\":%d,\"opaque\":"
		 "\"raw:/x\"}]}]}\r\n",
		 first, second);
	expect(&f.to_client, text);
	client("{\"execute\":\"remove-fd\",\"arguments\":{\"fdset-id\":0}}");
	expect(&f.to_client, "{\"return\":{}}\r\n");
	assert_int_equal(fcntl(first, F_GETFD), -1);
	client("{\"execute\":\"remove-fd\",\"arguments\":{\"fdset-id\":0}}");
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"remove-fd: File "
	       "descriptor named 'fdset-id:0' not found\"}}\r\n");
	/* The first number that is free, as QEMU does. */
	pass_fd("/dev/null", O_RDONLY, 0);
	assert_int_equal(f.to_stub.len, 0);
}

static void test_fd_bounds(void **state)
{
	for (int i = 0; i < QMP_FDS_MAX; i++)
		pass_fd("/dev/null", O_RDONLY, i);
	qmp_arrived_put(&f.arrived, open("/dev/null", O_RDONLY));
	client("{\"execute\":\"add-fd\"}");
	assert_non_null(memmem(buffer_bytes(&f.to_client), f.to_client.len,
			       "64 descriptors already", 22));
	for (int i = 0; i < 2 * QMP_ARRIVED_MAX; i++)
		qmp_arrived_put(&f.arrived, open("/dev/null", O_RDONLY));
	assert_int_equal(f.arrived.n, QMP_ARRIVED_MAX);
}

/* As libxl saves a guest: the file is whole before the client hears of it. */
static void test_save(void **state)
{
	pass_fd("/dev/null", O_WRONLY, 0);
	client("{\"execute\":\"xen-save-devices-state\",\"arguments\":{\"live\":false,"
	       "\"filename\":\"/dev/fdset/0\"},\"id\":7}{\"execute\":\"stop\"}");
	sent("{\"execute\":\"xen-save-devices-state\",\"arguments\":"
	     "{\"live\":false,\"filename\":\"/run/stubdom/saved\"}");
	assert_true(qmp_filter_client_full(&f));
	stub("{\"return\":{}");
	assert_int_equal(f.job.need, QMP_NEED_SAVE);
	assert_true(f.job.fd >= 0);
	assert_true(qmp_job_saves_state(&f.job));
	qmp_job_saved(&f.job, NULL);
	go_on();
	expect(&f.to_client, "{\"return\":{},\"id\":7}\r\n");
	/* The client's next bytes come after it. */
	sent("{\"execute\":\"stop\"");
	assert_null(shared.busy);
}

static void test_save_fails(void **state)
{
	pass_fd("/dev/null", O_RDONLY, 0);
	client("{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"/dev/fdset/0\"}}");
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"screendump: "
	       "/dev/fdset/0 has no descriptor of a file that can be written to\"}}\r\n");
	pass_fd("/dev/null", O_WRONLY, 1);
	client("{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"/dev/fdset/1\"},\"id\":2}");
	buffer_consume(&f.to_stub, f.to_stub.len);
	stub("{\"return\":{}");
	assert_false(qmp_job_saves_state(&f.job));
	qmp_job_saved(&f.job, "writing the file in dom0: No space left on device");
	go_on();
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"screendump: writing "
	       "the file in dom0: No space left on device\"},\"id\":2}\r\n");
	client("{\"execute\":\"pmemsave\",\"arguments\":{\"val\":0,\"size\":8388609,"
	       "\"filename\":\"/x\"}}");
	assert_non_null(
		memmem(buffer_bytes(&f.to_client), f.to_client.len, "at most 8 MiB", 13));
	assert_int_equal(f.to_stub.len, 0);
	assert_null(shared.busy);
}

/* Only in the hands of a client that may open it, a name is a right. */
static void test_file_by_name(void **state)
{
	static const char *const paths[] = {"/etc/x", "x", "",
					    "/var/lib/xen/qemu-save.1"};
	char command[128];

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		snprintf(
			command, sizeof(command),
			"{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"%s\"}}",
			paths[i]);
		client(command);
		expect(&f.to_client,
		       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"screendump: files "
		       "of dom0 are not written by their names; pass a descriptor of it "
		       "with add-fd and name /dev/fdset/N\"}}\r\n");
		assert_int_equal(f.to_stub.len, 0);
		assert_null(shared.busy);
	}
	pass_fd("/dev/null", O_WRONLY, 0);
	client("{\"execute\":\"screendump\",\"arguments\":{\"filename\":\"/dev/fdset/0\"}}");
	sent("{\"execute\":\"screendump\",\"arguments\":{\"filename\":"
	     "\"/run/stubdom/saved\"}");
	stub("{\"error\":{\"class\":\"GenericError\",\"desc\":\"no screen\"}");
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no screen\"}}\r\n");
}

#define CHECK "{\"execute\":\"query-named-block-nodes\",\"arguments\":{\"flat\":true}"

/* As libxl changes a CD. */
static void test_change_medium(void **state)
{
	qmp_shared_add_disk(&shared, "xvdb", "");
	qmp_shared_add_disk(&shared, "xvdaa", "");
	client("{\"execute\":\"eject\",\"arguments\":{\"id\":\"ide-5632\"},\"id\":1}");
	sent("{\"execute\":\"eject\",\"arguments\":{\"id\":\"ide-5632\"}");
	stub("{\"return\":{}");
	sent(CHECK);
	/* xvdb is gone; the client hears when the disk has gone, too. */
	stub("{\"return\":[{\"file\":\"/dev/xvda\"},{\"file\":\"/dev/xvdaa\"}]");
	assert_int_equal(f.job.need, QMP_NEED_DETACH);
	assert_string_equal(f.job.text, "xvdb");
	assert_int_equal(f.to_client.len, 0);
	qmp_job_detached(&f.job, &shared);
	go_on();
	expect(&f.to_client, "{\"return\":{},\"id\":1}\r\n");
	assert_int_equal(shared.media.n, 1);

	pass_fd("/dev/null", O_RDONLY, 0);
	client("{\"execute\":\"blockdev-change-medium\",\"arguments\":{\"id\":\"ide-"
	       "5632\",\"filename\":\"/dev/fdset/0\",\"format\":\"raw\"},\"id\":2}");
	assert_int_equal(f.job.need, QMP_NEED_ATTACH);
	qmp_job_attached(&f.job, &shared, "xvdb", NULL);
	go_on();
	sent("{\"execute\":\"blockdev-change-medium\",\"arguments\":{\"id\""
	     ":\"ide-5632\",\"filename\":\"/dev/xvdb\",\"format\":\"raw\"}");
	/* Its device node is a moment late. */
	stub("{\"error\":{\"class\":\"GenericError\",\"desc\":\"Could not open "
	     "'/dev/xvdb': No such file or directory\"}");
	assert_int_equal(f.job.need, QMP_NEED_TIME);
	qmp_job_again(&f.job);
	go_on();
	buffer_consume(&f.to_stub, f.to_stub.len);
	stub("{\"return\":{}");
	sent(CHECK);
	stub("{\"return\":[{\"file\":\"/dev/xvdb\"},{\"file\":\"/dev/xvdaa\"}]");
	expect(&f.to_client, "{\"return\":{},\"id\":2}\r\n");
	assert_int_equal(shared.media.n, 2);
}

/* The same by HMP, as people type it. */
static void test_eject_by_hmp(void **state)
{
	static const char *const lines[] = {"eject -f ide-5632", " drive_del more"};
	char text[120];

	for (size_t i = 0; i < 2; i++) {
		qmp_shared_add_disk(&shared, "xvdb", "");
		snprintf(text, sizeof(text),
			 "{\"execute\":\"human-monitor-command\",\"arguments\":{"
			 "\"command-line\":\"%s\"}",
			 lines[i]);
		client(text);
		client("}");
		sent(text);
		stub("{\"return\":\"\"");
		sent(CHECK);
		stub("{\"return\":[{\"file\":\"/dev/xvda\"}]");
		assert_int_equal(f.job.need, QMP_NEED_DETACH);
		qmp_job_detached(&f.job, &shared);
		go_on();
		expect(&f.to_client, "{\"return\":\"\"}\r\n");
		assert_int_equal(shared.media.n, 0);
	}
}

/* The tray is locked: QEMU's own error, and the disk that nobody uses goes. */
static void test_locked_tray(void **state)
{
	pass_fd("/dev/null", O_RDONLY, 0);
	client("{\"execute\":\"blockdev-change-medium\",\"arguments\":{\"filename\":"
	       "\"/dev/fdset/0\"}}");
	qmp_job_attached(&f.job, &shared, "xvdc", NULL);
	go_on();
	stub("{\"error\":{\"class\":\"GenericError\",\"desc\":\"locked\"}");
	stub("{\"return\":[]");
	assert_int_equal(f.job.need, QMP_NEED_DETACH);
	assert_string_equal(f.job.text, "xvdc");
	qmp_job_detached(&f.job, &shared);
	go_on();
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"locked\"}}\r\n");
	assert_int_equal(shared.media.n, 0);
}

/* A disk that cannot be kept account of is not kept. */
static void test_too_many_disks(void **state)
{
	for (int i = 0; i < QMP_MEDIA_MAX; i++)
		qmp_shared_add_disk(&shared, "xvdz", "");
	pass_fd("/dev/null", O_RDONLY, 0);
	client("{\"execute\":\"blockdev-change-medium\",\"arguments\":{\"filename\":"
	       "\"/dev/fdset/0\"}}");
	qmp_job_attached(&f.job, &shared, "xvdc", NULL);
	assert_int_equal(f.job.need, QMP_NEED_DETACH);
	assert_string_equal(f.job.text, "xvdc");
	qmp_job_detached(&f.job, &shared);
	go_on();
	expect(&f.to_client, "{\"error\":{\"class\":\"GenericError\",\"desc\":"
			     "\"blockdev-change-medium: too many disks\"}}\r\n");
	assert_int_equal(f.to_stub.len, 0);
}

static void test_disk_by_path(void **state)
{
	client("{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"raw\",\"file\":"
	       "{\"driver\":\"file\",\"filename\":\"/etc/shadow\"}}}");
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"/etc/shadow: a file of "
	       "dom0, which QEMU in its own domain cannot open; pass a descriptor of it "
	       "with add-fd and name /dev/fdset/N\"}}\r\n");
	assert_int_equal(f.to_stub.len, 0);
	pass_fd("/dev/null", O_RDONLY, 0);
	client("{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"raw\",\"file\":"
	       "{\"driver\":\"file\",\"filename\":\"/dev/fdset/0\"}}}");
	qmp_job_attached(&f.job, &shared, "xvdd", NULL);
	go_on();
	sent("{\"execute\":\"blockdev-add\",\"arguments\":{\"driver\":\"raw\",\"file\":"
	     "{\"driver\":\"host_device\",\"filename\":\"/dev/xvdd\"}}");
}

/* Two clients: the second one's job has its turn when the first one's is over. */
/* QEMU's list of its disks. */
#define BLOCKS                                                                           \
	"{\"return\":[{\"device\":\"ide0-hd0\",\"qdev\":\"/m/x\",\"inserted\":{"         \
	"\"node-name\":\"#block1\",\"file\":\"/dev/xvda\"}},{\"device\":\"ide1-cd0\"},"  \
	"{\"device\":\"hd1\",\"inserted\":{\"node-name\":\"#block2\",\"file\":"          \
	"\"json:{\\\"filename\\\":\\\"/dev/xvdab\\\"}\"}}]"

static void expect_growth(const char *command, const char *query, const char *need)
{
	char text[200];

	client(command);
	snprintf(text, sizeof(text), "{\"execute\":\"%s\"", query);
	sent(text);
	stub(strcmp(query, "query-block") == 0
		     ? BLOCKS
		     : "{\"return\":[{\"node-name\":\"#block2\",\"file\":\"/dev/xvdab\"}]");
	assert_int_equal(f.job.need, QMP_NEED_GROW);
	assert_string_equal(f.job.text, need);
	assert_int_equal(f.to_stub.len, 0);
}

static void test_growth(void **state)
{
	static const char resize[] =
		"{\"execute\":\"block_resize\",\"arguments\":{"
		"\"device\":\"ide0-hd0\",\"size\":1048576},\"id\":7}";

	expect_growth(resize, "query-block", "xvda 1048576");
	qmp_job_granted(&f.job, NULL);
	go_on();
	sent("{\"execute\":\"block_resize\",\"arguments\":{\"device\":\"ide0-hd0\","
	     "\"size\":1048576}");
	/* QEMU's kernel hears of the new length a moment later. */
	stub("{\"error\":{\"class\":\"GenericError\",\"desc\":\"Cannot grow device files\"}");
	assert_int_equal(f.job.need, QMP_NEED_TIME);
	qmp_job_again(&f.job);
	go_on();
	assert_true(f.to_stub.len > 0);
	buffer_consume(&f.to_stub, f.to_stub.len);
	stub("{\"return\":{}");
	expect(&f.to_client, "{\"return\":{},\"id\":7}\r\n");

	/* Refused by the launcher: QEMU does not hear of it. */
	expect_growth(resize, "query-block", "xvda 1048576");
	qmp_job_granted(&f.job, "no room");
	go_on();
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"block_resize: "
	       "no room\"},\"id\":7}\r\n");
	assert_int_equal(f.to_stub.len, 0);
}

#define PCI_ADD                                                                          \
	"{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"xen-pci-passthrough\"," \
	"\"id\":\"pci-pt-01_00.0\",\"hostaddr\":\"0000:01:00.0\"}"
#define PCI_QUERY "{\"execute\":\"query-pci\""
#define PCI_HAS                                                                          \
	"{\"return\":[{\"bus\":0,\"devices\":[{\"qdev_id\":\"\"},"                       \
	"{\"qdev_id\":\"pci-pt-01_00.0\"}]}]"
#define PCI_HAS_NOT "{\"return\":[{\"bus\":0,\"devices\":[{\"qdev_id\":\"\"}]}]"

static void expect_need(enum qmp_need need)
{
	assert_int_equal(f.job.need, need);
	assert_string_equal(f.job.text, "0000:01:00.0");
	assert_int_equal(f.to_stub.len, 0);
	assert_int_equal(f.to_client.len, 0);
}

/* A device is lent before QEMU hears of it. */
static void add_device(void)
{
	client(PCI_ADD ",\"id\":5}");
	expect_need(QMP_NEED_LEND);
	qmp_job_lent(&f.job, &shared, NULL);
	go_on();
	sent(PCI_ADD);
}

static void test_pci_device(void **state)
{
	/* Without one these pass as they are. */
	client(PCI_QUERY "}");
	sent(PCI_QUERY);
	stub(PCI_HAS_NOT);
	expect(&f.to_client, PCI_HAS_NOT "}\r\n");
	client("{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"e1000\"}}");
	sent("{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"e1000\"}");
	stub("{\"return\":{}");
	expect(&f.to_client, "{\"return\":{}}\r\n");

	add_device();
	stub("{\"return\":{}");
	expect(&f.to_client, "{\"return\":{},\"id\":5}\r\n");
	client("{\"execute\":\"xen-save-devices-state\",\"arguments\":{\"filename\":"
	       "\"/dev/fdset/0\"}}");
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"xen-save-devices-state: "
	       "the guest has a PCI device of dom0's, whose state cannot be saved; detach it "
	       "(xl pci-detach)\"}}\r\n");
	client(PCI_QUERY "}");
	sent(PCI_QUERY);
	stub(PCI_HAS);
	expect(&f.to_client, PCI_HAS "}\r\n");
	/* QEMU has let go: the answer waits until dom0 has it back. */
	client(PCI_QUERY ",\"id\":6}");
	sent(PCI_QUERY);
	stub(PCI_HAS_NOT);
	expect_need(QMP_NEED_RETURN);
	qmp_job_returned(&f.job, &shared);
	go_on();
	expect(&f.to_client, PCI_HAS_NOT ",\"id\":6}\r\n");
	assert_int_equal(shared.lent.n, 0);
}

/* An answer that an earlier client's job asked for is no answer for another device. */
static void test_pci_device_late(void **state)
{
	client(PCI_ADD ",\"id\":5}");
	assert_false(qmp_job_wants_lent(&f.job, "0000:01:00.0"));
	f.job.asked = true;
	assert_true(qmp_job_wants_lent(&f.job, "0000:01:00.0"));
	assert_false(qmp_job_wants_lent(&f.job, "0000:02:00.0"));
	assert_false(qmp_lent_has(&shared.lent, "0000:01:00.0"));
	qmp_job_lent(&f.job, &shared, NULL);
	assert_false(qmp_job_wants_lent(&f.job, "0000:01:00.0"));
	assert_true(qmp_lent_has(&shared.lent, "0000:01:00.0"));
	assert_false(qmp_lent_has(&shared.lent, "0000:02:00.0"));
}

static void test_pci_device_fails(void **state)
{
	client(PCI_ADD ",\"id\":5}");
	qmp_job_lent(&f.job, &shared, "not the guest's");
	go_on();
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"device_add: not the "
	       "guest's\"},\"id\":5}\r\n");
	/* QEMU does not take it. */
	add_device();
	stub("{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"}");
	expect_need(QMP_NEED_RETURN);
	qmp_job_returned(&f.job, &shared);
	go_on();
	expect(&f.to_client, "{\"error\":{\"class\":\"GenericError\",\"desc\":\"no\"},"
			     "\"id\":5}\r\n");
	assert_int_equal(shared.lent.n, 0);
	/* A name that cannot be one is the launcher's to refuse; too many are ours. */
	for (unsigned i = 0; i < PCI_LENT_MAX; i++)
		snprintf(shared.lent.list[shared.lent.n++].name, QMP_LENT_NAME_MAX, "%u",
			 i);
	client(PCI_ADD ",\"id\":5}");
	qmp_job_lent(&f.job, &shared, NULL);
	expect_need(QMP_NEED_RETURN);
	qmp_job_returned(&f.job, &shared);
	go_on();
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"device_add: too many "
	       "PCI devices\"},\"id\":5}\r\n");
}

static void test_guest_may_run(void **state)
{
	static const char cont[] = "{\"execute\":\"cont\",\"id\":8}";

	client(cont);
	assert_int_equal(f.job.need, QMP_NEED_RUN);
	assert_int_equal(f.to_stub.len, 0);
	qmp_job_granted(&f.job, NULL);
	go_on();
	sent("{\"execute\":\"cont\"");
	stub("{\"return\":{}");
	expect(&f.to_client, "{\"return\":{},\"id\":8}\r\n");

	client(cont);
	qmp_job_granted(&f.job, "its p9= cannot be served");
	go_on();
	expect(&f.to_client,
	       "{\"error\":{\"class\":\"GenericError\",\"desc\":\"cont: its p9= "
	       "cannot be served\"},\"id\":8}\r\n");
	assert_int_equal(f.to_stub.len, 0);
}

static void test_growth_forms(void **state)
{
	static const struct {
		const char *command, *query, *need;
	} cases[] = {
		{"{\"execute\":\"blockdev-snapshot-internal-sync\",\"arguments\":{"
		 "\"device\":\"hd1\",\"name\":\"s\"}}",
		 "query-block", "xvdab 0"},
		{"{\"execute\":\"block_resize\",\"arguments\":{\"node-name\":\"#block2\","
		 "\"size\":512}}",
		 "query-named-block-nodes", "xvdab 512"},
		{"{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
		 "\"block_resize  ide0-hd0 1.5G\"}}",
		 "query-block", "xvda 1610612736"},
		{"{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
		 "\"block_resize hd1 4\\n\"}}",
		 "query-block", "xvdab 4194304"},
		{"{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
		 "\"snapshot_blkdev_internal /m/x s\"}}",
		 "query-block", "xvda 0"},
	};
	static const char *const passed[] = {
		"{\"execute\":\"block_resize\",\"arguments\":{\"size\":512}}",
		"{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
		"\"info block\"}}",
		"{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
		"\"block_resize hd1 4Q\"}}",
		"{\"execute\":\"human-monitor-command\"}",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_growth(cases[i].command, cases[i].query, cases[i].need);
		qmp_job_granted(&f.job, NULL);
		go_on();
		buffer_consume(&f.to_stub, f.to_stub.len);
		stub("{\"return\":{}");
		buffer_consume(&f.to_client, f.to_client.len);
	}
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++) {
		char text[200];

		client(passed[i]);
		snprintf(text, sizeof(text), "%.*s", (int)strlen(passed[i]) - 1,
			 passed[i]);
		sent(text);
		stub("{\"return\":{}");
		buffer_consume(&f.to_client, f.to_client.len);
	}
	/* A device that QEMU does not know, and one without a medium: its own words. */
	client("{\"execute\":\"block_resize\",\"arguments\":{\"device\":\"ide1-cd0\","
	       "\"size\":512}}");
	buffer_consume(&f.to_stub, f.to_stub.len);
	stub(BLOCKS);
	assert_int_equal(f.job.need, QMP_NEED_NONE);
	assert_true(f.to_stub.len > 0);
	buffer_consume(&f.to_stub, f.to_stub.len);
	stub("{\"return\":{}");
	buffer_consume(&f.to_client, f.to_client.len);
	client("{\"execute\":\"human-monitor-command\",\"arguments\":{\"command-line\":"
	       "\"savevm x\"}}");
	assert_int_equal(f.to_stub.len, 0);
	buffer_append(&f.to_client, "", 1, 65536);
	assert_non_null(strstr(buffer_bytes(&f.to_client), "'xl save'"));
}

static void test_one_job_at_a_time(void **state)
{
	struct qmp_filter other = {.names = &names, .shared = &shared, .greeted = true};
	static const char eject[] = "{\"execute\":\"eject\"}";
	struct err err;

	client(eject);
	sent("{\"execute\":\"eject\"");
	assert_int_equal(qmp_filter_client(&other, eject, strlen(eject), &err), 0);
	assert_int_equal(other.to_stub.len, 0);
	assert_false(qmp_filter_can_go_on(&other));
	/* The first client goes away in the middle. */
	qmp_filter_free(&f);
	assert_true(qmp_filter_can_go_on(&other));
	assert_int_equal(qmp_filter_go_on(&other, &err), 0);
	expect(&other.to_stub, "{\"execute\":\"eject\",\"id\":1}\r\n");
	qmp_filter_free(&other);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_fd_sets),
		T(test_fd_bounds),
		T(test_save),
		T(test_save_fails),
		T(test_file_by_name),
		T(test_change_medium),
		T(test_eject_by_hmp),
		T(test_locked_tray),
		T(test_too_many_disks),
		T(test_disk_by_path),
		T(test_growth),
		T(test_pci_device),
		T(test_pci_device_fails),
		T(test_guest_may_run),
		T(test_growth_forms),
		T(test_one_job_at_a_time),
		T(test_pci_device_late),
	};

	int rc;

	schema = sample_schema_load();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	qmp_schema_free(&schema);
	return rc;
}
