/* SPDX-License-Identifier: MIT */
/* The wiring that the administrator wrote: checked, and its statements for the agent. */
#include "topology.h"

#include <errno.h>
#include <string.h>

#include "check/resolve.h"
#include "cleanup.h"
#include "topology_check.h"
#include "xalloc.h"

enum { TOPOLOGY_BYTES_MAX = 65536 };

/* The agent gets the statements only, a line each. */
static void add_topology_lines(struct plan *plan, char *text)
{
	plan->topology = xgrow(plan->topology, 0, sizeof(char *));
	plan->topology[0] = NULL;
	for (char *line = strtok(text, "\r\n"); line; line = strtok(NULL, "\r\n")) {
		size_t len;

		line[strcspn(line, "#")] = '\0';
		line += strspn(line, " \t");
		len = strlen(line);
		while (len > 0 && strchr(" \t", line[len - 1]))
			line[--len] = '\0';
		if (len == 0)
			continue;
		plan->topology =
			xgrow(plan->topology, plan->n_topology + 1, sizeof(char *));
		plan->topology[plan->n_topology++] = xstrdup(line);
		plan->topology[plan->n_topology] = NULL;
	}
}

/* nub's bridges have no spanning tree. */
static int check_stp(const struct plan *plan, const char *name,
		     const struct topology *topology, struct err *err)
{
	for (size_t i = 0; i < topology->n; i++) {
		const struct topology_stmt *stmt = &topology->stmts[i];

		if (stmt->op == TOPOLOGY_STP_ON && plan->kernel == STUBOPT_KERNEL_NUB)
			return err_set(
				err, ERR_USAGE,
				"%s:%u:%u: found 'stp', expected a bridge without: "
				"only kernel=linux has the spanning tree",
				name, stmt->line, stmt->column);
	}
	return 0;
}

/* Whether the statements fit this guest's interfaces and its stub domain's kernel.  Errors
 * name the text `name`. */
static int check_topology(const struct plan *plan, const char *name, const char *text,
			  struct err *err)
{
	cleanup_free struct topology_xenif *xenifs =
		xalloc_check(calloc(plan->n_nics + 1, sizeof(*xenifs)));
	struct topology topology;
	int rc;

	for (size_t i = 0; i < plan->n_nics; i++)
		xenifs[i] = (struct topology_xenif){.n = plan->nics[i].xenif,
						    .network = plan->nics[i].bridge};
	if (topology_parse(text, name, &topology, err) < 0)
		return -1;
	rc = topology_check(&topology, name, (unsigned)plan->n_nics, xenifs, plan->n_nics,
			    err);
	if (rc == 0)
		rc = check_stp(plan, name, &topology, err);
	topology_free(&topology);
	return rc;
}

int resolve_topology(struct plan *plan, struct err *err)
{
	cleanup_free char *text = xalloc_check(malloc(TOPOLOGY_BYTES_MAX + 1));
	cleanup_file FILE *f = fopen(plan->topology_file, "re");
	size_t len;

	if (!f)
		return err_errno(err, ERR_HOST, errno, "%s", plan->topology_file);
	len = fread(text, 1, TOPOLOGY_BYTES_MAX + 1, f);
	if (ferror(f))
		return err_errno(err, ERR_HOST, errno, "%s", plan->topology_file);
	if (len > TOPOLOGY_BYTES_MAX || memchr(text, '\0', len))
		return err_set(err, ERR_HOST, "%s: no text, or longer than %d bytes",
			       plan->topology_file, TOPOLOGY_BYTES_MAX);
	text[len] = '\0';
	if (check_topology(plan, plan->topology_file, text, err) < 0)
		return -1;
	add_topology_lines(plan, text);
	return 0;
}

int resolve_topology_again(const struct plan *plan, struct err *err)
{
	cleanup_free char *text = xstrdup("");

	if (plan->n_topology == 0)
		return 0;
	for (size_t i = 0; i < plan->n_topology; i++) {
		cleanup_free char *before = text;

		text = xasprintf("%s%s\n", before, plan->topology[i]);
	}
	return check_topology(plan, "topology", text, err);
}
