/* SPDX-License-Identifier: MIT */
/* The client end of a libxenvchan, opened by one process and used by another. */
#include "vchan_stream.h"

#include <errno.h>
#include <libxenvchan.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/sys/evtchn.h>

enum { PAGE = 4096, ORDER_PAGE = 12 };

static struct vchan_interface *shared(const struct vchan_stream *stream)
{
	return stream->page;
}

static void notify(struct vchan_stream *stream)
{
	struct ioctl_evtchn_notify op = {.port = stream->offer.event_port};

	/* Fails only when the peer has unbound its end; srv_live tells us so. */
	(void)ioctl(stream->offer.event_fd, IOCTL_EVTCHN_NOTIFY, &op);
}

/* Asks the peer for an event at its next write or read (a client sets srv_notify). */
static void ask(struct vchan_stream *stream, uint8_t what)
{
	__atomic_fetch_or(&shared(stream)->srv_notify, what, __ATOMIC_SEQ_CST);
}

/* Sends an event if the peer asked for one at this action. */
static void tell(struct vchan_stream *stream, uint8_t what)
{
	uint8_t before = __atomic_fetch_and(&shared(stream)->cli_notify, (uint8_t)~what,
					    __ATOMIC_SEQ_CST);

	if (before & what)
		notify(stream);
}

static bool peer_open(const struct vchan_stream *stream)
{
	return __atomic_load_n(&shared(stream)->srv_live, __ATOMIC_ACQUIRE) != 0;
}

/* A ring below one page lies in the ring page, at an offset equal to its size. */
static int map_ring(struct vchan_stream *stream, struct vchan_ring *ring, unsigned order,
		    uint64_t offset, int prot)
{
	void *data;

	ring->size = 1u << order;
	ring->index = 0;
	if (order < ORDER_PAGE) {
		ring->data = (uint8_t *)stream->page + ring->size;
		return 0;
	}
	data = mmap(NULL, ring->size, prot, MAP_SHARED, stream->offer.grant_fd,
		    (off_t)offset);
	if (data == MAP_FAILED)
		return -1;
	ring->data = data;
	return 0;
}

static void unmap_ring(struct vchan_ring *ring)
{
	if (ring->data && ring->size >= PAGE)
		munmap(ring->data, ring->size);
	ring->data = NULL;
}

int vchan_stream_attach(struct vchan_stream *stream, const struct vchan_offer *offer,
			struct err *err)
{
	const struct vchan_offer *o = &stream->offer;
	struct vchan_interface *page;

	*stream = (struct vchan_stream){.offer = *offer};
	stream->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, o->grant_fd,
			    (off_t)o->ring_offset);
	if (stream->page == MAP_FAILED)
		stream->page = NULL;
	page = stream->page;
	if (!page ||
	    map_ring(stream, &stream->out, o->write_order, o->write_offset,
		     PROT_READ | PROT_WRITE) < 0 ||
	    map_ring(stream, &stream->in, o->read_order, o->read_offset, PROT_READ) < 0) {
		err_errno(err, ERR_HOST, errno, "mapping a vchan's rings");
		vchan_stream_close(stream);
		return -1;
	}
	stream->out.ours = &page->left.prod;
	stream->out.theirs = &page->left.cons;
	stream->in.ours = &page->right.cons;
	stream->in.theirs = &page->right.prod;
	__atomic_store_n(&page->srv_notify, VCHAN_NOTIFY_WRITE, __ATOMIC_SEQ_CST);
	__atomic_store_n(&page->cli_live, 1, __ATOMIC_SEQ_CST);
	vchan_stream_ack(stream);
	notify(stream);
	return 0;
}

int vchan_stream_fd(const struct vchan_stream *stream)
{
	return stream->offer.event_fd;
}

void vchan_stream_ack(struct vchan_stream *stream)
{
	uint32_t port = stream->offer.event_port;
	uint32_t ports[8];

	/* evtchn: reading takes the pending ports, writing one unmasks it. */
	while (read(stream->offer.event_fd, ports, sizeof(ports)) > 0)
		;
	(void)!write(stream->offer.event_fd, &port, sizeof(port));
}

ssize_t vchan_stream_read(struct vchan_stream *stream, void *out, size_t len)
{
	bool open = peer_open(stream);
	ssize_t n = vchan_ring_read(&stream->in, out, len);

	/* Not only when something is to be written: a request may wait for its answer. */
	if (vchan_ring_writable(&stream->out) < 0)
		return -1;
	if (n == 0) {
		ask(stream, VCHAN_NOTIFY_WRITE);
		/* It may have written between the look and the request. */
		n = vchan_ring_read(&stream->in, out, len);
	}
	if (n == 0 && !open)
		return -1;
	if (n > 0)
		tell(stream, VCHAN_NOTIFY_READ);
	return n;
}

ssize_t vchan_stream_write(struct vchan_stream *stream, const void *in, size_t len)
{
	ssize_t n;

	/* Bytes from before it closed are still to be read: a read ends it. */
	if (!peer_open(stream))
		return 0;
	n = vchan_ring_write(&stream->out, in, len);
	if (n >= 0 && (size_t)n < len) {
		ssize_t more;

		ask(stream, VCHAN_NOTIFY_READ);
		more = vchan_ring_write(&stream->out, (const uint8_t *)in + n,
					len - (size_t)n);
		n = more < 0 ? more : n + more;
	}
	if (n > 0)
		tell(stream, VCHAN_NOTIFY_WRITE);
	return n;
}

void vchan_stream_close(struct vchan_stream *stream)
{
	unmap_ring(&stream->in);
	unmap_ring(&stream->out);
	if (stream->page) {
		__atomic_store_n(&shared(stream)->cli_live, 0, __ATOMIC_SEQ_CST);
		notify(stream);
		munmap(stream->page, PAGE);
		stream->page = NULL;
	}
	vchan_offer_close(&stream->offer);
}
