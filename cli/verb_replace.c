/* SPDX-License-Identifier: MIT */
/* stubdom replace: a new stub domain, with a new QEMU, under a guest that runs. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "clock.h"
#include "decimal.h"
#include "guest.h"
#include "guest_json.h"
#include "plan/stubopt.h"
#include "verb.h"
#include "xalloc.h"
#include "xenstore_util.h"

enum {
	BEGIN_MS = 20000, /* until its stubdom-dm has begun */
	WORK_MS = 600000, /* more than all its own limits together */
	LOOK_MS = 1000,
	PARALLEL_MAX = 64,
	FACT_MAX = 128, /* bytes of a path */
};

struct options {
	const char *image;
	unsigned memory_mb, vcpus; /* 0: as now */
	const char *topology;	   /* NULL: as now */
	bool nub;
	bool as_json;
	bool upgrade;	   /* by each guest's replace= */
	unsigned parallel; /* guests at a time */
};

struct request {
	struct xs_handle *xs;
	const struct guest *guest;
	char number[32];
	char phase[16]; /* the latest */
	bool quiet;
};

static void name_fact(const struct request *r, const char *node, char path[FACT_MAX])
{
	snprintf(path, FACT_MAX, STUBDOM_XS_FACTS "/%u/%s", r->guest->domid, node);
}

/* For the caller; NULL: it is not there. */
static char *read_fact(const struct request *r, xs_transaction_t t, const char *node)
{
	char path[FACT_MAX];

	name_fact(r, node, path);
	return xs_read(r->xs, t, path, NULL);
}

/* Words of stubdom-dm's, which is root's. */
static void show_phase(struct request *r)
{
	static const char *const known[] = STUBDOM_REPLACE_PHASES;
	cleanup_free char *phase = read_fact(r, XBT_NULL, STUBDOM_FACT_REPLACE_PHASE);

	for (size_t i = 0; phase && i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(phase, known[i]) != 0 || strcmp(r->phase, phase) == 0)
			continue;
		snprintf(r->phase, sizeof(r->phase), "%s", known[i]);
		if (!r->quiet)
			fprintf(stderr, "%s: %s\n", r->guest->name ? r->guest->name : "?",
				r->phase);
	}
}

/* The text after our number; NULL: it is another one's, or there is none yet. */
static const char *find_text(const struct request *r, const char *node)
{
	size_t len = strlen(r->number);

	return node && strncmp(node, r->number, len) == 0 && node[len] == ' '
		       ? node + len + 1
		       : NULL;
}

/* Not done later, when nobody expects it any more. */
static int give_up(const struct request *r, struct err *err)
{
	xenstore_remove(r->xs, STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_REPLACE_ASK,
			r->guest->domid);
	return err_set(err, ERR_HOST,
		       "its stubdom-dm, process %d, does not begin; if it is of an older "
		       "version, it cannot",
		       (int)r->guest->launcher);
}

static int wait_answer(struct request *r, char **out, struct err *err)
{
	const int64_t began = clock_ms();

	for (;;) {
		/* In this order: nobody asks before the answer to us is there. */
		cleanup_free char *asked =
			read_fact(r, XBT_NULL, STUBDOM_FACT_REPLACE_ASK);
		cleanup_free char *answer =
			read_fact(r, XBT_NULL, STUBDOM_FACT_REPLACE_ANSWER);
		const char *text = find_text(r, answer);
		struct pollfd pfd = {.fd = xs_fileno(r->xs), .events = POLLIN};

		if (text) {
			*out = xstrdup(text);
			return 0;
		}
		show_phase(r);
		if (!asked)
			return err_set(err, ERR_STUB,
				       "the guest's stub domain has ended meanwhile; "
				       "'stubdom log' may say why");
		if (kill(r->guest->launcher, 0) < 0 && errno == ESRCH)
			return err_set(
				err, ERR_HOST,
				"its stubdom-dm, process %d, was killed meanwhile; "
				"'stubdom status' says what became of the guest",
				(int)r->guest->launcher);
		if (!find_text(r, asked))
			return err_set(err, VERB_NO,
				       "another 'stubdom replace' has taken its place");
		if (!r->phase[0] && clock_ms() - began > BEGIN_MS)
			return give_up(r, err);
		if (clock_ms() - began > WORK_MS)
			return err_set(err, ERR_HOST,
				       "its stubdom-dm does not come to an "
				       "end; 'stubdom log' may say why");
		poll(&pfd, 1, LOOK_MS);
		for (char **event; (event = xs_check_watch(r->xs));)
			free(event);
	}
}

