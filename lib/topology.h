/* SPDX-License-Identifier: MIT */
/* The topology language: how taps, bridges and real interfaces are connected. */
#ifndef STUBDOM_TOPOLOGY_H
#define STUBDOM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/*
 * Lines of
 *
 *   ifconfig IF { create | up | down | mtu N }...
 *   brconfig BR { add IF... | delete IF... | stp | -stp | up | down }...
 *   brconfig { add | delete } IF... BR
 *
 * with tapN, bridgeN and xenifN as interfaces, N from 0 to 4095 without leading
 * zeros; '#' begins a comment.  The first two forms are NetBSD's, the third is
 * an older order of the same words.
 */
enum topology_kind { TOPOLOGY_TAP, TOPOLOGY_BRIDGE, TOPOLOGY_XENIF };

struct topology_if {
	enum topology_kind kind;
	unsigned n;
};

enum topology_op {
	TOPOLOGY_CREATE,
	TOPOLOGY_UP,
	TOPOLOGY_DOWN,
	TOPOLOGY_MTU,
	TOPOLOGY_ADD,	 /* `member` becomes a port of the bridge `subject` */
	TOPOLOGY_DELETE, /* and is one no more */
	TOPOLOGY_STP_ON,
	TOPOLOGY_STP_OFF,
};

struct topology_stmt {
	enum topology_op op;
	struct topology_if subject;
	struct topology_if member; /* TOPOLOGY_ADD and _DELETE */
	unsigned mtu;		   /* TOPOLOGY_MTU */
	unsigned line, column;	   /* from 1, of the word that says it */
};

/* In the order of the text.  topology_free releases it. */
struct topology {
	struct topology_stmt *stmts;
	size_t n;
};

enum { TOPOLOGY_IF_MAX = 4095, TOPOLOGY_NAME_SIZE = 16 };

/*
 * Reads `text`; errors name it `name`: "name:line:column: found X, expected Y".  On error
 * (-1) *out is empty.
 */
int topology_parse(const char *text, const char *name, struct topology *out,
		   struct err *err);

/* Adds a statement; for topologies that no text describes. */
int topology_append(struct topology *topology, const struct topology_stmt *stmt,
		    struct err *err);

/* "tap0"; returns `name`. */
const char *topology_if_name(struct topology_if interface,
			     char name[static TOPOLOGY_NAME_SIZE]);

/* Whether the whole of `name` is an interface's name, and which. */
bool topology_if_parse(const char *name, struct topology_if *out);

void topology_free(struct topology *topology);

#endif
