/* SPDX-License-Identifier: MIT */
/* The verbs of stubdom as one table, and their common code. */
#include "verb.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct verb verb_table[] = {
	{"list", "[--json | --names]", "the guests whose device model is a stub domain",
	 "  --json   as JSON, for programs\n"
	 "  --names  the guests' names only, one a line\n",
	 verb_list},
	{"status", "[GUEST] [--json]",
	 "one guest and its stub domain in full, or the host",
	 "  --json   as JSON, for programs\n"
	 "\n"
	 "Without a GUEST: whether 'stubdom enable' is in effect, and where each HVM guest\n"
	 "has its QEMU. Of a guest it also asks QEMU what it is doing (QMP query-status), for at most 5 seconds.\n",
	 verb_status},
	{"topology", "GUEST [--json | --dot]",
	 "the wiring of a guest's NICs in its stub domain",
	 "  --json  as JSON, for programs\n"
	 "  --dot   as a graph for graphviz\n"
	 "\n"
	 "The interfaces as they are now, with their counters: a bridge's ports stand\n"
	 "below it. IN is what came into the interface from outside, for a tap from the\n"
	 "guest.\n",
	 verb_topology},
	{"blame", "GUEST [--json | --svg]",
	 "the phases of a guest's start, and their time",
	 "  --json  as JSON, for programs\n"
	 "  --svg   as a picture\n"
	 "\n"
	 "It is read from the log of the guest's start (log=info) and from xenstore. Times\n"
	 "inside the stub domain are its own word.\n",
	 verb_blame},
	{"bench", "[-r N] [--json]", "times of QEMU in dom0 and in a stub domain",
	 "  -r, --rounds N  so many guests on each side (5)\n"
	 "  --json          as JSON, for programs\n"
	 "\n"
	 "Creates and destroys a small guest, stubdom-bench, on both sides in turn. Prints\n"
	 "the host, times and memory, and the phases of the last start.\n",
	 verb_bench},
	{"qmp", "GUEST '{...}' | GUEST COMMAND [KEY=VALUE...]", "run a QMP command",
	 "  -t, --timeout SECONDS  wait this long for the answer (60)\n"
	 "\n"
	 "The answer is printed as JSON. A VALUE that is JSON (3, true, null, \"3\", [1],\n"
	 "{...}) is taken as that, anything else as a string; a.b=VALUE sets b in an object\n"
	 "a. An error of QEMU's gives exit status 1.\n",
	 verb_qmp},
	{"monitor", "GUEST [-c COMMAND]...", "talk to QEMU's human monitor (HMP)",
	 "  -c, --command COMMAND  run this and end; may be repeated\n"
	 "\n"
	 "On a terminal: line editing, history, Tab completes commands, Ctrl-D ends. With\n"
	 "standard input from elsewhere, each of its lines is a command.\n",
	 verb_monitor},
	{"serial", "GUEST [-n N]", "attach to a serial port; Ctrl-] detaches",
	 "  -n, --number N  the guest's N-th port, from 0\n"
	 "\n"
	 "Works for ports that are a pty (serial=\"pty\"), as 'xl console -t serial' does.\n",
	 verb_serial},
	{"screenshot", "GUEST FILE.png | FILE.ppm",
	 "save the guest's screen as a picture",
	 "The kind is the file name's ending; '-' writes a PNG to standard output.\n",
	 verb_screenshot},
	{"log", "GUEST [-f] [-n N]", "the log of a stub domain",
	 "  -f, --follow   stay and print what is added\n"
	 "  -n, --lines N  only the last N lines\n"
	 "\n"
	 "QEMU's messages, the agent's stages and the stub domain's kernel, with time and\n"
	 "source. Of a guest that is gone, the newest log of that name in /var/log/xen.\n",
	 verb_log},
	{"crashes", "[GUEST | NAME] [--json | --names]",
	 "the stub domains that have died",
	 "  --json   as JSON, for programs\n"
	 "  --names  the names of the evidence only, one a line\n"
	 "\n"
	 "Of one by its name, or of the newest of a guest: the reason, the kernel's report\n"
	 "and the last lines of the log. Its folder has the log, the plan and the boot contract.\n",
	 verb_crashes},
	{"metrics", "[--http]", "figures of guests and stub domains for Prometheus",
	 "  --http  read an HTTP request from standard input first, and answer it\n"
	 "\n"
	 "The text is OpenMetrics 1.0. docs/metrics.md names the figures, and shows the way\n"
	 "into node_exporter or a scrape by socket activation.\n",
	 verb_metrics},
	{"plan", "GUEST | -- QEMU-ARGUMENT...", "show the plan of a stub domain",
	 "Prints the plan of a running guest, or of a QEMU command line, as JSON, by\n"
	 "'stubdom-dm --plan'. Creates nothing.\n",
	 verb_plan},
	{"image", "build [ARG...] | verify | show [--json]",
	 "build, check or describe the stub domains' image",
	 "  build   make it anew from the installed packages (arguments are passed on)\n"
	 "  verify  check its files against its manifest, and its packages against those\n"
	 "          installed; exit status 1 if something differs\n"
	 "  show    its kernels, QEMU and packages\n"
	 "  -d, --directory DIR  another image than the installed one\n",
	 verb_image},
	{"replace",
	 "GUEST | --all | --upgrade [--parallel N] [--image DIR] [--memory MIB] [--vcpus N] "
	 "[--kernel nub] [--topology FILE] [--json]",
	 "a new QEMU, in a new stub domain, under a guest that runs",
	 "  --all        each guest whose image is older than that, one after the other\n"
	 "  --upgrade    the same by each guest's replace= (stubdom.conf): auto is replaced,\n"
	 "               offer is named, never is passed over\n"
	 "  --parallel N so many at a time\n"
	 "  --image DIR  the image to start; without it the one that it was started from,\n"
	 "               as that is now\n"
	 "  --memory MIB the stub domain's memory; without it no less than now\n"
	 "  --vcpus N    its virtual CPUs; without it as many as now\n"
	 "  --kernel nub nub in place of Linux\n"
	 "  --topology FILE\n"
	 "               the wiring of its network; without it as now\n"
	 "  --json       as JSON, for programs\n"
	 "\n"
	 "The guest is paused for a moment and goes on. If anything fails before that, it\n"
	 "goes on with the old QEMU, and exit status 1 and the message say why.\n",
	 verb_replace},
	{"security", "GUEST [--json]", "the bounds of a stub domain, measured now",
	 "  --json   as JSON, for programs\n"
	 "\n"
	 "One line a restriction: held, not held, or not known, with what was seen. Exit\n"
	 "status 1 if one is not held. docs/threat-model.md says what each is for.\n",
	 verb_security},
	{"doctor", "[--json]", "check that this host can run stub domains",
	 "  --json   as JSON, for programs\n"
	 "\n"
	 "One line a check: ok, note, warn or fail, with the remedy. Exit status 1 if one\n"
	 "failed.\n",
	 verb_doctor},
	{"features", "[--json]", "the abilities of this program and this host",
	 "  --json   as JSON, for programs\n"
	 "\n"
	 "One line a feature: yes, no or unknown, and the reason.\n",
	 verb_features},
	{"enable", "", "stub domains for every HVM guest of this host",
	 "Guests need no line in their configuration then. It counts from a guest's next\n"
	 "start on. Guests whose file /etc/qemu-stubdom/guests/NAME.conf says\n"
	 "device-model = dom0 have their QEMU in dom0.\n",
	 verb_enable},
	{"disable", "", "take that back",
	 "Guests that run stay as they are until their next start.\n", verb_disable},
	{"version", "", "print the version", "", verb_version},
	{"help", "[VERB]", "list the verbs, or explain one", "", verb_help},
	{0},
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *v = verb_table; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

