/* SPDX-License-Identifier: MIT */
/* Talks to the QEMU of a guest, from a process without rights. */
#include "domain/asker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "fds.h"
#include "qmp_client.h"
#include "sandbox/sandbox.h"
#include "xalloc.h"

enum {
	ANSWER_MS = 10000, /* but for the first */
	REMOVE_MS = 1000,
	ROUNDS = 3,
};

struct order {
	uint32_t number, step;
};

/* Code 0, or text says why not. */
struct answer {
	uint32_t number; /* of the step */
	int32_t code;
	struct replace_gone gone; /* of ASKER_LOOK, and after it */
	char text[900];
};

struct child {
	const struct plan *plan;
	struct qmp_client qmp;
	struct replace_gone gone;
	int state_fd;
	unsigned vcpus;
	int greet_ms;
};

static int run_for(struct child *child, json_t *command, int ms, json_t **result,
		   struct err *err)
{
	cleanup_json json_t *taken = command;
	cleanup_json json_t *ignored = NULL;

	return qmp_client_run(&child->qmp, taken, ms, ERR_STUB,
			      result ? result : &ignored, err);
}

static int run(struct child *child, json_t *command, json_t **result, struct err *err)
{
	return run_for(child, command, ANSWER_MS, result, err);
}

static json_t *plain(const char *name)
{
	return json_pack("{s:s}", "execute", name);
}

static int check_status(struct child *child, struct err *err)
{
	cleanup_json json_t *result = NULL;
	const char *status;

	if (run(child, plain("query-status"), &result, err) < 0)
		return -1;
	status = json_string_value(json_object_get(result, "status"));
	if (json_is_true(json_object_get(result, "running")))
		return 0;
	return err_set(err, ERR_GUEST,
		       "the guest does not run (QEMU says '%s'): it is paused, saved or "
		       "migrated, or shut down",
		       status ? status : "?");
}

/* Disks and NICs: a guest's PV drivers take emulated ones away. */
static int find_gone(struct child *child, struct err *err)
{
	cleanup_json json_t *blocks = NULL;
	cleanup_json json_t *pci = NULL;

	if (run(child, plain("query-block"), &blocks, err) < 0 ||
	    run(child, plain("query-pci"), &pci, err) < 0)
		return -1;
	return replace_gone_find(child->plan, blocks, pci, &child->gone, err);
}

/*
 * QEMU keeps each device of a -device option, or of device_add, in one of two folders.
 * Back ends of PV devices are there, too, and are looked at by others.
 */
static int count_devices(struct child *child, const char *folder, size_t *n,
			 struct err *err)
{
	cleanup_json json_t *result = NULL;
	size_t i;
	json_t *item;

	if (run(child,
		json_pack("{s:s, s:{s:s}}", "execute", "qom-list", "arguments", "path",
			  folder),
		&result, err) < 0)
		return -1;
	json_array_foreach(result, i, item) {
		const char *type = json_string_value(json_object_get(item, "type"));

		*n += type && strncmp(type, "child<", 6) == 0 &&
		      strcmp(type, "child<xen-backend>") != 0;
	}
	return 0;
}

static int check_devices(struct child *child, struct err *err)
{
	size_t wanted = 0, found = 0;

	for (size_t i = 0; i < child->plan->n_qemu; i++)
		wanted += plan_is_option(child->plan, i, "-device") &&
			  !replace_gone_drops(child->plan, &child->gone, i);
	if (count_devices(child, "/machine/peripheral", &found, err) < 0 ||
	    count_devices(child, "/machine/peripheral-anon", &found, err) < 0)
		return -1;
	if (found == wanted)
		return 0;
	return err_set(err, ERR_GUEST,
		       "QEMU has %zu devices in place of %zu at the guest's start: some "
		       "were added or taken away; the new QEMU could not be given the "
		       "same",
		       found, wanted);
}

/*
 * A request of the guest's may be on its way to QEMU, one for each vCPU and the buffered
 * ones.  QEMU takes them in the loop in which it answers QMP, at least one in each round.
 * After so many answers it has taken all.
 */
static int let_drain(struct child *child, struct err *err)
{
	for (unsigned i = 0; i < child->vcpus + ROUNDS; i++) {
		if (run(child, plain("query-status"), NULL, err) < 0)
			return -1;
	}
	return 0;
}

/* The relay keeps it as long as any client is there, and no more than 64. */
static void remove_fd(struct child *child, json_int_t set)
{
	struct err ignored;

	run_for(child,
		json_pack("{s:s, s:{s:I}}", "execute", "remove-fd", "arguments",
			  "fdset-id", set),
		REMOVE_MS, NULL, &ignored);
}

