/* SPDX-License-Identifier: MIT */
/* Memory of the host's for the stub domain. */
#include "domain/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <libxl_utils.h>
#include <poll.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <libxlutil.h>

#include "abi/facts.h"
#include "cleanup.h"
#include "log.h"

#define XL_CONF "/etc/xen/xl.conf"

enum {
	LOCK_MS = 40000, /* libxl gives the whole start 60 s */
	LOCK_STEP_MS = 50,
	BALLOON_S = 30, /* xl's own patience with dom0 */
	TARGET_S = 10,
	GROW_MS = 5000, /* dom0 grows in a second or two, if it can */
	KB_PER_MB = 1024,
	ROMS_MB = 4, /* of a guest: more than QEMU's NICs and screen have */
};

uint64_t *domain_memory_account(struct err *err)
{
	void *page = mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED) {
		err_errno(err, ERR_HOST, errno, "memory for the guardian");
		return NULL;
	}
	return page;
}

/*
 * This directory exists as long as any launcher has its own in it, and each has by now.
 * So nothing has to be removed.
 */
static int lock(struct err *err)
{
	int fd = open(STUBDOM_RUN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, ERR_HOST, errno, "%s", STUBDOM_RUN_DIR);
	for (int ms = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; ms += LOCK_STEP_MS) {
		if (errno == EWOULDBLOCK && ms < LOCK_MS) {
			poll(NULL, 0, LOCK_STEP_MS);
			continue;
		}
		err_errno(err, ERR_HOST, errno,
			  "waiting for the memory of another stub domain's start (lock "
			  "of " STUBDOM_RUN_DIR ")");
		close(fd);
		return -1;
	}
	return fd;
}

/* As xl decides `auto`: dom0_mem= fixes dom0's size. */
static bool dom0_is_fixed(struct domain_host *host)
{
	static const char pattern[] = "(^| )dom0_mem=((|min:|max:)(-?[0-9]+[bBkKmMgGtT]?|"
				      "(-?[0-9]+[bBkKmMgGtT]?\\+)?[0-9]{1,2}%),?)+($| )";
	const libxl_version_info *info = libxl_get_version_info(host->libxl);
	regex_t regex;
	bool fixed;

	if (!info || !info->commandline ||
	    regcomp(&regex, pattern, REG_NOSUB | REG_EXTENDED))
		return false;
	fixed = regexec(&regex, info->commandline, 0, NULL, 0) == 0;
	regfree(&regex);
	return fixed;
}

/* NULL: dom0 may be shrunk.  Otherwise the setting that forbids it. */
static const char *find_ban(struct domain_host *host)
{
	XLU_Config *config = xlu_cfg_init(stderr, XL_CONF);
	const char *word = "auto";
	const char *ban = NULL;

	if (config && (access(XL_CONF, R_OK) < 0 || xlu_cfg_readfile(config, XL_CONF) ||
		       xlu_cfg_get_string(config, "autoballoon", &word, 1)))
		word = "auto";
	if (strcmp(word, "off") == 0 || strcmp(word, "0") == 0)
		ban = "autoballoon=off in " XL_CONF;
	else if (strcmp(word, "on") != 0 && strcmp(word, "1") != 0 && dom0_is_fixed(host))
		ban = "dom0_mem= on Xen's command line";
	if (config)
		xlu_cfg_destroy(config);
	return ban;
}

/* "dom0 has 1536 MiB, 3 other domains 2040 MiB" */
static void describe_use(struct domain_host *host, char *text, size_t size)
{
	int n = 0;
	libxl_dominfo *list = libxl_list_domain(host->libxl, &n);
	unsigned long long dom0 = 0, others = 0;

	for (int i = 0; list && i < n; i++)
		*(list[i].domid == 0 ? &dom0 : &others) += list[i].current_memkb;
	snprintf(text, size, "dom0 has %llu MiB, %d other domains have %llu MiB",
		 dom0 / KB_PER_MB, n > 0 ? n - 1 : 0, others / KB_PER_MB);
	if (list)
		libxl_dominfo_list_free(list, n);
}

static int too_little(struct domain_host *host, uint64_t need_kb, uint64_t free_kb,
		      const char *ban, struct err *err)
{
	char use[96];

	describe_use(host, use, sizeof(use));
	return err_set(err, ERR_HOST,
		       "the stub domain needs %llu MiB and Xen has %llu MiB "
		       "free: %s; %s%s%s'xl mem-set 0 ...' shrinks dom0, '-stubdom "
		       "memory=MIB' makes the stub domain smaller",
		       (unsigned long long)need_kb / KB_PER_MB,
		       (unsigned long long)free_kb / KB_PER_MB, use,
		       ban ? "it is not shrunk by itself (" : "it could not be shrunk; ",
		       ban ? ban : "", ban ? "); " : "");
}

