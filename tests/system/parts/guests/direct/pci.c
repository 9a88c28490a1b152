/* SPDX-License-Identifier: MIT */
/* Interrupts, registers and ROMs of the direct-boot test guest's PCI devices. */
#include "guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CPUS_MAX 8
#define REGISTERS 4096 /* of a NIC, that are written */

/* -1 and errno. */
static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		close(fd);
	return n < 0 ? -1 : 0;
}

static int irq_move(int irq, const char *cpu)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/irq/%d/smp_affinity_list", irq);
	return write_text(path, cpu);
}

/* Each line with the word in it; `cpu` "": they stay where they are. */
void irq_move_all(const char *word, const char *cpu)
{
	unsigned long long counts[CPUS_MAX] = {0};
	FILE *f = fopen("/proc/interrupts", "re");
	char line[512], text[CPUS_MAX * 21] = "";
	int found = 0, moved = 0;
	size_t at = 0;

	while (f && fgets(line, sizeof(line), f)) {
		char *next = line;
		int irq = (int)strtol(line, &next, 10);

		if (next == line || *next++ != ':' || !strstr(next, word))
			continue;
		found++;
		for (int i = 0; i < CPUS_MAX; i++) {
			char *end;
			unsigned long long n = strtoull(next, &end, 10);

			if (end == next || *end != ' ')
				break;
			counts[i] += n;
			next = end;
		}
		moved += cpu[0] && irq_move(irq, cpu) == 0;
	}
	if (f)
		fclose(f);
	for (int i = 0; i < CPUS_MAX; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " %llu", counts[i]);
	say("irq %s found %d moved %d counts%s", word, found, moved, text);
}

/* -1 and errno. */
static int read_rom(const char *place)
{
	static uint8_t buffer[1 << 18];
	struct sha256 sum;
	char path[128], hex[65];
	size_t size = 0;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.16s/rom", place);
	if (write_text(path, "1") < 0)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && size < sizeof(buffer) &&
	       (n = read(fd, buffer + size, sizeof(buffer) - size)) > 0)
		size += (size_t)n;
	if (fd >= 0)
		close(fd);
	if (fd < 0 || n < 0)
		return -1;
	sha256_init(&sum);
	sha256_update(&sum, buffer, size);
	sha256_final_hex(&sum, hex);
	say("rom %s bytes %zu sha256 %s", place, size, hex);
	return 0;
}

static int has_class(const char *place, const char *class)
{
	char path[64], text[16] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%.16s/class", place);
	f = fopen(path, "re");
	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	return !strncmp(text, class, strlen(class));
}

void rom_read_all(const char *class)
{
	DIR *d = opendir("/sys/bus/pci/devices");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		if (!class[0] || has_class(e->d_name, class))
			if (read_rom(e->d_name) < 0)
				say("rom %s error %s", e->d_name, strerror(errno));
	}
	if (d)
		closedir(d);
	say("roms done");
}

void pci_list(void)
{
	DIR *d = opendir("/sys/bus/pci/devices");
	struct dirent *e;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] != '.')
			say("pci %s", e->d_name);
	}
	if (d)
		closedir(d);
	say("pci done");
}

static volatile uint32_t *map_registers(const char *nic)
{
	char path[64];
	void *at = MAP_FAILED;
	int fd;

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/device/resource0", nic);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		at = mmap(NULL, REGISTERS, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	return at == MAP_FAILED ? NULL : at;
}

/* Beside its driver, which handles the interrupts that come of it. */
void register_write(const char *nic, unsigned offset, uint32_t value, int seconds)
{
	volatile uint32_t *at = map_registers(nic);
	time_t end = time(NULL) + seconds;
	unsigned long n = 0;

	if (!at || offset > REGISTERS - sizeof(*at)) {
		say("register %s error %s", nic, strerror(errno));
		return;
	}
	say("register %s begins", nic);
	for (; time(NULL) < end; n++)
		at[offset / sizeof(*at)] = value;
	munmap((void *)at, REGISTERS);
	say("register %s done %lu", nic, n);
}
