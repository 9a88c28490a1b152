/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets: all types, names, descriptors, shutdown. */
#include "abi.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static socklen_t name(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path, path);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path) + 1);
}

static void pairs(void)
{
	char buf[32] = "";
	int s[2];

	try(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	try(write(s[0], "hello", 5));
	try(write(s[0], "world", 5));
	try(read(s[1], buf, 7));
	try(recv(s[1], buf + 7, 20, MSG_DONTWAIT));
	say("%s", buf);
	try(recv(s[1], buf, 1, MSG_DONTWAIT));
	try(send(s[1], "x", 1, 0));
	try(recv(s[0], buf, 1, MSG_PEEK));
	try(recv(s[0], buf, 1, 0));
	try(shutdown(s[0], SHUT_WR));
	try(read(s[1], buf, 1));
	try(send(s[0], "x", 1, MSG_NOSIGNAL));
	try(send(s[1], "y", 1, 0));
	try(recv(s[0], buf, 5, 0));
	close(s[0]);
	try(send(s[1], "z", 1, MSG_NOSIGNAL));
	try(socketpair(AF_UNIX, 77, 0, s));
	try(socketpair(AF_UNIX, SOCK_STREAM, 99, s));
	try(socketpair(12345, SOCK_STREAM, 0, s));
	try(socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
	try(recv(0x7fff, buf, 1, 0));
	try(recv(open("/dev/null", O_RDWR), buf, 1, 0));
}

static void packets(void)
{
	char buf[16] = "";
	int s[2];

	try(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	write(s[0], "first", 5);
	write(s[0], "second", 6);
	try(recv(s[1], buf, 3, 0));
	say("%.3s", buf);
	try(recv(s[1], buf, 16, 0));
	say("%.6s", buf);
	write(s[0], "longer", 6);
	try(recv(s[1], buf, 2, MSG_TRUNC));
	close(s[0]);
	try(recv(s[1], buf, 2, 0));
	try(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
	write(s[0], "one", 3);
	write(s[0], "", 0);
	try(recv(s[1], buf, 16, 0));
	try(recv(s[1], buf, 16, 0));
	try(recv(s[1], buf, 16, MSG_DONTWAIT));
	close(s[1]);
	try(send(s[0], "x", 1, MSG_NOSIGNAL));
}

static void named(void)
{
	struct sockaddr_un a, b;
	socklen_t len = name(&a, "/tmp/abi.sock"), n;
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), s,
	    v;
	struct stat st;
	char buf[8];

	unlink(a.sun_path);
	try(connect(c, (void *)&a, len));
	try(listen(l, 5));
	try(bind(l, (void *)&a, len));
	try(bind(l, (void *)&a, len));
	try(bind(c, (void *)&a, len));
	stat(a.sun_path, &st);
	say("socket file %d", S_ISSOCK(st.st_mode));
	try(open(a.sun_path, O_RDWR));
	try(connect(c, (void *)&a, len));
	try(accept4(l, NULL, NULL, 0));
	try(listen(l, 5));
	try(connect(c, (void *)&a, len));
	try(connect(c, (void *)&a, len));
	n = sizeof(b);
	s = works(accept4(l, (void *)&b, &n, SOCK_CLOEXEC));
	say("peer name %u bytes family %d", n, b.sun_family);
	n = sizeof(b);
	try(getsockname(s, (void *)&b, &n));
	say("%s %u", b.sun_path, n);
	n = sizeof(b);
	try(getpeername(c, (void *)&b, &n));
	say("%s %u", b.sun_path, n);
	n = 4;
	try(getpeername(c, (void *)&b, &n));
	say("%u", n);
	n = sizeof(b);
	try(getpeername(l, (void *)&b, &n));
	n = 4;
	try(getsockopt(s, SOL_SOCKET, SO_TYPE, &v, &n));
	say("type %d", v);
	try(getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &v, &n));
	say("listening %d", v);
	try(getsockopt(s, SOL_SOCKET, SO_ERROR, &v, &n));
	say("error %d", v);
	try(getsockopt(s, SOL_SOCKET, 9999, &v, &n));
	try(fcntl(l, F_SETFL, O_NONBLOCK));
	try(accept(l, NULL, NULL));
	write(c, "abc", 3);
	close(c);
	try(read(s, buf, 8));
	try(read(s, buf, 8));
	close(l);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	try(connect(c, (void *)&a, len));
	unlink(a.sun_path);
	try(connect(c, (void *)&a, len));
	try(read(c, buf, 1));
	try(send(c, buf, 1, MSG_NOSIGNAL));
}

static void abstract(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "\0abi-name"}, b;
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 9, n = sizeof(b);
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);

	try(bind(l, (void *)&a, len));
	try(bind(c, (void *)&a, len));
	try(listen(l, 1));
	try(connect(c, (void *)&a, len));
	try(getpeername(c, (void *)&b, &n));
	say("%u %.8s", n, b.sun_path + 1);
	close(c);
	close(l);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	try(connect(c, (void *)&a, len));
	n = 2;
	try(bind(c, (void *)&a, n));
	n = sizeof(b);
	getsockname(c, (void *)&b, &n);
	say("autobound %u %d", n, b.sun_path[0]);
	try(bind(c, (void *)&a, 1));
}

