/* SPDX-License-Identifier: MIT */
/* The layout of frames: offsets and sizes in bytes, numbers of protocols. Sources: IEEE 802.3
 * and 802.1Q; RFC 791 (IPv4), 8200 (IPv6), 9293 (TCP), 768 (UDP). */
#ifndef NUB_FRAME_H
#define NUB_FRAME_H

#include <nub/types.h>

#define MAC_LEN 6u
#define ETH_TYPE 12u
#define ETH_HEADER 14u
#define ETH_MTU 1500 /* as long as nobody sets another */
#define VLAN_TAG 4u  /* between the addresses and the type */

enum ether_type {
	TYPE_IPV4 = 0x0800,
	TYPE_VLAN = 0x8100,
	TYPE_IPV6 = 0x86dd,
	TYPE_SERVICE_VLAN = 0x88a8, /* 802.1ad */
};

#define IPV4_HEADER 20u /* without options */
#define IPV4_TOTAL 2
#define IPV4_ID 4
#define IPV4_FRAGMENT 6
#define IPV4_IS_FRAGMENT 0x3fff /* more follow, or not the first */
#define IPV4_PROTOCOL 9
#define IPV4_CHECKSUM 10
#define IPV4_ADDRESSES 12
#define IPV4_ADDRESSES_LEN 8

#define IPV6_HEADER 40u
#define IPV6_PAYLOAD 4
#define IPV6_NEXT 6
#define IPV6_ADDRESSES 8
#define IPV6_ADDRESSES_LEN 32

enum ip_protocol { PROTO_TCP = 6, PROTO_UDP = 17 };

#define TCP_HEADER 20u /* without options */
#define TCP_SEQUENCE 4
#define TCP_LENGTH 12 /* of the header, in words, in the high half */
#define TCP_FLAGS 13
#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80
#define TCP_CHECKSUM 16

#define UDP_CHECKSUM 6

static inline u16 frame_get16(const u8 *p)
{
	return (u16)(p[0] << 8 | p[1]);
}
/* The first byte of an IP header. */
static inline unsigned ip_version(const u8 *ip)
{
	return ip[0] >> 4;
}
static inline u32 ipv4_header(const u8 *ip)
{
	return (ip[0] & 15) * 4u;
}

#endif
