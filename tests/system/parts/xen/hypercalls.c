/* SPDX-License-Identifier: MIT */
/* Every hypercall and operation that ring 3 can ask privcmd for, on a domain that is our
 * target.  Only those of kernel/hypercalls.tbl reach Xen, and never with a kernel
 * address.  XENTEST_KADDR is the address of the kernel's host name. */
#include "check.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/hvm/dm_op.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/version.h>

#include <xen/sys/evtchn.h>
#include <xen/sys/gntalloc.h>
#include <xen/sys/gntdev.h>
#include <xen/sys/privcmd.h>
#include <xenstore.h>

#define KERNEL_IMAGE 0xffffffff80000000UL
#define DIRECT_MAP 0xffff888000000000UL
#define HYPERCALLS 64
#define OPERATIONS 128
#define PINS_PASSED 32
#define PLACES 5

static int fd;
static uint16_t target, self;
static uint8_t *page, *fence; /* a page, and one behind it that is not there */
static uint64_t places[PLACES];

static bool kernel_whole(void)
{
	struct utsname u;

	return !uname(&u) && !strcmp(u.nodename, "whole");
}

static void find_places(uint64_t kaddr)
{
	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	fence = page + 4096;
	munmap(fence, 4096);
	places[0] = (uintptr_t)page;
	places[1] = (uintptr_t)fence;
	places[2] = kaddr;
	places[3] = kaddr - KERNEL_IMAGE + DIRECT_MAP;
	places[4] = (uintptr_t)fence - 4; /* begins well */
}

/* The field of a structure that names the domain names the target. */
static void fill(void)
{
	for (unsigned i = 0; i < 4096; i += sizeof(target))
		memcpy(page + i, &target, sizeof(target));
}

static int call(uint64_t op, uint64_t a, uint64_t b, uint64_t c)
{
	privcmd_hypercall_t h = {.op = op, .arg = {a, b, c, c, c}};

	return ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &h) < 0 ? errno : 0;
}

static bool listed(unsigned op, unsigned sub)
{
	return (op == __HYPERVISOR_memory_op && sub == XENMEM_populate_physmap) ||
	       (op == __HYPERVISOR_hvm_op && sub == HVMOP_set_param);
}

/* The answer that call(op, sub, places[i]) should have; it takes 0 for any. */
static bool right(unsigned op, unsigned sub, unsigned i, int e)
{
	if (op == __HYPERVISOR_multicall)
		return e == EFAULT || e == E2BIG || !e;
	if (listed(op, sub))
		return e == (i ? EFAULT : EINVAL);
	return e == EPERM;
}

static unsigned try(unsigned op, uint64_t sub, unsigned i)
{
	int e;

	fill();
	e = call(op, sub, places[i], places[i]);
	if (right(op, sub < OPERATIONS ? (unsigned)sub : OPERATIONS, i, e))
		return 0;
	printf("hypercall %u, operation %lx, place %u: %s\n", op, sub, i, strerror(e));
	return 1;
}

static void every_hypercall(void)
{
	unsigned wrong = 0;

	for (unsigned op = 0; op < HYPERCALLS; op++) {
		for (unsigned i = 0; i < PLACES; i++) {
			for (unsigned sub = 0; sub < OPERATIONS; sub++)
				wrong += try(op, sub, i);
			wrong += try(op, places[i], i); /* as domctl has it */
		}
	}
	NAMED("no hypercall but those of the list, and these look at what they get",
	      !wrong);
	NAMED("the kernel's memory is whole", kernel_whole());
}

/* Ways by which a kernel address once reached Xen. */
static void kernel_addresses(void)
{
	multicall_entry_t m = {.op = __HYPERVISOR_xen_version,
			       .args = {XENVER_extraversion, places[2]}};

	call(__HYPERVISOR_xen_version, XENVER_extraversion, places[2], 0);
	call(__HYPERVISOR_xen_version, XENVER_extraversion, places[3], 0);
	NAMED("not by xen_version", kernel_whole());
	NAMED("a multicall is taken apart",
	      !call(__HYPERVISOR_multicall, (uintptr_t)&m, 1, 0) &&
		      (long)m.result == -EPERM);
	NAMED("not by a multicall", kernel_whole());
}

