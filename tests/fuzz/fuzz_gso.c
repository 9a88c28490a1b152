/* SPDX-License-Identifier: MIT */
/*
 * Fuzz: frames as a guest's driver hands them to its NIC, cut by nub.  The segments hold
 * every byte once, each within the guest's own segment size, and there is an end.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../kernel/net/gso.h"
#include "../unit/kernel/shim.h"
#include "fuzz.h"

enum { FRAME_MAX = 4000, SETTINGS = 8 };

/* The input's bytes, again and again, in pieces as long as the settings say. */
static struct netbuf *make_frame(const uint8_t *data, size_t size, unsigned total,
				 unsigned piece)
{
	struct netbuf *first = NULL, **tail = &first;

	for (unsigned at = 0; at < total;) {
		struct netbuf *nb = netbuf_alloc();

		if (!nb)
			abort();
		for (nb->len = 0; nb->len < piece && at < total; at++)
			nb->data[nb->len++] = data[at < size ? at : at % 251 % size];
		*tail = nb;
		tail = &nb->next;
	}
	first->total = total;
	return first;
}

static void check_segment(const struct netbuf *frame, const struct netbuf *seg,
			  const struct gso_cut *cut, unsigned done)
{
	static uint8_t from[FRAME_MAX], to[FRAME_MAX];
	unsigned n = seg->total - cut->size, sum = 0;

	if (seg->total <= cut->size || n > frame->gso_size ||
	    cut->size + done + n > frame->total)
		abort();
	for (const struct netbuf *p = seg; p; p = p->next)
		sum += p->len;
	if (sum != seg->total || !netbuf_read(frame, cut->size + done, from, n) ||
	    !netbuf_read(seg, cut->size, to, n) || memcmp(from, to, n) != 0)
		abort();
	if (!(seg->flags & NETBUF_CSUM) ||
	    seg->csum_start + seg->csum_offset + 2u > seg->total)
		abort();
}

static void cut_up(struct netbuf *frame)
{
	struct gso_cut cut;
	unsigned done = 0;
	int rc = gso_begin(frame, &cut);

	if (rc < 0) {
		if (rc != -EINVAL)
			abort();
		return;
	}
	for (struct netbuf *seg; (seg = gso_next(frame, &cut));) {
		check_segment(frame, seg, &cut, done);
		done += seg->total - cut.size;
		if (netbuf_csum_fill(seg) < 0)
			abort();
		netbuf_free(seg);
	}
	if (cut.size + done != frame->total)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct netbuf *frame, *copy;
	unsigned total;

	if (size <= SETTINGS)
		return 0;
	total = (data[0] | data[1] << 8) % FRAME_MAX + 1;
	frame = make_frame(data + SETTINGS, size - SETTINGS, total, 64 + data[2] * 14u);
	frame->gso_size = (uint16_t)(data[3] | data[4] << 8);
	frame->csum_start = data[5];
	frame->csum_offset = data[6];
	frame->flags = data[7] & 2 ? NETBUF_GSO6 : 0;
	if (data[7] & 1 && netbuf_csum_locate(frame) == 0 &&
	    frame->csum_start + frame->csum_offset + 2u > frame->total)
		abort();
	copy = netbuf_copy(frame);
	cut_up(copy);
	if (netbuf_csum_fill(copy) == 0 &&
	    copy->csum_start + copy->csum_offset + 2u > copy->total)
		abort();
	netbuf_free(copy);
	netbuf_free(frame);
	return 0;
}
