/* SPDX-License-Identifier: MIT */
/* Headers of disk containers, read from memory that a hostile domain may have written. */
#include "check/container.h"

#include <stdlib.h>
#include <string.h>

/* More than that is no disk; sums below cannot overflow. */
#define BYTES_MAX (1ull << 56)

struct header {
	const uint8_t *data;
	size_t len;
};

/* Zero behind the end: a header that is cut off is not one of the format. */
static uint64_t big(const struct header *h, size_t at, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = 0; i < bytes; i++)
		n = n << 8 | (at + i < h->len ? h->data[at + i] : 0);
	return n;
}

static uint64_t little(const struct header *h, size_t at, size_t bytes)
{
	uint64_t n = 0;

	for (size_t i = bytes; i-- > 0;)
		n = n << 8 | (at + i < h->len ? h->data[at + i] : 0);
	return n;
}

static uint64_t divide_up(uint64_t n, uint64_t by)
{
	return n / by + (n % by != 0);
}

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return divide_up(n, to) * to;
}

static enum container_fault copy_text(const struct header *h, uint64_t at, uint64_t len,
				      char *out, size_t most)
{
	if (len > most || at > h->len || len > h->len - at ||
	    memchr(h->data + at, '\0', len))
		return CONTAINER_WRONG;
	memcpy(out, h->data + at, len);
	out[len] = '\0';
	return CONTAINER_OK;
}

/*
 * qcow2 (QEMU's docs/interop/qcow2.txt).  QEMU puts new clusters where the refcounts say
 * that nothing is, at any length of the file.
 */
enum {
	QCOW2_BACKING_AT = 8,
	QCOW2_BACKING_LEN = 16,
	QCOW2_CLUSTER_BITS = 20,
	QCOW2_SIZE = 24,
	QCOW2_SNAPSHOTS = 60,
	QCOW2_V2_LEN = 72,
	QCOW2_INCOMPATIBLE = 72,
	QCOW2_REFCOUNT_ORDER = 96,
	QCOW2_HEADER_LEN = 100,
	QCOW2_DATA_FILE = 4,
	QCOW2_EXTENDED_L2 = 16,
	QCOW2_EXTENSIONS_MAX = 64,
};
#define QCOW2_MAGIC 0x514649fbu
#define QCOW2_BACKING_FORMAT 0xe2792acau

static uint64_t qcow2_bytes(const struct header *h, bool extended, unsigned order,
			    const struct container *want)
{
	uint64_t cluster = 1ull << big(h, QCOW2_CLUSTER_BITS, 4);
	uint64_t size = big(h, QCOW2_SIZE, 8);
	uint64_t data = round_up(want->size > size ? want->size : size, cluster);
	uint64_t l2 = divide_up(data, cluster * (cluster / (extended ? 16 : 8)));
	/* A table that grows is there twice for a moment. */
	uint64_t l1 = 2 * divide_up(l2 * 8, cluster);
	uint64_t copies = 1 + big(h, QCOW2_SNAPSHOTS, 4) + want->more;
	uint64_t clusters = (data / cluster + l2 + l1) * copies;
	uint64_t counts, tables;

	/* Leftovers of a crash or a discarded snapshot, bitmaps, and the like. */
	clusters += clusters / 64 + divide_up(32u << 20, cluster);
	counts = divide_up(clusters, (cluster * 8) >> order) + 1;
	tables = 2 * (divide_up(counts * 8, cluster) + 1);
	clusters += counts + counts / 16 + tables + 8;
	return clusters > BYTES_MAX / cluster ? 0 : clusters * cluster;
}

static enum container_fault qcow2_backing_format(const struct header *h, uint64_t at,
						 struct container *out)
{
	for (int i = 0; i < QCOW2_EXTENSIONS_MAX; i++) {
		uint64_t type = big(h, at, 4), len = big(h, at + 4, 4);

		if (type == 0)
			return CONTAINER_OK;
		if (type == QCOW2_BACKING_FORMAT)
			return copy_text(h, at + 8, len, out->backing_format,
					 CONTAINER_FORMAT_MAX);
		at += 8 + round_up(len, 8);
	}
	return CONTAINER_WRONG;
}

static enum container_fault qcow2(const struct header *h, struct container *out)
{
	uint64_t version = big(h, 4, 4), bits = big(h, QCOW2_CLUSTER_BITS, 4);
	uint64_t incompatible = version > 2 ? big(h, QCOW2_INCOMPATIBLE, 8) : 0;
	uint64_t order = version > 2 ? big(h, QCOW2_REFCOUNT_ORDER, 4) : 4;
	uint64_t len = version > 2 ? big(h, QCOW2_HEADER_LEN, 4) : QCOW2_V2_LEN;
	uint64_t at = big(h, QCOW2_BACKING_AT, 8);
	enum container_fault fault;