static int save(struct child *child, struct err *err)
{
	char path[40];
	json_int_t set;
	int rc;

	if (let_drain(child, err) < 0 || run(child, plain("stop"), NULL, err) < 0 ||
	    qmp_client_add_fd(&child->qmp, child->state_fd, ANSWER_MS, &set, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "/dev/fdset/%lld", (long long)set);
	rc = run(child,
		 json_pack("{s:s, s:{s:s, s:b}}", "execute", "xen-save-devices-state",
			   "arguments", "filename", path, "live", 1),
		 NULL, err);
	remove_fd(child, set);
	/*
	 * It flushes all disks once more, though nothing runs (do_vm_stop).  As it saved, QEMU
	 * may have written to a qcow2 file's header, which Linux would write back later, over
	 * the new QEMU's.
	 */
	return rc < 0 ? rc : run(child, plain("stop"), NULL, err);
}

static int do_step(struct child *child, enum asker_step step, struct err *err)
{
	if (step == ASKER_GREET)
		return 0; /* open_qmp has seen it answer */
	if (step == ASKER_LOOK)
		return check_status(child, err) < 0 || find_gone(child, err) < 0 ||
				       check_devices(child, err) < 0
			       ? -1
			       : 0;
	if (step == ASKER_SAVE)
		return save(child, err);
	return run_for(child, plain("cont"), ASKER_BACK_MS, NULL, err);
}

/* The relay's walls.  It writes to no file: QEMU's state comes by the relay's hand. */
static int give_up_root(uid_t uid, struct err *err)
{
	if (relay_sandbox_drop(uid, 0, err) < 0)
		return -1;
	/* The kernel forgets it when the user changes. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_errno(err, ERR_HOST, errno, "giving up root");
	return relay_sandbox_check(uid, err) < 0 ? -1 : relay_filter_load(err);
}

static int open_qmp(struct child *child, uid_t uid, struct err *err)
{
	cleanup_free char *path = xasprintf(STUBDOM_RUN_DIR "/%u/" STUBDOM_RUN_QMP,
					    child->plan->guest_domid);

	if (qmp_client_open(&child->qmp, path, child->greet_ms, err) < 0)
		return err_prefix(err, "another client of 'stubdom qmp' may hold it");
	if (give_up_root(uid, err) == 0)
		return 0;
	/* No later step is root's. */
	qmp_client_close(&child->qmp);
	return -1;
}

static _Noreturn void child_main(struct child *child, int socket, uid_t uid)
{
	int keep[] = {socket, child->state_fd};
	sigset_t all;
	struct order order;
	struct err err = {0};
	int rc;

	/* The launcher's signals are blocked, and are not ours. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "stubdom-asker");
	fds_close_except(keep, sizeof(keep) / sizeof(keep[0]));
	rc = open_qmp(child, uid, &err);
	while (read(socket, &order, sizeof(order)) == sizeof(order)) {
		struct answer answer = {.number = order.number};

		if (rc == 0)
			rc = do_step(child, (enum asker_step)order.step, &err);
		answer.code = rc < 0 ? err.code : 0;
		answer.gone = child->gone;
		snprintf(answer.text, sizeof(answer.text), "%.*s",
			 (int)sizeof(answer.text) - 1, rc < 0 ? err.msg : "");
		/* After a failed step QEMU can still be told to go on. */
		if (child->qmp.fd >= 0)
			rc = 0;
		if (write(socket, &answer, sizeof(answer)) < 0)
			break;
	}
	_exit(0);
}

int asker_start(struct asker *asker, const struct asker_about *about, libxl_ctx *libxl,
		struct err *err)
{
	struct child child = {.plan = about->plan,
			      .qmp.fd = -1,
			      .state_fd = about->state_fd,
			      .vcpus = about->vcpus,
			      .greet_ms = about->greet_ms};
	int pair[2];

	*asker = (struct asker){.fd = -1};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(err, ERR_HOST, errno, "making a socket pair");
	asker->pid = fork();
	if (asker->pid == 0) {
		libxl_postfork_child_noexec(libxl);
		close(pair[0]);
		child_main(&child, pair[1], about->uid);
	}
	close(pair[1]);
	asker->fd = pair[0];
	if (asker->pid > 0)
		return 0;
	asker->pid = 0;
	return err_errno(err, ERR_HOST, errno, "starting a process");
}

static int report_end(struct asker *asker, struct err *err)
{
	asker_stop(asker);
	return err_set(err, ERR_HOST, "the process that asks QEMU has ended");
}

int asker_ask(struct asker *asker, enum asker_step step, struct err *err)
{
	struct order order = {.number = ++asker->asked, .step = step};

	if (send(asker->fd, &order, sizeof(order), MSG_NOSIGNAL) == sizeof(order))
		return 0;
	return report_end(asker, err);
}

int asker_hear(struct asker *asker, struct replace_gone *gone, struct err *err)
{
	struct answer answer;

	if (recv(asker->fd, &answer, sizeof(answer), MSG_DONTWAIT) != sizeof(answer))
		return report_end(asker, err);
	if (answer.number != asker->asked)
		return 1;
	answer.text[sizeof(answer.text) - 1] = '\0';
	if (answer.code)
		return err_set(err, ERR_STUB, "%s", answer.text);
	*gone = answer.gone;
	return 0;
}

void asker_stop(struct asker *asker)
{
	if (asker->fd >= 0)
		close(asker->fd);
	if (asker->pid > 0) {
		kill(asker->pid, SIGKILL);
		while (waitpid(asker->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*asker = (struct asker){.fd = -1};
}
