/* SPDX-License-Identifier: MIT */
/* The client end of a libxenvchan, opened by one process and used by another. */
#ifndef STUBDOM_VCHAN_STREAM_H
#define STUBDOM_VCHAN_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "channel_kind.h"
#include "err.h"
#include "vchan_ring.h"

/*
 * libxenvchan's own client opens xenstore, gntdev and evtchn by itself, so a process
 * without privileges cannot use it.  Here a privileged process opens a server's offer:
 * two descriptors, on which one server's pages are mapped and one event port is bound.
 * They are handed to the process that moves the bytes.  With a filter on ioctl it can do
 * nothing else with them.
 */
struct vchan_offer {
	int grant_fd; /* /dev/xen/gntdev */
	int event_fd; /* /dev/xen/evtchn, event_port bound */
	uint32_t event_port;
	uint64_t ring_offset;  /* mmap offsets in grant_fd */
	uint64_t write_offset; /* left ring; unused if inside the ring page */
	uint64_t read_offset;  /* right ring */
	uint8_t write_order;   /* log2 of the ring's bytes, 10..20 */
	uint8_t read_order;
};

/*
 * Opens the server that domain `domid` published as ring_ref and port.
 * No ring is larger than in `most`: each page of it is a grant that dom0 maps.
 * 0: *out holds two descriptors, the caller's.  1: there is no server there
 * that waits for a client (it went away or was used before); a newer one may
 * be published.  -1: the host failed, or the page is malformed (ERR_STUB).
 */
int vchan_offer_open(unsigned domid, uint32_t ring_ref, uint32_t port,
		     const struct channel_rings *most, struct vchan_offer *out,
		     struct err *err);

void vchan_offer_close(struct vchan_offer *offer);

/* Whether two orders can be laid out in one ring page with their grants. */
bool vchan_orders_valid(unsigned write_order, unsigned read_order);

/* And whether the rings, written and read by us, are no larger than that. */
bool vchan_orders_allowed(unsigned write_order, unsigned read_order,
			  const struct channel_rings *most);

struct vchan_stream {
	struct vchan_offer offer;
	void *page; /* struct vchan_interface, shared and hostile */
	struct vchan_ring in;
	struct vchan_ring out;
};

/* Maps the rings and tells the server that a client is there.  Takes the offer. */
int vchan_stream_attach(struct vchan_stream *stream, const struct vchan_offer *offer,
			struct err *err);

/* Readable (poll) when the peer did something; then call vchan_stream_ack. */
int vchan_stream_fd(const struct vchan_stream *stream);
void vchan_stream_ack(struct vchan_stream *stream);

/*
 * Never block.  Bytes moved; 0: none now, and the peer was asked for an event when there
 * can be some; -1: the peer broke a ring.  A read's -1 also: it closed and all its bytes
 * were read.
 */
ssize_t vchan_stream_read(struct vchan_stream *stream, void *out, size_t len);
ssize_t vchan_stream_write(struct vchan_stream *stream, const void *in, size_t len);

/* Tells the peer and gives everything back. */
void vchan_stream_close(struct vchan_stream *stream);

#endif