	if (big(h, 0, 4) != QCOW2_MAGIC || version < 2 || version > 3 || bits < 9 ||
	    bits > 21 || order > 6 || len < QCOW2_V2_LEN || len > h->len ||
	    big(h, QCOW2_SIZE, 8) > BYTES_MAX || out->size > BYTES_MAX ||
	    big(h, QCOW2_SNAPSHOTS, 4) > 65536)
		return CONTAINER_WRONG;
	if (incompatible & QCOW2_DATA_FILE)
		return CONTAINER_DATA_FILE;
	out->bytes =
		qcow2_bytes(h, incompatible & QCOW2_EXTENDED_L2, (unsigned)order, out);
	if (out->bytes == 0)
		return CONTAINER_WRONG;
	if (at == 0)
		return CONTAINER_OK;
	fault = copy_text(h, at, big(h, QCOW2_BACKING_LEN, 4), out->backing,
			  CONTAINER_NAME_MAX);
	return fault ? fault : qcow2_backing_format(h, len, out);
}

/*
 * VHD.  QEMU computes the place of a new block from the table of blocks, and writes the
 * footer behind it.  A fixed one has its footer at the end only, and must not grow.
 */
enum {
	VHD_DYNAMIC_AT = 16,
	VHD_TYPE = 60,
	VHD_FIXED = 2,
	VHD_DYNAMIC = 3,
	VHD_DIFFERENCING = 4,
	VHD_TABLE_AT = 16,
	VHD_TABLE_ENTRIES = 28,
	VHD_BLOCK_BYTES = 32,
	VHD_FOOTER = 512,
	VHD_DYNAMIC_HEADER = 1024,
};

static enum container_fault vhd(const struct header *h, struct container *out)
{
	uint64_t at = big(h, VHD_DYNAMIC_AT, 8), type = big(h, VHD_TYPE, 4);
	uint64_t block, entries, table, first;

	if (h->len < VHD_FOOTER || memcmp(h->data, "conectix", 8) != 0)
		return CONTAINER_OK; /* fixed: no header in front */
	if (type == VHD_DIFFERENCING)
		return CONTAINER_PARENT;
	if (type == VHD_FIXED)
		return CONTAINER_OK;
	if (type != VHD_DYNAMIC || at > h->len || h->len - at < VHD_DYNAMIC_HEADER ||
	    memcmp(h->data + at, "cxsparse", 8) != 0)
		return CONTAINER_WRONG;
	table = big(h, at + VHD_TABLE_AT, 8);
	entries = big(h, at + VHD_TABLE_ENTRIES, 4);
	block = big(h, at + VHD_BLOCK_BYTES, 4);
	first = at + VHD_DYNAMIC_HEADER;
	if (table > 1ull << 40 || block < 512 || block > 1u << 30)
		return CONTAINER_WRONG;
	if (table + entries * 4 > first)
		first = table + entries * 4;
	out->bytes = round_up(first, 512) +
		     entries * (block + round_up(divide_up(block, 4096), 512)) +
		     VHD_FOOTER;
	return CONTAINER_OK;
}

/* VDI: a new block is number `blocks_allocated`, which the header counts. */
enum {
	VDI_SIGNATURE_AT = 0x40,
	VDI_DATA_AT = 0x158,
	VDI_BLOCK_BYTES = 0x178,
	VDI_BLOCKS = 0x180,
	VDI_HEADER = 0x1c8,
};
#define VDI_SIGNATURE 0xbeda107fu

static enum container_fault vdi(const struct header *h, struct container *out)
{
	uint64_t block = little(h, VDI_BLOCK_BYTES, 4);

	if (h->len < VDI_HEADER || little(h, VDI_SIGNATURE_AT, 4) != VDI_SIGNATURE ||
	    block < 512 || block > 1u << 30)
		return CONTAINER_WRONG;
	out->bytes = round_up(
		little(h, VDI_DATA_AT, 4) + little(h, VDI_BLOCKS, 4) * block, 512);
	return CONTAINER_OK;
}

static const struct {
	const char *format;
	enum container_fault (*parse)(const struct header *h, struct container *out);
} formats[] = {{"qcow2", qcow2}, {"vpc", vhd}, {"vdi", vdi}};

bool container_format_known(const char *format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].format, format) == 0)
			return true;
	}
	return false;
}

void container_parse(const uint8_t *data, size_t len, const char *format,
		     struct container *out)
{
	struct header h = {data, len};

	*out = (struct container){.size = out->size, .more = out->more};
	out->fault = CONTAINER_WRONG;
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (strcmp(formats[i].format, format) == 0)
			out->fault = formats[i].parse(&h, out);
	}
}