static int dm(uint16_t dom, unsigned n, uint64_t at, size_t size)
{
	privcmd_dm_op_buf_t bufs[3];
	privcmd_dm_op_t c = {.dom = dom, .num = (uint16_t)n, .ubufs = bufs};

	for (unsigned i = 0; i < 3; i++)
		bufs[i] = (privcmd_dm_op_buf_t){(void *)at, size};
	return ioctl(fd, IOCTL_PRIVCMD_DM_OP, &c) < 0 ? errno : 0;
}

static bool dm_listed(unsigned op)
{
	return op >= XEN_DMOP_create_ioreq_server &&
	       op <= XEN_DMOP_pin_memory_cacheattr && op != XEN_DMOP_inject_event &&
	       op != XEN_DMOP_map_mem_type_to_ioreq_server;
}

static void every_dm_op(void)
{
	static const size_t sizes[] = {0, 4, 8, 12, 32, 64, 4096, 4097};
	unsigned passed = 0, done = 0;

	for (uint32_t op = 0; op < OPERATIONS; op++) {
		for (unsigned k = 0; k < sizeof(sizes) / sizeof(*sizes); k++) {
			for (unsigned i = 0; i < PLACES; i++) {
				for (unsigned n = 1; n <= 3; n++) {
					int e;

					memset(page, 0xff, 4096);
					memcpy(page, &op, sizeof(op));
					memset(page + 4, 0, 4);
					e = dm(target, n, places[i], sizes[k]);
					done += !e;
					if (!i && n < 3 && sizes[k] >= 8 &&
					    sizes[k] <= 4096 && !dm_listed(op))
						passed += e != EPERM;
				}
			}
		}
	}
	NAMED("no device-model operation outside of the list", !passed);
	NAMED("none with nonsense in it", !done);
	NAMED("nor did one write to the kernel", kernel_whole());
}

static int dm_one(struct xen_dm_op *op)
{
	return dm(target, 1, (uintptr_t)op, sizeof(*op));
}

/* QEMU's own calls go on working. */
static void the_list_passes(void)
{
	struct xen_dm_op op = {.op = XEN_DMOP_create_ioreq_server};
	uint16_t id;
	int e = 0, n;

	NAMED("libxendevicemodel finds that the request is there",
	      !dm(DOMID_INVALID, 0, 0, 0));
	NAMED("a server is made", !dm_one(&op));
	id = op.u.create_ioreq_server.id;
	op = (struct xen_dm_op){.op = XEN_DMOP_get_ioreq_server_info};
	op.u.get_ioreq_server_info.id = id;
	op.u.get_ioreq_server_info.flags = XEN_DMOP_no_gfns;
	NAMED("asked for its port", !dm_one(&op) && op.u.get_ioreq_server_info.id == id);
	op = (struct xen_dm_op){.op = XEN_DMOP_map_io_range_to_ioreq_server};
	op.u.map_io_range_to_ioreq_server.id = id;
	op.u.map_io_range_to_ioreq_server.start = 0x510;
	op.u.map_io_range_to_ioreq_server.end = 0x511;
	NAMED("given ports", !dm_one(&op));
	op = (struct xen_dm_op){.op = XEN_DMOP_destroy_ioreq_server};
	op.u.destroy_ioreq_server.id = id;
	NAMED("and ended", !dm_one(&op));
	for (n = 0; n < 100 && !e; n++) {
		op = (struct xen_dm_op){.op = XEN_DMOP_pin_memory_cacheattr};
		op.u.pin_memory_cacheattr.start = 0x100 + 2 * (unsigned)n;
		op.u.pin_memory_cacheattr.end = 0x100 + 2 * (unsigned)n;
		op.u.pin_memory_cacheattr.type = XEN_DMOP_MEM_CACHEATTR_WB;
		e = dm_one(&op);
	}
	NAMED("so many cached ranges and no more", n == PINS_PASSED + 1 && e == ENOSPC);
}

