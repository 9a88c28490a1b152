/* SPDX-License-Identifier: MIT */
/* The command loop of the direct-boot test guest. */
#include "guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/reboot.h>
#include <unistd.h>

#define PIO_PORT 0x3f6 /* IDE's alternate status: only the device model answers it */

static uint64_t rdtsc(void)
{
	return __builtin_ia32_rdtsc();
}

void power(const char *how)
{
	sync();
	reboot(strcmp(how, "reboot") ? RB_POWER_OFF : RB_AUTOBOOT);
	for (;;)
		pause();
}

/* Each argument is a word; what is missing is "". */
struct arguments {
	char *word[4];
};

static void command_echo(struct arguments *a)
{
	say("echo %s", a->word[0]);
}

static void command_sum(struct arguments *a)
{
	disk_sum(a->word[0], strtoull(a->word[1], NULL, 0));
}

/* As a program has it that uses a disk: Linux locks a CD's tray meanwhile. */
static void command_hold(struct arguments *a)
{
	static int held = -1;

	if (held >= 0)
		close(held);
	held = a->word[0][0] ? disk_open(a->word[0], O_RDONLY) : -1;
	say("hold %s %s", a->word[0], held >= 0 ? "ok" : "none");
}

static void command_ping(struct arguments *a)
{
	int count = atoi(a->word[1]);

	net_ping(a->word[0], count > 0 ? count : 3, a->word[2]);
}

static void command_pio(struct arguments *a)
{
	unsigned long count = strtoul(a->word[0], NULL, 0);
	uint64_t start, before, min = ~0ull, max = 0;

	if (ioperm(PIO_PORT, 1, 1)) {
		say("pio error %s", strerror(errno));
		return;
	}
	start = before = rdtsc();
	for (unsigned long i = 0; i < count; i++) {
		uint64_t now;

		inb(PIO_PORT);
		now = rdtsc();
		min = now - before < min ? now - before : min;
		max = now - before > max ? now - before : max;
		before = now;
	}
	say("pio %lu total 0x%llx min 0x%llx max 0x%llx", count,
	    (unsigned long long)(before - start), (unsigned long long)min,
	    (unsigned long long)max);
}

static void command_read(struct arguments *a)
{
	disk_read_sector(a->word[0], strtoull(a->word[1], NULL, 0));
}

static void command_write(struct arguments *a)
{
	disk_write_sector(a->word[0], strtoull(a->word[1], NULL, 0),
			  strtol(a->word[2], NULL, 0));
}

static void command_flood(struct arguments *a)
{
	unsigned long lines = strtoul(a->word[0], NULL, 0);

	for (unsigned long i = 0; i < lines; i++)
		say("flood %08lx", i);
	say("flood done");
}

static void command_nics(struct arguments *a)
{
	char line[256];
	FILE *f = fopen("/proc/net/dev", "re");

	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':'), *name = line;

		while (*name == ' ')
			name++;
		if (colon && strncmp(name, "lo:", 3))
			say("nic %.*s", (int)(colon - name), name);
	}
	if (f)
		fclose(f);
	say("nics done");
}

static void command_uptime(struct arguments *a)
{
	double seconds = 0;
	FILE *f = fopen("/proc/uptime", "re");

	if (!f || fscanf(f, "%lf", &seconds) != 1)
		say("uptime error");
	else
		say("uptime %.2f", seconds);
	if (f)
		fclose(f);
}

static void command_power(struct arguments *a)
{
	say("power %s", a->word[0]);
	power(a->word[0]);
}

static void command_poweroff(struct arguments *a)
{
	a->word[0] = "poweroff";
	command_power(a);
}

static void command_reboot(struct arguments *a)
{
	a->word[0] = "reboot";
	command_power(a);
}

static const struct {
	const char *name;
	void (*run)(struct arguments *a);
} commands[] = {
	{"echo", command_echo},	    /* TEXT (one word) */
	{"sum", command_sum},	    /* DISK [BYTES] */
	{"hold", command_hold},	    /* [DISK] */
	{"read", command_read},	    /* DISK SECTOR */
	{"write", command_write},   /* DISK SECTOR VALUE */
	{"ping", command_ping},	    /* ADDRESS [COUNT [IF]] */
	{"nics", command_nics},	    /* */
	{"pio", command_pio},	    /* COUNT */
	{"flood", command_flood},   /* LINES */
	{"uptime", command_uptime}, /* */
	{"poweroff", command_poweroff}, {"reboot", command_reboot},
};

static void run_command(char *line)
{
	struct arguments a = {{"", "", "", ""}};
	char *save = NULL, *name = strtok_r(line, " \r\n", &save);

	if (!name)
		return;
	for (size_t i = 0; i < sizeof(a.word) / sizeof(a.word[0]); i++) {
		char *word = strtok_r(NULL, " \r\n", &save);

		if (!word)
			break;
		a.word[i] = word;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(commands[i].name, name)) {
			commands[i].run(&a);
			return;
		}
	}
	say("error unknown command: %s", name);
}

void commands_serve(void)
{
	static char line[256];
	size_t length = 0;

	for (;;) {
		char c;
		ssize_t n = read(STDIN_FILENO, &c, 1);

		if (n < 1) {
			poll(NULL, 0, 1000); /* no console (any more): stay, PID 1 must */
		} else if (c == '\n' || c == '\r') {
			line[length] = '\0';
			length = 0;
			run_command(line);
		} else if (length < sizeof(line) - 1) {
			line[length++] = c;
		}
	}
}
