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

#define TTY_MS 60000

#define EXPERIMENTAL 0x88b5 /* EtherType for local experiments */

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

/* Each argument is a word; a missing one is "". */
struct arguments {
	char *word[6];
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

static void command_nic(struct arguments *a)
{
	net_up_spec(a->word[0]);
}

static void command_mtu(struct arguments *a)
{
	net_mtu(a->word[0], atoi(a->word[1]));
}

static void command_vlan(struct arguments *a)
{
	net_vlan(a->word[0], atoi(a->word[1]), a->word[2]);
}

static void command_carrier(struct arguments *a)
{
	net_carrier(a->word[0], !strcmp(a->word[1], "up"));
}

static void command_frames(struct arguments *a)
{
	frames_send(a->word[0], a->word[1], -1, (int)strtol(a->word[2], NULL, 16),
		    atoi(a->word[3]), atoi(a->word[4]));
}

static void command_tagged(struct arguments *a)
{
	frames_send(a->word[0], a->word[1], atoi(a->word[2]), EXPERIMENTAL, 60,
		    atoi(a->word[3]));
}

static void command_listen(struct arguments *a)
{
	frames_listen(a->word[0], (int)strtol(a->word[1], NULL, 16), *a->word[2] != 0);
}

static void command_heard(struct arguments *a)
{
	frames_heard(atoi(a->word[0]));
}

static void command_stream(struct arguments *a)
{
	traffic_stream(a->word[0], atoi(a->word[1]), *a->word[2],
		       strtoull(a->word[3], NULL, 0));
}

static void command_serve(struct arguments *a)
{
	traffic_serve(atoi(a->word[0]));
}

static void command_udpecho(struct arguments *a)
{
	traffic_echo(a->word[0], atoi(a->word[1]), atoi(a->word[2]), atoi(a->word[3]));
}

static void command_datagrams(struct arguments *a)
{
	traffic_datagrams(a->word[0], atoi(a->word[1]), *a->word[2], atoi(a->word[3]),
			  atoi(a->word[4]));
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

static void command_disks(struct arguments *a)
{
	disk_list();
}

static void command_journal(struct arguments *a)
{
	disk_journal(a->word[0], strtoull(a->word[1], NULL, 0),
		     strtoull(a->word[2], NULL, 0));
}

static void command_diskload(struct arguments *a)
{
	disk_load(a->word[0], a->word[1], (uint32_t)strtoul(a->word[2], NULL, 0),
		  (uint32_t)strtoul(a->word[3], NULL, 0), strtoull(a->word[4], NULL, 0));
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

static void command_input(struct arguments *a)
{
	input_report(a->word[0], atoi(a->word[1]));
}

/* Writes a word to a terminal and says the line that is answered there. */
static void command_tty(struct arguments *a)
{
	struct pollfd pfd = {.events = POLLIN};
	char path[64], line[128] = "";
	size_t len = 0;

	snprintf(path, sizeof(path), "/dev/%.32s", a->word[0]);
	pfd.fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (pfd.fd < 0 || dprintf(pfd.fd, "%s\n", a->word[1]) < 0) {
		say("tty %s error %s", a->word[0], strerror(errno));
		return;
	}
	while (len < sizeof(line) - 1 && !strchr(line, '\n') &&
	       poll(&pfd, 1, TTY_MS) == 1) {
		ssize_t n = read(pfd.fd, line + len, sizeof(line) - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
		line[len] = '\0';
	}
	line[strcspn(line, "\r\n")] = '\0';
	say("tty %s said %s", a->word[0], line);
	close(pfd.fd);
}

/* To RAM; comes back when somebody wakes the machine. */
static void command_sleep(struct arguments *a)
{
	int fd = open("/sys/power/state", O_WRONLY | O_CLOEXEC);

	say("sleep begins");
	if (fd < 0 || write(fd, "mem", 3) != 3)
		say("sleep error %s", strerror(errno));
	else
		say("sleep over");
	if (fd >= 0)
		close(fd);
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

static void command_driver(struct arguments *a)
{
	driver_start(a->word[0]);
}

static void command_load(struct arguments *a)
{
	module_load(a->word[0]);
	say("load %s done", a->word[0]);
}

static void command_irq(struct arguments *a)
{
	irq_move_all(a->word[0], a->word[1]);
}

static void command_rom(struct arguments *a)
{
	rom_read_all(a->word[0]);
}

static void command_pci(struct arguments *a)
{
	pci_list();
}

static void command_register(struct arguments *a)
{
	register_write(a->word[0], (unsigned)strtoul(a->word[1], NULL, 0),
		       (uint32_t)strtoul(a->word[2], NULL, 0), atoi(a->word[3]));
}

static const struct {
	const char *name;
	void (*run)(struct arguments *a);
} commands[] = {
	{"echo", command_echo},		  /* TEXT (one word) */
	{"sum", command_sum},		  /* DISK [BYTES] */
	{"hold", command_hold},		  /* [DISK] */
	{"read", command_read},		  /* DISK SECTOR */
	{"write", command_write},	  /* DISK SECTOR VALUE */
	{"disks", command_disks},	  /* */
	{"journal", command_journal},	  /* DISK,DISK... FIRST-BLOCK END-BLOCK */
	{"diskload", command_diskload},	  /* DISK HOW BYTES DEPTH REQUESTS */
	{"ping", command_ping},		  /* ADDRESS [COUNT [IF]] */
	{"nics", command_nics},		  /* */
	{"load", command_load},		  /* MODULE */
	{"nic", command_nic},		  /* IF|MAC,ADDRESS/BITS[,PING] */
	{"mtu", command_mtu},		  /* IF BYTES */
	{"vlan", command_vlan},		  /* IF ID ADDRESS/BITS: makes IF.ID */
	{"carrier", command_carrier},	  /* IF up|down: waits for it */
	{"frames", command_frames},	  /* IF TO TYPE SIZE COUNT */
	{"tagged", command_tagged},	  /* IF TO VLAN COUNT */
	{"listen", command_listen},	  /* IF TYPE [all] */
	{"heard", command_heard},	  /* COUNT */
	{"stream", command_stream},	  /* ADDRESS PORT u|d BYTES */
	{"serve", command_serve},	  /* PORT */
	{"udpecho", command_udpecho},	  /* ADDRESS PORT COUNT SIZE */
	{"datagrams", command_datagrams}, /* ADDRESS PORT u|d COUNT SIZE */
	{"pio", command_pio},		  /* COUNT */
	{"flood", command_flood},	  /* LINES */
	{"input", command_input},	  /* PART-OF-NAME COUNT */
	{"driver", command_driver},	  /* BRIDGE */
	{"irq", command_irq},		  /* WORD [CPU] */
	{"rom", command_rom},		  /* CLASS */
	{"pci", command_pci},		  /* */
	{"register", command_register},	  /* NIC OFFSET VALUE SECONDS */
	{"uptime", command_uptime},	  /* */
	{"tty", command_tty},		  /* NAME WORD */
	{"sleep", command_sleep},	  /* */
	{"poweroff", command_poweroff},
	{"reboot", command_reboot},
};

static void run_named(const char *name, struct arguments *a)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(commands[i].name, name)) {
			commands[i].run(a);
			return;
		}
	}
	say("error unknown command: %s", name);
}

/* "in SPACE COMMAND...": the command in that network namespace. */
static void run_command(char *line)
{
	struct arguments a = {{"", "", "", "", "", ""}};
	char *save = NULL, *name = strtok_r(line, " \r\n", &save), *space = NULL;

	if (name && !strcmp(name, "in")) {
		space = strtok_r(NULL, " \r\n", &save);
		name = strtok_r(NULL, " \r\n", &save);
	}
	if (!name)
		return;
	for (size_t i = 0; i < sizeof(a.word) / sizeof(a.word[0]); i++) {
		char *word = strtok_r(NULL, " \r\n", &save);

		if (!word)
			break;
		a.word[i] = word;
	}
	if (space && netns_enter(space)) {
		say("in %s error %s", space, strerror(errno));
		return;
	}
	run_named(name, &a);
	if (space)
		netns_leave();
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
