/* SPDX-License-Identifier: MIT */
/* Cutting a large TCP frame into those that a device can send; sums of the Internet. */
#ifndef NUB_NET_GSO_H
#define NUB_NET_GSO_H

#include <nub/netbuf.h>
#include <nub/netdev.h>

/* Adds n bytes to a sum of 16-bit words in memory order. */
u64 csum_add(u64 sum, const u8 *p, u32 n);
/* The sum in 16 bits, as it lies in memory. */
u16 csum_fold(u64 sum);

#define GSO_HEADER_MAX 256 /* Ethernet, tag, IP and TCP with all options */
#define GSO_SIZE_MIN 48	   /* a guest's own word; Linux sends no smaller segment */

/* The state of a frame that is being cut. */
struct gso_cut {
	u8 header[GSO_HEADER_MAX];
	u32 l3, l4, size; /* where IP and TCP begin, bytes of the header */
	u32 at;		  /* next byte of the frame to send */
	u32 seq;
	u16 id;
};

/* 0, or -EINVAL for anything but a TCP frame of the kind that its flags say. */
int gso_begin(const struct netbuf *nb, struct gso_cut *cut);
/* The next segment, with NETBUF_CSUM; NULL after the last, or without memory. */
struct netbuf *gso_next(const struct netbuf *nb, struct gso_cut *cut);

#endif
