/* SPDX-License-Identifier: MIT */
/* The little of telnet that a raw terminal needs, as QEMU's chardevs speak it. */
#include "relay/telnet.h"

/* RFC 854; the options: 0 binary (RFC 856), 1 echo (857), 3 suppress go-ahead (858). */
enum { WILL = 251, DONT = 254, DO = 253, IAC = 255 };

#define COMMAND(verb, option) (char)IAC, (char)(verb), (char)(option)

const char telnet_greeting[12] = {COMMAND(WILL, 1), COMMAND(WILL, 3), COMMAND(WILL, 0),
				  COMMAND(DO, 0)};

size_t telnet_filter(struct telnet *telnet, char *data, size_t len)
{
	size_t kept = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)data[i];

		switch (telnet->state) {
		case TELNET_DATA:
			if (c == IAC)
				telnet->state = TELNET_COMMAND;
			else
				data[kept++] = data[i];
			break;
		case TELNET_COMMAND:
			/* Twice is the byte itself; those from WILL on have an option. */
			if (c == IAC)
				data[kept++] = data[i];
			telnet->state =
				c >= WILL && c <= DONT ? TELNET_OPTION : TELNET_DATA;
			break;
		case TELNET_OPTION:
			telnet->state = TELNET_DATA;
			break;
		}
	}
	return kept;
}
