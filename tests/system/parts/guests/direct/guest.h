/* SPDX-License-Identifier: MIT */
/* Common declarations of the direct-boot test guest's /init. */
#ifndef GUEST_DIRECT_H
#define GUEST_DIRECT_H

#include <stddef.h>
#include <stdint.h>

/* One line on the serial console and, when there is one, on the screen: "guest: ...". */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* cmdline.c */
/* Calls each(value) for every "guest.KEY=value" on the kernel's command line. */
void cmdline_each(const char *key, void (*each)(char *value));

/*
 * modules.c: loads a module and its dependencies, by the list that mkinitramfs.py wrote.
 */
void module_load(const char *name);

/* disk.c: NAME is as below /dev. All report by say(). */
/* Waits for it to appear, for a while; a descriptor, or -1 and errno. */
int disk_open(const char *name, int flags);
void disk_check_spec(char *spec); /* NAME:SHA256 */
void disk_sum(const char *name, uint64_t bytes);
void disk_read_sector(const char *name, uint64_t sector);
void disk_write_sector(const char *name, uint64_t sector, int value);

/* disk_io.c: likewise. */
void disk_list(void);
void disk_journal(const char *names, uint64_t first, uint64_t last);
void disk_load(const char *name, const char *how, uint32_t bytes, uint32_t depth,
	       uint64_t requests);

/* net.c */
void net_up_spec(char *spec); /* IFNAME|MAC,ADDRESS/BITS[,PING] */
void net_ping(const char *address, int count, const char *ifname);
int net_rename(const char *key, const char *name);		/* key: IFNAME or MAC */
void net_vlan(const char *ifname, int id, const char *address); /* ADDRESS/BITS */
void net_carrier(const char *ifname, int up);			/* waits for it */
void net_mtu(const char *ifname, int mtu);

/* netns.c: namespaces for single NICs; sockets that are opened inside stay inside. */
void netns_split(char *keys); /* IFNAME|MAC,...: becomes nicN in a space nicN */
int netns_enter(const char *name);
void netns_leave(void);

/* frames.c */
void frames_send(const char *ifname, const char *to, int tag, int type, int size,
		 int count);
void frames_listen(const char *ifname, int type, int all);
void frames_heard(int count);

/* traffic.c: `way` is 'u' (to the address) or 'd' (from it). */
void traffic_stream(const char *address, int port, int way, unsigned long long size);
void traffic_serve(int port);
void traffic_echo(const char *address, int port, int count, int size);
void traffic_datagrams(const char *address, int port, int way, int count, int size);

/* driver.c: a bridge that every vif of netback's becomes a port of, for as long as the guest
 * runs. */
void driver_start(const char *bridge);

/* input.c: the next COUNT events of the first device with this in its name. */
void input_report(const char *part, int count);

/* pci.c */
/* To this CPU, the interrupts whose line in /proc/interrupts has the word in it; "": to none.
 * Says how often each CPU had them. */
void irq_move_all(const char *word, const char *cpu);
void rom_read_all(const char *class); /* of devices whose class begins so: "0x0200" */
void pci_list(void);		      /* the places of all devices */
/* To the register at this place in the NIC's first base address, without end. */
void register_write(const char *nic, unsigned offset, uint32_t value, int seconds);

/* commands.c: reads and answers commands from the console; never returns. */
void commands_serve(void) __attribute__((noreturn));
void power(const char *how) __attribute__((noreturn)); /* "poweroff" or "reboot" */

/* sha256.c */
struct sha256 {
	uint32_t state[8];
	uint64_t length;
	uint8_t block[64];
};

void sha256_init(struct sha256 *sum);
void sha256_update(struct sha256 *sum, const void *data, size_t length);
void sha256_final_hex(struct sha256 *sum, char hex[65]);

#endif
