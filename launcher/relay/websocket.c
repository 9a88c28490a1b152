/* SPDX-License-Identifier: MIT */
/* The server's side of a websocket (RFC 6455), for a browser that shows a screen. */
#include "relay/websocket.h"

#include <nettle/base64.h>
#include <nettle/sha1.h>
#include <nettle/version.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
	REQUEST_MAX = 8192,
	KEY_LEN = 24, /* 16 bytes in base64 */
	PLAIN_MAX = 256 * 1024,
	FIN = 0x80,
	MASKED = 0x80,
	/* section 5.2 */
	OP_CONTINUES = 0,
	OP_TEXT = 1,
	OP_BINARY = 2,
	OP_CLOSE = 8,
	OP_PING = 9,
	OP_PONG = 10,
	CONTROL_MAX = 125,
	LEN_16 = 126,
	LEN_64 = 127,
};

/* The value of a header in a request of `len` bytes that ends with an empty line. */
static size_t find_header(const char *text, size_t len, const char *name,
			  const char **value)
{
	size_t name_len = strlen(name);
	const char *end = text + len;

	for (const char *line = text; line < end;) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		const char *at = line + name_len;

		if (!eol)
			return 0;
		if (at < eol && strncasecmp(line, name, name_len) == 0 && *at == ':') {
			for (at++; at < eol && (*at == ' ' || *at == '\t'); at++)
				;
			while (eol > at && (eol[-1] == '\r' || eol[-1] == ' '))
				eol--;
			*value = at;
			return (size_t)(eol - at);
		}
		line = eol + 1;
	}
	return 0;
}

/* Section 4.2.2, 5.4 */
static void make_accept(const char *key, char out[BASE64_ENCODE_RAW_LENGTH(20) + 1])
{
	static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	uint8_t digest[SHA1_DIGEST_SIZE];
	struct sha1_ctx sha1;

	sha1_init(&sha1);
	sha1_update(&sha1, KEY_LEN, (const uint8_t *)key);
	sha1_update(&sha1, sizeof(guid) - 1, (const uint8_t *)guid);
#if NETTLE_VERSION_MAJOR < 4
	sha1_digest(&sha1, sizeof(digest), digest);
#else
	sha1_digest(&sha1, digest);
#endif
	base64_encode_raw(out, sizeof(digest), digest);
	out[BASE64_ENCODE_RAW_LENGTH(20)] = '\0';
}

