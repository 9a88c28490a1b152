/* SPDX-License-Identifier: MIT */
/* The wall between programs and Xen: the hypercalls, values and domains that pass. */
#ifndef NUB_XEN_FIREWALL_H
#define NUB_XEN_FIREWALL_H

#include <nub/types.h>

#include <xen/xen.h>

/* Bytes of the largest structure of a rule; hypercalls_gen.c asserts it. */
#define DM_OP_ARG_MAX 24
#define CALL_ARG_MAX 144

enum second_buffer { SECOND_NONE, SECOND_IN, SECOND_OUT };

/* A line of hypercalls.tbl. */
struct call_rule {
	const char *name;
	u32 hypercall, op; /* not of dm_rules, whose index is the operation */
	u16 size;	   /* of the structure */
	u16 domid_at;	   /* where in it the domain is named; not of dm_rules */
	bool out;	   /* the structure has an answer in it */
	bool lent;	   /* for PCI devices: only while one is lent (lent.h) */
	enum second_buffer second;
	u32 second_max;
	/* 0, or the error that the program gets. `second` is the second buffer's bytes. */
	int (*check)(const void *arg, size_t second);
};

extern const struct call_rule dm_rules[], call_rules[];
extern const unsigned dm_rule_count, call_rule_count;

/* NULL: refused, with a line on the console for the first few. */
const struct call_rule *firewall_dm_op(u32 op);
const struct call_rule *firewall_call(u64 hypercall, u64 op);

/*
 * Checks the values of a call that the list has: its structure and the bytes of its
 * second buffer.  0 or -EINVAL, with a line on the console for the first few.
 */
int firewall_values(const struct call_rule *rule, const void *arg, size_t second);

/* The other domains that a program may name. */
enum {
	PEER_TARGET = 1, /* that this one is the device model of */
	PEER_SELF = 2,
	PEER_DOM0 = 4,
};
/* Whether dom is one of `who`. Asks xenstore for the target once; may sleep. */
bool firewall_peer(u64 dom, unsigned who);

/* Of hypercalls.tbl. */
int check_create_server(const void *arg, size_t second);
int check_server_info(const void *arg, size_t second);
int check_range(const void *arg, size_t second);
int check_server_state(const void *arg, size_t second);
int check_dirty_vram(const void *arg, size_t second);
int check_intx(const void *arg, size_t second);
int check_isa_irq(const void *arg, size_t second);
int check_link_route(const void *arg, size_t second);
int check_modified(const void *arg, size_t second);
int check_mem_type(const void *arg, size_t second);
int check_msi(const void *arg, size_t second);
int check_shutdown(const void *arg, size_t second);
int check_relocate(const void *arg, size_t second);
int check_pin(const void *arg, size_t second);
int check_populate(const void *arg, size_t second);
int check_set_param(const void *arg, size_t second);
/* The same, of lent.c. */
int check_domctl(const void *arg, size_t second);
int check_memory_mapping(const void *arg, size_t second);
int check_ioport_mapping(const void *arg, size_t second);
int check_bind_pirq(const void *arg, size_t second);
int check_map_pirq(const void *arg, size_t second);
int check_unmap_pirq(const void *arg, size_t second);

#endif
