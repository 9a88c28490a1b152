/* SPDX-License-Identifier: MIT */
/* A channel's end in dom0: a socket, pty, file or descriptor. */
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

#include "cleanup.h"
#include "endpoint/tcp.h"
#include "log.h"
#include "trusted_path.h"
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

/*
 * Gives the socket its name and, from its first moment on, its mode: Linux takes that
 * from the socket's own.  A folder that others may change is looked up once, and the
 * socket is made in that one.
 */
static int bind_unix(int fd, const struct trusted_path *at, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int n = at->foreign || at->sticky
			? snprintf(addr.sun_path, sizeof(addr.sun_path),
				   "/proc/self/fd/%d/%s", at->dir, at->name)
			: snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);

	if ((size_t)n >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return fchmod(fd, 0600) < 0 ? -1
				    : bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

/*
 * Removes the file that an earlier program has left under the name, if it is of that
 * type.
 */
static void remove_type(const struct trusted_path *at, mode_t type)
{
	struct stat st;

	if (fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (st.st_mode & S_IFMT) == type)
		unlinkat(at->dir, at->name, 0);
}

static int open_unix(struct endpoint *end, struct err *err)
{
	const struct plan_endpoint *plan = end->plan;
	cleanup_fd int dir = -1;
	struct trusted_path at;
	struct sockaddr_un addr;
	int fd = make_unix(plan, &addr, err);

	if (fd < 0)
		return -1;
	snprintf(end->name, sizeof(end->name), "disconnected:unix:%s,server=on",
		 plan->path);
	if (trusted_path_open(plan->path, false, &at, err) < 0) {
		close(fd);
		return -1;
	}
	dir = at.dir;
	if (at.foreign)
		log_warn("%s: other users can put another socket in its place; they can "
			 "change the folder %s",
			 plan->path, at.weak);
	remove_type(&at, S_IFSOCK);
	if (bind_unix(fd, &at, plan->path) < 0 || listen(fd, 4) < 0) {
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

static int link_pty(const char *path, const char *pty, struct err *err)
{
	cleanup_fd int dir = -1;
	struct trusted_path at;

	if (trusted_path_open(path, false, &at, err) < 0)
		return -1;
	dir = at.dir;
	remove_type(&at, S_IFLNK);
	if (symlinkat(pty, dir, at.name) < 0)
		return err_errno(err, ERR_HOST, errno, "linking %s to %s", path, pty);
	return 0;
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
	return end->plan->path ? link_pty(end->plan->path, name, err) : 0;
}

/*
 * Another user's link, or second name of a file, could have root write to any file.  So
 * neither is taken from a folder that others can write to.
 */
static int open_output(const struct plan_endpoint *plan, struct err *err)
{
	/* O_NONBLOCK: a FIFO without a reader must not hold us here. */
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		    (plan->append ? O_APPEND : 0);
	cleanup_fd int dir = -1;
	struct trusted_path at;
	struct stat st;
	int fd;

	if (trusted_path_open(plan->path, true, &at, err) < 0)
		return -1;
	dir = at.dir;
	if (at.foreign || at.sticky)
		flags |= O_NOFOLLOW;
	fd = openat(dir, at.name, flags, 0644);
	if (fd < 0 || fstat(fd, &st) < 0)
		err_errno(err, ERR_HOST, errno, "writing to %s", plan->path);
	else if ((at.foreign || at.sticky) && S_ISREG(st.st_mode) && st.st_nlink != 1)
		err_set(err, ERR_HOST,
			"writing to %s: the file has another name, too, and other users "
			"can write to its folder; remove it, or choose another folder",
			plan->path);
	else if (!plan->append && S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0)
		err_errno(err, ERR_HOST, errno, "emptying %s", plan->path);
	else
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static int open_file(struct endpoint *end, struct err *err)
{
	end->out_fd = open_output(end->plan, err);
	if (end->out_fd < 0)
		return -1;
	end->is_file = true;
	snprintf(end->name, sizeof(end->name), "file");
	return 0;
}

static int check_fd(int fd, struct err *err)
{
	if (fcntl(fd, F_GETFD) >= 0)
		return 0;
	return err_errno(err, ERR_HOST, errno,
			 "descriptor %d, which the caller should have left open", fd);
}

int endpoint_check_inherited(const struct plan *plan, struct err *err)
{
	for (size_t i = 0; i < plan->n_channels; i++) {
		const struct plan_channel *channel = &plan->channels[i];

		if (channel->endpoint.type == PLAN_ENDPOINT_FD &&
		    check_fd(channel->endpoint.fd, err) < 0)
			return err_prefix(err, "channel %s", channel->name);
	}
	return 0;
}

static int open_fd(struct endpoint *end, struct err *err)
{
	int fd = end->plan->fd;

	if (check_fd(fd, err) < 0)
		return -1;
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
static void remove_dead_socket(const struct plan_endpoint *plan,
			       const struct trusted_path *at)
{
	struct sockaddr_un addr;
	struct err ignored;
	struct stat st;
	int fd;

	/* A file that is no socket refuses a connection, too. */
	if (fstatat(at->dir, at->name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !S_ISSOCK(st.st_mode))
		return;
	fd = make_unix(plan, &addr, &ignored);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 &&
	    errno == ECONNREFUSED)
		unlinkat(at->dir, at->name, 0);
	close(fd);
}

void endpoint_tidy(const struct plan_endpoint *plan)
{
	cleanup_fd int dir = -1;
	struct trusted_path at;
	struct err ignored;
	struct stat st;

	if (!plan->path ||
	    (plan->type != PLAN_ENDPOINT_UNIX_LISTEN && plan->type != PLAN_ENDPOINT_PTY))
		return;
	if (trusted_path_open(plan->path, false, &at, &ignored) < 0)
		return;
	dir = at.dir;
	if (plan->type == PLAN_ENDPOINT_UNIX_LISTEN)
		remove_dead_socket(plan, &at);
	/* A pty's link: once the master is closed it leads nowhere. */
	else if (fstatat(dir, at.name, &st, 0) < 0 && errno == ENOENT)
		remove_type(&at, S_IFLNK);
}
