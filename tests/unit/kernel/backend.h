/* SPDX-License-Identifier: MIT */
/* A hostile back end's side of grants, events and xenbus, for one front end driver. */
#ifndef TEST_KERNEL_BACKEND_H
#define TEST_KERNEL_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

extern bool backend_keeps;	     /* it lets go of no page any more */
extern unsigned backend_has;	     /* pages that are granted to it */
extern unsigned backend_kept;	     /* of these, whose use is over */
extern bool backend_online;	     /* its node `online` */
extern unsigned backend_kicks;	     /* xenbus_kick() */
extern unsigned long backend_number; /* its answer for each of its nodes */
extern char backend_written[32];     /* xenbus_write()'s last value */
extern const char *(*backend_text)(const char *path); /* or NULL: it has no texts */

/* The front end's event handler is called. */
void backend_event(void);
/* The memory of a granted page. */
void *backend_page(uint32_t ref);
/* It lets go of all the pages that it kept. */
void backend_lets_go(void);

#endif
