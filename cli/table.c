/* SPDX-License-Identifier: MIT */
/* Text tables: columns as wide as their widest cell. */
#include "table.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clean.h"
#include "term.h"

void table_init(struct table *table, const struct table_column *columns, size_t n)
{
	*table = (struct table){.columns = columns, .n_columns = n};
}

int table_add(struct table *table, struct err *err, const char *fmt, ...)
{
	char **cells = reallocarray(table->cells, table->n_cells + 1, sizeof(*cells));
	char *text;
	va_list ap;
	int n;

	if (!cells)
		return err_set(err, ERR_HOST, "out of memory");
	table->cells = cells;
	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(err, ERR_HOST, "out of memory");
	clean_string(text);
	table->cells[table->n_cells++] = text;
	return 0;
}

static const char *cell(const struct table *table, size_t i)
{
	return table->cells[i][0] ? table->cells[i] : "-";
}

/* Characters, not bytes: a guest's name may be UTF-8. */
static int text_width(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static void print_cell(FILE *out, const char *text, int width, bool right, bool last)
{
	int pad = width - text_width(text);

	if (right)
		fprintf(out, "%*s%s", pad, "", text);
	else
		fprintf(out, "%s%*s", text, last ? 0 : pad, "");
	fputs(last ? "\n" : "  ", out);
}

void table_print(const struct table *table, FILE *out)
{
	size_t n = table->n_columns;
	int widths[TABLE_COLUMNS_MAX];

	for (size_t c = 0; c < n; c++)
		widths[c] = text_width(table->columns[c].title);
	for (size_t i = 0; i < table->n_cells; i++)
		if (text_width(cell(table, i)) > widths[i % n])
			widths[i % n] = text_width(cell(table, i));
	fputs(term_colour(out, TERM_BOLD), out);
	for (size_t c = 0; c < n; c++)
		print_cell(out, table->columns[c].title, widths[c],
			   table->columns[c].right, c == n - 1);
	fputs(term_colour(out, TERM_PLAIN), out);
	for (size_t i = 0; i < table->n_cells; i++)
		print_cell(out, cell(table, i), widths[i % n],
			   table->columns[i % n].right, i % n == n - 1);
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	memset(table, 0, sizeof(*table));
}

char *table_duration(long long seconds, char *buf, size_t size)
{
	long long s = seconds > 0 ? seconds : 0;

	if (s < 86400)
		snprintf(buf, size, "%02lld:%02lld:%02lld", s / 3600, s / 60 % 60,
			 s % 60);
	else
		snprintf(buf, size, "%lldd %02lld:%02lld", s / 86400, s / 3600 % 24,
			 s / 60 % 60);
	return buf;
}
