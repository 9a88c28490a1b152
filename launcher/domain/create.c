/* SPDX-License-Identifier: MIT */
/* Creates the stub domain through libxl and makes it the guest's device model. */
#include "domain/create.h"

#include <errno.h>
#include <libxl_utils.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "domain/memory.h"
#include "domain/schedule.h"
#include "log.h"
#include "xenstore_util.h"

/* With vif and vbd rings, channels and xenstore; Linux' own default is 64. */
enum { EVENT_CHANNELS_MAX = 1023 };

static char *dup_or_null(const char *s)
{
	return s ? strdup(s) : NULL;
}

static int describe_disks(const struct domain_disks *disks, libxl_domain_config *config)
{
	config->disks = calloc(disks->n, sizeof(*config->disks));
	if (!config->disks)
		return -1;
	for (size_t i = 0; i < disks->n; i++) {
		if (!disks->list[i].dev[0])
			continue;
		if (domain_disk_describe(&disks->list[i],
					 &config->disks[config->num_disks++]) < 0)
			return -1;
	}
	return 0;
}

/*
 * The toolstack sets up an interface that it has a name for.  Not so in another domain:
 * our script is not installed there.
 */
static const char *hotplug_script(const struct plan *plan, const struct plan_nic *nic)
{
	if (nic->script)
		return nic->script;
	return nic->vifname && !plan->backend ? STUBDOM_LIBEXECDIR "/stubdom-vif"
					      : "vif-bridge";
}

static int describe_nics(const struct plan *plan, bool second,
			 libxl_domain_config *config)
{
	config->nics = calloc(plan->n_nics + 1, sizeof(*config->nics));
	if (!config->nics)
		return -1;
	for (size_t i = 0; i < plan->n_nics; i++) {
		const struct plan_nic *from = &plan->nics[i];
		libxl_device_nic *nic = &config->nics[config->num_nics++];

		libxl_device_nic_init(nic);
		nic->devid = (int)from->xenif;
		nic->nictype = LIBXL_NIC_TYPE_VIF;
		/*
		 * The MAC stays libxl's own choice: it belongs to the stub
		 * domain's end, which never sends a frame of its own.  The
		 * guest's frames carry the guest's MAC through it.
		 */
		nic->bridge = dup_or_null(from->bridge);
		nic->ifname = second ? NULL : dup_or_null(from->vifname);
		nic->backend_domname = dup_or_null(plan->backend);
		nic->script = strdup(hotplug_script(plan, from));
		if (!nic->script)
			return -1;
	}
	return 0;
}

/*
 * The PVH stub domain's pages for its own page tables and for its maps of the guest.
 * libxl's measure covers its own memory.  Each page table of 4 KiB maps 2 MiB of the
 * guest, and QEMU's map cache may hold the whole guest at once.  In KiB.
 */
static uint64_t paging_memory(struct domain_host *host, const struct plan *plan)
{
	uint64_t own = libxl_get_required_shadow_memory((uint64_t)plan->memory_mb * 1024,
							plan->vcpus);
	libxl_dominfo guest;
	uint64_t mapped = 0;

	libxl_dominfo_init(&guest);
	if (libxl_domain_info(host->libxl, &guest, plan->guest_domid) == 0)
		mapped = guest.max_memkb / 512;
	libxl_dominfo_dispose(&guest);
	return (own + mapped + 3) & ~3ULL; /* whole pages, or Xen refuses it */
}

/*
 * nub then holds QEMU back from the guest until it runs (kernel/xen/hold.h), or ends with a
 * QEMU that crashes.
 */
static char *describe_cmdline(const struct domain_parts *parts)
{
	bool core = parts->plan->core && parts->plan->kernel == STUBOPT_KERNEL_NUB;
	char *text;

	if (asprintf(&text, "%s%s%s",
		     parts->kernel->cmdline ? parts->kernel->cmdline : "",
		     parts->second ? " nub.guest=served" : "",
		     core ? " nub.core=panic" : "") < 0)
		return NULL;
	return text;
}

static int describe_domain(struct domain_host *host, const struct domain_parts *parts,
			   libxl_domain_config *config)
{
	const struct plan *plan = parts->plan;
	libxl_domain_create_info *create = &config->c_info;
	libxl_domain_build_info *build = &config->b_info;
	libxl_domain_type type = plan->type == STUBOPT_TYPE_PV ? LIBXL_DOMAIN_TYPE_PV
							       : LIBXL_DOMAIN_TYPE_PVH;

	libxl_domain_create_info_init(create);
	create->type = type;
	create->name = strdup(plan->name);
	create->uuid = *parts->uuid;
	create->ssid_label = dup_or_null(plan->seclabel);

	libxl_domain_build_info_init(build);
	libxl_domain_build_info_init_type(build, type);
	build->max_vcpus = (int)plan->vcpus;
	if (libxl_cpu_bitmap_alloc(host->libxl, &build->avail_vcpus, (int)plan->vcpus))
		return -1;
	libxl_bitmap_set_any(&build->avail_vcpus);
	build->max_memkb = (uint64_t)plan->memory_mb * 1024;
	build->target_memkb = build->max_memkb;
	if (type == LIBXL_DOMAIN_TYPE_PVH)
		build->shadow_memkb = paging_memory(host, plan);
	/* Emulated, each rdtsc is an exit, and QEMU reads the clock at every request. */
	build->tsc_mode = LIBXL_TSC_MODE_NATIVE;
	build->event_channels = EVENT_CHANNELS_MAX;
	if (asprintf(&build->kernel, "/proc/self/fd/%d", parts->kernel_fd) < 0)
		build->kernel = NULL;
	if (asprintf(&build->ramdisk, "/proc/self/fd/%d", parts->ramdisk_fd) < 0)
		build->ramdisk = NULL;
	build->cmdline = describe_cmdline(parts);
	if (!create->name || !build->kernel || !build->ramdisk || !build->cmdline)
		return -1;
	if (describe_disks(parts->disks, config) < 0)
		return -1;
	return describe_nics(plan, parts->second, config);
}

