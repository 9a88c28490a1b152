/* SPDX-License-Identifier: MIT */
/* Guests and stub domains in the OpenMetrics text format, version 1.0. */
#include "metrics.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clean.h"
#include "cleanup.h"
#include "crash.h"
#include "decimal.h"
#include "manifest.h"
#include "xvd.h"

enum {
	LABEL_MAX = 256,
	NICS_MAX = 64,
	DISKS_TOLD = 16, /* xvda to xvdp; docs/metrics.md says so */
	SECTOR = 512,
};

static const char *const states[] = {"starting",   "running",	"failed",   "ended",
				     "guest gone", "stub gone", "unserved", "silent"};

/* One guest, and Xen's word on its stub domain. */
struct one {
	const struct metrics *metrics;
	const struct guest *guest;
	struct dominfo info;
	bool known; /* info */
	FILE *out;
	const char *name; /* of the family that is written */
};

/* A label's value: other domains' words may be in it. */
static const char *escape(const char *text, char out[LABEL_MAX])
{
	char plain[LABEL_MAX / 2];
	size_t n = 0;

	snprintf(plain, sizeof(plain), "%s", text ? text : "");
	clean_string(plain);
	for (const char *c = plain; *c; c++) {
		if (*c == '\\' || *c == '"')
			out[n++] = '\\';
		out[n++] = *c;
	}
	out[n] = '\0';
	return out;
}

static void put_labels(const struct one *one, const char *suffix)
{
	char label[LABEL_MAX];

	fprintf(one->out, "%s%s{guest=\"%s\",domid=\"%u\"", one->name, suffix,
		escape(one->guest->name, label), one->guest->domid);
}

static void put_number(const struct one *one, const char *suffix,
		       unsigned long long value)
{
	put_labels(one, suffix);
	fprintf(one->out, "} %llu\n", value);
}

static void put_info(const struct one *one)
{
	const struct guest *guest = one->guest;
	char a[LABEL_MAX], b[LABEL_MAX], c[LABEL_MAX], d[LABEL_MAX];

	put_labels(one, "");
	fprintf(one->out, ",kernel=\"%s\",type=\"%s\",qemu=\"%s\",image=\"%s\"} 1\n",
		escape(guest->kernel, a), escape(guest->type, b), escape(guest->qemu, c),
		escape(guest->image, d));
}

static void put_state(const struct one *one)
{
	const char *state = guest_state(one->guest);

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		put_labels(one, "");
		fprintf(one->out, ",%s=\"%s\"} %d\n", one->name, states[i],
			strcmp(state, states[i]) == 0);
	}
}

static void put_started(const struct one *one)
{
	if (one->guest->started)
		put_number(one, "", (unsigned long long)one->guest->started);
}

static void put_used(const struct one *one)
{
	if (one->known)
		put_number(one, "", one->info.used_kb * 1024);
}

static void put_given(const struct one *one)
{
	if (one->known)
		put_number(one, "", one->info.given_kb * 1024);
}

static void put_vcpus(const struct one *one)
{
	if (one->known)
		put_number(one, "", one->info.vcpus);
}

static void put_cpu(const struct one *one)
{
	if (!one->known)
		return;
	put_labels(one, "_total");
	fprintf(one->out, "} %llu.%09llu\n", one->info.cpu_ns / 1000000000,
		one->info.cpu_ns % 1000000000);
}

static void put_older(const struct one *one)
{
	put_number(one, "", guest_image_is_older(one->guest));
}

static void put_disk_error(const struct one *one)
{
	put_number(one, "", one->guest->io_error && *one->guest->io_error);
}

/* A number in a file of sysfs; false: there is none. */
static bool read_number(unsigned long long *out, const char *path)
{
	cleanup_file FILE *f = fopen(path, "re");
	char text[32];
	uint64_t n;

	if (!f || !fgets(text, sizeof(text), f))
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (decimal_parse(text, UINT64_MAX, &n) < 0)
		return false;
	*out = n;
	return true;
}

/* dom0 counts from its side: it receives what the stub domain sends. */
static void put_network(const struct one *one, const char *counter)
{
	for (unsigned nic = 0; nic < NICS_MAX; nic++) {
		unsigned long long value;
		char path[256];

		snprintf(path, sizeof(path), "%s/vif%u.%u/statistics/%s",
			 one->metrics->network_dir, one->guest->stub_domid, nic, counter);
		if (!one->known || !read_number(&value, path))
			return;
		put_labels(one, "_total");
		fprintf(one->out, ",nic=\"%u\"} %llu\n", nic, value);
	}
}

static void put_sent(const struct one *one)
{
	put_network(one, "rx_bytes");
}

static void put_received(const struct one *one)
{
	put_network(one, "tx_bytes");
}

static void put_dropped(const struct one *one)
{
	put_network(one, "tx_dropped");
}

/* vbd-<stub>-<number> */
static void put_disks(const struct one *one, const char *counter, unsigned times)
{
	for (unsigned disk = 0; disk < DISKS_TOLD; disk++) {
		unsigned long long value;
		char name[XVD_NAME_SIZE], path[256];

		xvd_name(disk, name);
		snprintf(path, sizeof(path), "%s/vbd-%u-%d/statistics/%s",
			 one->metrics->disks_dir, one->guest->stub_domid, xvd_devid(name),
			 counter);
		if (!one->known || !read_number(&value, path))
			continue;
		put_labels(one, "_total");
		fprintf(one->out, ",disk=\"%s\"} %llu\n", name, value * times);
	}
}

