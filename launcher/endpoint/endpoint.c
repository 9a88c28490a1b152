/* SPDX-License-Identifier: MIT */
/* Where a channel ends in dom0: a socket, pty, file or descriptor. */
#include "endpoint/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include "endpoint/tcp.h"
#include "unix_address.h"

/* A unix socket, and the address that the plan names. */
static int make_unix(const struct plan_endpoint *plan, struct sockaddr_un *addr,
		     struct err *err)
{
	int fd;

	if (unix_address_set(addr, plan->path) < 0)
		return err_set(err, ERR_HOST, "%s: longer than a unix socket's name",
			       plan->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return fd >= 0 ? fd : err_errno(err, ERR_HOST, errno, "making a unix socket");
}

static int dial_unix(const struct plan_endpoint *plan, struct err *err)
{
	struct sockaddr_un addr;
	int fd = make_unix(plan, &addr, err);

	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0)
		return fd;
	err_errno(err, ERR_HOST, errno, "connecting to %s", plan->path);
	close(fd);
	return -1;
}

/* One that is tried again need not be there at the start, as in QEMU. */
static int may_fail(const struct endpoint *end, int rc)
{
	return end->plan->reconnect_s ? 0 : rc;
}

static int open_unix_client(struct endpoint *end, struct err *err)
{
	snprintf(end->name, sizeof(end->name), "unix:%s", end->plan->path);
	end->in_fd = end->out_fd = dial_unix(end->plan, err);
	return may_fail(end, end->in_fd < 0 ? -1 : 0);
}

static int open_tcp_client(struct endpoint *end, struct err *err)
{
	return may_fail(end, endpoint_tcp_connect(end, err));
}

