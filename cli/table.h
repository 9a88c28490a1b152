/* SPDX-License-Identifier: MIT */
/* Text tables: columns as wide as their widest cell. */
#ifndef STUBDOM_TABLE_H
#define STUBDOM_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "err.h"

#define TABLE_COLUMNS_MAX 16

struct table_column {
	const char *title;
	bool right; /* aligned: numbers */
};

/* Owns its cells; table_free releases them. */
struct table {
	const struct table_column *columns;
	size_t n_columns;
	char **cells; /* row by row */
	size_t n_cells;
};

void table_init(struct table *table, const struct table_column *columns, size_t n);

/* Adds the next cell, row by row; NULL and "" show as "-". */
int table_add(struct table *table, struct err *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The titles in bold on a terminal, then the rows.  No blanks at a line's end. */
void table_print(const struct table *table, FILE *out);

void table_free(struct table *table);

/* "3d 04:05", "04:05:06": a duration for people.  Returns buf. */
char *table_duration(long long seconds, char *buf, size_t size);

#endif
