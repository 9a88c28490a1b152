/* SPDX-License-Identifier: MIT */
/* Answers the toolstack's QMP where there is no QEMU: none was started, or it has died. */
#include "domain/stand_in.h"

#include <string.h>

#include "cleanup.h"
#include "log.h"

enum { SEND_MS = 1000, VCPUS_MAX = 4096 };

struct asked {
	const struct stand_in *stand_in;
	unsigned refused;
};

/* libxl reads the version only, to tell an old QEMU's commands. */
static json_t *greeting(void)
{
	return json_pack("{s:{s:{s:{s:i, s:i, s:i}, s:s}, s:[]}}", "QMP", "version",
			 "qemu", "major", 8, "minor", 0, "micro", 0, "package",
			 "stubdom-dm, no QEMU", "capabilities");
}

static json_t *tell_vcpus(unsigned n)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < n && i < VCPUS_MAX; i++)
		json_array_append_new(list, json_pack("{s:i}", "cpu-index", (int)i));
	return json_pack("{s:o}", "return", list);
}

static json_t *answer(void *arg, const char *command)
{
	struct asked *asked = arg;

	if (asked->stand_in->vcpus && strcmp(command, "query-cpus-fast") == 0)
		return tell_vcpus(asked->stand_in->vcpus);
	if (asked->stand_in->vcpus && strcmp(command, "query-status") == 0)
		return json_pack("{s:{s:s, s:b}}", "return", "status", "internal-error",
				 "running", 0);
	asked->refused++;
	return qmp_server_error("GenericError", asked->stand_in->why);
}

int stand_in_open(struct stand_in *stand_in, const struct plan_endpoint *plan,
		  struct err *err)
{
	struct stand_in_end *end = &stand_in->ends[stand_in->n];

	if (stand_in->n == STAND_IN_ENDS_MAX)
		return err_set(err, ERR_HOST, "more than %d QMP sockets",
			       STAND_IN_ENDS_MAX);
	if (endpoint_open(&end->end, plan, err) < 0)
		return -1;
	stand_in->n++;
	return 0;
}

size_t stand_in_poll(struct stand_in *stand_in, struct pollfd *fds)
{
	for (size_t i = 0; i < stand_in->n; i++) {
		const struct endpoint *end = &stand_in->ends[i].end;

		fds[i] = (struct pollfd){.fd = end->in_fd >= 0 ? end->in_fd
							       : end->listen_fd,
					 .events = POLLIN};
	}
	return stand_in->n;
}

static int serve(struct stand_in_end *end, struct asked *asked, struct err *err)
{
	cleanup_json json_t *hello = NULL;

	if (end->end.in_fd >= 0) {
		end->server.arg = asked;
		return qmp_server_read(&end->server, err);
	}
	endpoint_accept(&end->end);
	if (end->end.in_fd < 0)
		return 0;
	qmp_server_init(&end->server, end->end.in_fd, SEND_MS, answer, asked);
	hello = greeting();
	return qmp_server_send(&end->server, hello, err);
}

unsigned stand_in_serve(struct stand_in *stand_in, const struct pollfd *fds)
{
	struct asked asked = {.stand_in = stand_in};

	for (size_t i = 0; i < stand_in->n; i++) {
		struct err err;

		if (fds[i].revents && serve(&stand_in->ends[i], &asked, &err) != 0)
			endpoint_disconnect(&stand_in->ends[i].end);
	}
	return asked.refused;
}

void stand_in_close(struct stand_in *stand_in)
{
	for (size_t i = 0; i < stand_in->n; i++) {
		endpoint_close(&stand_in->ends[i].end);
		endpoint_tidy(stand_in->ends[i].end.plan);
	}
	stand_in->n = 0;
}
