/* SPDX-License-Identifier: MIT */
/* Our own options: values, files, precedence, and old spellings. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plan/stubopt.h"

/* A configuration directory of the test's own. */
static char dir[] = "/tmp/test_stubopt.XXXXXX";

static void remove_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static int make_dir(void **state)
{
	char guests[64];

	if (!mkdtemp(dir))
		return -1;
	snprintf(guests, sizeof(guests), "%s/guests", dir);
	return mkdir(guests, 0700);
}

static int drop_dir(void **state)
{
	char guests[64];

	remove_file("stubdom.conf");
	remove_file("guests/s1.conf");
	snprintf(guests, sizeof(guests), "%s/guests", dir);
	rmdir(guests);
	return rmdir(dir);
}

static void test_defaults(void **state)
{
	struct stubopt opt;

	stubopt_init(&opt);
	assert_string_equal(stubopt_kernel_name(opt.kernel), "auto");
	assert_string_equal(stubopt_type_name(opt.type), "pvh");
	assert_int_equal(opt.memory_mb, 0);
	assert_int_equal(opt.vcpus, 1);
	assert_int_equal(opt.timeout_s, 120);
	assert_int_equal(opt.log, LOG_LEVEL_INFO);
	assert_string_equal(opt.image, "/var/lib/qemu-stubdom/image");
	assert_null(opt.topology);
	stubopt_free(&opt);
}

/* Every spelling ever released.  A release adds lines; none is ever changed. */
static const struct {
	const char *argument;
	struct stubopt expected;
} spellings[] = {
	/* 0.1 */
	{"kernel=auto", {.kernel = STUBOPT_KERNEL_AUTO}},
	{"kernel=linux", {.kernel = STUBOPT_KERNEL_LINUX}},
	{"kernel=nub", {.kernel = STUBOPT_KERNEL_NUB}},
	{"type=pvh", {.type = STUBOPT_TYPE_PVH}},
	{"type=pv", {.type = STUBOPT_TYPE_PV}},
	{"on_dm_crash=leave", {.on_crash = STUBOPT_ON_CRASH_LEAVE}},
	{"on_dm_crash=pause", {.on_crash = STUBOPT_ON_CRASH_PAUSE}},
	{"on_dm_crash=destroy", {.on_crash = STUBOPT_ON_CRASH_DESTROY}},
	{"on_dm_crash=restart", {.on_crash = STUBOPT_ON_CRASH_RESTART}},
	{"device-model=stubdom", {.device_model = STUBOPT_MODEL_STUBDOM}},
	{"device-model=dom0", {.device_model = STUBOPT_MODEL_DOM0}},
	{"replace=offer", {.replace = STUBOPT_REPLACE_OFFER}},
	{"replace=never", {.replace = STUBOPT_REPLACE_NEVER}},
	{"replace=auto", {.replace = STUBOPT_REPLACE_AUTO}},
	{"memory=32", {.memory_mb = 32}},
	{"memory=1048576", {.memory_mb = 1048576}},
	{"vcpus=4", {.vcpus = 4}},
	{"weight=512", {.weight = 512}},
	{"cap=50", {.cap = 50}},
	{"cpupool=Pool-0", {.cpupool = (char *)"Pool-0"}},
	{"cpus=0-3,,6", {.cpus = (char *)"0-3,6"}},
	{"uid-base=65536", {.uid_base = 65536}},
	{"uid-base=4294934543", {.uid_base = 4294934543u}},
	{"timeout=7", {.timeout_s = 7}},
	{"silence-max=10", {.silence_max_s = 10}},
	{"core=no", {.core = 0}},
	{"core=yes", {.core = 1}},
	{"log=error", {.log = LOG_LEVEL_ERROR}},
	{"log=warn", {.log = LOG_LEVEL_WARN}},
	{"log=info", {.log = LOG_LEVEL_INFO}},
	{"log=debug", {.log = LOG_LEVEL_DEBUG}},
	{"image=/a,,b", {.image = (char *)"/a,b"}},
	{"topology=/t", {.topology = (char *)"/t"}},
	{"backend=net-domain", {.backend = (char *)"net-domain"}},
	{"memory=64,vcpus=2,type=pv",
	 {.memory_mb = 64, .vcpus = 2, .type = STUBOPT_TYPE_PV}},
	{"memory=64,memory=65", {.memory_mb = 65}},
};

static void check_text(const char *got, const char *want)
{
	if (want)
		assert_string_equal(got, want);
	else
		assert_null(got);
}

