/* SPDX-License-Identifier: MIT */
/* The live network of a stub domain: its interfaces, their bridges, their counters. */
#ifndef STUBDOM_NETGRAPH_H
#define STUBDOM_NETGRAPH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"
#include "guest.h"
#include "topology.h"

struct netgraph_count {
	unsigned long long bytes, packets, dropped;
};

/*
 * One interface.  State, place and counters are the stub domain's word, checked
 * for form only; nic, vif and network are dom0's own knowledge.
 */
struct netgraph_if {
	struct topology_if id;
	char name[TOPOLOGY_NAME_SIZE];
	bool up, link;
	unsigned mtu;
	char bridge[TOPOLOGY_NAME_SIZE]; /* "" : in none */
	struct netgraph_count rx, tx;	 /* seen from the interface */
	char *model, *mac;		 /* of a tap's NIC; NULL: not known */
	char *vif, *network;		 /* of a real interface: its other end in its
					    backend's domain, and the bridge there */
	int backend;			 /* that domain; -1: not known */
};

struct netgraph {
	struct netgraph_if *list; /* by kind and number */
	size_t n;
};

/*
 * Asks the stub domain and waits for the answer, timeout_ms at most.  ERR_STUB:
 * it does not answer, or not in the form of abi/boot.h.
 */
int netgraph_read(const struct guest *guest, int timeout_ms, struct netgraph *out,
		  struct err *err);

/*
 * Reads what the stub domain wrote of the interface `name` when it was asked
 * `question`: 1, 0 for an old answer, -1 with err set.
 */
int netgraph_parse(const char *name, const char *text, const char *question,
		   struct netgraph_if *out, struct err *err);

int netgraph_print(const struct netgraph *graph, FILE *out, struct err *err);
void netgraph_print_dot(const struct netgraph *graph, const char *guest, FILE *out);
json_t *netgraph_to_json(const struct netgraph *graph); /* an array; the caller owns it */

void netgraph_free(struct netgraph *graph);

#endif
