/* SPDX-License-Identifier: MIT */
/* The handles to Xen that the launcher and its guardian work with. */
#include "domain/host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <xentoollog.h>

#include "cleanup.h"
#include "log.h"
#include "start_log.h"

struct domain_logger {
	xentoollog_logger vtable; /* first: libxl sees only this */
	char first_error[400];	  /* the cause; those after it are its consequences */
};

/* libxl tells of a script's start, and of a device that needs no (other) script. */
static void log_scripts(const char *text)
{
	static const char script[] = "calling hotplug script: ";
	const char *at = strstr(text, script);

	if (at)
		log_info(START_LOG_SCRIPT "%s", at + strlen(script));
	else if (strstr(text, "No hotplug script to execute"))
		log_info(START_LOG_DEVICE);
}

static void logger_message(xentoollog_logger *base, xentoollog_level level,
			   int errno_value, const char *context, const char *fmt,
			   va_list ap)
{
	struct domain_logger *logger = (struct domain_logger *)base;
	char text[sizeof(logger->first_error)];
	size_t used;

	vsnprintf(text, sizeof(text), fmt, ap);
	used = strlen(text);
	if (errno_value >= 0)
		snprintf(text + used, sizeof(text) - used, ": %s", strerror(errno_value));
	if (level >= XTL_ERROR) {
		if (!logger->first_error[0])
			memcpy(logger->first_error, text, sizeof(text));
		log_info("%s: %s", context ? context : "xen", text);
	} else {
		log_debug("%s: %s", context ? context : "xen", text);
		log_scripts(text);
	}
}

static void logger_progress(xentoollog_logger *base, const char *context,
			    const char *doing_what, int percent, unsigned long done,
			    unsigned long total)
{
}

static void logger_destroy(xentoollog_logger *base)
{
	free(base);
}

static struct domain_logger *logger_new(void)
{
	struct domain_logger *logger = calloc(1, sizeof(*logger));

	if (logger)
		logger->vtable = (xentoollog_logger){
			.vmessage = logger_message,
			.progress = logger_progress,
			.destroy = logger_destroy,
		};
	return logger;
}

int domain_host_open(struct domain_host *host, struct err *err)
{
	/* Other children than libxl's own are ours to wait for. */
	static const libxl_childproc_hooks hooks = {
		.chldowner = libxl_sigchld_owner_libxl_always_selective_reap,
	};

	*host = (struct domain_host){.freed_kb = host->freed_kb};
	host->logger = logger_new();
	if (!host->logger)
		return err_set(err, ERR_HOST, "out of memory");
	if (libxl_ctx_alloc(&host->libxl, LIBXL_VERSION, 0, &host->logger->vtable)) {
		host->libxl = NULL;
		domain_host_error(host, err,
				  "libxl cannot be used; is this dom0 of a running Xen?");
		goto fail;
	}
	libxl_childproc_setmode(host->libxl, &hooks, NULL);
	host->xc = xc_interface_open(&host->logger->vtable, NULL, 0);
	if (!host->xc) {
		err_errno(err, ERR_HOST, errno,
			  "opening the hypercall device; is this dom0, as root?");
		goto fail;
	}
	host->xs = xs_open(0);
	if (!host->xs) {
		err_errno(err, ERR_HOST, errno,
			  "connecting to xenstored; is it running?");
		goto fail;
	}
	return 0;
fail:
	domain_host_close(host);
	return -1;
}

void domain_host_close(struct domain_host *host)
{
	if (host->xs)
		xs_close(host->xs);
	if (host->xc)
		xc_interface_close(host->xc);
	if (host->libxl)
		libxl_ctx_free(host->libxl);
	if (host->logger)
		xtl_logger_destroy(&host->logger->vtable);
	*host = (struct domain_host){.freed_kb = host->freed_kb};
}

int domain_host_error(struct domain_host *host, struct err *err, const char *fmt, ...)
{
	const char *cause = host->logger ? host->logger->first_error : "";
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(err, ERR_HOST, "%s%s%s", text, cause[0] ? ": " : "", cause);
}

void domain_host_forget_error(struct domain_host *host)
{
	host->logger->first_error[0] = '\0';
}

bool domain_host_look(struct domain_host *host, uint32_t domid, xc_domaininfo_t *info)
{
	/* The first domain from this number on. */
	return xc_domain_getinfolist(host->xc, domid, 1, info) == 1 &&
	       info->domain == domid;
}

enum domain_life domain_host_life(struct domain_host *host, uint32_t domid)
{
	xc_domaininfo_t info;

	if (!domain_host_look(host, domid, &info) || info.flags & XEN_DOMINF_dying)
		return DOMAIN_LIFE_GONE;
	return info.flags & XEN_DOMINF_shutdown ? DOMAIN_LIFE_SHUTDOWN
						: DOMAIN_LIFE_ALIVE;
}

int domain_host_find(struct domain_host *host, const libxl_uuid *uuid, uint32_t from,
		     uint32_t *domid)
{
	xc_domaininfo_t infos[64];
	uint32_t next = from;

	for (;;) {
		int n = xc_domain_getinfolist(host->xc, next, 64, infos);

		if (n <= 0)
			return -1;
		for (int i = 0; i < n; i++) {
			if (memcmp(infos[i].handle, libxl_uuid_bytearray_const(uuid),
				   DOMAIN_UUID_FAMILY) == 0) {
				*domid = infos[i].domain;
				return 0;
			}
		}
		next = infos[n - 1].domain + 1u;
	}
}
