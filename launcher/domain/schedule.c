/* SPDX-License-Identifier: MIT */
/* When and where the stub domain's CPUs run: as its guest's do, or as the caller says. */
#include "domain/schedule.h"

#include <libxl_utils.h>
#include <stdlib.h>
#include <string.h>

#include "plan/cpus.h"

/* Weight and cap mean something to Xen's credit schedulers only. */
static void take_shares(struct domain_host *host, const struct plan *plan,
			libxl_domain_sched_params *out)
{
	const int most = 100 * (int)plan->vcpus; /* libxl refuses a larger cap */
	libxl_domain_sched_params guest;

	libxl_domain_sched_params_init(&guest);
	if (libxl_domain_sched_params_get(host->libxl, plan->guest_domid, &guest) == 0 &&
	    (guest.sched == LIBXL_SCHEDULER_CREDIT ||
	     guest.sched == LIBXL_SCHEDULER_CREDIT2)) {
		out->weight = guest.weight;
		out->cap = guest.cap < most ? guest.cap : most;
	}
	libxl_domain_sched_params_dispose(&guest);
	if (plan->weight != STUBOPT_AS_GUEST)
		out->weight = (int)plan->weight;
	if (plan->cap != STUBOPT_AS_GUEST)
		out->cap = (int)plan->cap < most ? (int)plan->cap : most;
}

static char *find_pool(struct domain_host *host, const struct plan *plan)
{
	libxl_dominfo info;
	char *name = NULL;

	if (plan->cpupool)
		return strdup(plan->cpupool);
	libxl_dominfo_init(&info);
	if (libxl_domain_info(host->libxl, &info, plan->guest_domid) == 0)
		name = libxl_cpupoolid_to_name(host->libxl, info.cpupool);
	libxl_dominfo_dispose(&info);
	return name;
}

/* Adds to *map, which has room for every CPU of the host. */
static int take_list(const char *cpus, libxl_bitmap *map, struct err *err)
{
	unsigned first;
	unsigned last;

	for (const char *at = cpus; cpus_next(&at, &first, &last);) {
		if (last >= map->size * 8)
			return err_set(err, ERR_USAGE,
				       "-stubdom cpus=%s: this host has no CPU %u", cpus,
				       last);
		for (unsigned cpu = first; cpu <= last; cpu++)
			libxl_bitmap_set(map, (int)cpu);
	}
	return 0;
}

/* The CPUs that any of the guest's vCPUs may run on. */
static void take_guest(struct domain_host *host, const struct plan *plan,
		       libxl_bitmap *hard, libxl_bitmap *soft)
{
	int n = 0;
	int cpus = 0;
	libxl_vcpuinfo *list = libxl_list_vcpu(host->libxl, plan->guest_domid, &n, &cpus);

	int cpu;

	for (int i = 0; list && i < n; i++) {
		libxl_for_each_set_bit(cpu, list[i].cpumap) libxl_bitmap_set(hard, cpu);
		libxl_for_each_set_bit(cpu, list[i].cpumap_soft)
			libxl_bitmap_set(soft, cpu);
	}
	if (list)
		libxl_vcpuinfo_list_free(list, n);
}

/* The same for each vCPU; a map that says nothing is left out. */
static int set_all(struct domain_host *host, const libxl_bitmap *map, unsigned vcpus,
		   libxl_bitmap **out, int *n_out)
{
	libxl_bitmap *list;

	if (libxl_bitmap_is_empty(map) || libxl_bitmap_is_full(map))
		return 0;
	list = calloc(vcpus, sizeof(*list));
	if (!list)
		return -1;
	*out = list;
	*n_out = (int)vcpus;
	for (unsigned i = 0; i < vcpus; i++) {
		libxl_bitmap_init(&list[i]);
		libxl_bitmap_copy_alloc(host->libxl, &list[i], map);
	}
	return 0;
}

static int take_affinity(struct domain_host *host, const struct plan *plan,
			 libxl_domain_build_info *build, struct err *err)
{
	libxl_bitmap hard;
	libxl_bitmap soft;
	int rc = -1;

	libxl_bitmap_init(&hard);
	libxl_bitmap_init(&soft);
	if (libxl_cpu_bitmap_alloc(host->libxl, &hard, 0) ||
	    libxl_cpu_bitmap_alloc(host->libxl, &soft, 0)) {
		err_set(err, ERR_HOST, "out of memory");
		goto out;
	}
	if (plan->cpus && take_list(plan->cpus, &hard, err) < 0)
		goto out;
	/* Another pool's CPUs are not the guest's. */
	if (!plan->cpus && !plan->cpupool)
		take_guest(host, plan, &hard, &soft);
	if (set_all(host, &hard, plan->vcpus, &build->vcpu_hard_affinity,
		    &build->num_vcpu_hard_affinity) < 0 ||
	    set_all(host, &soft, plan->vcpus, &build->vcpu_soft_affinity,
		    &build->num_vcpu_soft_affinity) < 0) {
		err_set(err, ERR_HOST, "out of memory");
		goto out;
	}
	/* Placed CPUs need no NUMA placement (libxl warns). */
	if (build->num_vcpu_hard_affinity || build->num_vcpu_soft_affinity)
		libxl_defbool_set(&build->numa_placement, false);
	rc = 0;
out:
	libxl_bitmap_dispose(&hard);
	libxl_bitmap_dispose(&soft);
	return rc;
}

int domain_schedule_describe(struct domain_host *host, const struct plan *plan,
			     libxl_domain_config *config, struct err *err)
{
	config->c_info.pool_name = find_pool(host, plan);
	take_shares(host, plan, &config->b_info.sched_params);
	return take_affinity(host, plan, &config->b_info, err);
}
