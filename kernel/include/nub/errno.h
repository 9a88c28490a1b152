/* SPDX-License-Identifier: MIT */
/* Linux errno values, and the internal ones that never reach user space. */
#ifndef NUB_ERRNO_H
#define NUB_ERRNO_H

#include <asm/errno.h>

/* Interrupted by a signal. The handler decides what user space sees. ERESTARTSYS: restart
 * if SA_RESTART or no handler ran, else EINTR. ERESTARTNOINTR: restart always.
 * ERESTARTNOHAND: restart only if no handler ran, else EINTR. */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514

#endif
