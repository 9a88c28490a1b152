/* SPDX-License-Identifier: MIT */
/* Where the vCPUs of a stub domain are that does not come to an end of its start. */
#include "domain/vcpus.h"

#include "log.h"

static const char *name_state(const xc_vcpuinfo_t *info)
{
	if (!info->online)
		return "down";
	if (info->running)
		return "running";
	return info->blocked ? "idle" : "waiting for a CPU";
}

void domain_vcpus_log(struct domain_host *host, uint32_t domid)
{
	xc_domaininfo_t domain;
	xc_vcpuinfo_t info;
	vcpu_guest_context_any_t context;

	if (!domain_host_look(host, domid, &domain))
		return;
	for (unsigned i = 0; i <= domain.max_vcpu_id; i++) {
		if (xc_vcpu_getinfo(host->xc, domid, i, &info) < 0 ||
		    xc_vcpu_getcontext(host->xc, domid, i, &context) < 0)
			continue;
		log_info("vCPU %u of the stub domain: %s, ran %llu ms, at %#llx", i,
			 name_state(&info), (unsigned long long)info.cpu_time / 1000000,
			 (unsigned long long)context.x64.user_regs.rip);
	}
}
