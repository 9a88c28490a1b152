/* SPDX-License-Identifier: MIT */
/* The phases of a start for people, for programs, and as a picture. */
#include "blame.h"

#include <string.h>

#include "table.h"

enum { BAR = 40, ROW = 26, LEFT = 100, WIDTH = 960, PLOT = 480, TOP = 48 };

int blame_print(const struct blame *blame, FILE *out, struct err *err)
{
	static const struct table_column columns[] = {
		{"PHASE", false}, {"BEGINS", true},	   {"TAKES", true},
		{"", false},	  {"WHAT IS DONE", false},
	};
	static const char full[BAR + 1] = "########################################";
	const int64_t total = blame->total_ms ? blame->total_ms : 1;
	struct table table;
	int rc = 0;

	table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	for (size_t i = 0; i < blame->n && rc == 0; i++) {
		const struct blame_phase *p = &blame->phases[i];

		if (table_add(&table, err, "%s", p->name) < 0 ||
		    table_add(&table, err, "%.2f s", (double)p->from_ms / 1000) < 0 ||
		    table_add(&table, err, "%.2f s", (double)p->ms / 1000) < 0 ||
		    table_add(&table, err, "%.*s", (int)(p->ms * BAR / total), full) <
			    0 ||
		    table_add(&table, err, "%s", p->what) < 0)
			rc = -1;
	}
	if (rc == 0) {
		table_print(&table, out);
		fprintf(out, "%.2f s in all, until QEMU ran\n",
			(double)blame->total_ms / 1000);
	}
	table_free(&table);
	return rc;
}

/* A name of the toolstack's, which may have any character. */
static void put_escaped(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			putc(*text, out);
	}
}

static void put_text(FILE *out, int64_t x, size_t y, const char *anchor, const char *text)
{
	fprintf(out, "<text x=\"%lld\" y=\"%zu\" text-anchor=\"%s\">%s</text>\n",
		(long long)x, y, anchor, text);
}

void blame_print_svg(const struct blame *blame, const char *name, FILE *out)
{
	const int64_t total = blame->total_ms ? blame->total_ms : 1;
	size_t height = TOP + blame->n * ROW + 12;
	char took[48];

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
		"font-family=\"sans-serif\" font-size=\"13\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"12\" y=\"26\" font-size=\"16\">The start of ",
		WIDTH, height);
	put_escaped(name, out);
	fprintf(out, ": %.2f s until QEMU ran</text>\n", (double)blame->total_ms / 1000);
	for (size_t i = 0; i < blame->n; i++) {
		const struct blame_phase *p = &blame->phases[i];
		int64_t x = LEFT + p->from_ms * PLOT / total;
		int64_t width = p->ms * PLOT / total;
		size_t y = TOP + i * ROW;

		put_text(out, LEFT - 8, y + 15, "end", p->name);
		fprintf(out,
			"<rect x=\"%lld\" y=\"%zu\" width=\"%lld\" height=\"%d\" "
			"fill=\"#3b6ea5\"><title>%s</title></rect>\n",
			(long long)x, y, (long long)(width > 0 ? width : 1), ROW - 6,
			p->what);
		snprintf(took, sizeof(took), "%.2f s", (double)p->ms / 1000);
		put_text(out, x + width + 6, y + 15, "start", took);
	}
	fputs("</svg>\n", out);
}

json_t *blame_to_json(const struct blame *blame)
{
	json_t *list = json_array();

	for (size_t i = 0; i < blame->n; i++) {
		const struct blame_phase *p = &blame->phases[i];

		json_array_append_new(list, json_pack("{s:s s:s s:I s:I}", "phase",
						      p->name, "what", p->what, "from_ms",
						      (json_int_t)p->from_ms, "ms",
						      (json_int_t)p->ms));
	}
	return list;
}
