/* SPDX-License-Identifier: MIT */
/* Fuzz: messages of a relay that was taken over to the launcher, which is root.  The
 * input is a list of messages, whole or cut, with descriptors or without.  The launcher
 * does only what the plan allows, closes each descriptor, and writes nothing past a
 * message. */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "domain/requests.h"
#include "endpoint/endpoint.h"
#include "fuzz.h"
#include "log.h"

enum { CHANNELS = 4, QMP_CHANNEL = 1, DIALS_CHANNEL = 2, MESSAGES_MAX = 64 };

static int null_fd = -1;
static unsigned dials;

int endpoint_dial(const struct plan_endpoint *plan, struct err *err)
{
	if (!plan->reconnect_s)
		abort(); /* not one that the plan names */
	dials++;
	return err_set(err, ERR_HOST, "nobody is there");
}

/* xenstored's answers: what the launcher tells people there is not looked at. */
bool xs_write(struct xs_handle *xs, xs_transaction_t t, const char *path,
	      const void *data, unsigned int len)
{
	return true;
}

bool xs_rm(struct xs_handle *xs, xs_transaction_t t, const char *path)
{
	return true;
}

int domain_hotplug_attach(struct domain_hotplug *hotplug, int fd, char dev[XVD_NAME_SIZE],
			  struct err *err)
{
	if (fcntl(fd, F_GETFD) < 0)
		abort();
	strcpy(dev, "xvdq");
	return 0;
}

int domain_hotplug_detach(struct domain_hotplug *hotplug, const char *dev,
			  struct err *err)
{
	/* The text ends within the message, for any bytes. */
	if (strlen(dev) >= sizeof(((struct relay_msg *)0)->text))
		abort();
	return err_set(err, ERR_USAGE, "there is no disk %.2000s", dev);
}

int domain_backends_let_run(struct domain_backends *backends, struct err *err)
{
	return err_set(err, ERR_USAGE, "it does not run");
}

int domain_hotplug_grow(struct domain_hotplug *hotplug, const char *dev,
			unsigned long long size, struct err *err)
{
	if (!dev[0] || strlen(dev) > 15)
		abort();
	return size % 2 ? 0 : err_set(err, ERR_USAGE, "%s gets no longer", dev);
}

int domain_pci_lend(struct domain_pci *pci, const char *name, struct err *err)
{
	if (strlen(name) >= sizeof(((struct relay_msg *)0)->text))
		abort();
	return name[0] == '0' ? 0 : err_set(err, ERR_USAGE, "no device %.2000s", name);
}

void domain_pci_return(struct domain_pci *pci, const char *name)
{
	if (strlen(name) >= sizeof(((struct relay_msg *)0)->text))
		abort();
}

int relay_report_end(const struct relay *relay, struct err *err)
{
	return err_set(err, ERR_HOST, "the relay");
}

static unsigned count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

static void send_one(int to, const uint8_t *data, size_t size, unsigned n_fds)
{
	union {
		char bytes[CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
	struct msghdr hdr = {.msg_iov = &iov, .msg_iovlen = 1};
	const int fds[4] = {null_fd, null_fd, null_fd, null_fd};

	if (n_fds) {
		struct cmsghdr *cmsg;

		hdr.msg_control = control.bytes;
		hdr.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&hdr);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
	}
	sendmsg(to, &hdr, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* TYPE CHANNEL HOW LENGTH TEXT...: returns the bytes that it takes. */
static size_t make_message(const uint8_t *data, size_t size, int to)
{
	union {
		struct relay_msg msg;
		uint8_t bytes[4 * 255]; /* longer than a message, too */
	} sent = {.msg = {.type = data[0], .channel = data[1]}};
	struct relay_msg *msg = &sent.msg;
	size_t text = data[3] < size - 4 ? data[3] : size - 4;
	size_t len = sizeof(*msg);

	if (data[1] == 0xff)
		msg->channel = UINT32_MAX;
	/* The text, with its end or without. */
	memset(msg->text, data[2] & 0x40 ? 'x' : 0, sizeof(msg->text));
	memcpy(msg->text, data + 4, text);
	_Static_assert(sizeof(sent) > sizeof(*msg), "some are too long");
	if (data[2] & 0x20)
		len = data[3] * 4u;
	send_one(to, sent.bytes, len, data[2] % 5);
	return 4 + text;
}

static void hear(const struct plan *plan, const uint8_t *data, size_t size)
{
	struct relay relay = {0};
	struct domain_host host = {0};
	struct domain_hotplug hotplug = {.host = &host};
	struct domain_channels channels;
	struct err err;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		abort();
	relay.control = ends[0];
	if (domain_channels_init(&channels, plan, &relay, &err) < 0)
		abort();
	channels.hotplug = &hotplug;
	for (unsigned n = 0; n < MESSAGES_MAX && size >= 4; n++) {
		size_t used = make_message(data, size, ends[1]);
		char answer[2048];

		data += used;
		size -= used;
		if (domain_channels_hear(&channels, &err) < 0)
			break; /* the launcher ends such a relay */
		while (recv(ends[1], answer, sizeof(answer), MSG_DONTWAIT) > 0)
			;
	}
	domain_channels_free(&channels);
	close(ends[0]);
	close(ends[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char names[CHANNELS][4] = {"a", "b", "c", "d"};
	struct plan_channel list[CHANNELS] = {0};
	struct plan plan = {.channels = list, .n_channels = CHANNELS};
	unsigned before;

	if (null_fd < 0) {
		null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		log_init("fuzz", LOG_LEVEL_ERROR);
	}
	for (int i = 0; i < CHANNELS; i++)
		list[i] = (struct plan_channel){.name = names[i],
						.kind = STUBDOM_CHANNEL_SERIAL};
	list[QMP_CHANNEL].kind = STUBDOM_CHANNEL_QMP;
	list[DIALS_CHANNEL].endpoint.reconnect_s = 3600;
	before = count_fds();
	dials = 0;
	hear(&plan, data, size);
	if (count_fds() != before || dials > 1)
		abort();
	return 0;
}
