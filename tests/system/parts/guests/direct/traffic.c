/* SPDX-License-Identifier: MIT */
/* TCP and UDP of the direct-boot test guest; rig/guestlib/dom0/traffic.py is the other
 * side. */
#include "guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/*
 * A connection begins with 16 bytes: 'u' (to the server) or 'd' (from it), and the number
 * of bytes in decimal.  The bytes are those of a pattern whose period is prime: so none
 * looks right that is lost, twice there or out of place.  The receiver says "ok" or "no".
 */
#define HEADER 16
#define PERIOD 65521
#define CHUNK 65536
#define WAIT_MS 30000

static uint8_t pattern[PERIOD + CHUNK];

static void pattern_make(void)
{
	for (unsigned i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)((i % PERIOD) * 167 >> 3);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int send_pattern(int fd, unsigned long long size)
{
	for (unsigned long long at = 0; at < size;) {
		unsigned long long part = size - at < CHUNK ? size - at : CHUNK;
		ssize_t n = send(fd, pattern + at % PERIOD, part, MSG_NOSIGNAL);

		if (n <= 0)
			return -1;
		at += (unsigned long long)n;
	}
	return 0;
}

static int take_pattern(int fd, unsigned long long size)
{
	static uint8_t buffer[CHUNK];
	int wrong = 0;

	for (unsigned long long at = 0; at < size;) {
		unsigned long long left = size - at;
		ssize_t n = recv(fd, buffer, left < CHUNK ? left : CHUNK, 0);

		if (n <= 0)
			return -1;
		wrong |= memcmp(buffer, pattern + at % PERIOD, (size_t)n) != 0;
		at += (unsigned long long)n;
	}
	return wrong ? -1 : 0;
}

static int set_timeouts(int fd)
{
	struct timeval limit = {.tv_sec = WAIT_MS / 1000};

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	       setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static int open_to(const char *address, int port, int type)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port)};
	int fd;

	pattern_make();
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    (set_timeouts(fd) || connect(fd, (struct sockaddr *)&to, sizeof(to)))) {
		close(fd);
		return -1;
	}
	return fd;
}

void traffic_stream(const char *address, int port, int way, unsigned long long size)
{
	char header[HEADER + 1], verdict[3] = "";
	int fd = open_to(address, port, SOCK_STREAM);
	double start = now();
	int good;

	if (fd < 0) {
		say("stream error %s", strerror(errno));
		return;
	}
	snprintf(header, sizeof(header), "%c%015llu", way, size);
	good = send(fd, header, HEADER, MSG_NOSIGNAL) == HEADER;
	if (good && way == 'd')
		good = !take_pattern(fd, size) && send(fd, "ok", 2, MSG_NOSIGNAL) == 2;
	else if (good)
		good = !send_pattern(fd, size) &&
		       recv(fd, verdict, 2, MSG_WAITALL) == 2 && !strcmp(verdict, "ok");
	say("stream %c %s %llu bytes %.6f s", way, good ? "ok" : "failed", size,
	    now() - start);
	close(fd);
}

static void serve_one(int fd)
{
	char header[HEADER + 1] = "", verdict[3] = "";
	unsigned long long size;

	if (recv(fd, header, HEADER, MSG_WAITALL) == HEADER) {
		size = strtoull(header + 1, NULL, 10);
		if (*header == 'd' && !send_pattern(fd, size))
			(void)!recv(fd, verdict, 2, MSG_WAITALL);
		else if (*header == 'u')
			(void)!send(fd, take_pattern(fd, size) ? "no" : "ok", 2,
				    MSG_NOSIGNAL);
	}
	close(fd);
}

/* A process of its own that serves streams, for as long as the guest runs. */
void traffic_serve(int port)
{
	struct sockaddr_in any = {.sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	pattern_make();
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 4)) {
		say("serve error %s", strerror(errno));
		return;
	}
	if (fork() == 0) {
		for (;;) {
			int client = accept(fd, NULL, NULL);

			if (client >= 0)
				serve_one(client);
		}
	}
	close(fd);
	say("serve %d ok", port);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* Datagrams there and back, one at a time: the time of each. */
void traffic_echo(const char *address, int port, int count, int size)
{
	uint8_t packet[1472] = "e", back[sizeof(packet)];
	int fd = open_to(address, port, SOCK_DGRAM), good = 0;
	double *took = calloc((size_t)(count > 0 ? count : 1), sizeof(*took));

	size = size<8 ? 8 : size>(int) sizeof(packet) ? (int)sizeof(packet) : size;
	for (int i = 0; fd >= 0 && took && i < count; i++) {
		double start = now();

		memcpy(packet + 4, &i, sizeof(i));
		if (send(fd, packet, (size_t)size, 0) != size)
			break;
		/* Late answers to lost ones before are passed over. */
		while (recv(fd, back, sizeof(back), 0) == size) {
			if (memcmp(back, packet, (size_t)size))
				continue;
			took[good++] = now() - start;
			break;
		}
	}
	if (good) {
		qsort(took, (size_t)good, sizeof(*took), by_value);
		say("echo %d of %d median %.1f us min %.1f us", good, count,
		    took[good / 2] * 1e6, took[0] * 1e6);
	} else {
		say("echo error %s", strerror(errno));
	}
	free(took);
	if (fd >= 0)
		close(fd);
}

/* Sends datagrams as fast as it can ('u'), or asks for them ('d'). */
void traffic_datagrams(const char *address, int port, int way, int count, int size)
{
	uint8_t packet[1472];
	int fd = open_to(address, port, SOCK_DGRAM), got = 0;
	double start = now(), last = start;
	struct timeval limit = {.tv_sec = 2};
	/* The datagrams that the NIC takes in at once must not be lost behind it. */
	int room = 4 << 20;
	char text[32];

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit))) {
		say("datagrams error %s", strerror(errno));
		return;
	}
	size = size<8 ? 8 : size>(int) sizeof(packet) ? (int)sizeof(packet) : size;
	memset(packet, 'x', sizeof(packet));
	if (way == 'u') {
		int sent = 0;

		while (sent < count && send(fd, packet, (size_t)size, 0) == size)
			sent++;
		/* The peer answers how many came, and over what time. */
		for (int i = 0; i < 5 && !got; i++) {
			(void)!send(fd, "q", 1, 0);
			memset(text, 0, sizeof(text));
			if (recv(fd, text, sizeof(text) - 1, 0) > 0)
				got = 1;
		}
		say("datagrams u %d sent %.6f s, came %s", sent, now() - start, text);
	} else {
		snprintf(text, sizeof(text), "d%d %d", count, size);
		(void)!send(fd, text, strlen(text), 0);
		while (got < count && recv(fd, packet, sizeof(packet), 0) == size) {
			if (!got++)
				start = now();
			last = now();
		}
		say("datagrams d %d of %d %.6f s", got, count, last - start);
	}
	close(fd);
}