/* Whether there is a phase, and no answer to what was asked. */
static bool is_at_work(const struct request *r, xs_transaction_t t)
{
	cleanup_free char *phase = read_fact(r, t, STUBDOM_FACT_REPLACE_PHASE);
	cleanup_free char *asked = read_fact(r, t, STUBDOM_FACT_REPLACE_ASK);
	cleanup_free char *answer = read_fact(r, t, STUBDOM_FACT_REPLACE_ANSWER);
	size_t number = asked ? strcspn(asked, " ") : 0;

	return phase && !(asked && answer && strncmp(asked, answer, number + 1) == 0);
}

/*
 * Only where the guest's record is still there, for nobody else would take the node away,
 * and if nobody is at work.
 */
static int write_request(const struct request *r, const char *text, struct err *err)
{
	char ask[FACT_MAX];

	name_fact(r, STUBDOM_FACT_REPLACE_ASK, ask);
	for (;;) {
		xs_transaction_t t = xs_transaction_start(r->xs);
		cleanup_free char *launcher =
			t ? read_fact(r, t, STUBDOM_FACT_LAUNCHER) : NULL;
		bool works = launcher && is_at_work(r, t);
		bool ok = launcher && !works &&
			  xs_write(r->xs, t, ask, text, (unsigned)strlen(text));

		if (t && xs_transaction_end(r->xs, t, !ok) && ok)
			return 0;
		if (works)
			return err_set(err, VERB_NO,
				       "another 'stubdom replace' is at work on it");
		if (t && !launcher)
			return err_set(err, ERR_STUB, "its stub domain has ended");
		if (!ok || errno != EAGAIN)
			return err_errno(err, ERR_HOST, errno, "xenstore: writing %s",
					 ask);
	}
}

static int put_request(struct request *r, const struct options *options, struct err *err)
{
	char memory[32] = "", vcpus[32] = "";
	cleanup_free char *topology = NULL;
	cleanup_free char *text = NULL;
	char path[FACT_MAX];
	struct timespec ts;

	name_fact(r, STUBDOM_FACT_REPLACE, path);
	clock_gettime(CLOCK_MONOTONIC, &ts);
	snprintf(r->number, sizeof(r->number), "%llu%09ld", (unsigned long long)ts.tv_sec,
		 ts.tv_nsec);
	if (options->memory_mb)
		snprintf(memory, sizeof(memory), "memory=%u ", options->memory_mb);
	if (options->vcpus)
		snprintf(vcpus, sizeof(vcpus), "vcpus=%u ", options->vcpus);
	topology = options->topology ? xasprintf("topology=%s ", options->topology)
				     : xstrdup("");
	text = xasprintf("%s %s%s%s%s%s", r->number, memory, vcpus,
			 options->nub ? "kernel=nub " : "", topology,
			 options->image ? options->image : r->guest->image);
	if (!xs_watch(r->xs, path, "replace"))
		return err_set(err, ERR_HOST, "xenstore: watching %s", path);
	return write_request(r, text, err);
}

/* "stub=5 pause_ms=3 ..." as members of the guest's answer. */
static json_t *parse(const struct guest *guest, const char *text)
{
	json_t *out = guest_json_begin(guest);
	char key[32];
	long long value;
	int n;

	for (; sscanf(text, " %31[a-z_]=%18lld%n", key, &value, &n) == 2; text += n)
		json_object_set_new(out, key, json_integer(value));
	return out;
}

