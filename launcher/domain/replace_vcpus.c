/* SPDX-License-Identifier: MIT */
/* The guest's vCPUs, and the requests that they wait for. */
#include "domain/replace_vcpus.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "clock.h"
#include "log.h"

enum {
	VCPUS_MS = 5000,
	VCPUS_MAX = 512,
};

unsigned replace_count_vcpus(struct domain_host *host, uint32_t guest)
{
	xc_domaininfo_t info;

	return domain_host_look(host, guest, &info) ? info.max_vcpu_id + 1 : 0;
}

bool replace_is_paused(struct domain_host *host, uint32_t guest)
{
	xc_domaininfo_t info;

	return domain_host_look(host, guest, &info) && (info.flags & XEN_DOMINF_paused);
}

/* In ns, since its start. */
static uint64_t read_cpu_time(struct domain_host *host, uint32_t domid, unsigned vcpu)
{
	xc_vcpuinfo_t info;

	return xc_vcpu_getinfo(host->xc, domid, vcpu, &info) == 0 ? info.cpu_time : 0;
}

/* Whether it wants to run, and has not run since `before`. */
static bool is_owed(struct domain_host *host, uint32_t domid, unsigned vcpu,
		    uint64_t before)
{
	xc_vcpuinfo_t info;

	return xc_vcpu_getinfo(host->xc, domid, vcpu, &info) == 0 && info.online &&
	       !info.blocked && info.cpu_time == before;
}

int64_t replace_unpause(struct domain_host *host, uint32_t guest, bool *went_on)
{
	static uint64_t before[VCPUS_MAX];
	unsigned n = replace_count_vcpus(host, guest);
	int64_t at_ms;

	if (n > VCPUS_MAX)
		n = VCPUS_MAX;
	for (unsigned i = 0; i < n; i++)
		before[i] = read_cpu_time(host, guest, i);
	if (xc_domain_unpause(host->xc, guest) < 0)
		log_error("the guest stays paused ('xl unpause %u'): %s", guest,
			  strerror(errno));
	at_ms = clock_ms();
	*went_on = true;
	for (unsigned i = 0; i < n; i++) {
		while (is_owed(host, guest, i, before[i]) &&
		       clock_ms() < at_ms + VCPUS_MS)
			clock_wait_ms(1);
		*went_on = *went_on && !is_owed(host, guest, i, before[i]);
	}
	return at_ms;
}
