/* SPDX-License-Identifier: MIT */
/* Builds the stub domain's network: taps for QEMU, wired to the real interfaces. */
#include "net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "ifctl.h"
#include "report.h"
#include "topology.h"

enum {
	/* Well within libxl's 60 s for the whole start. */
	VIF_TIMEOUT_MS = 25000,
	VIF_POLL_MS = 5,
};

/* The largest that taps, real interfaces and bridges of every kernel take. */
enum { MTU_OPEN = 65000 };

/*
 * The interface in dom0 (mtu= of the vif line) and the guest bound the frames' length, as
 * if there were no stub domain between them.
 */
static int set_neutral(const char *name, struct err *err)
{
	if (ifctl_neutral_mac(name, err) < 0)
		return -1;
	return ifctl_mtu(name, MTU_OPEN, err);
}

static int wait_vif(unsigned devid, struct err *err)
{
	const int64_t end = clock_ms() + VIF_TIMEOUT_MS;
	char name[TOPOLOGY_NAME_SIZE];
	int got;

	topology_if_name((struct topology_if){TOPOLOGY_XENIF, devid}, name);
	while ((got = ifctl_claim_vif(devid, name, err)) == 0) {
		if (clock_ms() >= end)
			return err_set(
				err, ERR_STUB,
				"%s: not there after %d s: see its backend in dom0", name,
				VIF_TIMEOUT_MS / 1000);
		clock_wait_ms(VIF_POLL_MS);
	}
	if (got < 0)
		return -1;
	return set_neutral(name, err);
}

static int parse_lines(const struct boot_contract *boot, struct topology *out,
		       struct err *err)
{
	cleanup_free char *text = NULL;
	size_t size = 1, at = 0;

	for (size_t i = 0; i < boot->n_topology; i++)
		size += strlen(boot->topology[i]) + 1;
	text = calloc(1, size);
	if (!text)
		return err_set(err, ERR_STUB, "out of memory");
	for (size_t i = 0; i < boot->n_topology; i++)
		at += (size_t)sprintf(text + at, "%s\n", boot->topology[i]);
	return topology_parse(text, "topology", out, err);
}

/* A tap number from the contract's "tapN". */
static int tap_number(const struct boot_nic *nic, struct topology_if *tap,
		      struct err *err)
{
	char name[TOPOLOGY_NAME_SIZE];

	tap->kind = TOPOLOGY_TAP;
	if (sscanf(nic->tap, "tap%u", &tap->n) != 1 ||
	    strcmp(topology_if_name(*tap, name), nic->tap) != 0)
		return err_set(err, ERR_STUB, "'%s' is not the name of a tap", nic->tap);
	return 0;
}

/* Without a topology each tap is wired to its own real interface. */
static int wire_straight(const struct boot_contract *boot, struct topology *out,
			 struct err *err)
{
	*out = (struct topology){0};
	for (size_t i = 0; i < boot->n_nics; i++) {
		const struct topology_if bridge = {TOPOLOGY_BRIDGE, (unsigned)i};
		const struct topology_if xenif = {TOPOLOGY_XENIF, boot->nics[i].xenif};
		struct topology_if tap;

		if (tap_number(&boot->nics[i], &tap, err) < 0)
			return -1;
		const struct topology_stmt stmts[] = {
			{.op = TOPOLOGY_CREATE, .subject = tap},
			{.op = TOPOLOGY_CREATE, .subject = bridge},
			{.op = TOPOLOGY_ADD, .subject = bridge, .member = tap},
			{.op = TOPOLOGY_ADD, .subject = bridge, .member = xenif},
			{.op = TOPOLOGY_UP, .subject = tap},
			{.op = TOPOLOGY_UP, .subject = xenif},
			{.op = TOPOLOGY_UP, .subject = bridge},
		};
		for (size_t k = 0; k < sizeof(stmts) / sizeof(*stmts); k++)
			if (topology_append(out, &stmts[k], err) < 0)
				return -1;
	}
	return 0;
}

/* Snooping would withhold multicast that a switch in dom0 lets through. */
static void stop_snooping(const char *bridge)
{
	char path[96];
	cleanup_fd int fd = -1;

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/multicast_snooping",
		 bridge);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "0", 1) < 0)
		report_line("cannot set %s: %s", path, strerror(errno));
}

static int create(struct topology_if interface, const char *name, struct err *err)
{
	if (interface.kind == TOPOLOGY_TAP) {
		if (ifctl_tap_create(name, err) < 0)
			return -1;
		return set_neutral(name, err);
	}
	if (ifctl_bridge_create(name, err) < 0)
		return -1;
	stop_snooping(name);
	return 0;
}