static void datagrams(void)
{
	struct sockaddr_un a, b, from;
	socklen_t la = name(&a, "/tmp/abi-a.sock"), lb = name(&b, "/tmp/abi-b.sock"), n;
	int x = socket(AF_UNIX, SOCK_DGRAM, 0), y = socket(AF_UNIX, SOCK_DGRAM, 0);
	char buf[16] = "";

	unlink(a.sun_path);
	unlink(b.sun_path);
	bind(x, (void *)&a, la);
	bind(y, (void *)&b, lb);
	try(send(x, "x", 1, 0));
	try(sendto(x, "hello", 5, 0, (void *)&b, lb));
	n = sizeof(from);
	try(recvfrom(y, buf, 16, 0, (void *)&from, &n));
	say("%s from %s", buf, from.sun_path);
	try(connect(x, (void *)&b, lb));
	try(send(x, "again", 5, 0));
	try(recv(y, buf, 16, 0));
	try(listen(x, 1));
	close(y);
	try(send(x, "x", 1, 0));
	unlink(a.sun_path);
	unlink(b.sun_path);
	try(sendto(x, "x", 1, 0, (void *)&a, la));
}

static int send_fds(int s, const int *fds, int n)
{
	char control[CMSG_SPACE(sizeof(int) * 8)] = {0};
	struct iovec v = {"F", 1};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = CMSG_SPACE(sizeof(int) * n)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int) * n);
	memcpy(CMSG_DATA(c), fds, sizeof(int) * n);
	return (int)sendmsg(s, &m, 0);
}

static int recv_fds(int s, int *fds, int room, int flags)
{
	char control[CMSG_SPACE(sizeof(int) * 8)] = {0}, buf[8];
	struct iovec v = {buf, sizeof(buf)};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = room ? CMSG_SPACE(sizeof(int) * room) : 0};
	struct cmsghdr *c;
	long r = recvmsg(s, &m, flags);
	int n = 0;

	c = CMSG_FIRSTHDR(&m);
	if (r >= 0 && c && c->cmsg_type == SCM_RIGHTS) {
		n = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(c), sizeof(int) * n);
	}
	say("received %ld bytes, %d descriptors, flags %x, control %zu", r, n,
	    m.msg_flags, m.msg_controllen);
	return n;
}

static void passing(void)
{
	int s[2], p[2], q[2], got[8], bad = 999;
	char c = 0;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	pipe(p);
	pipe(q);
	try(send_fds(s[0], p, 2));
	recv_fds(s[1], got, 8, MSG_CMSG_CLOEXEC);
	try(fcntl(got[0], F_GETFD));
	write(p[1], "v", 1);
	try(read(got[0], &c, 1));
	close(p[0]);
	close(p[1]);
	write(got[1], "w", 1);
	try(read(got[0], &c, 1));
	close(got[0]);
	close(got[1]);
	try(send_fds(s[0], &bad, 1));
	send_fds(s[0], q, 2);
	recv_fds(s[1], got, 1, 0);
	try(fcntl(got[0], F_GETFD));
	send_fds(s[0], q, 1);
	recv_fds(s[1], got, 0, 0);
	send_fds(s[0], q, 1);
	try(read(s[1], &c, 1));
	/* Two messages with descriptors are not merged. */
	send_fds(s[0], q, 1);
	send_fds(s[0], q, 2);
	recv_fds(s[1], got, 8, 0);
	recv_fds(s[1], got, 8, 0);
	/* A socket in its own queue. */
	send_fds(s[0], s, 2);
	recv_fds(s[1], got, 8, 0);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s);
	send_fds(s[0], q, 2);
	recv_fds(s[1], got, 8, 0);
}

static void credentials(void)
{
	char control[CMSG_SPACE(sizeof(struct ucred))] = {0}, buf[8];
	struct iovec v = {buf, sizeof(buf)};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof(control)};
	struct ucred *cred, pc;
	socklen_t n = sizeof(pc);
	int s[2], on = 1;

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	try(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)));
	write(s[0], "x", 1);
	try(recvmsg(s[1], &m, 0));
	cred = (struct ucred *)CMSG_DATA(CMSG_FIRSTHDR(&m));
	say("pid mine %d uid %d", cred->pid == getpid(), cred->uid);
	try(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &pc, &n));
	say("pid mine %d uid %d", pc.pid == getpid(), pc.uid);
}

