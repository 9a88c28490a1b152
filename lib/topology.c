/* SPDX-License-Identifier: MIT */
/* The topology language: how taps, bridges and real interfaces are connected. */
#include "topology.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

enum { STMTS_MAX = 65536, MTU_MIN = 68, MTU_MAX = 65000 /* what every kernel takes */ };

static const char *const kind_names[] = {
	[TOPOLOGY_TAP] = "tap",
	[TOPOLOGY_BRIDGE] = "bridge",
	[TOPOLOGY_XENIF] = "xenif",
};

struct word {
	const char *text;
	size_t len;
	unsigned column;
};

/* One line being read; `at` is behind the current word. */
struct parser {
	const char *name;
	const char *line_begin, *at, *line_end;
	unsigned line;
	struct word word; /* len 0: the end of the line */
	struct topology *out;
	struct err *err;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void next_word(struct parser *p)
{
	while (p->at < p->line_end && is_blank(*p->at))
		p->at++;
	p->word.text = p->at;
	p->word.column = (unsigned)(p->at - p->line_begin) + 1;
	while (p->at < p->line_end && !is_blank(*p->at))
		p->at++;
	p->word.len = (size_t)(p->at - p->word.text);
}

static bool word_is(const struct word *word, const char *text)
{
	return word->len == strlen(text) && !memcmp(word->text, text, word->len);
}

static int expected(const struct parser *p, const char *what)
{
	if (p->word.len == 0)
		return err_set(p->err, ERR_USAGE, "%s:%u:%u: the line ends, expected %s",
			       p->name, p->line, p->word.column, what);
	return err_set(p->err, ERR_USAGE, "%s:%u:%u: found '%.*s', expected %s", p->name,
		       p->line, p->word.column,
		       (int)(p->word.len < 64 ? p->word.len : 64), p->word.text, what);
}

/* A decimal number without leading zeros, at most `most`. */
static bool parse_number(const char *text, size_t len, unsigned most, unsigned *out)
{
	unsigned value = 0;

	if (len == 0 || len > 5 || (len > 1 && text[0] == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	*out = value;
	return value <= most;
}

static bool word_interface(const struct word *word, struct topology_if *out)
{
	for (size_t k = 0; k < sizeof(kind_names) / sizeof(*kind_names); k++) {
		size_t len = strlen(kind_names[k]);

		if (word->len <= len || memcmp(word->text, kind_names[k], len) != 0)
			continue;
		out->kind = (enum topology_kind)k;
		return parse_number(word->text + len, word->len - len, TOPOLOGY_IF_MAX,
				    &out->n);
	}
	return false;
}

static int emit(struct parser *p, const struct word *word, enum topology_op op,
		struct topology_if subject, struct topology_if member, unsigned mtu)
{
	const struct topology_stmt stmt = {.op = op,
					   .subject = subject,
					   .member = member,
					   .mtu = mtu,
					   .line = p->line,
					   .column = word->column};

	return topology_append(p->out, &stmt, p->err);
}

static int parse_ifconfig(struct parser *p)
{
	struct topology_if subject;

	if (!word_interface(&p->word, &subject))
		return expected(p, "an interface: tapN, bridgeN or xenifN");
	next_word(p);
	do {
		struct word word = p->word;
		unsigned mtu = 0;
		enum topology_op op;

		if (word_is(&word, "create") && subject.kind == TOPOLOGY_XENIF)
			return expected(
				p,
				"up, down or mtu: a real interface is there from the start");
		if (word_is(&word, "create")) {
			op = TOPOLOGY_CREATE;
		} else if (word_is(&word, "up")) {
			op = TOPOLOGY_UP;
		} else if (word_is(&word, "down")) {
			op = TOPOLOGY_DOWN;
		} else if (word_is(&word, "mtu")) {
			op = TOPOLOGY_MTU;
			next_word(p);
			if (!parse_number(p->word.text, p->word.len, MTU_MAX, &mtu) ||
			    mtu < MTU_MIN)
				return expected(p, "a number of bytes from 68 to 65000");
		} else {
			return expected(p, "create, up, down or mtu");
		}
		if (emit(p, &word, op, subject, (struct topology_if){0}, mtu) < 0)
			return -1;
		next_word(p);
	} while (p->word.len);
	return 0;
}

/* Members after `add` or `delete`; stops at the first word that is no interface. */
static int parse_members(struct parser *p, enum topology_op op, struct topology_if bridge)
{
	struct topology_if member;
	bool any = false;

	for (next_word(p); word_interface(&p->word, &member); next_word(p)) {
		if (member.kind == TOPOLOGY_BRIDGE)
			return expected(p, "a member: tapN or xenifN");
		if (emit(p, &p->word, op, bridge, member, 0) < 0)
			return -1;
		any = true;
	}
	return any ? 0 : expected(p, "a member: tapN or xenifN");
}

static int parse_bridge_words(struct parser *p, struct topology_if bridge)
{
	static const struct {
		const char *word;
		enum topology_op op;
	} plain[] = {{"stp", TOPOLOGY_STP_ON},
		     {"-stp", TOPOLOGY_STP_OFF},
		     {"up", TOPOLOGY_UP},
		     {"down", TOPOLOGY_DOWN}};

	do {
		size_t i = 0;

		if (word_is(&p->word, "add") || word_is(&p->word, "delete")) {
			if (parse_members(p,
					  p->word.text[0] == 'a' ? TOPOLOGY_ADD
								 : TOPOLOGY_DELETE,
					  bridge) < 0)
				return -1;
			continue;
		}
		while (i < sizeof(plain) / sizeof(*plain) &&
		       !word_is(&p->word, plain[i].word))
			i++;
		if (i == sizeof(plain) / sizeof(*plain))
			return expected(p, "add, delete, stp, -stp, up or down");
		if (emit(p, &p->word, plain[i].op, bridge, (struct topology_if){0}, 0) <
		    0)
			return -1;
		next_word(p);
	} while (p->word.len);
	return 0;
}

/* "add IF... BR": which bridge is meant is known at the end of the line. */
static int parse_members_first(struct parser *p)
{
	enum topology_op op = word_is(&p->word, "add") ? TOPOLOGY_ADD : TOPOLOGY_DELETE;
	const size_t first = p->out->n;
	struct topology_if interface;

	for (next_word(p);; next_word(p)) {
		if (!word_interface(&p->word, &interface))
			return expected(
				p,
				p->out->n == first
					? "a member: tapN or xenifN"
					: "a member or the bridge: tapN, xenifN or bridgeN");
		if (interface.kind == TOPOLOGY_BRIDGE)
			break;
		if (emit(p, &p->word, op, interface, interface, 0) < 0)
			return -1;
	}
	if (p->out->n == first)
		return expected(p, "a member before the bridge: tapN or xenifN");
	for (size_t i = first; i < p->out->n; i++)
		p->out->stmts[i].subject = interface;
	next_word(p);
	return p->word.len ? expected(p, "the end of the line") : 0;
}

static int parse_brconfig(struct parser *p)
{
	struct topology_if bridge;

	if (word_is(&p->word, "add") || word_is(&p->word, "delete"))
		return parse_members_first(p);
	if (!word_interface(&p->word, &bridge) || bridge.kind != TOPOLOGY_BRIDGE)
		return expected(p, "a bridge (bridgeN), add or delete");
	next_word(p);
	return parse_bridge_words(p, bridge);
}

static int parse_line(struct parser *p)
{
	next_word(p);
	if (p->word.len == 0)
		return 0;
	if (word_is(&p->word, "ifconfig")) {
		next_word(p);
		return parse_ifconfig(p);
	}
	if (word_is(&p->word, "brconfig")) {
		next_word(p);
		return parse_brconfig(p);
	}
	return expected(p, "ifconfig or brconfig");
}

int topology_parse(const char *text, const char *name, struct topology *out,
		   struct err *err)
{
	struct parser p = {.name = name, .out = out, .err = err};

	*out = (struct topology){0};
	while (*text) {
		size_t len = strcspn(text, "\n");

		p.line++;
		p.line_begin = p.at = text;
		p.line_end = text + len;
		for (const char *c = text; c < p.line_end; c++)
			if (*c == '#')
				p.line_end = c;
		if (parse_line(&p) < 0) {
			topology_free(out);
			return -1;
		}
		text += len + (text[len] == '\n');
	}
	return 0;
}

int topology_append(struct topology *topology, const struct topology_stmt *stmt,
		    struct err *err)
{
	/* Grows by doubling: the array is full when its length is a power of two. */
	if ((topology->n & (topology->n - 1)) == 0) {
		size_t n = topology->n ? topology->n * 2 : 1;
		struct topology_stmt *more;

		if (n > STMTS_MAX)
			return err_set(err, ERR_USAGE,
				       "topology: more than %d statements", STMTS_MAX);
		more = realloc(topology->stmts, n * sizeof(*more));
		if (!more)
			return err_set(err, ERR_HOST, "out of memory");
		topology->stmts = more;
	}
	topology->stmts[topology->n++] = *stmt;
	return 0;
}

const char *topology_if_name(struct topology_if interface,
			     char name[static TOPOLOGY_NAME_SIZE])
{
	snprintf(name, TOPOLOGY_NAME_SIZE, "%s%u", kind_names[interface.kind],
		 interface.n);
	return name;
}

bool topology_if_parse(const char *name, struct topology_if *out)
{
	return word_interface(&(struct word){.text = name, .len = strlen(name)}, out);
}

void topology_free(struct topology *topology)
{
	free(topology->stmts);
	*topology = (struct topology){0};
}
