/* SPDX-License-Identifier: MIT */
/* A fuzz target's entry, for libFuzzer or for driver.c. */
#ifndef STUBDOM_FUZZ_H
#define STUBDOM_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
