/* SPDX-License-Identifier: MIT */
/* Frames and their checksums, the bridge: learning, flooding, dropping. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <nub/netbuf.h>
#include <nub/netdev.h>
#include <nub/page.h>

#include "shim.h"

#include "../../../kernel/net/bridge.h"

/* --- frames --- */

/* A frame of these bytes, in pieces of at most `piece`. */
static struct netbuf *frame(const void *bytes, uint32_t n, uint32_t piece)
{
	struct netbuf *first = NULL, **tail = &first;

	for (uint32_t at = 0; at < n; at += piece) {
		struct netbuf *nb = netbuf_alloc();

		assert_non_null(nb);
		nb->len = n - at < piece ? n - at : piece;
		memcpy(nb->data, (const char *)bytes + at, nb->len);
		*tail = nb;
		tail = &nb->next;
	}
	first->total = n;
	return first;
}

static const uint8_t tcp4[] = {
	/* Ethernet */ 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,
	/* IPv4: 46 bytes, TCP */ 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1,
	10, 0, 0, 2,
	/* TCP; its checksum field holds the pseudo-header's sum */
	0, 80, 0, 81, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0x14, 0x23, 0, 0, 'h',
	'e', 'l', 'l', 'o', '!'};

/* The sum over a TCP segment and its pseudo-header: 0xffff when the checksum is right. */
static uint16_t verify(const uint8_t *f)
{
	uint32_t sum = 0x1423;

	for (unsigned i = 34; i < 60; i += 2)
		sum += (uint32_t)f[i] << 8 | f[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void test_csum(void **state)
{
	/* 10.0.0.1, 10.0.0.2, protocol 6, length 26 */
	assert_int_equal(0x0a00 + 1 + 0x0a00 + 2 + 6 + 26, 0x1423);
	for (uint32_t piece = 1; piece <= sizeof(tcp4); piece++) {
		struct netbuf *nb = frame(tcp4, sizeof(tcp4), piece);
		uint8_t out[sizeof(tcp4)];

		nb->flags = NETBUF_CSUM;
		assert_int_equal(netbuf_csum_locate(nb), 0);
		assert_int_equal(nb->csum_start, 34);
		assert_int_equal(nb->csum_offset, 16);
		assert_int_equal(netbuf_csum_fill(nb), 0);
		assert_int_equal(nb->flags, 0);
		assert_true(netbuf_read(nb, 0, out, sizeof(out)));
		assert_int_equal(verify(out), 0xffff);
		netbuf_free(nb);
	}
}

static void test_csum_vlan_ipv6(void **state)
{
	uint8_t f[14 + 4 + 40 + 8 + 4] = {0};
	struct netbuf *nb;

	f[12] = 0x81;
	f[16] = 0x86;
	f[17] = 0xdd;
	f[18] = 0x60;
	f[24] = 17;
	nb = frame(f, sizeof(f), 4000);
	assert_int_equal(netbuf_csum_locate(nb), 0);
	assert_int_equal(nb->csum_start, 58);
	assert_int_equal(nb->csum_offset, 6);
	netbuf_free(nb);
}

/* A frame that is no whole TCP or UDP packet is refused, at any length. */
static void test_csum_malformed(void **state)
{
	uint8_t f[sizeof(tcp4)];
	struct netbuf *nb;

	for (uint32_t n = 1; n < 52; n++) {
		nb = frame(tcp4, n, 4000);
		assert_int_equal(netbuf_csum_locate(nb), -EINVAL);
		netbuf_free(nb);
	}
	static const struct {
		unsigned at;
		uint8_t value;
	} bad[] = {{14, 0x44}, {14, 0x65}, {14, 0x4f}, {23, 1},
		   {20, 0x20}, {21, 1},	   {12, 9}};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memcpy(f, tcp4, sizeof(f));
		f[bad[i].at] = bad[i].value;
		nb = frame(f, sizeof(f), 4000);
		assert_int_equal(netbuf_csum_locate(nb), -EINVAL);
		netbuf_free(nb);
	}
	nb = frame(tcp4, sizeof(tcp4), 4000);
	nb->csum_start = 59;
	nb->csum_offset = 0;
	assert_int_equal(netbuf_csum_fill(nb), -EINVAL);
	nb->csum_start = 65535;
	nb->csum_offset = 65535;
	assert_int_equal(netbuf_csum_fill(nb), -EINVAL);
	netbuf_free(nb);
}

static void test_copy(void **state)
{
	static uint8_t big[9000], out[9000];
	struct netbuf *nb, *c;

	for (unsigned i = 0; i < sizeof(big); i++)
		big[i] = (uint8_t)(i * 7);
	nb = frame(big, sizeof(big), 4000);
	nb->gso_size = 1448;
	c = netbuf_copy(nb);
	netbuf_free(nb);
	assert_int_equal(c->total, sizeof(big));
	assert_int_equal(c->gso_size, 1448);
	assert_true(netbuf_read(c, 0, out, sizeof(out)));
	assert_memory_equal(big, out, sizeof(big));
	assert_false(netbuf_read(c, 1, out, sizeof(out)));
	netbuf_free(c);
}

/* --- the bridge --- */

struct port {
	struct netdev dev;
	unsigned got;
	uint8_t last[64];
	uint8_t *kept; /* all bytes of the frames, one after the other, if wanted */
	unsigned n_kept, sizes[8];
};

static int port_xmit(struct netdev *dev, struct netbuf *nb)
{
	struct port *p = dev->priv;

	if (p->kept && p->got < 8) {
		assert_true(netbuf_read(nb, 0, p->kept + p->n_kept, nb->total));
		p->sizes[p->got] = nb->total;
		p->n_kept += nb->total;
	}
	p->got++;
	netbuf_read(nb, 0, p->last, 12);
	netbuf_free(nb);
	return 0;
}

static const struct netdev_ops port_ops = {.xmit = port_xmit};
static struct port ports[4];
static struct netdev *br;

static void bridge_setup(unsigned n)
{
	assert_int_equal(bridge_create("br0"), 0);
	br = netdev_find("br0");
	br->up = true;
	for (unsigned i = 0; i < n; i++) {
		struct port *p = &ports[i];

		memset(p, 0, sizeof(*p));
		p->dev.name[0] = (char)('a' + (int)i);
		p->dev.ops = &port_ops;
		p->dev.priv = p;
		p->dev.up = p->dev.carrier = true;
		p->dev.mtu = 1500;
		assert_int_equal(netdev_register(&p->dev), 0);
		assert_int_equal(bridge_add(br, &p->dev), 0);
	}
}

static int bridge_teardown(void **state)
{
	if (!br)
		return 0;
	for (unsigned i = 0; i < 4; i++)
		if (ports[i].dev.name[0] && netdev_find(ports[i].dev.name))
			netdev_unregister(&ports[i].dev);
	br->up = false;
	bridge_destroy("br0");
	br = NULL;
	memset(ports, 0, sizeof(ports));
	return 0;
}

/* Sends from port `from`; returns a bit for each port that got the frame. */
static unsigned send_frame(unsigned from, uint8_t dst, uint8_t src)
{
	uint8_t f[60] = {dst, 0, 0, 0, 0, dst, src, 0, 0, 0, 0, src};
	unsigned before[4], got = 0;

	for (unsigned i = 0; i < 4; i++)
		before[i] = ports[i].got;
	netdev_receive(&ports[from].dev, frame(f, sizeof(f), 20));
	for (unsigned i = 0; i < 4; i++)
		if (ports[i].got != before[i])
			got |= 1u << i;
	return got;
}

#define ALL 0xff

static void test_bridge_learns(void **state)
{
	bridge_setup(4);
	assert_int_equal(send_frame(0, 0x20, 0x10), 0xe); /* unknown: flooded */
	assert_int_equal(send_frame(1, 0x10, 0x20), 0x1); /* learnt from the first */
	assert_int_equal(send_frame(0, 0x20, 0x10), 0x2);
	assert_int_equal(send_frame(2, ALL, 0x30), 0xb);  /* broadcast */
	assert_int_equal(send_frame(0, 0x10, 0x10), 0);	  /* lives where it came from */
	assert_int_equal(send_frame(3, 0x10, 0x20), 0x1); /* the station moved */
	assert_int_equal(send_frame(0, 0x20, 0x10), 0x8);
	assert_int_equal(send_frame(0, 0x20, 0xff), 0x8); /* no sender is a group */
}

static void test_bridge_ages(void **state)
{
	bridge_setup(3);
	shim_now = 1;
	send_frame(0, 0x20, 0x10);
	assert_int_equal(send_frame(1, 0x10, 0x20), 0x1);
	shim_now += 301ULL * 1000000000;
	assert_int_equal(send_frame(2, 0x10, 0x30), 0x3);
	bridge_set_ageing(br, 0);
	send_frame(0, 0x30, 0x10);
	assert_int_equal(send_frame(1, 0x10, 0x20), 0x5);
}

static void test_bridge_two_ports(void **state)
{
	bridge_setup(2);
	assert_int_equal(send_frame(0, 0x20, 0x10), 0x2);
	assert_int_equal(send_frame(0, 0x10, 0x10), 0x2); /* a wire does not think */
	assert_int_equal(send_frame(1, 0x77, 0x20), 0x1);
	ports[1].dev.up = false;
	assert_int_equal(send_frame(0, 0x20, 0x10), 0);
	assert_int_equal(ports[1].dev.tx_dropped, 1);
	br->up = false;
	assert_int_equal(send_frame(1, 0x10, 0x20), 0);
}

/* 0xffff when a header's or a TCP segment's checksum is right. */
static uint16_t sum16(const uint8_t *p, unsigned n, uint32_t sum)
{
	for (unsigned i = 0; i < n; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static unsigned at16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

/* A frame of 3000 bytes of TCP for a device that does not cut, by IPv4 or tagged IPv6. */
static void check_gso(bool v6)
{
	const unsigned l3 = v6 ? 18 : 14, l4 = v6 ? 58 : 34, header = l4 + 32;
	const unsigned gso = 1400, payload = 3000;
	static uint8_t f[4000], out[8000];
	const uint8_t *seg = out;
	struct netbuf *nb;

	for (unsigned i = 0; i < sizeof(f); i++)
		f[i] = (uint8_t)(i * 13 + i / 256);
	memset(f, 0x02, 12);
	f[12] = v6 ? 0x81 : 0x08;
	f[13] = 0;
	if (v6) {
		f[16] = 0x86;
		f[17] = 0xdd;
	}
	f[l3] = v6 ? 0x60 : 0x45;
	f[l3 + (v6 ? 6 : 9)] = 6;
	f[l3 + 4] = 0xff; /* the id of IPv4 wraps */
	f[l3 + 5] = 0xff;
	memset(f + l4 + 4, 0xff, 4); /* so does the sequence number */
	f[l4 + 12] = 8 << 4;
	f[l4 + 13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR, ACK, PSH, FIN */
	bridge_setup(2);
	ports[1].kept = out;
	if (v6) /* the way out does it for untagged frames only */
		ports[1].dev.features = NETBUF_CSUM | NETBUF_GSO4 | NETBUF_GSO6;
	nb = frame(f, header + payload, 1000);
	nb->flags = NETBUF_CSUM | (v6 ? NETBUF_GSO6 : NETBUF_GSO4);
	nb->gso_size = (uint16_t)gso;
	nb->csum_start = (uint16_t)l4;
	nb->csum_offset = 16;
	netdev_receive(&ports[0].dev, nb);
	assert_int_equal(ports[1].got, 3);
	for (unsigned i = 0; i < 3; seg += ports[1].sizes[i++]) {
		unsigned n = i < 2 ? gso : payload - 2 * gso;
		unsigned tcp = header - l4 + n;
		uint16_t pseudo = v6 ? sum16(seg + l3 + 8, 32, 6 + tcp)
				     : sum16(seg + l3 + 12, 8, 6 + tcp);

		assert_int_equal(ports[1].sizes[i], header + n);
		assert_memory_equal(seg, f, l3);
		assert_memory_equal(seg + header, f + header + i * gso, n);
		if (v6) {
			assert_int_equal(at16(seg + l3 + 4), tcp);
		} else {
			assert_int_equal(at16(seg + l3 + 2), 20 + tcp);
			assert_int_equal(at16(seg + l3 + 4), (0xffff + i) & 0xffff);
			assert_int_equal(sum16(seg + l3, 20, 0), 0xffff);
		}
		assert_int_equal((at16(seg + l4 + 4) << 16 | at16(seg + l4 + 6)),
				 0xffffffff + i * gso);
		assert_int_equal(seg[l4 + 13],
				 0x10 | (i == 0 ? 0x80 : 0) | (i == 2 ? 0x09 : 0));
		assert_int_equal(sum16(seg + l4, tcp, pseudo), 0xffff);
	}
}

static void test_gso(void **state)
{
	check_gso(false);
}

static void test_gso_tagged_ipv6(void **state)
{
	check_gso(true);
}

/* A guest's word on its frame is looked at before it is believed. */
static void test_gso_malformed(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
		unsigned gso, start, offset, size;
	} bad[] = {
		{14, 0x45, 47, 34, 16, 1000},  /* too many segments */
		{14, 0x46, 500, 34, 16, 1000}, /* TCP is not where IP says */
		{14, 0x65, 500, 34, 16, 1000}, /* not IPv4 */
		{12, 0x09, 500, 34, 16, 1000},	  {23, 17, 500, 34, 16, 1000},
		{14, 0x45, 500, 33, 16, 1000},	  {14, 0x45, 500, 34, 6, 1000},
		{14, 0x45, 500, 65535, 16, 1000}, {46, 0x40, 500, 34, 16, 1000},
		{46, 0xf0, 500, 34, 16, 70},	  {14, 0x45, 500, 34, 16, 54},
		{14, 0x45, 500, 34, 16, 30},
	};
	uint8_t f[1000] = {0};

	bridge_setup(2);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct netbuf *nb;

		memcpy(f, tcp4, sizeof(tcp4));
		f[bad[i].at] = bad[i].value;
		nb = frame(f, bad[i].size, 64);
		nb->flags = NETBUF_CSUM | NETBUF_GSO4;
		nb->gso_size = (uint16_t)bad[i].gso;
		nb->csum_start = (uint16_t)bad[i].start;
		nb->csum_offset = (uint16_t)bad[i].offset;
		netdev_receive(&ports[0].dev, nb);
		assert_int_equal(ports[1].got, 0);
		assert_int_equal(ports[1].dev.tx_dropped, i + 1);
	}
}

/* A frame that is longer than the MTU of the way out, a tag left aside, is dropped. */
static void test_mtu(void **state)
{
	static uint8_t f[1519];

	bridge_setup(2);
	netdev_receive(&ports[0].dev, frame(f, 1518, 1000));
	assert_int_equal(ports[1].got, 1);
	netdev_receive(&ports[0].dev, frame(f, 1519, 1000));
	assert_int_equal(ports[1].got, 1);
	assert_int_equal(ports[1].dev.tx_dropped, 1);
}

static void test_bridge_lists_its_ports(void **state)
{
	int32_t indexes[BRIDGE_PORTS_MAX];

	bridge_setup(3);
	assert_int_equal(bridge_ports(br, indexes), 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(indexes[i], ports[i].dev.index);
	bridge_remove(br, &ports[1].dev);
	assert_int_equal(bridge_ports(br, indexes), 2);
	assert_int_equal(indexes[1], ports[2].dev.index);
}

static void test_bridge_port_gone(void **state)
{
	bridge_setup(3);
	send_frame(0, 0x20, 0x10);
	assert_int_equal(bridge_remove(br, &ports[0].dev), 0);
	assert_int_equal(bridge_remove(br, &ports[0].dev), -EINVAL);
	assert_int_equal(send_frame(1, 0x10, 0x20), 0x4);
	assert_int_equal(send_frame(0, 0x20, 0x10), 0); /* no master: dropped */
	assert_int_equal(bridge_add(br, br), -ELOOP);
	assert_int_equal(bridge_add(br, &ports[1].dev), -EBUSY);
}

/* A guest that claims thousands of addresses fills the table and nothing else. */
static void test_bridge_many_stations(void **state)
{
	bridge_setup(3);
	srand(3);
	for (int i = 0; i < 20000; i++) {
		uint8_t f[60];

		for (unsigned j = 0; j < sizeof(f); j++)
			f[j] = (uint8_t)rand();
		f[6] &= 0xfe;
		shim_now++;
		netdev_receive(&ports[(unsigned)i % 3].dev, frame(f, sizeof(f), 64));
	}
	shim_now++;
	send_frame(0, 0x20, 0x10);
	assert_int_equal(send_frame(1, 0x10, 0x20), 0x1);
}

static void test_short_frame(void **state)
{
	bridge_setup(3);
	netdev_receive(&ports[0].dev, frame("123456789", 9, 9));
	assert_int_equal(ports[1].got + ports[2].got, 0);
}

static void test_memory_out(void **state)
{
	struct netbuf *held[80];
	unsigned n = 0;

	bridge_setup(4);
	shim_fail_after = 8;
	while (n < 80 && (held[n] = netbuf_alloc()))
		n++;
	shim_fail_after = -1;
	assert_true(n < 80);
	while (n)
		netbuf_free(held[--n]);
	shim_fail_after = -1;
	struct netbuf *nb = frame("0123456789ab012345", 18, 5);

	shim_fail_after = 2; /* a copy of four pieces does not fit */
	netdev_receive(&ports[0].dev, nb);
	shim_fail_after = -1;
	assert_int_equal(ports[3].got, 1); /* the last gets the original */
	assert_int_equal(ports[1].got, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_csum),
		cmocka_unit_test(test_csum_vlan_ipv6),
		cmocka_unit_test(test_csum_malformed),
		cmocka_unit_test(test_copy),
		cmocka_unit_test_teardown(test_bridge_learns, bridge_teardown),
		cmocka_unit_test_teardown(test_bridge_ages, bridge_teardown),
		cmocka_unit_test_teardown(test_bridge_two_ports, bridge_teardown),
		cmocka_unit_test_teardown(test_gso, bridge_teardown),
		cmocka_unit_test_teardown(test_gso_tagged_ipv6, bridge_teardown),
		cmocka_unit_test_teardown(test_gso_malformed, bridge_teardown),
		cmocka_unit_test_teardown(test_mtu, bridge_teardown),
		cmocka_unit_test_teardown(test_bridge_lists_its_ports, bridge_teardown),
		cmocka_unit_test_teardown(test_bridge_port_gone, bridge_teardown),
		cmocka_unit_test_teardown(test_bridge_many_stations, bridge_teardown),
		cmocka_unit_test_teardown(test_short_frame, bridge_teardown),
		cmocka_unit_test_teardown(test_memory_out, bridge_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
