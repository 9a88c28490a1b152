/* SPDX-License-Identifier: MIT */
/* Endpoints that are TCP sockets. */
#include "endpoint/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "xalloc.h"

enum { CONNECT_MS = 5000 };

static struct addrinfo *resolve(const char *host, unsigned port, int flags,
				struct err *err)
{
	struct addrinfo hints = {
		.ai_flags = flags | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *list = NULL;
	char service[8];
	int rc;

	if (host && !host[0])
		host = NULL;
	snprintf(service, sizeof(service), "%u", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc) {
		err_set(err, ERR_HOST, "host %s: %s", host ? host : "*",
			gai_strerror(rc));
		return NULL;
	}
	return list;
}

/*
 * A socket that sends each byte at once (tcp(7), TCP_NODELAY), as QEMU's for VNC.  One
 * that is accepted from it inherits that.
 */
static int open_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

/* A listening socket on the first address that takes it; -1 and errno. */
static int listen_on(const struct addrinfo *list)
{
	int saved = EADDRNOTAVAIL;

	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		int one = 1;
		int fd = open_socket(ai->ai_family);

		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 4) == 0)
			return fd;
		saved = errno;
		close(fd);
	}
	errno = saved;
	return -1;
}

int endpoint_tcp_listen(struct endpoint *end, struct err *err)
{
	const struct plan_endpoint *plan = end->plan;
	const char *host = plan->host ? plan->host : "";

	for (unsigned port = plan->port; port <= plan->to || port == plan->port; port++) {
		struct addrinfo *list = resolve(host, port, AI_PASSIVE, err);

		if (!list)
			return -1;
		end->listen_fd = listen_on(list);
		freeaddrinfo(list);
		if (end->listen_fd >= 0) {
			end->port = port;
			snprintf(end->name, sizeof(end->name),
				 "disconnected:tcp:%s:%u,server=on", host, port);
			return 0;
		}
		if (errno != EADDRINUSE)
			break;
	}
	return err_errno(err, ERR_HOST, errno, "listening on TCP %s:%u", host,
			 plan->port);
}

static int connect_bounded(int fd, const struct addrinfo *ai, int wait_ms)
{
	struct pollfd pfd = {.fd = fd, .events = POLLOUT};
	socklen_t len = sizeof(int);
	int error = 0;

	if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return -1;
	if (wait_ms == 0)
		return 0;
	if (poll(&pfd, 1, wait_ms) != 1) {
		errno = ETIMEDOUT;
		return -1;
	}
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	errno = error;
	return error ? -1 : 0;
}

static int dial_host(const struct plan_endpoint *plan, const char *host, int flags,
		     int wait_ms, struct err *err)
{
	struct addrinfo *list = resolve(host, plan->port, flags, err);
	int saved = EADDRNOTAVAIL;
	int found = -1;

	if (!list)
		return -1;
	for (struct addrinfo *ai = list; ai && found < 0; ai = ai->ai_next) {
		int fd = open_socket(ai->ai_family);

		if (fd < 0)
			continue;
		if (connect_bounded(fd, ai, wait_ms) == 0) {
			found = fd;
			continue;
		}
		saved = errno;
		close(fd);
	}
	freeaddrinfo(list);
	if (found < 0)
		err_errno(err, ERR_HOST, saved, "connecting to TCP %s:%u", plan->host,
			  plan->port);
	return found;
}

/* Connects within wait_ms; 0: the connection may still be under way. */
static int dial(const struct plan_endpoint *plan, int wait_ms, struct err *err)
{
	int fd = -1;

	if (!plan->addresses)
		return dial_host(plan, plan->host, 0, wait_ms, err);
	for (size_t i = 0; plan->addresses[i] && fd < 0; i++)
		fd = dial_host(plan, plan->addresses[i], AI_NUMERICHOST, wait_ms, err);
	return fd;
}

int endpoint_tcp_lookup(struct plan_endpoint *plan, struct err *err)
{
	struct addrinfo *list = resolve(plan->host, plan->port, 0, err);
	char text[NI_MAXHOST];
	size_t n = 0;
	int rc = 0;

	if (!list)
		return -1;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		rc = getnameinfo(ai->ai_addr, ai->ai_addrlen, text, sizeof(text), NULL, 0,
				 NI_NUMERICHOST);
		if (rc)
			break;
		plan->addresses = xgrow(plan->addresses, n + 1, sizeof(char *));
		plan->addresses[n++] = xstrdup(text);
		plan->addresses[n] = NULL;
	}
	freeaddrinfo(list);
	return rc ? err_set(err, ERR_HOST, "host %s: %s", plan->host, gai_strerror(rc))
		  : 0;
}

int endpoint_tcp_dial(const struct plan_endpoint *plan, struct err *err)
{
	return dial(plan, 0, err);
}

int endpoint_tcp_connect(struct endpoint *end, struct err *err)
{
	const struct plan_endpoint *plan = end->plan;

	end->in_fd = end->out_fd = dial(plan, CONNECT_MS, err);
	if (end->in_fd < 0)
		return -1;
	snprintf(end->name, sizeof(end->name), "tcp:%s:%u", plan->host, plan->port);
	return 0;
}