static void polling(void)
{
	struct sockaddr_un a;
	socklen_t len = name(&a, "/tmp/abi.sock");
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), s;
	struct pollfd pf = {c, POLLIN | POLLOUT, 0};

	unlink(a.sun_path);
	try(poll(&pf, 1, 0));
	say("unconnected %x", pf.revents);
	bind(l, (void *)&a, len);
	listen(l, 1);
	pf.fd = l;
	try(poll(&pf, 1, 0));
	connect(c, (void *)&a, len);
	try(poll(&pf, 1, 0));
	say("listener %x", pf.revents);
	s = accept(l, NULL, NULL);
	pf.fd = s;
	try(poll(&pf, 1, 0));
	say("connected %x", pf.revents);
	shutdown(c, SHUT_WR);
	pf.events |= POLLRDHUP;
	try(poll(&pf, 1, 0));
	say("half closed %x", pf.revents);
	close(c);
	try(poll(&pf, 1, 0));
	say("closed %x", pf.revents);
	unlink(a.sun_path);
}

static void *sink(void *arg)
{
	char buf[10000];
	long n, total = 0;

	while ((n = read(*(int *)arg, buf, sizeof(buf))) > 0)
		total += n;
	return (void *)total;
}

static void bulk(void)
{
	static char block[500000];
	pthread_t t;
	void *ret;
	int s[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	pthread_create(&t, NULL, sink, &s[1]);
	try(write(s[0], block, sizeof(block)));
	try(write(s[0], block, sizeof(block)));
	close(s[0]);
	pthread_join(t, &ret);
	say("received %ld", (long)ret);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
	yes(write(s[0], block, sizeof(block)) > 60000);
	try(write(s[0], block, 1));
}

/* --- buffer sizes --- */

static int buffer_size(int fd, int name, int value)
{
	socklen_t len = sizeof(value);

	if (setsockopt(fd, SOL_SOCKET, name, &value, sizeof(value)))
		return -1;
	value = -1;
	getsockopt(fd, SOL_SOCKET, name, &value, &len);
	return value;
}

static int can_send(int fd)
{
	struct pollfd p = {fd, POLLOUT, 0};

	return poll(&p, 1, 0) == 1 && p.revents & POLLOUT;
}

static void *write_later(void *fd)
{
	char b[3000] = {0};

	return (void *)(long)write(*(int *)fd, b, sizeof(b));
}

static void buffer_sizes(void)
{
	static const int sizes[] = {0, 1, 1000, 2304, 2400, 10000, 212992};
	int s[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		say("%d: %d %d", sizes[i], buffer_size(s[0], SO_SNDBUF, sizes[i]),
		    buffer_size(s[0], SO_RCVBUF, sizes[i]));
	}
	say("the other end %d", buffer_size(s[1], SO_RCVBUF, 5000));
	close(s[0]);
	close(s[1]);
}

/* The sender's buffer bounds its messages that nobody has read. */
static void bounded(void)
{
	static char block[500000];
	int s[2], wide[2];
	long n, m, more;
	pthread_t t;
	void *ret;

	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
	socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, wide);
	buffer_size(s[0], SO_SNDBUF, 10000);
	buffer_size(s[1], SO_RCVBUF, 100);
	buffer_size(wide[0], SO_SNDBUF, 200000);
	n = write(s[0], block, sizeof(block));
	m = write(wide[0], block, sizeof(block));
	yes(n > 5000 && n <= 30000);
	yes(m > 100000 && m <= 420000);
	try(write(s[0], block, 1));
	yes(!can_send(s[0]) && can_send(s[1]));
	/* A larger buffer has room, a smaller one has not. */
	buffer_size(s[0], SO_SNDBUF, 200000);
	more = write(s[0], block, 1000);
	yes(more == 1000 && can_send(s[0]));
	buffer_size(s[0], SO_SNDBUF, 1000);
	try(write(s[0], block, 1));
	yes(!can_send(s[0]));
	for (long got = 0, r; got < n + more; got += r)
		if ((r = read(s[1], block, 7000)) <= 0)
			break;
	yes(can_send(s[0]));
	try(write(s[0], block, 1));
	try(read(s[1], block, 10));
	/* A sender that waits for room goes on when there is some. */
	fcntl(s[0], F_SETFL, 0);
	fcntl(s[1], F_SETFL, 0);
	while (send(s[0], block, 2000, MSG_DONTWAIT) > 0)
		;
	pthread_create(&t, NULL, write_later, &s[0]);
	shutdown(s[1], SHUT_WR);
	for (n = 0; n < 3000; n += m)
		if ((m = read(s[1], block, sizeof(block))) <= 0)
			break;
	usleep(1000);
	while (recv(s[1], block, sizeof(block), MSG_DONTWAIT) > 0)
		usleep(1000);
	pthread_join(t, &ret);
	say("waited: %ld", (long)ret);
	close(s[0]), close(s[1]), close(wide[0]), close(wide[1]);
}

