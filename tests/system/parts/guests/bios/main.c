/* SPDX-License-Identifier: MIT */
/* The BIOS test guest: reports its findings on COM1 and answers commands there. */
#include "bios.h"

#define CLASS_NETWORK 0x0200
#define LINE_MAX 80

static const char *skip_space(const char *s)
{
	while (*s == ' ')
		s++;
	return s;
}

/* Decimal, or hexadecimal with 0x; moves *s behind it. */
static uint32_t parse_number(const char **s)
{
	uint32_t value = 0;
	unsigned int base = 10;

	*s = skip_space(*s);
	if ((*s)[0] == '0' && (*s)[1] == 'x') {
		base = 16;
		*s += 2;
	}
	for (;; (*s)++) {
		unsigned int digit;

		if (**s >= '0' && **s <= '9')
			digit = **s - '0';
		else if (base == 16 && **s >= 'a' && **s <= 'f')
			digit = **s - 'a' + 10;
		else
			return value;
		value = value * base + digit;
	}
}

static int parse_word(const char **line, const char *word)
{
	const char *s = *line;

	while (*word)
		if (*s++ != *word++)
			return 0;
	if (*s && *s != ' ')
		return 0;
	*line = skip_space(s);
	return 1;
}

static void report_disk(unsigned int index)
{
	uint32_t crc;

	switch (disk_check(index, &crc)) {
	case 0:
		serial_printf("bios-guest: disk %u ok %8\n", index, crc);
		break;
	case 1:
		serial_printf("bios-guest: disk %u bad %8\n", index, crc);
		break;
	default:
		serial_printf("bios-guest: disk %u unreadable\n", index);
	}
}

static void report_nics(void)
{
	int devfn;

	for (unsigned int n = 0; (devfn = pci_find(CLASS_NETWORK, n)) >= 0; n++) {
		uint32_t id = pci_read(devfn, 0);

		serial_printf("bios-guest: nic %u %8\n", n, id << 16 | id >> 16);
	}
}

/* Reads a port that only the device model answers; its value does not matter. */
static void command_pio(const char *args)
{
	uint32_t count = parse_number(&args);
	uint64_t start = rdtsc(), before = start, min = ~0ull, max = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t now;

		inb(0x3f6);
		now = rdtsc();
		if (now - before < min)
			min = now - before;
		if (now - before > max)
			max = now - before;
		before = now;
	}
	serial_printf("bios-guest: pio %u total 0x%l min 0x%l max 0x%l\n", count,
		      before - start, min, max);
}

static void command_read(const char *args)
{
	uint32_t disk = parse_number(&args), lba = parse_number(&args);

	if (disk_read(disk, lba, 1, disk_buffer))
		serial_printf("bios-guest: error read %u %u\n", disk, lba);
	else
		serial_printf("bios-guest: read %u %u %8\n", disk, lba,
			      crc32(0, disk_buffer, SECTOR));
}

static void command_write(const char *args)
{
	uint32_t disk = parse_number(&args), lba = parse_number(&args);
	uint32_t value = parse_number(&args);

	for (unsigned int i = 0; i < SECTOR; i++)
		disk_buffer[i] = value;
	if (disk_write(disk, lba, 1, disk_buffer))
		serial_printf("bios-guest: error write %u %u\n", disk, lba);
	else
		serial_printf("bios-guest: write %u %u %8\n", disk, lba,
			      crc32(0, disk_buffer, SECTOR));
}

static void command_flood(const char *args)
{
	uint32_t lines = parse_number(&args);

	for (uint32_t i = 0; i < lines; i++)
		serial_printf("bios-guest: flood %8\n", i);
	serial_printf("bios-guest: flood done\n");
}

/* Passes the bytes of keyboard and mouse on to COM1 until Escape is let go (0x81). */
static void command_input(void)
{
	int from_mouse = 0;
	int byte = -1;

	input_take();
	serial_printf("bios-guest: input starts\n");
	while (byte != 0x81 || from_mouse) {
		byte = input_poll(&from_mouse);
		if (byte >= 0)
			serial_printf("bios-guest: %s %x\n", from_mouse ? "mouse" : "key",
				      byte);
		else
			__asm__ volatile("sti\n\thlt");
	}
	input_give_back();
	serial_printf("bios-guest: input done\n");
}

static void command_com(const char *args)
{
	uint32_t n = parse_number(&args);

	if (com_write(n, skip_space(args)) || com_write(n, "\r\n"))
		serial_printf("bios-guest: error no port %u\n", n);
	else
		serial_printf("bios-guest: com %u done\n", n);
}

static void command_comread(const char *args)
{
	static char line[LINE_MAX];
	uint32_t n = parse_number(&args);

	if (com_read(n, line, sizeof(line), 200000))
		serial_printf("bios-guest: error nothing from port %u\n", n);
	else
		serial_printf("bios-guest: com %u said %s\n", n, line);
}

/* To any port, for as long as it takes: a port whose reader stalls holds us up. */
static void command_comflood(const char *args)
{
	static char line[] = "flood 00000000\r\n";
	uint32_t n = parse_number(&args), lines = parse_number(&args);

	for (uint32_t i = 0; i < lines; i++) {
		for (int digit = 0; digit < 8; digit++)
			line[6 + digit] = "0123456789abcdef"[i >> (28 - 4 * digit) & 15];
		com_write(n, line);
	}
	serial_printf("bios-guest: comflood %u done\n", n);
}