static int answer(const char *text, size_t len, struct buffer *to_client, struct err *err)
{
	static const char bad[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
	char accept[BASE64_ENCODE_RAW_LENGTH(20) + 1];
	char reply[512];
	const char *key, *upgrade, *protocol;
	size_t key_len = find_header(text, len, "Sec-WebSocket-Key", &key);
	size_t upgrade_len = find_header(text, len, "Upgrade", &upgrade);
	size_t protocol_len = find_header(text, len, "Sec-WebSocket-Protocol", &protocol);
	bool binary = protocol_len >= 6 && memmem(protocol, protocol_len, "binary", 6);
	int n;

	if (strncmp(text, "GET ", 4) != 0 || key_len != KEY_LEN || upgrade_len != 9 ||
	    strncasecmp(upgrade, "websocket", 9) != 0) {
		buffer_append(to_client, bad, sizeof(bad) - 1, PLAIN_MAX);
		return err_set(err, ERR_USAGE, "the client speaks no websocket");
	}
	make_accept(key, accept);
	n = snprintf(reply, sizeof(reply),
		     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
		     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
		     accept, binary ? "Sec-WebSocket-Protocol: binary\r\n" : "");
	if (buffer_append(to_client, reply, (size_t)n, PLAIN_MAX) < 0)
		return err_set(err, ERR_HOST, "its viewer does not read");
	return 1;
}

int websocket_upgrade(struct buffer *raw, struct buffer *to_client, struct err *err)
{
	const char *text = raw->len > 0 ? buffer_bytes(raw) : "";
	const char *end = memmem(text, raw->len, "\r\n\r\n", 4);
	size_t len = end ? (size_t)(end - text) + 4 : 0;
	int rc;

	if (!end && raw->len <= REQUEST_MAX)
		return 0;
	if (!end)
		return err_set(err, ERR_USAGE, "the client speaks no websocket");
	rc = answer(text, len, to_client, err);
	buffer_consume(raw, len);
	return rc;
}

static int put_frame(struct buffer *out, unsigned op, const void *data, size_t len,
		     size_t most)
{
	unsigned char head[10] = {(unsigned char)(FIN | op)};
	size_t n = 2;

	if (len <= CONTROL_MAX) {
		head[1] = (unsigned char)len;
	} else if (len <= UINT16_MAX) {
		head[1] = LEN_16;
		n = 4;
	} else {
		head[1] = LEN_64;
		n = 10;
	}
	for (size_t i = 2; i < n; i++)
		head[i] = (unsigned char)((uint64_t)len >> (8 * (n - 1 - i)));
	if (out->len + n + len > most || buffer_append(out, head, n, most) < 0)
		return -1;
	return buffer_append(out, data, len, most);
}

int websocket_frame(struct buffer *out, const void *data, size_t len, size_t most)
{
	return len > 0 ? put_frame(out, OP_BINARY, data, len, most) : 0;
}

void websocket_close(struct websocket *web, struct buffer *to_client,
		     enum websocket_status status)
{
	const unsigned char data[] = {(unsigned char)(status >> 8),
				      (unsigned char)status};

	if (!web->closed)
		put_frame(to_client, OP_CLOSE, data, sizeof(data), PLAIN_MAX);
	web->closed = true;
}

static void unmask(struct websocket *web, unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		data[i] ^= web->mask[web->at++ % 4];
}

/* A frame without data for us; 0: it is not whole yet. */
static int take_control(struct websocket *web, struct buffer *raw, unsigned op,
			size_t head, struct buffer *to_client, struct err *err)
{
	unsigned char data[CONTROL_MAX];
	size_t len = (size_t)web->left;

	/* Looked at again from its head on when more of it is there. */
	web->left = 0;
	if (raw->len < head + len)
		return 0;
	memcpy(data, buffer_bytes(raw) + head, len);
	unmask(web, data, len);
	buffer_consume(raw, head + len);
	if (op == OP_PING && put_frame(to_client, OP_PONG, data, len, PLAIN_MAX) < 0)
		return err_set(err, ERR_HOST, "its viewer does not read");
	if (op != OP_CLOSE)
		return 1;
	put_frame(to_client, OP_CLOSE, data, len < 2 ? 0 : 2, PLAIN_MAX);
	web->closed = true;
	return err_set(err, ERR_USAGE, "its viewer closed");
}

/* The next frame's head; 0: it is not whole yet. */
static int take_head(struct websocket *web, struct buffer *raw, struct buffer *to_client,
		     struct err *err)
{
	const unsigned char *in = (const unsigned char *)buffer_bytes(raw);
	size_t extra, head;
	uint64_t len = 0;
	unsigned op;

	if (raw->len < 2)
		return 0;
	op = in[0] & 0x0f;
	extra = (in[1] & 0x7f) == LEN_64 ? 8 : (in[1] & 0x7f) == LEN_16 ? 2 : 0;
	head = 2 + extra + 4;
	if (raw->len < head)
		return 0;
	for (size_t i = 0; i < extra; i++)
		len = len << 8 | in[2 + i];
	if (extra == 0)
		len = in[1] & 0x7f;
	/* A client's frames are masked, control frames short and whole (5.1, 5.5). */
	if (!(in[1] & MASKED) || (in[0] & 0x70) || len > INT64_MAX ||
	    (op >= OP_CLOSE ? op > OP_PONG || len > CONTROL_MAX || !(in[0] & FIN)
			    : op > OP_BINARY)) {
		websocket_close(web, to_client, WEBSOCKET_PROTOCOL);
		return err_set(err, ERR_USAGE, "its viewer sends no websocket frames");
	}
	memcpy(web->mask, in + 2 + extra, 4);
	web->at = 0;
	web->left = len;
	if (op >= OP_CLOSE)
		return take_control(web, raw, op, head, to_client, err);
	buffer_consume(raw, head);
	return 1;
}

int websocket_read(struct websocket *web, struct buffer *raw, struct buffer *plain,
		   struct buffer *to_client, struct err *err)
{
	int rc = 1;

	while (rc > 0 && raw->len > 0) {
		size_t n = web->left < raw->len ? (size_t)web->left : raw->len;

		if (n == 0) {
			rc = take_head(web, raw, to_client, err);
			continue;
		}
		unmask(web, (unsigned char *)buffer_bytes(raw), n);
		if (buffer_append(plain, buffer_bytes(raw), n, PLAIN_MAX) < 0)
			return err_set(err, ERR_HOST, "its viewer sends too much");
		buffer_consume(raw, n);
		web->left -= n;
	}
	return rc < 0 ? -1 : 0;
}