static void print(const struct guest *guest, const char *text, bool as_json)
{
	cleanup_json json_t *got = parse(guest, text);

	if (!as_json) {
		printf("%s: domain %lld has replaced domain %u; the guest was paused for "
		       "%lld ms\n",
		       guest->name ? guest->name : "?",
		       (long long)json_integer_value(json_object_get(got, "stub")),
		       guest->stub_domid,
		       (long long)json_integer_value(json_object_get(got, "pause_ms")));
		return;
	}
	json_object_set_new(got, "old_stub", json_integer(guest->stub_domid));
	guest_print_json(got);
}

static int replace(struct request *r, const struct options *options, struct err *err)
{
	cleanup_free char *answer = NULL;

	if (put_request(r, options, err) < 0 || wait_answer(r, &answer, err) < 0)
		return -1;
	if (strncmp(answer, "error ", 6) == 0)
		return err_set(err, VERB_NO, "%s", answer + 6);
	print(r->guest, answer, options->as_json);
	return 0;
}

static int replace_guest(const char *name, const struct options *options, struct err *err)
{
	struct request r = {.quiet = options->as_json || !isatty(STDERR_FILENO)};
	struct guest guest;
	int rc = -1;

	if (guest_find(name, &guest, err) < 0)
		return -1;
	r.guest = &guest;
	r.xs = xs_open(0);
	if (!r.xs)
		err_set(err, ERR_HOST, "xenstore cannot be reached");
	else if (!guest.stub_alive || !guest.launcher_alive)
		err_set(err, ERR_STUB,
			guest.stub_alive ? "its stubdom-dm has ended"
					 : "its stub domain has ended, and nothing of "
					   "QEMU's state is left");
	else
		rc = replace(&r, options, err);
	if (r.xs)
		xs_close(r.xs);
	guest_free(&guest);
	return rc < 0 ? err_prefix(err, "%s", name) : 0;
}

/* In a process of its own, which says on its own how it went. */
static pid_t begin(const char *name, const struct options *options)
{
	struct err err;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid != 0)
		return pid;
	err.code = 0;
	if (replace_guest(name, options, &err) < 0)
		fprintf(stderr, "stubdom: %s\n", err.msg);
	fflush(stdout);
	_exit(err.code);
}

