/* SPDX-License-Identifier: MIT */
/* libxl's process that saves or migrates a guest. */
#ifndef STUBDOM_DOMAIN_SAVER_H
#define STUBDOM_DOMAIN_SAVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * libxl starts `libxl-save-helper --save-domain FD … DOMID …` before it has QEMU track what
 * it writes, and the process ends with the toolstack's.  True, too, if /proc cannot be read.
 */
bool saver_runs(uint32_t guest);

/* Whether these are its arguments; `args` is `size` bytes, a NUL after each argument. */
bool saver_is_of(const char *args, size_t size, uint32_t guest);

#endif
