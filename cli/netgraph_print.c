/* SPDX-License-Identifier: MIT */
/* A stub domain's network for people, for programs and for graphviz. */
#include "netgraph.h"

#include <string.h>

#include "guest_json.h"
#include "table.h"

static const char *const kinds[] = {
	[TOPOLOGY_TAP] = "tap",
	[TOPOLOGY_BRIDGE] = "bridge",
	[TOPOLOGY_XENIF] = "xenif",
};

static const char *state(const struct netgraph_if *interface)
{
	if (!interface->up)
		return "down";
	return interface->link ? "up" : "no link";
}

/* The other end: "e1000 00:16:3e:...", "vif1.0-emu on xenbr0". */
static void other_end(const struct netgraph_if *interface, char *text, size_t size)
{
	text[0] = '\0';
	if (interface->model)
		snprintf(text, size, "%.40s %.40s", interface->model,
			 interface->mac ? interface->mac : "");
	if (interface->vif)
		snprintf(text, size, "%.40s%s%.40s", interface->vif,
			 interface->network ? " on " : "",
			 interface->network ? interface->network : "");
	if (interface->backend > 0)
		snprintf(text + strlen(text), size - strlen(text), ", domain %d",
			 interface->backend);
}

static int add_row(struct table *table, const struct netgraph_if *interface,
		   const char *indent, struct err *err)
{
	const struct netgraph_count *rx = &interface->rx, *tx = &interface->tx;
	char end[128];

	other_end(interface, end, sizeof(end));
	if (table_add(table, err, "%s%s", indent, interface->name) < 0 ||
	    table_add(table, err, "%s", state(interface)) < 0 ||
	    table_add(table, err, "%u", interface->mtu) < 0 ||
	    table_add(table, err, "%s", end) < 0)
		return -1;
	if (table_add(table, err, "%llu", rx->packets) < 0 ||
	    table_add(table, err, "%llu", rx->bytes) < 0 ||
	    table_add(table, err, "%llu", tx->packets) < 0 ||
	    table_add(table, err, "%llu", tx->bytes) < 0 ||
	    table_add(table, err, "%llu", rx->dropped + tx->dropped) < 0)
		return -1;
	return 0;
}

/* Each bridge with its ports below it, then the interfaces in none. */
static int add_rows(struct table *table, const struct netgraph *graph, struct err *err)
{
	for (size_t i = 0; i < graph->n; i++) {
		const struct netgraph_if *bridge = &graph->list[i];

		if (bridge->id.kind != TOPOLOGY_BRIDGE)
			continue;
		if (add_row(table, bridge, "", err) < 0)
			return -1;
		for (size_t k = 0; k < graph->n; k++)
			if (strcmp(graph->list[k].bridge, bridge->name) == 0 &&
			    add_row(table, &graph->list[k], "  ", err) < 0)
				return -1;
	}
	for (size_t i = 0; i < graph->n; i++)
		if (graph->list[i].id.kind != TOPOLOGY_BRIDGE &&
		    !graph->list[i].bridge[0] &&
		    add_row(table, &graph->list[i], "", err) < 0)
			return -1;
	return 0;
}

int netgraph_print(const struct netgraph *graph, FILE *out, struct err *err)
{
	static const struct table_column columns[] = {
		{"INTERFACE", false}, {"STATE", false},	   {"MTU", true},
		{"OTHER END", false}, {"IN FRAMES", true}, {"IN BYTES", true},
		{"OUT FRAMES", true}, {"OUT BYTES", true}, {"DROPPED", true},
	};
	struct table table;
	int rc;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	rc = add_rows(&table, graph, err);
	if (rc == 0)
		table_print(&table, out);
	table_free(&table);
	return rc;
}

static json_t *count_to_json(const struct netgraph_count *count)
{
	return json_pack("{s:I s:I s:I}", "bytes", (json_int_t)count->bytes, "packets",
			 (json_int_t)count->packets, "dropped",
			 (json_int_t)count->dropped);
}

json_t *netgraph_to_json(const struct netgraph *graph)
{
	json_t *list = json_array();

	for (size_t i = 0; i < graph->n; i++) {
		const struct netgraph_if *interface = &graph->list[i];
		json_t *o =
			json_pack("{s:s s:s s:b s:b s:i}", "name", interface->name,
				  "kind", kinds[interface->id.kind], "up", interface->up,
				  "link", interface->link, "mtu", (int)interface->mtu);

		guest_set_string(o, "bridge",
				 interface->bridge[0] ? interface->bridge : NULL);
		json_object_set_new(o, "rx", count_to_json(&interface->rx));
		json_object_set_new(o, "tx", count_to_json(&interface->tx));
		if (interface->id.kind == TOPOLOGY_TAP) {
			guest_set_string(o, "model", interface->model);
			guest_set_string(o, "mac", interface->mac);
		}
		if (interface->id.kind == TOPOLOGY_XENIF) {
			guest_set_string(o, "vif", interface->vif);
			guest_set_string(o, "network", interface->network);
			json_object_set_new(o, "backend",
					    interface->backend < 0
						    ? json_null()
						    : json_integer(interface->backend));
		}
		json_array_append_new(list, o);
	}
	return list;
}

/* A name of dom0's in double quotes: graphviz knows no other escape. */
static void print_quoted(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void print_end(const struct netgraph_if *interface, FILE *out)
{
	if (interface->model) {
		fputs("\t", out);
		print_quoted(out, interface->mac ? interface->mac : interface->model);
		fputs(" [shape=box, label=", out);
		print_quoted(out, interface->model);
		fprintf(out, "];\n\t%s -- ", interface->name);
		print_quoted(out, interface->mac ? interface->mac : interface->model);
		fputs(";\n", out);
	}
	if (interface->network) {
		fprintf(out, "\t%s -- ", interface->name);
		print_quoted(out, interface->network);
		if (interface->vif) {
			fputs(" [label=", out);
			print_quoted(out, interface->vif);
			fputc(']', out);
		}
		fputs(";\n", out);
	}
}

void netgraph_print_dot(const struct netgraph *graph, const char *guest, FILE *out)
{
	fputs("graph ", out);
	print_quoted(out, guest);
	fputs(" {\n", out);
	for (size_t i = 0; i < graph->n; i++) {
		const struct netgraph_if *interface = &graph->list[i];

		fprintf(out, "\t%s [label=\"%s\\nin %llu, out %llu frames\"%s];\n",
			interface->name, interface->name, interface->rx.packets,
			interface->tx.packets, interface->up ? "" : ", style=dashed");
		if (interface->bridge[0])
			fprintf(out, "\t%s -- %s;\n", interface->bridge, interface->name);
		print_end(interface, out);
	}
	fputs("}\n", out);
}
