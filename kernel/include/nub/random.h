/* SPDX-License-Identifier: MIT */
/* Random numbers: a ChaCha20 generator fed by the CPU and by timing. */
#ifndef NUB_RANDOM_H
#define NUB_RANDOM_H

#include <nub/types.h>

void random_init(void);
void random_mix(const void *data, size_t n);
void random_bytes(void *buf, size_t n);
u64 random_u64(void);

#endif
