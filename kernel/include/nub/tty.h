/* SPDX-License-Identifier: MIT */
/* The console terminal. */
#ifndef NUB_TTY_H
#define NUB_TTY_H

#include <nub/types.h>

/* A platform's console received a byte; from interrupt context. */
void tty_input(u8 c);
void tty_init(void);

#endif