static void test_every_spelling(void **state)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		const struct stubopt *want = &spellings[i].expected;
		struct stubopt opt;
		struct err err;

		stubopt_init(&opt);
		opt.log = want->log; /* has no value that means "not said" */
		if (stubopt_set_argument(&opt, spellings[i].argument, &err) < 0)
			fail_msg("%s: %s", spellings[i].argument, err.msg);
		assert_int_equal(opt.kernel, want->kernel);
		assert_int_equal(opt.type, want->type);
		assert_int_equal(opt.device_model, want->device_model);
		assert_int_equal(opt.replace, want->replace);
		assert_int_equal(opt.on_crash, want->on_crash);
		assert_int_equal(opt.memory_mb, want->memory_mb);
		assert_int_equal(opt.vcpus, want->vcpus ? want->vcpus : 1);
		assert_int_equal(opt.uid_base,
				 want->uid_base ? want->uid_base : 2130706432u);
		assert_int_equal(opt.weight,
				 want->weight ? want->weight : STUBOPT_AS_GUEST);
		assert_int_equal(opt.cap, want->cap ? want->cap : STUBOPT_AS_GUEST);
		check_text(opt.cpupool, want->cpupool);
		check_text(opt.cpus, want->cpus);
		assert_int_equal(opt.timeout_s, want->timeout_s ? want->timeout_s : 120);
		assert_int_equal(opt.silence_max_s, want->silence_max_s);
		assert_int_equal(opt.core, want->core);
		assert_int_equal(opt.log, want->log);
		assert_string_equal(opt.image, want->image
						       ? want->image
						       : "/var/lib/qemu-stubdom/image");
		if (want->topology)
			assert_string_equal(opt.topology, want->topology);
		else
			assert_null(opt.topology);
		if (want->backend)
			assert_string_equal(opt.backend, want->backend);
		else
			assert_null(opt.backend);
		assert_int_equal(opt.n_warnings, 0);
		stubopt_free(&opt);
	}
}