static bool end_one(void)
{
	int status;

	return waitpid(-1, &status, 0) > 0 && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/*
 * Whether it has the image that it would get: then an earlier call has done it.  Why an
 * image cannot be read is stubdom-dm's to say.  One without a mark is too old for that.
 */
static bool is_done(const struct guest *guest, const char *image)
{
	return (!image || (guest->image && strcmp(guest->image, image) == 0)) &&
	       (!guest->image_mark || guest_image_look(guest) == GUEST_IMAGE_SAME);
}

static enum stubopt_replace read_policy(const char *name)
{
	char *argv[] = {(char *)"", (char *)"-name", (char *)name, NULL};
	enum stubopt_replace policy;
	struct stubopt options;
	struct args args;
	struct err err;

	args_split_known(3, argv, &args);
	stubopt_init(&options);
	policy = stubopt_load(&options, CONFDIR, &args, &err) < 0 ? STUBOPT_REPLACE_OFFER
								  : options.replace;
	stubopt_free(&options);
	args_free(&args);
	return policy;
}

/* Whether this guest is to be replaced now.  Names it if it is only offered. */
static bool is_wanted(const struct guest *guest, const struct options *options)
{
	enum stubopt_replace policy;

	if (!guest->stub_alive || is_done(guest, options->image))
		return false;
	if (!options->upgrade || !guest->name)
		return !options->upgrade;
	policy = read_policy(guest->name);
	if (policy == STUBOPT_REPLACE_OFFER && !options->as_json &&
	    guest_image_is_older(guest))
		printf("%s runs an older image: 'stubdom replace %u' gives it the new QEMU\n",
		       guest->name, guest->domid);
	return policy == STUBOPT_REPLACE_AUTO;
}

static int replace_all(const struct options *options, struct err *err)
{
	struct guest_list list;
	unsigned running = 0, failed = 0, asked = 0;

	if (guest_list_read(&list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++) {
		char id[16];

		if (!is_wanted(&list.guests[i], options))
			continue;
		if (running == options->parallel) {
			failed += !end_one();
			running--;
		}
		snprintf(id, sizeof(id), "%u", list.guests[i].domid);
		asked++;
		if (begin(id, options) > 0)
			running++;
		else
			failed++;
	}
	while (running-- > 0)
		failed += !end_one();
	guest_list_free(&list);
	if (!options->as_json && !options->upgrade && asked == 0)
		puts("no guest runs an older image");
	if (failed == 0)
		return 0;
	return err_set(err, VERB_NO, "%u of %u guests have their old QEMU still", failed,
		       asked);
}

static int take_option(int c, struct options *options, bool *all, struct err *err)
{
	if (c == 'i' && optarg[0] != '/')
		return verb_usage_error("replace", err, "'%s': not an absolute path",
					optarg);
	if (c == 'p' &&
	    decimal_parse_unsigned(optarg, 1, PARALLEL_MAX, &options->parallel) < 0)
		return verb_usage_error("replace", err,
					"'%s': expected a number from 1 to %d", optarg,
					PARALLEL_MAX);
	if (c == 'm' &&
	    decimal_parse_unsigned(optarg, STUBOPT_MEMORY_MIN_MB, STUBOPT_MEMORY_MAX_MB,
				   &options->memory_mb) < 0)
		return verb_usage_error("replace", err,
					"'%s': expected a number of MiB, at least %d",
					optarg, STUBOPT_MEMORY_MIN_MB);
	if (c == 'v' &&
	    decimal_parse_unsigned(optarg, 1, STUBOPT_VCPUS_MAX, &options->vcpus) < 0)
		return verb_usage_error("replace", err,
					"'%s': expected a number from 1 to %d", optarg,
					STUBOPT_VCPUS_MAX);
	if (c == 'k' && strcmp(optarg, "nub") != 0)
		return verb_usage_error("replace", err,
					"'%s': only nub can take a running guest",
					optarg);
	if (c == 't' && (optarg[0] != '/' || strchr(optarg, ' ')))
		return verb_usage_error("replace", err,
					"'%s': not an absolute path without spaces",
					optarg);
	if (c == 'i')
		options->image = optarg;
	if (c == 't')
		options->topology = optarg;
	options->nub |= c == 'k';
	*all |= c == 'a' || c == 'u';
	options->upgrade |= c == 'u';
	options->as_json |= c == 'j';
	return c == '?' ? -1 : 0;
}

int verb_replace(int argc, char **argv, struct err *err)
{
	static const struct option names[] = {{"all", no_argument, NULL, 'a'},
					      {"image", required_argument, NULL, 'i'},
					      {"json", no_argument, NULL, 'j'},
					      {"kernel", required_argument, NULL, 'k'},
					      {"memory", required_argument, NULL, 'm'},
					      {"parallel", required_argument, NULL, 'p'},
					      {"topology", required_argument, NULL, 't'},
					      {"upgrade", no_argument, NULL, 'u'},
					      {"vcpus", required_argument, NULL, 'v'},
					      {0}};
	struct options options = {.parallel = 1};
	bool all = false;
	int c;

	while ((c = verb_getopt(argc, argv, "", names, err)) != -1)
		if (take_option(c, &options, &all, err) < 0)
			return -1;
	if (argc - optind != !all)
		return verb_usage_error(argv[0], err, "expected one GUEST or --all");
	if (all)
		return replace_all(&options, err);
	return replace_guest(argv[optind], &options, err);
}