static void other_domains(void)
{
	const uint16_t others[] = {0,
				   self,
				   DOMID_SELF,
				   DOMID_IO,
				   DOMID_XEN,
				   (uint16_t)(target + 1),
				   DOMID_INVALID};
	struct xen_dm_op op = {.op = XEN_DMOP_create_ioreq_server};
	uint64_t frame = 0x100;
	int err = 0, passed = 0;

	for (unsigned i = 0; i < sizeof(others) / sizeof(*others); i++) {
		privcmd_mmapbatch_v2_t batch = {
			.num = 1, .dom = others[i], .arr = (void *)&frame, .err = &err};
		privcmd_mmap_resource_t res = {.dom = others[i], .num = 1};

		passed += dm(others[i], 1, (uintptr_t)&op, sizeof(op)) != EPERM;
		passed +=
			!ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) || errno != EPERM;
		passed += !ioctl(fd, IOCTL_PRIVCMD_MMAP_RESOURCE, &res) || errno != EPERM;
	}
	NAMED("nothing of any other domain", !passed);
	for (uint32_t type = 1; type < 16; type++) {
		privcmd_mmap_resource_t res = {.dom = target, .type = type};

		passed += !ioctl(fd, IOCTL_PRIVCMD_MMAP_RESOURCE, &res) || errno != EPERM;
	}
	NAMED("no resource but an ioreq server's", !passed);
}

static void other_devices(void)
{
	const uint16_t other = (uint16_t)(target + 1);
	int e = open("/dev/xen/evtchn", O_RDWR), a = open("/dev/xen/gntalloc", O_RDWR),
	    g = open("/dev/xen/gntdev", O_RDWR);
	struct ioctl_evtchn_bind_virq virq = {.virq = VIRQ_TIMER};
	struct ioctl_evtchn_bind_unbound_port unbound = {.remote_domain = other};
	struct ioctl_evtchn_bind_interdomain bound = {.remote_domain = 0,
						      .remote_port = 1};
	struct ioctl_gntalloc_alloc_gref alloc = {.domid = other, .count = 1};
	struct ioctl_gntdev_map_grant_ref map = {.count = 1};

	map.refs[0].domid = 0;
	NAMED("no virtual interrupt",
	      ioctl(e, IOCTL_EVTCHN_BIND_VIRQ, &virq) < 0 && errno == EPERM);
	NAMED("no event channel of a stranger",
	      ioctl(e, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &unbound) < 0 && errno == EPERM);
	NAMED("nor one that dom0 offers",
	      ioctl(e, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bound) < 0 && errno == EPERM);
	NAMED("no page for a stranger",
	      ioctl(a, IOCTL_GNTALLOC_ALLOC_GREF, &alloc) < 0 && errno == EPERM);
	NAMED("none of dom0's",
	      ioctl(g, IOCTL_GNTDEV_MAP_GRANT_REF, &map) < 0 && errno == EPERM);
	close(e);
	close(a);
	close(g);
}

static void restricted(void)
{
	uint16_t other = (uint16_t)(target + 1);
	struct xen_dm_op op = {.op = XEN_DMOP_create_ioreq_server};

	CHECK(!ioctl(fd, IOCTL_PRIVCMD_RESTRICT, &other));
	NAMED("a descriptor for another domain is good for none", dm_one(&op) == EPERM);
	NAMED("nor for hypercalls", call(__HYPERVISOR_memory_op, XENMEM_populate_physmap,
					 places[0], 0) == EPERM);
}

static uint16_t read_target(void)
{
	struct xs_handle *h = xs_open(0);
	char *v = h ? xs_read(h, XBT_NULL, "target", NULL) : NULL;
	int dom = v ? atoi(v) : 0;

	free(v);
	if (h)
		xs_close(h);
	return (uint16_t)dom;
}

void test_hypercalls(void)
{
	const char *kaddr = getenv("XENTEST_KADDR");

	fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);
	self = (uint16_t)own_domid();
	target = read_target();
	NAMED("there is a target", kaddr && target && fd >= 0);
	if (!kaddr || !target || fd < 0)
		return;
	find_places(strtoull(kaddr, NULL, 16));
	CHECK(sethostname("whole", 5) == 0);
	CHECK(kernel_whole());
	kernel_addresses();
	every_hypercall();
	every_dm_op();
	other_domains();
	other_devices();
	the_list_passes();
	restricted();
	close(fd);
}