static void check_refused(struct stubopt *opt, const char *argument, const char *says)
{
	struct err err;

	assert_int_equal(stubopt_set_argument(opt, argument, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	if (!strstr(err.msg, says))
		fail_msg("%s: '%s' does not say '%s'", argument, err.msg, says);
}

static void test_refused(void **state)
{
	struct stubopt opt;

	stubopt_init(&opt);
	check_refused(&opt, "kernel=bsd", "kernel: 'bsd' is not auto, linux or nub");
	check_refused(&opt, "type=hvm", "type: 'hvm' is not pvh or pv");
	check_refused(&opt, "device-model=qemu",
		      "device-model: 'qemu' is not stubdom or dom0");
	check_refused(&opt, "memory=31", "memory: '31' is not a number of MiB");
	check_refused(&opt, "memory=1048577", "is not a number of MiB");
	check_refused(&opt, "memory=64M", "is not a number of MiB");
	check_refused(&opt, "memory=-1", "is not a number of MiB");
	check_refused(&opt, "memory=99999999999999999999", "is not a number of MiB");
	check_refused(&opt, "memory=", "is not a number of MiB");
	check_refused(
		&opt, "uid-base=1000",
		"uid-base: '1000' is not a number of at least 65536, and below 2^32 "
		"with that of a domain");
	check_refused(
		&opt, "uid-base=4294934544",
		"uid-base: '4294934544' is not a number of at least 65536, and below "
		"2^32 with that of a domain");
	check_refused(&opt, "weight=0", "weight: '0' is not a number from 1 to 65535");
	check_refused(&opt, "cap=6401",
		      "cap: '6401' is not a percentage of a CPU, from 0 (none) to 6400");
	check_refused(&opt, "cpus=3-1",
		      "cpus: '3-1' is not a list of CPUs such as 0-3,6");
	check_refused(&opt, "cpus=1,,", "cpus: '1,' is not a list of CPUs such as 0-3,6");
	check_refused(&opt, "cpus=all",
		      "cpus: 'all' is not a list of CPUs such as 0-3,6");
	check_refused(&opt, "cpus=16384",
		      "cpus: '16384' is not a list of CPUs such as 0-3,6");
	check_refused(&opt, "vcpus=0", "vcpus: '0' is not a number from 1 to 64");
	check_refused(&opt, "seclabel=dm_dom_t", "is not a security label such as");
	check_refused(&opt, "seclabel=a:b:c d", "is not a security label such as");
	check_refused(&opt, "container-max=0", "is not a number of MiB, at least 1");
	check_refused(&opt, "timeout=soon", "is not a number of seconds");
	check_refused(&opt, "silence-max=9", "is not a number of seconds");
	check_refused(&opt, "log=loud", "is not error, warn, info or debug");
	check_refused(&opt, "image=here", "image: 'here' is not an absolute path");
	check_refused(&opt, "topology=", "is not an absolute path");
	check_refused(&opt, "backend=", "is not a domain's name or number");
	check_refused(&opt, "backend=a b", "is not a domain's name or number");
	check_refused(&opt, "backend=../0", "is not a domain's name or number");
	check_refused(&opt, "colour=red",
		      "'colour' is no option; there are backend, backing, cap, "
		      "container-max, core, cpupool, cpus, device-model, image");
	check_refused(&opt, "memory", "is not a number of MiB");
	check_refused(&opt, "=3", "has no name");
	stubopt_free(&opt);
}

static int load(struct stubopt *opt, const char *const *argv, struct err *err)
{
	struct args args;
	int argc = 0;
	int rc;

	while (argv[argc])
		argc++;
	assert_int_equal(args_split(argc, (char *const *)argv, &args, err), 0);
	stubopt_init(opt);
	rc = stubopt_load(opt, dir, &args, err);
	args_free(&args);
	return rc;
}

static void test_kernel_is_chosen(void **state)
{
	static const struct {
		const char *argument;
		enum stubopt_kernel kernel;
	} lines[] = {
		{"vcpus=1", STUBOPT_KERNEL_NUB},
		{"type=pvh,kernel=auto", STUBOPT_KERNEL_NUB},
		{"type=pv", STUBOPT_KERNEL_LINUX},
		{"kernel=linux", STUBOPT_KERNEL_LINUX},
		{"type=pv,kernel=linux", STUBOPT_KERNEL_LINUX},
	};
	struct stubopt opt;
	struct err err;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *const line[] = {"dm", "-stubdom", lines[i].argument, NULL};

		assert_int_equal(load(&opt, line, &err), 0);
		assert_int_equal(opt.kernel, lines[i].kernel);
		stubopt_free(&opt);
	}
	const char *const both[] = {"dm", "-stubdom", "type=pv,kernel=nub", NULL};

	assert_int_equal(load(&opt, both, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_string_equal(err.msg,
			    "kernel=nub: nub is a PVH kernel; leave type=pv out, "
			    "or give kernel=linux");
	stubopt_free(&opt);
}

static void test_precedence(void **state)
{
	const char *const line[] = {"dm",      "-name",	   "s1",	"-stubdom",
				    "vcpus=3", "-stubdom", "timeout=4", NULL};
	const char *const no_name[] = {"dm", NULL};
	const char *const odd_name[] = {"dm", "-name", "../stubdom", NULL};
	struct stubopt opt;
	struct err err;

	unit_write_file(dir, "stubdom.conf",
			"memory = 100\nvcpus=1\ntimeout = 2\nlog = debug\n");
	unit_write_file(dir, "guests/s1.conf",
			"# ours\n\n  memory=200   # MiB\nvcpus = 2\r\n"
			"topology = /etc/a#b\n");
	assert_int_equal(load(&opt, line, &err), 0);
	assert_int_equal(opt.memory_mb, 200);
	assert_int_equal(opt.vcpus, 3);
	assert_int_equal(opt.timeout_s, 4);
	assert_int_equal(opt.log, LOG_LEVEL_DEBUG);
	assert_string_equal(opt.topology, "/etc/a#b");
	stubopt_free(&opt);
	assert_int_equal(load(&opt, no_name, &err), 0);
	assert_int_equal(opt.memory_mb, 100);
	stubopt_free(&opt);
	assert_int_equal(load(&opt, odd_name, &err), 0);
	assert_int_equal(opt.memory_mb, 100);
	stubopt_free(&opt);
}

static void test_file_errors(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"memory = 64\nvcpus\n", "guests/s1.conf:2: expected 'key = value'"},
		{"\n\n\nmemory = x", "guests/s1.conf:4: memory: 'x' is not a number"},
		{"what = 1", "guests/s1.conf:1: 'what' is no option"},
		{"= 1", "guests/s1.conf:1: '' is no option"},
	};
	const char *const line[] = {"dm", "-name", "s1,process=x", NULL};
	char binary[128];
	struct stubopt opt;
	struct err err;
	FILE *f;

	remove_file("stubdom.conf");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unit_write_file(dir, "guests/s1.conf", cases[i].text);
		assert_int_equal(load(&opt, line, &err), -1);
		assert_int_equal(err.code, ERR_USAGE);
		assert_ptr_equal(strstr(err.msg, dir), err.msg);
		if (!strstr(err.msg, cases[i].says))
			fail_msg("'%s' does not say '%s'", err.msg, cases[i].says);
		stubopt_free(&opt);
	}
	snprintf(binary, sizeof(binary), "%s/guests/s1.conf", dir);
	f = fopen(binary, "w");
	assert_non_null(f);
	fwrite("vcpus = 2\nlog\0 = info\n", 1, 22, f);
	fclose(f);
	assert_int_equal(load(&opt, line, &err), -1);
	assert_non_null(strstr(err.msg, "s1.conf:2: not text"));
	stubopt_free(&opt);
	remove_file("guests/s1.conf");
}

