/* SPDX-License-Identifier: MIT */
/* ChaCha20 generator with fast key erasure: each request replaces the key. */
#include <arch/cpu.h>
#include <nub/random.h>
#include <nub/string.h>

static u32 key[8];

static u32 rotl(u32 v, int n)
{
	return v << n | v >> (32 - n);
}

static void quarter(u32 *x, int a, int b, int c, int d)
{
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 7);
}

static void block(const u32 k[8], u64 counter, u32 out[16])
{
	u32 s[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

	memcpy(s + 4, k, 32);
	s[12] = (u32)counter;
	s[13] = (u32)(counter >> 32);
	memcpy(out, s, 64);
	for (int i = 0; i < 10; i++) {
		quarter(out, 0, 4, 8, 12);
		quarter(out, 1, 5, 9, 13);
		quarter(out, 2, 6, 10, 14);
		quarter(out, 3, 7, 11, 15);
		quarter(out, 0, 5, 10, 15);
		quarter(out, 1, 6, 11, 12);
		quarter(out, 2, 7, 8, 13);
		quarter(out, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++)
		out[i] += s[i];
}

void random_mix(const void *data, size_t n)
{
	const u8 *p = data;
	u32 out[16];

	while (n) {
		size_t k = MIN(n, sizeof(key));

		for (size_t i = 0; i < k; i++)
			((u8 *)key)[i] ^= p[i];
		block(key, rdtsc(), out);
		memcpy(key, out, sizeof(key));
		p += k;
		n -= k;
	}
}

void random_bytes(void *buf, size_t n)
{
	u8 *p = buf;
	u32 k[8], out[16];
	u64 tsc = rdtsc();

	/* The first half of block 0 is the next key, so this output cannot be rebuilt. */
	memcpy(k, key, sizeof(k));
	block(k, 0, out);
	memcpy(key, out, sizeof(key));
	key[0] ^= (u32)tsc;
	for (u64 counter = 1; n; counter++) {
		size_t m = MIN(n, sizeof(out));

		block(k, counter, out);
		memcpy(p, out, m);
		p += m;
		n -= m;
	}
	memset(k, 0, sizeof(k));
}

u64 random_u64(void)
{
	u64 v;

	random_bytes(&v, sizeof(v));
	return v;
}

void random_init(void)
{
	u64 seed[8];

	for (unsigned i = 0; i < ARRAY_SIZE(seed); i++) {
		u64 v = 0;
		u8 ok = 0;

		for (int tries = 0; tries < 16 && !ok && cpu.rdseed; tries++)
			__asm__ volatile("rdseed %0; setc %1"
					 : "=r"(v), "=qm"(ok)
					 :
					 : "cc");
		for (int tries = 0; tries < 16 && !ok && cpu.rdrand; tries++)
			__asm__ volatile("rdrand %0; setc %1"
					 : "=r"(v), "=qm"(ok)
					 :
					 : "cc");
		seed[i] = v ^ rdtsc();
		random_mix(seed, sizeof(seed));
	}
}
