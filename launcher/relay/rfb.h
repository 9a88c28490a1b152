/* SPDX-License-Identifier: MIT */
/* Numbers of a screen's protocol (RFC 6143), for both sides. They are big-endian (7). */
#ifndef STUBDOM_RFB_H
#define STUBDOM_RFB_H

#include <stdint.h>

enum {
	RFB_FORMAT = 16,	     /* bytes of a pixel format (7.4) */
	RFB_ENCODING_SIZE = -223,    /* 7.8.2 */
	RFB_ENCODING_SCREENS = -308, /* rfbproto, "ExtendedDesktopSize" */
};

static inline unsigned rfb_get16(const unsigned char *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static inline uint32_t rfb_get32(const unsigned char *at)
{
	return (uint32_t)rfb_get16(at) << 16 | rfb_get16(at + 2);
}

#endif