static void test_argument_error(void **state)
{
	const char *const line[] = {"dm", "-S", "-stubdom", "vcpus=many", NULL};
	struct stubopt opt;
	struct err err;

	assert_int_equal(load(&opt, line, &err), -1);
	assert_string_equal(err.msg,
			    "argument 2, '-stubdom vcpus=many': vcpus: 'many' is "
			    "not a number from 1 to 64");
	stubopt_free(&opt);
}

/* The mechanism, with a table of the test's own: the product's is empty so far. */
static void test_deprecation(void **state)
{
	static const struct deprecation list[] = {
		{"mem", NULL, "memory", NULL, "0.1", "99.0"},
		{"kernel", "rump", "kernel", "nub", "0.1", "99.0"},
		{"cores", NULL, "vcpus", NULL, "0.0", "0.1.0"},
	};
	static const struct deprecation_table table = {list, 3};
	struct stubopt opt;
	struct err err;

	stubopt_init(&opt);
	opt.deprecations = &table;
	assert_int_equal(
		stubopt_set_argument(&opt, "mem=77,kernel=rump,mem=77,vcpus=2", &err), 0);
	assert_int_equal(opt.memory_mb, 77);
	assert_int_equal(opt.kernel, STUBOPT_KERNEL_NUB);
	assert_int_equal(opt.n_warnings, 2);
	assert_string_equal(
		opt.warnings[0],
		"mem=77: old spelling, will be removed in 99.0; write memory=77");
	assert_string_equal(
		opt.warnings[1],
		"kernel=rump: old spelling, will be removed in 99.0; write kernel=nub");
	assert_int_equal(stubopt_set_argument(&opt, "kernel=linux", &err), 0);
	assert_int_equal(opt.n_warnings, 2);
	check_refused(&opt, "cores=2", "cores=2: removed in 0.1.0; write vcpus=2");
	stubopt_free(&opt);
}

/* A deprecated spelling still has to mean something. */
static void test_deprecations_lead_somewhere(void **state)
{
	for (size_t i = 0; i < deprecations.n; i++) {
		const struct deprecation *d = &deprecations.list[i];
		struct stubopt opt;
		struct err err;

		assert_true(version_compare(d->since, d->removed_in) < 0);
		assert_null(deprecation_find(&deprecations, d->new_key,
					     d->new_value ? d->new_value : ""));
		stubopt_init(&opt);
		if (d->new_value && stubopt_set(&opt, d->new_key, d->new_value, &err) < 0)
			fail_msg("%s", err.msg);
		stubopt_free(&opt);
	}
}

static void test_versions(void **state)
{
	static const struct {
		const char *a, *b;
		int order;
	} cases[] = {
		{"0.1", "0.1", 0},
		{"0.1", "0.1.0", 0},
		{"0.9", "0.10", -1},
		{"1.0", "0.10", 1},
		{"4.20", "4.9", 1},
		{"4.20.1-pre", "4.20.1", 0},
		{"6.12.86+deb13-amd64", "6.12.78", 1},
		{"6.12.9", "6.12.78", -1},
		{"", "0.1", -1},
		{"garbage", "0", 0},
		{"1.", "1", 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(version_compare(cases[i].a, cases[i].b), cases[i].order);
		assert_int_equal(version_compare(cases[i].b, cases[i].a),
				 -cases[i].order);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_spelling),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_kernel_is_chosen),
		cmocka_unit_test(test_precedence),
		cmocka_unit_test(test_file_errors),
		cmocka_unit_test(test_argument_error),
		cmocka_unit_test(test_deprecation),
		cmocka_unit_test(test_deprecations_lead_somewhere),
		cmocka_unit_test(test_versions),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
