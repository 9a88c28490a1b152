/* SPDX-License-Identifier: MIT */
/* Linux's struct ifreq, as user space passes it to network ioctls. */
#ifndef NUB_NET_IFREQ_H
#define NUB_NET_IFREQ_H

#include <nub/types.h>

struct ifreq_abi {
	char name[16];
	union {
		u16 flags;
		s32 value; /* index, MTU, queue length */
		struct {
			u16 family;
			u8 data[14];
		} addr;
		u8 room[24];
	} u;
};
_Static_assert(sizeof(struct ifreq_abi) == 40, "struct ifreq of x86-64");

#endif
