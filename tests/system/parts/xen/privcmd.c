/* SPDX-License-Identifier: MIT */
/* /dev/xen/privcmd as far as it can be tried without a target domain. */
#include "check.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/memory.h>

#include <xen/sys/privcmd.h>

static int take_page(int fd, uint16_t dom)
{
	xen_pfn_t frame = 0;
	struct xen_memory_reservation r = {
		.extent_start = &frame, .nr_extents = 1, .domid = dom};
	privcmd_hypercall_t call = {
		.op = __HYPERVISOR_memory_op,
		.arg = {XENMEM_decrease_reservation, (uintptr_t)&r},
	};

	errno = 0;
	return ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &call);
}

static void test_own_memory(int fd)
{
	const uint16_t own = (uint16_t)own_domid();

	NAMED("our own memory stays, by name",
	      take_page(fd, DOMID_SELF) == -1 && errno == EPERM);
	NAMED("our own memory stays, by number",
	      take_page(fd, own) == -1 && errno == EPERM);
	NAMED("another's, too", take_page(fd, 77) == -1 && errno == EPERM);
}

void test_privcmd(void)
{
	int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	uint64_t gfn = 1;
	int err = 0;
	uint16_t dom = 77;
	privcmd_mmapbatch_v2_t batch = {
		.num = 1, .dom = 77, .arr = (void *)&gfn, .err = &err};
	privcmd_dm_op_buf_t buf;
	privcmd_dm_op_t op = {.dom = 77, .num = 1, .ubufs = &buf};
	char mem[64] = {0};
	void *p;

	CHECK(fd >= 0);
	if (fd < 0)
		return;
	CHECK(ioctl(fd, _IOC(_IOC_NONE, 'P', 0xff, 0), NULL) == -1 && errno == ENOTTY);
	test_own_memory(fd);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	batch.addr = (uintptr_t)p;
	NAMED("no frame of a domain that is not the target",
	      ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) == -1 && errno == EPERM);
	CHECK(!munmap(p, 4096));
	buf.uptr = mem;
	buf.size = sizeof(mem);
	CHECK(ioctl(fd, IOCTL_PRIVCMD_DM_OP, &op) == -1 && errno == EPERM);
	CHECK(!ioctl(fd, IOCTL_PRIVCMD_RESTRICT, &dom));
	dom = 78;
	CHECK(ioctl(fd, IOCTL_PRIVCMD_RESTRICT, &dom) == -1 && errno == EINVAL);
	op.dom = 78;
	CHECK(ioctl(fd, IOCTL_PRIVCMD_DM_OP, &op) == -1 && errno == EPERM);
	close(fd);
}
