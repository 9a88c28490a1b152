/* SPDX-License-Identifier: MIT */
/* The phases of a start for people, as a picture, and for programs. */
#include "blame.h"

#include <string.h>
#include <time.h>

#include "guest_json.h"

static const struct {
	const char *name, *text;
} phases[BLAME_POINTS] = {
	[BLAME_TOOLSTACK] = {"toolstack", "the toolstack, until it builds the guest"},
	[BLAME_GUEST_BUILD] = {"guest", "the toolstack builds the guest"},
	[BLAME_LAUNCHER] = {"launcher", "stubdom-dm: plan, sums of the image"},
	[BLAME_CHECKS] = {"checks", "stubdom-dm: relay and guardian begin, checks"},
	[BLAME_RELAY] = {"relay", "the relay opens the endpoints, drops its rights"},
	[BLAME_RAMDISK] = {"ramdisk", "stubdom-dm: loop devices, ramdisk"},
	[BLAME_LIBXL] = {"libxl", "libxl, until it builds the stub domain"},
	[BLAME_BUILD] = {"build", "libxl builds the stub domain, adds its devices"},
	[BLAME_SCRIPTS] = {"scripts", "hot-plug scripts of the stub domain's devices"},
	[BLAME_DEVICES] = {"nodes", "nodes and rights of the stub domain"},
	[BLAME_UNPAUSED] = {"unpaused", "the stub domain gets its CPU"},
	[BLAME_KERNEL] = {"kernel", "the stub domain's kernel"},
	[BLAME_AGENT] = {"agent", "the agent's beginning"},
	[BLAME_DISKS] = {"disks", "back ends of its disks are waited for"},
	[BLAME_NET] = {"net", "back ends of its interfaces are waited for"},
	[BLAME_LINKING] = {"linking", "QEMU's libraries are loaded and linked"},
	[BLAME_QEMU] = {"qemu", "QEMU makes the machine"},
	[BLAME_REPORT] = {"report", "stubdom-dm hears of it, tells the toolstack"},
	[BLAME_RETURN] = {"return", "the toolstack: PV devices and scripts of the guest"},
};

static const struct {
	const char *name, *text;
} later[BLAME_REPLACE_PHASES] = {
	{"check", "refusals; the old QEMU's devices"},
	{"build", "libxl builds the new stub domain"},
	{"boot", "its kernel and agent; the new QEMU makes the machine"},
	{"save", "the old QEMU saves"},
	{"load", "the new QEMU loads"},
	{"switch", "interfaces and PV devices change hands"},
	{"end", "the guest goes on; the old stub domain is removed"},
};

size_t blame_phases(const struct blame *blame, struct blame_phase *out)
{
	long long first = 0;
	size_t n = 0;

	for (int i = 0; i < BLAME_POINTS; i++) {
		const long long at = blame->at[i];

		if (!at)
			continue;
		if (!first)
			first = at;
		if (n > 0)
			out[n - 1].ms = at - first - out[n - 1].from_ms;
		if (i != BLAME_END)
			out[n++] = (struct blame_phase){phases[i].name, phases[i].text,
							at - first, 0};
	}
	/* Nothing is known of the end of the last one. */
	return blame->at[BLAME_END] || n == 0 ? n : n - 1;
}

static long long total_ms(const struct blame_phase *all, size_t n)
{
	return n ? all[n - 1].from_ms + all[n - 1].ms : 0;
}

static unsigned percent(long long part, long long whole)
{
	return whole > 0 ? (unsigned)((part * 100 + whole / 2) / whole) : 0;
}

static void print_wait(FILE *out, const struct blame_wait *wait, const char *what)
{
	if (wait->known)
		fprintf(out, "%u %s in %.3f s\n", wait->n, what, (double)wait->ms / 1e3);
}

void blame_print(const struct blame *blame, FILE *out)
{
	struct blame_phase all[BLAME_POINTS];
	const size_t n = blame_phases(blame, all);
	const long long total = total_ms(all, n);

	fprintf(out, "%9s %9s %4s  %-10s %s\n", "FROM s", "TOOK s", "%", "PHASE", "");
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%9.3f %9.3f %4u  %-10s %s\n", (double)all[i].from_ms / 1e3,
			(double)all[i].ms / 1e3, percent(all[i].ms, total), all[i].name,
			all[i].text);
	fprintf(out, "%9s %9.3f\n", "", (double)total / 1e3);
	if (blame->toolstack[0])
		fprintf(out, "called by %s\n", blame->toolstack);
	fprintf(out, "%u hot-plug scripts of the stub domain\n", blame->scripts);
	print_wait(out, &blame->channels, "channels were offered");
	print_wait(out, &blame->xenstore, "answers of xenstore came to the agent");
	if (blame->replace.known) {
		fprintf(out,
			"\nQEMU was replaced later, the guest was paused for %.3f s\n",
			(double)blame->replace.pause_ms / 1e3);
		for (int i = 0; i < BLAME_REPLACE_PHASES; i++)
			fprintf(out, "%9s %9.3f %4s  %-10s %s\n", "",
				(double)blame->replace.ms[i] / 1e3, "", later[i].name,
				later[i].text);
	}
	if (!blame_is_whole(blame))
		fprintf(out, "the toolstack has not been told that the guest may run\n");
}