/*
 * Memory that nothing else uses, far from the loader's: its content must stay. A processor lets real
 * mode reach 64 KB, though QEMU's TCG does not, so it is copied by pages.
 */
#define KEPT 0x1000000
#define KEPT_PAGES 256

static uint32_t kept_page[1024];

static void say_kept(const char *word)
{
	uint32_t crc = 0;

	for (uint32_t page = 0; page < KEPT_PAGES; page++) {
		flat_copy((uint32_t)kept_page,
			  (const void *)(KEPT + page * sizeof(kept_page)), 1024);
		crc = crc32(crc, (const uint8_t *)kept_page, sizeof(kept_page));
	}
	serial_printf("bios-guest: %s %8\n", word, crc);
}

static void command_keep(const char *args)
{
	uint32_t value = parse_number(&args);

	for (uint32_t page = 0; page < KEPT_PAGES; page++) {
		for (uint32_t i = 0; i < 1024; i++)
			kept_page[i] = ((value + page) & 0xff) * 0x01010101;
		flat_copy(KEPT + page * sizeof(kept_page), kept_page, 1024);
	}
	say_kept("keep");
}

/* Never looks at a device again: its device model has nothing to do. */
static void command_rest(void)
{
	serial_printf("bios-guest: rest\n");
	for (;;)
		__asm__ volatile("sti\n\thlt");
}

/* "text LETTER", "large": the mode; "fill COLOUR": of that. */
static void command_redraw(const char *line)
{
	uint64_t start;

	if (parse_word(&line, "text")) {
		start = rdtsc();
		screen_fill_text(parse_number(&line));
	} else if (parse_word(&line, "large")) {
		start = rdtsc();
		if (screen_large()) {
			serial_printf("bios-guest: error no graphics adapter\n");
			return;
		}
	} else {
		parse_word(&line, "fill");
		start = rdtsc();
		screen_fill_large(parse_number(&line));
	}
	serial_printf("bios-guest: redraw 0x%l\n", rdtsc() - start);
}

/* Nothing handles the trap, nor the faults that follow from that. */
static void command_triple(void)
{
	static const struct {
		uint16_t limit;
		uint32_t base;
	} __attribute__((packed)) none;

	serial_printf("bios-guest: triple fault\n");
	__asm__ volatile("lidt %0\n\tint3" : : "m"(none));
}

static void run_command(const char *line)
{
	if (parse_word(&line, "echo")) {
		serial_printf("bios-guest: echo %s\n", line);
	} else if (parse_word(&line, "sum")) {
		report_disk(parse_number(&line));
	} else if (parse_word(&line, "nics")) {
		report_nics();
		serial_printf("bios-guest: nics done\n");
	} else if (parse_word(&line, "read")) {
		command_read(line);
	} else if (parse_word(&line, "write")) {
		command_write(line);
	} else if (parse_word(&line, "pio")) {
		command_pio(line);
	} else if (parse_word(&line, "keep")) {
		command_keep(line);
	} else if (parse_word(&line, "kept")) {
		say_kept("kept");
	} else if (parse_word(&line, "flood")) {
		command_flood(line);
	} else if (parse_word(&line, "screen")) {
		serial_printf("bios-guest: screen %s\n",
			      screen_draw(line, "drawn again on demand") ? "none" : "ok");
	} else if (parse_word(&line, "text")) {
		screen_text();
		serial_printf("bios-guest: text\n");
	} else if (parse_word(&line, "input")) {
		command_input();
	} else if (parse_word(&line, "com")) {
		command_com(line);
	} else if (parse_word(&line, "comread")) {
		command_comread(line);
	} else if (parse_word(&line, "comflood")) {
		command_comflood(line);
	} else if (parse_word(&line, "print")) {
		printer_write(line);
		printer_write("\n");
		serial_printf("bios-guest: print done\n");
	} else if (parse_word(&line, "redraw")) {
		command_redraw(line);
	} else if (parse_word(&line, "rest")) {
		command_rest();
	} else if (parse_word(&line, "poweroff")) {
		serial_printf("bios-guest: power off\n");
		power_off();
	} else if (parse_word(&line, "reboot")) {
		serial_printf("bios-guest: reboot\n");
		power_reset();
	} else if (parse_word(&line, "triple")) {
		command_triple();
	} else if (*line) {
		serial_printf("bios-guest: error unknown command: %s\n", line);
	}
}

/* Halts between timer ticks (18.2 a second), so that an idle guest costs no CPU. */
static void serve(void)
{
	static char line[LINE_MAX];
	unsigned int len = 0;

	for (;;) {
		int c = serial_poll();

		if (c < 0) {
			if (power_button_pressed()) {
				serial_printf("bios-guest: power button\n");
				power_off();
			}
			__asm__ volatile("sti\n\thlt");
		} else if (c == '\r' || c == '\n') {
			line[len] = '\0';
			len = 0;
			run_command(line);
		} else if (len < sizeof(line) - 1) {
			line[len++] = c;
		}
	}
}

void guest_main(void);

void guest_main(void)
{
	unsigned int disks;

	serial_init();
	serial_printf("bios-guest: up\n");
	power_init();
	disks = disk_count();
	for (unsigned int i = 0; i < disks; i++)
		report_disk(i);
	serial_printf("bios-guest: screen %s\n",
		      screen_draw("qemu-stubdom test guest", "booted from its BIOS disk")
			      ? "none"
			      : "ok");
	serial_printf("bios-guest: ready\n");
	serve();
}