/* As xl's freemem(): in steps, as long as dom0 makes progress. */
static int shrink_dom0(struct domain_host *host, uint64_t need_kb, uint64_t *free_kb,
		       struct err *err)
{
	int64_t credit = BALLOON_S;

	while (*free_kb < need_kb) {
		uint64_t missing = need_kb - *free_kb;
		time_t begin = time(NULL);

		if (credit <= 0)
			return too_little(host, need_kb, *free_kb, NULL, err);
		domain_host_forget_error(host);
		/* Before: this process may be killed at any moment. */
		*host->freed_kb += missing;
		if (libxl_set_memory_target(host->libxl, 0, -(int64_t)missing, 1, 0)) {
			*host->freed_kb -= missing;
			return too_little(host, need_kb, *free_kb, NULL, err);
		}
		if (libxl_wait_for_memory_target(host->libxl, 0, TARGET_S))
			return too_little(host, need_kb, *free_kb, NULL, err);
		credit -= time(NULL) - begin;
		if (libxl_get_free_memory(host->libxl, free_kb))
			return domain_host_error(host, err,
						 "asking Xen for its free memory");
	}
	log_info("dom0 gave up %llu MiB for %llu MiB of the stub domain's",
		 (unsigned long long)*host->freed_kb / KB_PER_MB,
		 (unsigned long long)need_kb / KB_PER_MB);
	return 0;
}

/*
 * The memory that the guest has still to get, in KiB.  Its QEMU makes the screen's memory
 * and the ROMs out of Xen's free memory, where the toolstack has left room for them.
 */
static uint64_t guest_misses(struct domain_host *host, const struct plan *plan)
{
	uint64_t misses = 0;
	libxl_dominfo info;

	libxl_dominfo_init(&info);
	if (libxl_domain_info(host->libxl, &info, plan->guest_domid) == 0 &&
	    info.max_memkb > info.current_memkb)
		misses = info.max_memkb - info.current_memkb;
	libxl_dominfo_dispose(&info);
	return misses + ROMS_MB * KB_PER_MB;
}

static int free_memory(struct domain_host *host, const struct plan *plan,
		       libxl_domain_config *config, struct err *err)
{
	uint64_t need_kb, free_kb;
	const char *ban;

	domain_host_forget_error(host);
	if (libxl_domain_need_memory(host->libxl, config, plan->guest_domid, &need_kb) ||
	    libxl_get_free_memory(host->libxl, &free_kb))
		return domain_host_error(host, err, "asking Xen for its free memory");
	need_kb += guest_misses(host, plan);
	if (free_kb >= need_kb)
		return 0;
	ban = find_ban(host);
	if (ban)
		return too_little(host, need_kb, free_kb, ban, err);
	return shrink_dom0(host, need_kb, &free_kb, err);
}

int domain_memory_take(struct domain_host *host, const struct plan *plan,
		       libxl_domain_config *config, struct err *err)
{
	int fd = lock(err);

	if (fd >= 0 && free_memory(host, plan, config, err) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool dom0_has(struct domain_host *host, uint64_t kb)
{
	libxl_dominfo info;
	bool has;

	libxl_dominfo_init(&info);
	has = libxl_domain_info(host->libxl, &info, 0) == 0 && info.current_memkb >= kb;
	libxl_dominfo_dispose(&info);
	return has;
}

void domain_memory_give_back(struct domain_host *host)
{
	uint64_t freed_kb = *host->freed_kb;
	cleanup_fd int memory = -1;
	uint64_t target_kb;
	struct err err;

	if (!freed_kb)
		return;
	memory = lock(&err);
	if (memory < 0)
		log_warn("%s", err.msg);
	*host->freed_kb = 0;
	if (libxl_set_memory_target(host->libxl, 0, (int64_t)freed_kb, 1, 0)) {
		log_warn("dom0 does not get back %llu MiB that it gave up",
			 (unsigned long long)freed_kb / KB_PER_MB);
		return;
	}
	log_info("dom0 may have its %llu MiB again",
		 (unsigned long long)freed_kb / KB_PER_MB);
	if (libxl_get_memory_target(host->libxl, 0, &target_kb))
		return;
	for (int ms = 0; ms < GROW_MS && !dom0_has(host, target_kb); ms += LOCK_STEP_MS)
		poll(NULL, 0, LOCK_STEP_MS);
}