/* --- picture --- */

enum { LEFT = 360, WIDTH = 560, ROW = 22, TOP = 46, RIGHT = 90 };

static void put_escaped(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (strchr("<>&\"", *text))
			fprintf(out, "&#%d;", *text);
		else if ((unsigned char)*text >= ' ')
			fputc(*text, out);
	}
}

/* Dom0's work and the stub domain's have a colour each. */
static const char *colour(const struct blame_phase *phase)
{
	static const char *const inside[] = {"kernel", "agent",	  "disks",
					     "net",    "linking", "qemu"};

	for (size_t i = 0; i < sizeof(inside) / sizeof(*inside); i++)
		if (strcmp(phase->name, inside[i]) == 0)
			return "#d9822b";
	return "#3b6ea5";
}

static void draw_phase(const struct blame_phase *phase, long long total, size_t row,
		       FILE *out)
{
	const double scale = total > 0 ? (double)WIDTH / (double)total : 0;
	const double x = LEFT + (double)phase->from_ms * scale;
	const double width = (double)phase->ms * scale;
	const unsigned y = TOP + (unsigned)row * ROW;

	fprintf(out, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\">", LEFT - 8, y + 14);
	put_escaped(phase->text, out);
	fprintf(out,
		"</text>\n<rect x=\"%.1f\" y=\"%u\" width=\"%.1f\" height=\"%d\" "
		"fill=\"%s\"/>\n"
		"<text x=\"%.1f\" y=\"%u\">%.3f s</text>\n",
		x, y + 2, width < 1 ? 1 : width, ROW - 6, colour(phase), x + width + 5,
		y + 14, (double)phase->ms / 1e3);
}

void blame_print_svg(const struct blame *blame, const char *guest, FILE *out)
{
	struct blame_phase all[BLAME_POINTS];
	const size_t n = blame_phases(blame, all);
	const long long total = total_ms(all, n);
	const unsigned height = TOP + (unsigned)n * ROW + 12;

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%u\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n"
		"<text x=\"%d\" y=\"26\" font-size=\"16\">The start of ",
		LEFT + WIDTH + RIGHT, height, LEFT);
	put_escaped(guest, out);
	fprintf(out,
		": %.3f s</text>\n"
		"<text x=\"12\" y=\"26\"><tspan fill=\"#3b6ea5\">dom0</tspan>, "
		"<tspan fill=\"#d9822b\">stub domain</tspan></text>\n",
		(double)total / 1e3);
	for (size_t i = 0; i < n; i++)
		draw_phase(&all[i], total, i, out);
	fputs("</svg>\n", out);
}

/* --- JSON --- */

static void set_wait(json_t *o, const char *key, const struct blame_wait *wait)
{
	json_object_set_new(o, key,
			    wait->known ? json_pack("{s:I, s:I}", "count",
						    (json_int_t)wait->n, "ms",
						    (json_int_t)wait->ms)
					: json_null());
}

static json_t *replace_to_json(const struct blame_replace *replace)
{
	json_t *list;

	if (!replace->known)
		return json_null();
	list = json_array();
	for (int i = 0; i < BLAME_REPLACE_PHASES; i++)
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:I}", "phase", later[i].name, "what",
					later[i].text, "ms", (json_int_t)replace->ms[i]));
	return json_pack("{s:I, s:o}", "pause_ms", (json_int_t)replace->pause_ms,
			 "phases", list);
}

json_t *blame_to_json(const struct blame *blame)
{
	struct blame_phase all[BLAME_POINTS];
	const size_t n = blame_phases(blame, all);
	json_t *list = json_array(), *o;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:I, s:I}", "phase",
						all[i].name, "what", all[i].text,
						"from_ms", (json_int_t)all[i].from_ms,
						"ms", (json_int_t)all[i].ms));
	o = json_pack("{s:i, s:b, s:I, s:I, s:o}", "version", GUEST_JSON_VERSION, "whole",
		      blame_is_whole(blame), "total_ms", (json_int_t)total_ms(all, n),
		      "scripts", (json_int_t)blame->scripts, "phases", list);
	guest_set_string(o, "toolstack", blame->toolstack[0] ? blame->toolstack : NULL);
	set_wait(o, "channels", &blame->channels);
	set_wait(o, "xenstore", &blame->xenstore);
	json_object_set_new(o, "replaced", replace_to_json(&blame->replace));
	return o;
}
