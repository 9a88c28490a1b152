/* SPDX-License-Identifier: MIT */
/* The program's own account of its interfaces, for toolstacks: stubdom-dm --interface. */
#ifndef STUBDOM_INTERFACE_H
#define STUBDOM_INTERFACE_H

#include <jansson.h>
#include <stdio.h>

#define INTERFACE_VERSION 1 /* of the JSON form, docs/interface.md */

/* The caller's.  NULL: out of memory. */
json_t *interface_to_json(void);

/* The exit statuses, a line each, for --help. */
void interface_print_statuses(FILE *out);

#endif