/* Nodes that are there from the domain's first moment, before a hot-plug script runs. */
static int describe_nodes(const struct plan *plan, libxl_domain_create_info *create)
{
	char *nodes[7] = {0};

	nodes[0] = strdup(DOMAIN_XS_LAUNCHER);
	nodes[2] = strdup(DOMAIN_XS_GUEST_NAME);
	nodes[3] = strdup(plan->guest_name);
	/*
	 * The block script knows by this node that a guest and its device model may share
	 * a file.
	 */
	nodes[4] = strdup("target");
	if (asprintf(&nodes[1], "%d", (int)getpid()) < 0 ||
	    asprintf(&nodes[5], "%u", plan->guest_domid) < 0)
		return -1;
	create->xsdata = calloc(7, sizeof(char *));
	if (!create->xsdata || !nodes[0] || !nodes[2] || !nodes[3] || !nodes[4])
		return -1;
	memcpy(create->xsdata, nodes, sizeof(nodes));
	return 0;
}

static int let_read(struct domain_host *host, uint32_t stub, const char *node,
		    struct err *err)
{
	struct xs_permissions perms[2] = {
		{.id = 0, .perms = XS_PERM_NONE},
		{.id = stub, .perms = XS_PERM_READ},
	};
	char path[XENSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "/local/domain/%u/%s", stub, node);
	if (!xs_set_permissions(host->xs, XBT_NULL, path, perms, 2))
		return err_errno(err, ERR_HOST, errno,
				 "xenstore: opening %s to domain %u", path, stub);
	return 0;
}

/* Gives the stub domain its power over the one guest, in Xen and in xenstore. */
static int become_device_model(struct domain_host *host, const struct plan *plan,
			       uint32_t stub, struct err *err)
{
	if (xc_domain_set_target(host->xc, stub, plan->guest_domid) < 0)
		return err_errno(err, ERR_HOST, errno,
				 "making domain %u the device model of domain %u", stub,
				 plan->guest_domid);
	/*
	 * After a soft reset the guest is still shut down for xenstored, which would never
	 * tell of its next end (docs/upstream-bugs.md).
	 */
	xs_resume_domain(host->xs, plan->guest_domid);
	if (!xs_set_target(host->xs, stub, plan->guest_domid))
		return err_errno(err, ERR_HOST, errno,
				 "xenstore: giving domain %u the rights of domain %u",
				 stub, plan->guest_domid);
	/* Linux' privcmd reads which domain it may act on. */
	if (let_read(host, stub, "target", err) < 0)
		return -1;
	/* QEMU writes its state here, and its back ends. */
	if (xenstore_mkdir_owned(host->xs, err, stub, "/local/domain/%u/device-model/%u",
				 stub, plan->guest_domid) < 0 ||
	    xenstore_mkdir_owned(host->xs, err, stub,
				 "/local/domain/%u/device-model/%u/backends", stub,
				 plan->guest_domid) < 0 ||
	    xenstore_mkdir_owned(host->xs, err, stub, "/local/domain/%u/backend", stub) <
		    0)
		return -1;
	return 0;
}

int domain_create(struct domain_host *host, const struct domain_parts *parts,
		  uint32_t *domid, struct err *err)
{
	const struct plan *plan = parts->plan;
	libxl_domain_config config;
	cleanup_fd int memory = -1; /* the lock, until the domain has it */
	int rc = -1;

	libxl_domain_config_init(&config);
	if (describe_domain(host, parts, &config) < 0 ||
	    describe_nodes(plan, &config.c_info) < 0) {
		err_set(err, ERR_HOST, "out of memory");
		goto out;
	}
	if (domain_schedule_describe(host, plan, &config, err) < 0)
		goto out;
	memory = domain_memory_take(host, plan, &config, err);
	if (memory < 0)
		goto out;
	domain_host_forget_error(host);
	*domid = INVALID_DOMID;
	if (libxl_domain_create_new(host->libxl, &config, domid, NULL, NULL)) {
		domain_host_error(host, err, "creating the stub domain %s", plan->name);
		goto out;
	}
	rc = become_device_model(host, plan, *domid, err);
out:
	libxl_domain_config_dispose(&config);
	return rc;
}

int domain_unpause(struct domain_host *host, uint32_t domid, struct err *err)
{
	domain_host_forget_error(host);
	if (libxl_domain_unpause(host->libxl, domid, NULL))
		return domain_host_error(host, err, "starting domain %u", domid);
	return 0;
}
