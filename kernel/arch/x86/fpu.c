/* SPDX-License-Identifier: MIT */
/* FPU, SSE and AVX state of user threads. The kernel itself never touches it. */
#include <arch/cpu.h>
#include <nub/errno.h>
#include <nub/string.h>

/* XCR0 (Intel SDM volume 1, chapter 13) */
#define XFEATURES_AVX512 0xe0ULL /* all of it or nothing */
#define XFEATURES_FXSAVE 3ULL	 /* x87, SSE */
#define XFEATURES_AVX 4ULL
#define XFEATURES_WANTED (XFEATURES_FXSAVE | XFEATURES_AVX | XFEATURES_AVX512)
/* The FXSAVE image (volume 1, table 10-2): size, offsets, values after a reset. */
#define FXSAVE_MXCSR 24
#define FXSAVE_MXCSR_MASK 28
#define FCW_RESET 0x37f
#define MXCSR_RESET 0x1f80
#define MXCSR_MASK_DEFAULT 0xffbf /* where the image has none */
#define XSAVE_HEADER 64

static u32 mxcsr_mask = MXCSR_MASK_DEFAULT;

static u64 xgetbv0(void)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (u64)hi << 32 | lo;
}

void cpu_fpu_init(void)
{
	static u8 image[FXSAVE_SIZE] __aligned(16);
	u32 r[4], m;

	write_cr0((read_cr0() & ~(CR0_EM | CR0_TS)) | CR0_MP);
	if (cpu.xsave) {
		cpuid(0xd, 0, r);
		cpu.xcr0 = ((u64)r[3] << 32 | r[0]) & XFEATURES_WANTED;
		if ((cpu.xcr0 & XFEATURES_AVX512) != XFEATURES_AVX512)
			cpu.xcr0 &= ~XFEATURES_AVX512;
		__asm__ volatile("xsetbv" : : "c"(0), "a"((u32)cpu.xcr0), "d"(0));
		cpu.xcr0 = xgetbv0();
		cpuid(0xd, 0, r);
		cpu.xsave_size = r[1];
	}
	__asm__ volatile("fninit; fxsave %0" : "=m"(image));
	memcpy(&m, image + FXSAVE_MXCSR_MASK, 4);
	if (m)
		mxcsr_mask = m;
}

size_t fpu_size(void)
{
	return cpu.xsave ? cpu.xsave_size : FXSAVE_SIZE;
}

void fpu_reset(void *image)
{
	u16 fcw = FCW_RESET;
	u32 mxcsr = MXCSR_RESET;

	memset(image, 0, fpu_size());
	memcpy(image, &fcw, 2);
	memcpy((u8 *)image + FXSAVE_MXCSR, &mxcsr, 4);
}

void fpu_save(void *image)
{
	if (cpu.xsave)
		__asm__ volatile("xsave64 (%0)"
				 :
				 : "r"(image), "a"((u32)cpu.xcr0), "d"(0)
				 : "memory");
	else
		__asm__ volatile("fxsave64 (%0)" : : "r"(image) : "memory");
}

void fpu_restore(const void *image)
{
	if (cpu.xsave)
		__asm__ volatile("xrstor64 (%0)"
				 :
				 : "r"(image), "a"((u32)cpu.xcr0), "d"(0)
				 : "memory");
	else
		__asm__ volatile("fxrstor64 (%0)" : : "r"(image) : "memory");
}

/* XRSTOR and FXRSTOR fault on reserved bits; none of user space's may get there. */
int fpu_sanitize(void *image, bool has_xsave)
{
	u8 *p = image;
	u32 mxcsr;
	u64 features;

	memcpy(&mxcsr, p + FXSAVE_MXCSR, 4);
	if (mxcsr & ~mxcsr_mask)
		return -EINVAL;
	if (!cpu.xsave)
		return 0;
	if (!has_xsave) {
		memset(p + FXSAVE_SIZE, 0, fpu_size() - FXSAVE_SIZE);
		features = XFEATURES_FXSAVE;
	} else {
		memcpy(&features, p + FXSAVE_SIZE, 8);
		features &= cpu.xcr0;
	}
	memset(p + FXSAVE_SIZE, 0, XSAVE_HEADER);
	memcpy(p + FXSAVE_SIZE, &features, 8);
	return 0;
}