static void bounded_packets(int type)
{
	static char block[10000];
	int s[2], n = 0, sum = 0;

	socketpair(AF_UNIX, type, 0, s);
	say("%d", buffer_size(s[0], SO_SNDBUF, 1000));
	try(send(s[0], block, 4608 - 31, MSG_DONTWAIT));
	try(send(s[0], block, 4608 - 32, MSG_DONTWAIT));
	yes(!can_send(s[0]));
	while (n < 1000 && send(s[0], block, 1000, MSG_DONTWAIT) > 0)
		n++;
	say("%s", strerrorname_np(errno));
	yes(n < 5);
	while (recv(s[1], block, 9000, MSG_DONTWAIT) > 0)
		sum++;
	yes(sum == n + 1 && can_send(s[0]));
	close(s[1]);
	try(send(s[0], block, 1, 0));
	close(s[0]);
}

static void packets_bounded(void)
{
	bounded_packets(SOCK_DGRAM);
	bounded_packets(SOCK_SEQPACKET);
}

/* Many may send to one: it holds some datagrams, whatever their senders' buffers are. */
static void full_receiver(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "\0abi-full"};
	socklen_t len = offsetof(struct sockaddr_un, sun_path) + 9;
	int to = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), from[3], n = 0, sum = 0;
	char b[10];

	try(bind(to, (struct sockaddr *)&un, len));
	for (int i = 0; i < 3; i++) {
		from[i] = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		buffer_size(from[i], SO_SNDBUF, 200000);
		try(connect(from[i], (struct sockaddr *)&un, len));
	}
	while (n < 100000 && send(from[n % 2], "x", 1, 0) == 1)
		n++;
	say("%s", strerrorname_np(errno));
	yes(n > 1 && !can_send(from[n % 2]) && !can_send(from[2]));
	try(send(from[2], "x", 1, 0));
	try(recv(to, b, 1, 0));
	yes(can_send(from[2]));
	try(send(from[2], "x", 1, 0));
	while (recv(to, b, 1, 0) == 1)
		sum++;
	yes(sum == n);
	close(to);
	yes(can_send(from[2]));
	try(send(from[2], "x", 1, 0));
	try(send(from[2], "x", 1, 0));
	for (int i = 0; i < 3; i++)
		close(from[i]);
}

static void no_pipe_signal(void)
{
	int s[2];

	fflush(stdout);
	for (int type = SOCK_STREAM; type <= SOCK_SEQPACKET; type++) {
		int w;

		if (socketpair(AF_UNIX, type, 0, s) < 0)
			continue;
		close(s[1]);
		if (!fork()) {
			signal(SIGPIPE, SIG_DFL);
			send(s[0], "x", 1, 0);
			_exit(errno == EPIPE ? 3 : errno == ECONNREFUSED ? 4 : 5);
		}
		wait(&w);
		say("type %d: %x", type, w);
		close(s[0]);
		socketpair(AF_UNIX, type, 0, s);
		shutdown(s[0], SHUT_WR);
		if (!fork()) {
			signal(SIGPIPE, SIG_DFL);
			send(s[0], "x", 1, 0);
			_exit(errno == EPIPE ? 3 : 5);
		}
		wait(&w);
		say("shut down: %x", w);
		close(s[0]), close(s[1]);
	}
}

static void reset(void)
{
	char c;
	int s[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	write(s[0], "unread", 6);
	close(s[1]);
	try(read(s[0], &c, 1));
	try(read(s[0], &c, 1));
	try(write(s[0], "x", 1) == -1 && errno == EPIPE);
}

static void ignore_pipe(void)
{
	signal(SIGPIPE, SIG_IGN);
}

ABI_CASES({"sigpipe", ignore_pipe}, {"pairs", pairs}, {"packets", packets},
	  {"named", named}, {"abstract", abstract}, {"datagrams", datagrams},
	  {"passing", passing}, {"credentials", credentials}, {"polling", polling},
	  {"bulk", bulk}, {"buffer sizes", buffer_sizes}, {"bounded", bounded},
	  {"packets bounded", packets_bounded}, {"full receiver", full_receiver},
	  {"broken", no_pipe_signal}, {"reset", reset})