static int open_unix(struct endpoint *end, struct err *err)
{
	const struct plan_endpoint *plan = end->plan;
	struct sockaddr_un addr;
	struct stat st;
	int fd = make_unix(plan, &addr, err);

	if (fd < 0)
		return -1;
	snprintf(end->name, sizeof(end->name), "disconnected:unix:%s,server=on",
		 plan->path);
	if (lstat(plan->path, &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(plan->path);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    chmod(plan->path, 0600) < 0 || listen(fd, 4) < 0) {
		err_errno(err, ERR_HOST, errno, "listening on %s", plan->path);
		close(fd);
		return -1;
	}
	end->listen_fd = fd;
	return 0;
}

/*
 * A master tells by POLLHUP that nobody has the other side open, but nothing
 * tells when somebody opens it, except the file system.
 */
static int watch_pty(const char *name)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

	if (fd >= 0 && inotify_add_watch(fd, name, IN_OPEN) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_pty(struct endpoint *end, struct err *err)
{
	struct termios raw;
	char name[128];
	int slave;

	if (openpty(&end->in_fd, &slave, NULL, NULL, NULL) < 0) {
		end->in_fd = -1;
		return err_errno(err, ERR_HOST, errno, "making a pty");
	}
	end->out_fd = end->in_fd;
	end->is_pty = true;
	if (ttyname_r(slave, name, sizeof(name)) != 0 || tcgetattr(slave, &raw) < 0)
		err_errno(err, ERR_HOST, errno, "looking at a pty");
	else
		err->code = ERR_NONE;
	cfmakeraw(&raw);
	tcsetattr(slave, TCSAFLUSH, &raw);
	/* Closed, so that the master tells (POLLHUP) whether somebody has it open. */
	close(slave);
	if (err->code)
		return -1;
	snprintf(end->name, sizeof(end->name), "pty:%s", name);
	end->opened_fd = watch_pty(name);
	fcntl(end->in_fd, F_SETFD, FD_CLOEXEC);
	fcntl(end->in_fd, F_SETFL, O_NONBLOCK | O_RDWR);
	if (end->plan->path) {
		struct stat st;

		if (lstat(end->plan->path, &st) == 0 && S_ISLNK(st.st_mode))
			unlink(end->plan->path);
		if (symlink(name, end->plan->path) < 0)
			return err_errno(err, ERR_HOST, errno, "linking %s to %s",
					 end->plan->path, name);
	}
	return 0;
}

static int open_file(struct endpoint *end, struct err *err)
{
	const struct plan_endpoint *plan = end->plan;
	/* O_NONBLOCK: a FIFO without a reader must not hold us here. */
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		    (plan->append ? O_APPEND : O_TRUNC);

	end->out_fd = open(plan->path, flags, 0644);
	if (end->out_fd < 0)
		return err_errno(err, ERR_HOST, errno, "writing to %s", plan->path);
	end->is_file = true;
	snprintf(end->name, sizeof(end->name), "file");
	return 0;
}

static int open_fd(struct endpoint *end, struct err *err)
{
	int fd = end->plan->fd;

	if (fcntl(fd, F_GETFD) < 0)
		return err_errno(err, ERR_HOST, errno,
				 "descriptor %d, which the caller should have left open",
				 fd);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	snprintf(end->name, sizeof(end->name), "%s:fd=%d",
		 end->plan->listening ? "disconnected:unix" : "unix", fd);
	if (end->plan->listening)
		end->listen_fd = fd;
	else
		end->in_fd = end->out_fd = fd;
	return 0;
}

static int open_stdio(struct endpoint *end, struct err *err)
{
	end->in_fd = STDIN_FILENO;
	end->out_fd = STDOUT_FILENO;
	snprintf(end->name, sizeof(end->name), "stdio");
	return 0;
}

static int open_null(struct endpoint *end, struct err *err)
{
	end->discards = true;
	snprintf(end->name, sizeof(end->name), "null");
	return 0;
}

/* endpoint_share follows, once every other endpoint is open. */
static int open_shared(struct endpoint *end, struct err *err)
{
	(void)err;
	snprintf(end->name, sizeof(end->name), "shared:%s", end->plan->with);
	return 0;
}

static int (*const openers[])(struct endpoint *, struct err *) = {
	[PLAN_ENDPOINT_UNIX_LISTEN] = open_unix,
	[PLAN_ENDPOINT_UNIX_CONNECT] = open_unix_client,
	[PLAN_ENDPOINT_FD] = open_fd,
	[PLAN_ENDPOINT_PTY] = open_pty,
	[PLAN_ENDPOINT_FILE] = open_file,
	[PLAN_ENDPOINT_TCP_LISTEN] = endpoint_tcp_listen,
	[PLAN_ENDPOINT_TCP_CONNECT] = open_tcp_client,
	[PLAN_ENDPOINT_STDIO] = open_stdio,
	[PLAN_ENDPOINT_DISCARD] = open_null,
	[PLAN_ENDPOINT_SHARED] = open_shared,
};

int endpoint_open(struct endpoint *end, const struct plan_endpoint *plan, struct err *err)
{
	*end = (struct endpoint){.plan = plan,
				 .listen_fd = -1,
				 .in_fd = -1,
				 .out_fd = -1,
				 .opened_fd = -1};
	return openers[plan->type](end, err);
}

int endpoint_lookup(struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_channels; i++) {
		struct plan_endpoint *end = &plan->channels[i].endpoint;

		if (end->type == PLAN_ENDPOINT_TCP_CONNECT && end->reconnect_s &&
		    !end->addresses && endpoint_tcp_lookup(end, err) < 0)
			return err_prefix(err, "channel %s", plan->channels[i].name);
	}
	return 0;
}

int endpoint_dial(const struct plan_endpoint *plan, struct err *err)
{
	return plan->type == PLAN_ENDPOINT_UNIX_CONNECT ? dial_unix(plan, err)
							: endpoint_tcp_dial(plan, err);
}

void endpoint_take(struct endpoint *end, int fd)
{
	end->in_fd = end->out_fd = fd;
	end->connecting = true;
	endpoint_update(end);
}

int endpoint_share(struct endpoint *end, const struct endpoint *other, struct err *err)
{
	end->listen_fd = fcntl(other->listen_fd, F_DUPFD_CLOEXEC, 3);
	return end->listen_fd >= 0
		       ? 0
		       : err_errno(err, ERR_HOST, errno, "sharing %s", other->name);
}

bool endpoint_connected(const struct endpoint *end)
{
	if (end->connecting)
		return false;
	if (end->is_pty)
		return end->attached;
	return end->out_fd >= 0 || end->in_fd >= 0 || end->discards;
}

void endpoint_accept(struct endpoint *end)
{
	int fd;

	if (end->listen_fd < 0 || end->in_fd >= 0)
		return;
	fd = accept4(end->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		end->in_fd = end->out_fd = fd;
}

static void update_connecting(struct endpoint *end)
{
	struct pollfd pfd = {.fd = end->in_fd, .events = POLLOUT};

	if (poll(&pfd, 1, 0) <= 0)
		return;
	end->connecting = false;
	if (pfd.revents & (POLLERR | POLLHUP))
		endpoint_disconnect(end);
}

void endpoint_update(struct endpoint *end)
{
	struct pollfd pfd = {.fd = end->in_fd};
	char events[512];

	if (end->connecting)
		update_connecting(end);
	if (!end->is_pty || end->in_fd < 0)
		return;
	while (end->opened_fd >= 0 && read(end->opened_fd, events, sizeof(events)) > 0)
		;
	end->attached = poll(&pfd, 1, 0) == 0 || !(pfd.revents & POLLHUP);
}

void endpoint_disconnect(struct endpoint *end)
{
	if (end->is_pty) {
		end->attached = false;
		return;
	}
	if (end->in_fd > STDERR_FILENO)
		close(end->in_fd);
	if (end->out_fd != end->in_fd && end->out_fd > STDERR_FILENO)
		close(end->out_fd);
	end->in_fd = end->out_fd = -1;
}

bool endpoint_end_input(struct endpoint *end)
{
	if (end->is_pty || end->in_fd == end->out_fd)
		return false;
	if (end->in_fd > STDERR_FILENO)
		close(end->in_fd);
	end->in_fd = -1;
	return true;
}

void endpoint_close(struct endpoint *end)
{
	end->is_pty = false;
	endpoint_disconnect(end);
	if (end->listen_fd >= 0)
		close(end->listen_fd);
	if (end->opened_fd >= 0)
		close(end->opened_fd);
	end->listen_fd = end->opened_fd = -1;
}

/* A socket that nobody listens on is left over; one that answers is another's. */
static void remove_dead_socket(const char *path)
{
	struct sockaddr_un addr;
	struct stat st;
	int fd;

	/* What is no socket refuses a connection, too. */
	if (unix_address_set(&addr, path) < 0 || lstat(path, &st) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 &&
	    errno == ECONNREFUSED)
		unlink(path);
	close(fd);
}

void endpoint_tidy(const struct plan_endpoint *plan)
{
	struct stat st;

	if (!plan->path)
		return;
	if (plan->type == PLAN_ENDPOINT_UNIX_LISTEN)
		remove_dead_socket(plan->path);
	/* A pty's link: once the master is closed it leads nowhere. */
	if (plan->type == PLAN_ENDPOINT_PTY && lstat(plan->path, &st) == 0 &&
	    S_ISLNK(st.st_mode) && stat(plan->path, &st) < 0)
		unlink(plan->path);
}
