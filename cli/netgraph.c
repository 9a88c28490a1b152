/* SPDX-License-Identifier: MIT */
/* Reads and checks a stub domain's answer on its network (abi/boot.h). */
#include "netgraph.h"

#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include "abi/boot.h"
#include "abi/facts.h"
#include "ask.h"
#include "clean.h"
#include "cleanup.h"
#include "decimal.h"
#include "xenstore_util.h"

enum { INTERFACES_MAX = 256, VALUE_MAX = 320, WORD_MAX = 40 };

static bool parse_numbers(const char *text, size_t n, uint64_t *out)
{
	for (size_t i = 0; i < n; i++) {
		text = decimal_read(text, UINT64_MAX, &out[i]);
		if (!text || *text != (i + 1 < n ? ',' : '\0'))
			return false;
		text++;
	}
	return true;
}

static bool parse_word(const char *key, const char *value, struct netgraph_if *out)
{
	uint64_t n[3];
	struct topology_if bridge;

	if (strcmp(key, "bridge") == 0) {
		if (*value && (!topology_if_parse(value, &bridge) ||
			       bridge.kind != TOPOLOGY_BRIDGE))
			return false;
		snprintf(out->bridge, sizeof(out->bridge), "%s", value);
		return true;
	}
	if (strcmp(key, "rx") == 0 || strcmp(key, "tx") == 0) {
		if (!parse_numbers(value, 3, n))
			return false;
		*(key[0] == 'r' ? &out->rx : &out->tx) =
			(struct netgraph_count){n[0], n[1], n[2]};
		return true;
	}
	if (!parse_numbers(value, 1, n)) /* a key of a later version, too */
		return false;
	if (strcmp(key, "up") == 0)
		out->up = n[0];
	else if (strcmp(key, "link") == 0)
		out->link = n[0];
	else if (strcmp(key, "mtu") == 0 && n[0] <= 1 << 20)
		out->mtu = (unsigned)n[0];
	return true;
}

int netgraph_parse(const char *name, const char *text, const char *question,
		   struct netgraph_if *out, struct err *err)
{
	char copy[VALUE_MAX + 1], *save = NULL;

	*out = (struct netgraph_if){.backend = -1};
	if (!topology_if_parse(name, &out->id) || strlen(text) > VALUE_MAX)
		return err_set(err, ERR_STUB,
			       "the stub domain's answer is not of the agreed form");
	topology_if_name(out->id, out->name);
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *word = strtok_r(copy, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = '\0';
		if (value && strcmp(word, "ask") == 0 && strcmp(value, question) != 0)
			return 0;
		if (value && strcmp(word, "ask") == 0)
			continue;
		if (!value || !parse_word(word, value, out))
			return err_set(
				err, ERR_STUB,
				"the stub domain's answer on %s is not of the agreed form",
				out->name);
	}
	return 1;
}

/* Text from another domain or from a configuration: short and printable. */
static char *printable(char *text)
{
	if (text && strlen(text) > WORD_MAX)
		text[WORD_MAX] = '\0';
	if (text)
		clean_string(text);
	return text;
}

static void add_nic(struct xs_handle *xs, const struct guest *guest,
		    struct netgraph_if *tap)
{
	char *text = printable(
		xenstore_read(xs, STUBDOM_XS_FACTS "/%u/" STUBDOM_FACT_NIC "/%s",
			      guest->domid, tap->name));
	char *space = text ? strchr(text, ' ') : NULL;

	if (space) {
		*space = '\0';
		tap->mac = strdup(space + 1);
	}
	tap->model = text;
}

/*
 * From libxl's own record: nodes below the stub domain's path are the stub domain's word.
 */
static void add_backend(struct xs_handle *xs, const struct guest *guest,
			struct netgraph_if *xenif)
{
	cleanup_free char *backend = xenstore_read(xs, "/libxl/%u/device/vif/%u/backend",
						   guest->stub_domid, xenif->id.n);

	if (!backend || sscanf(backend, "/local/domain/%d/", &xenif->backend) != 1)
		return;
	xenif->network = printable(xenstore_read(xs, "%s/bridge", backend));
	xenif->vif = printable(xenstore_read(xs, "%s/vifname", backend));
	if (!xenif->vif &&
	    asprintf(&xenif->vif, "vif%u.%u", guest->stub_domid, xenif->id.n) < 0)
		xenif->vif = NULL;
}

static int by_id(const void *a, const void *b)
{
	const struct topology_if *x = &((const struct netgraph_if *)a)->id;
	const struct topology_if *y = &((const struct netgraph_if *)b)->id;

	return x->kind != y->kind ? (int)x->kind - (int)y->kind : (int)x->n - (int)y->n;
}

static int read_all(struct xs_handle *xs, const struct guest *guest, const char *question,
		    struct netgraph *out, struct err *err)
{
	char dir[XENSTORE_PATH_MAX];
	unsigned n = 0;
	cleanup_free char **names = NULL;

	snprintf(dir, sizeof(dir), "/local/domain/%u/" STUBDOM_XS_IF, guest->stub_domid);
	names = xs_directory(xs, XBT_NULL, dir, &n);
	if (n > INTERFACES_MAX)
		n = INTERFACES_MAX;
	out->list = calloc(n + 1, sizeof(*out->list));
	if (!out->list)
		return err_set(err, ERR_HOST, "out of memory");
	for (unsigned i = 0; names && i < n; i++) {
		struct netgraph_if *interface = &out->list[out->n];
		cleanup_free char *text = xenstore_read(xs, "%s/%s", dir, names[i]);
		int rc = netgraph_parse(names[i], text ? text : "", question, interface,
					err);

		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		out->n++;
		if (interface->id.kind == TOPOLOGY_TAP)
			add_nic(xs, guest, interface);
		if (interface->id.kind == TOPOLOGY_XENIF)
			add_backend(xs, guest, interface);
	}
	qsort(out->list, out->n, sizeof(*out->list), by_id);
	return 0;
}

int netgraph_read(const struct guest *guest, int timeout_ms, struct netgraph *out,
		  struct err *err)
{
	struct ask ask;
	int rc;

	*out = (struct netgraph){0};
	if (ask_begin(&ask, guest, timeout_ms, err) < 0)
		return -1;
	rc = read_all(ask.xs, guest, ask.answered, out, err);
	ask_end(&ask);
	if (rc < 0)
		netgraph_free(out);
	return rc;
}

void netgraph_free(struct netgraph *graph)
{
	for (size_t i = 0; i < graph->n; i++) {
		free(graph->list[i].model);
		free(graph->list[i].mac);
		free(graph->list[i].vif);
		free(graph->list[i].network);
	}
	free(graph->list);
	*graph = (struct netgraph){0};
}