static int execute(const struct topology_stmt *stmt, struct err *err)
{
	char subject[TOPOLOGY_NAME_SIZE], member[TOPOLOGY_NAME_SIZE];

	topology_if_name(stmt->subject, subject);
	topology_if_name(stmt->member, member);
	switch (stmt->op) {
	case TOPOLOGY_CREATE:
		return create(stmt->subject, subject, err);
	case TOPOLOGY_UP:
	case TOPOLOGY_DOWN:
		return ifctl_up(subject, stmt->op == TOPOLOGY_UP, err);
	case TOPOLOGY_MTU:
		return ifctl_mtu(subject, stmt->mtu, err);
	case TOPOLOGY_ADD:
		return ifctl_bridge_add(subject, member, err);
	case TOPOLOGY_DELETE:
		return ifctl_bridge_delete(subject, member, err);
	case TOPOLOGY_STP_ON:
	case TOPOLOGY_STP_OFF:
		return ifctl_bridge_stp(subject, stmt->op == TOPOLOGY_STP_ON, err);
	}
	return 0;
}

/* The number of ports that the bridge ends up with. */
static unsigned count_ports(const struct topology *topology, unsigned bridge)
{
	unsigned ports = 0;

	for (size_t i = 0; i < topology->n; i++) {
		const struct topology_stmt *stmt = &topology->stmts[i];

		if (stmt->subject.kind != TOPOLOGY_BRIDGE || stmt->subject.n != bridge)
			continue;
		ports += stmt->op == TOPOLOGY_ADD;
		ports -= stmt->op == TOPOLOGY_DELETE;
	}
	return ports;
}

static int execute_all(const struct topology *topology, struct err *err)
{
	char name[TOPOLOGY_NAME_SIZE];

	for (size_t i = 0; i < topology->n; i++) {
		const struct topology_stmt *stmt = &topology->stmts[i];

		if (execute(stmt, err) < 0)
			return stmt->line ? err_prefix(err, "topology:%u:%u", stmt->line,
						       stmt->column)
					  : -1;
		if (stmt->op == TOPOLOGY_CREATE &&
		    stmt->subject.kind == TOPOLOGY_BRIDGE &&
		    count_ports(topology, stmt->subject.n) <= 2 &&
		    ifctl_bridge_no_learning(topology_if_name(stmt->subject, name), err) <
			    0)
			return -1;
	}
	return 0;
}

static int set_mtus(const struct boot_contract *boot, struct err *err)
{
	for (size_t i = 0; i < boot->n_nics; i++) {
		const struct boot_nic *nic = &boot->nics[i];
		char xenif[TOPOLOGY_NAME_SIZE];

		if (!nic->mtu)
			continue;
		topology_if_name((struct topology_if){TOPOLOGY_XENIF, nic->xenif}, xenif);
		if (ifctl_mtu(xenif, nic->mtu, err) < 0 ||
		    ifctl_mtu(nic->tap, nic->mtu, err) < 0)
			return -1;
	}
	return 0;
}

/* Every real interface that the topology names must be there before it is used. */
static int wait_vifs(const struct topology *topology, struct err *err)
{
	for (size_t i = 0; i < topology->n; i++) {
		const struct topology_stmt *stmt = &topology->stmts[i];
		const bool has_member =
			stmt->op == TOPOLOGY_ADD || stmt->op == TOPOLOGY_DELETE;

		if (stmt->subject.kind == TOPOLOGY_XENIF &&
		    wait_vif(stmt->subject.n, err) < 0)
			return -1;
		if (has_member && stmt->member.kind == TOPOLOGY_XENIF &&
		    wait_vif(stmt->member.n, err) < 0)
			return -1;
	}
	return 0;
}

int net_setup(const struct boot_contract *boot, struct err *err)
{
	struct topology topology = {0};
	int rc;

	if (boot->n_nics == 0 && !boot->topology)
		return 0;
	if (ifctl_open(err) < 0)
		return -1;
	rc = boot->topology ? parse_lines(boot, &topology, err)
			    : wire_straight(boot, &topology, err);
	if (rc == 0)
		rc = wait_vifs(&topology, err);
	if (rc == 0)
		rc = execute_all(&topology, err);
	if (rc == 0)
		rc = set_mtus(boot, err);
	topology_free(&topology);
	return rc;
}