int verb_usage_error(const char *verb, struct err *err, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, ERR_USAGE, "%s; see 'stubdom %s --help'", text, verb);
}

int verb_getopt(int argc, char **argv, const char *letters, const struct option *names,
		struct err *err)
{
	char with_colon[32];
	int at = optind;
	int c;

	opterr = 0;
	/* A leading ':' (after '+') makes a missing value ':' and not '?'. */
	snprintf(with_colon, sizeof(with_colon), "%s:%s", *letters == '+' ? "+" : "",
		 *letters == '+' ? letters + 1 : letters);
	c = getopt_long(argc, argv, with_colon, names, NULL);
	if (c == ':')
		verb_usage_error(argv[0], err, "option '%s' needs a value",
				 argv[optind - 1]);
	else if (c == '?' && optopt)
		verb_usage_error(argv[0], err, "no option '-%c'", optopt);
	else if (c == '?')
		verb_usage_error(argv[0], err, "no option '%s'",
				 argv[optind > at ? optind - 1 : at]);
	return c == ':' ? '?' : c;
}

int verb_form(int argc, char **argv, const struct option *names, int n_guests,
	      struct err *err)
{
	int form = 0, c;

	while ((c = verb_getopt(argc, argv, "", names, err)) != -1) {
		if (c == '?')
			return -1;
		if (form && form != c)
			return verb_usage_error(argv[0], err,
						"--%s and --%s exclude each other",
						names[0].name, names[1].name);
		form = c;
	}
	if (optind + n_guests == argc)
		return form;
	if (n_guests == 0)
		return verb_usage_error(argv[0], err, "'%s': takes no argument",
					argv[optind]);
	return verb_usage_error(argv[0], err, "expected one GUEST");
}