static void put_read(const struct one *one)
{
	put_disks(one, "rd_sect", SECTOR);
}

static void put_written(const struct one *one)
{
	put_disks(one, "wr_sect", SECTOR);
}

/*
 * One family for each guest.  Gauges and counters only: node_exporter refuses a file with a
 * type that Prometheus' own text format does not have (info, stateset).
 */
static const struct {
	const char *name, *type, *unit, *help;
	void (*put)(const struct one *one);
} families[] = {
	{"stubdom_guest_info", "gauge", NULL,
	 "1 for each guest whose device model is a stub domain.", put_info},
	{"stubdom_guest_state", "gauge", NULL,
	 "1 for its state as in stubdom list, else 0.", put_state},
	{"stubdom_start_time_seconds", "gauge", "seconds",
	 "The start of the stub domain, since 1970.", put_started},
	{"stubdom_memory_used_bytes", "gauge", "bytes",
	 "Memory that the stub domain has now.", put_used},
	{"stubdom_memory_given_bytes", "gauge", "bytes",
	 "The most memory that the stub domain may have.", put_given},
	{"stubdom_vcpus", "gauge", NULL, "Virtual CPUs of the stub domain.", put_vcpus},
	{"stubdom_cpu_seconds", "counter", "seconds",
	 "Processor time of the stub domain.", put_cpu},
	{"stubdom_image_older", "gauge", NULL,
	 "1 if the next start takes another image than this guest has.", put_older},
	{"stubdom_disk_error", "gauge", NULL,
	 "1 if a disk has failed and the guest waits for it.", put_disk_error},
	{"stubdom_network_sent_bytes", "counter", "bytes",
	 "Bytes from the guest's emulated NICs to dom0.", put_sent},
	{"stubdom_network_received_bytes", "counter", "bytes",
	 "Bytes from dom0 to the guest's emulated NICs.", put_received},
	{"stubdom_network_dropped_frames", "counter", "frames",
	 "Frames for the emulated NICs that dom0 has dropped.", put_dropped},
	{"stubdom_disk_read_bytes", "counter", "bytes",
	 "Bytes that the stub domain has read from its disks.", put_read},
	{"stubdom_disk_written_bytes", "counter", "bytes",
	 "Bytes that the stub domain has written to its disks.", put_written},
};

static void put_head(FILE *out, const char *name, const char *type, const char *unit,
		     const char *help)
{
	fprintf(out, "# TYPE %s %s\n", name, type);
	if (unit)
		fprintf(out, "# UNIT %s %s\n", name, unit);
	fprintf(out, "# HELP %s %s\n", name, help);
}

static void put_crashes(const struct metrics *metrics, FILE *out)
{
	char label[LABEL_MAX];

	put_head(out, "stubdom_crashes", "gauge", NULL,
		 "Evidence of dead stub domains that is kept, by guest.");
	for (size_t i = 0; i < metrics->crashes->n; i++) {
		char *const *names = metrics->crashes->names;
		size_t len = (size_t)(strrchr(names[i], '-') - names[i]);
		unsigned n = 0;
		bool first = true;

		for (size_t j = 0; j < metrics->crashes->n; j++) {
			bool same = strncmp(names[j], names[i], len + 1) == 0 &&
				    !strchr(names[j] + len + 1, '-');

			n += same;
			first &= !same || j >= i;
		}
		if (first)
			fprintf(out, "stubdom_crashes{guest=\"%.*s\"} %u\n", (int)len,
				escape(names[i], label), n);
	}
}

static void put_image(const struct metrics *metrics, FILE *out)
{
	char path[512];
	struct stat st;

	put_head(out, "stubdom_image_time_seconds", "gauge", "seconds",
		 "The time at which the image was made, since 1970.");
	snprintf(path, sizeof(path), "%s/" MANIFEST_FILE, metrics->image);
	if (stat(path, &st) == 0)
		fprintf(out, "stubdom_image_time_seconds %lld\n", (long long)st.st_mtime);
}

void metrics_print(const struct metrics *metrics, FILE *out)
{
	const size_t n = metrics->list->n;
	cleanup_free struct one *all = calloc(n + 1, sizeof(*all));
	struct err ignored;

	for (size_t i = 0; all && i < n; i++) {
		const struct guest *guest = &metrics->list->guests[i];

		all[i] = (struct one){.metrics = metrics, .guest = guest, .out = out};
		all[i].known = guest->stub_known && guest->stub_alive &&
			       dominfo_read(metrics->reader, guest->stub_domid,
					    &all[i].info, &ignored) == 0;
	}
	put_head(out, "stubdom_program_info", "gauge", NULL, "1 for this program.");
	fprintf(out, "stubdom_program_info{version=\"" STUBDOM_VERSION "\"} 1\n");
	put_image(metrics, out);
	put_crashes(metrics, out);
	for (size_t f = 0; f < sizeof(families) / sizeof(families[0]); f++) {
		put_head(out, families[f].name, families[f].type, families[f].unit,
			 families[f].help);
		for (size_t i = 0; all && i < n; i++) {
			all[i].name = families[f].name;
			families[f].put(&all[i]);
		}
	}
	fputs("# EOF\n", out);
}
