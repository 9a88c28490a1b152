/* SPDX-License-Identifier: MIT */
/* The keys of -stubdom and of the configuration files. */
#include <ctype.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <xen/xen.h>

#include "decimal.h"
#include "plan/cpus.h"
#include "plan/stubopt.h"
#include "xalloc.h"

static const char *const kernels[] = {"auto", "linux", "nub", NULL};
static const char *const types[] = {"pvh", "pv", NULL};
static const char *const models[] = {"stubdom", "dom0", NULL};
static const char *const crashes[] = {"leave", "pause", "destroy", "restart", NULL};
static const char *const replaces[] = {"offer", "never", "auto", NULL};
static const char *const switches[] = {"no", "yes", NULL};
static const char *const logs[] = {"error", "warn", "info", "debug", NULL};

_Static_assert(sizeof(enum stubopt_kernel) == sizeof(unsigned) &&
		       sizeof(enum stubopt_type) == sizeof(unsigned) &&
		       sizeof(enum stubopt_model) == sizeof(unsigned) &&
		       sizeof(enum stubopt_on_crash) == sizeof(unsigned) &&
		       sizeof(enum stubopt_replace) == sizeof(unsigned) &&
		       sizeof(enum log_level) == sizeof(unsigned),
	       "the table below stores enums as unsigned");

static bool is_path(const char *value)
{
	return value[0] == '/';
}

/* A domain's name or number; libxl finds out whether it exists. */
static bool is_domain(const char *value)
{
	size_t len = strlen(value);

	for (size_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)value[i]) || value[i] == '/')
			return false;
	return len > 0 && len < 128;
}

/* With a domain's number, no user -1, which is none. */
#define UID_BASE_MAX (UINT_MAX - DOMID_FIRST_RESERVED)

/* USER:ROLE:TYPE, maybe with ranges behind it. */
static bool is_label(const char *value)
{
	size_t len = strlen(value), colons = 0;

	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)value[i]) && !strchr("_.-:", value[i]))
			return false;
		colons += value[i] == ':';
	}
	return colons >= 2 && len < 256;
}

#define FIELD(f) .name = #f, .offset = offsetof(struct stubopt, f)

const struct stubopt_key stubopt_keys[] = {
	{
		FIELD(backend),
		.valid = is_domain,
		.what = "a domain's name or number",
		.sign = "DOMAIN",
		.unset = "dom0",
		.sample = "net-domain",
		.brief = "the domain of the network's back ends",
		.help = "The domain with the back ends of the network interfaces, by name "
			"or number. If the guest's vif lines say backend=, say the same "
			"here.",
	},
	{
		FIELD(backing),
		.valid = is_path,
		.what = "an absolute path",
		.sign = "DIR",
		.unset = "nowhere",
		.sample = "/srv/xen/base",
		.brief = "the directory of disks' backing files",
		.help = "The directory of disk images' backing files. Without it, an image "
			"whose header names a backing file is refused: a guest may have "
			"written that header. A warning in the log says if disks of other "
			"guests are in there.",
	},
	{
		FIELD(cap),
		.least = 0,
		.most = 6400,
		.what = "a percentage of a CPU, from 0 (none) to 6400",
		.sign = "PERCENT",
		.unset = "its guest's",
		.sample = "100",
		.brief = "the most of a CPU that it gets",
		.help = "The most of a CPU that the stub domain gets; 0 is no bound. It is cut "
			"to 100 for each of its virtual CPUs.",
	},
	{
		.name = "container-max",
		.offset = offsetof(struct stubopt, container_max_mb),
		.least = 1,
		.most = 1 << 30,
		.what = "a number of MiB, at least 1",
		.sign = "MIB",
		.unset = "twice what its header asked for at first",
		.sample = "65536",
		.brief = "the greatest length of a disk image's file",
		.help = "The greatest length of a qcow2, VHD or VDI image's file. The image's "
			"header asks for a length, and the guest may have written it.",
	},
	{
		FIELD(core),
		.words = switches,
		.what = "no or yes",
		.initial = "no",
		.brief = "the memory of a dead stub domain is kept",
		.help = "Keeps the memory of a stub domain that has died beside its other "
			"evidence, in a file of its size. Parts of the guest's memory may be "
			"in it. The latest four of all guests are kept. With kernel=nub a QEMU "
			"that crashes is still in it.",
	},
	{
		FIELD(cpupool),
		.valid = is_domain,
		.what = "a cpupool's name",
		.sign = "NAME",
		.unset = "its guest's",
		.sample = "Pool-0",
		.brief = "the cpupool it is in",
		.help = "The cpupool it is in.",
	},
	{
		FIELD(cpus),
		.valid = cpus_valid,
		.what = "a list of CPUs such as 0-3,6",
		.sign = "LIST",
		.unset = "those of its guest, in its cpupool",
		.sample = "0-3,6",
		.brief = "the CPUs it runs on",
		.help = "The physical CPUs that it may run on, such as 0-3,6. On a command "
			"line a comma is written twice.",
	},
	{
		.name = "device-model",
		.offset = offsetof(struct stubopt, device_model),
		.words = models,
		.what = "stubdom or dom0",
		.initial = "stubdom",
		.brief = "of guests that 'stubdom enable' is for",
		.help = "The place of QEMU while 'stubdom enable' is in effect: a stub domain "
			"or dom0. It has no effect on a guest whose configuration names its "
			"device model.",
	},
	{
		FIELD(image),
		.valid = is_path,
		.what = "an absolute path",
		.sign = "DIR",
		.initial = STUBDOM_IMAGEDIR,
		.brief = "the image's directory",
		.help = "The directory of the image that stub domains are made from.",
	},
	{
		FIELD(kernel),
		.words = kernels,
		.what = "auto, linux or nub",
		.initial = "auto",
		.brief = "the stub domain's kernel",
		.help = "The stub domain's kernel: nub, our own, or Debian's Linux. The "
			"choice auto is nub in a PVH stub domain and Linux in a PV one. The "
			"image must have it.",
	},
	{
		FIELD(log),
		.words = logs,
		.what = "error, warn, info or debug",
		.initial = "info",
		.brief = "the log's level",
		.help = "The log's level: lines of this kind and of those before it.",
	},
	{
		.name = "memory",
		.offset = offsetof(struct stubopt, memory_mb),
		.least = STUBOPT_MEMORY_MIN_MB,
		.most = STUBOPT_MEMORY_MAX_MB,
		.what = "a number of MiB, at least 32",
		.sign = "MIB",
		.unset = "worked out from the image and the guest",
		.sample = "256",
		.brief = "its memory",
		.help = "The stub domain's memory, at least 32 MiB.",
	},
	{
		.name = "on_dm_crash",
		.offset = offsetof(struct stubopt, on_crash),
		.words = crashes,
		.what = "leave, pause, destroy or restart",
		.initial = "leave",
		.brief = "the guest's fate when its stub domain dies",
		.help = "The fate of a running guest whose stub domain has died. With leave "
			"it goes on without a device model, as when QEMU in dom0 crashes. "
			"With pause its virtual CPUs stop. With destroy it ends. With "
			"restart its toolstack is told that it reboots, and on_reboot= "
			"applies; a guest that has died three times in ten minutes before is "
			"left.",
	},
	{
		FIELD(replace),
		.words = replaces,
		.what = "offer, never or auto",
		.initial = "offer",
		.brief = "another QEMU while the guest runs, after an upgrade",
		.help = "The fate of a running guest whose image is older than the installed "
			"one, at 'stubdom replace --upgrade'. With offer the guest is named. "
			"With never it is passed over. With auto it gets the new QEMU. The "
			"Debian package runs that command after an upgrade. Only the "
			"configuration files are read for it.",
	},
	{
		FIELD(seclabel),
		.valid = is_label,
		.what = "a security label such as system_u:system_r:dm_dom_t",
		.sign = "LABEL",
		.unset = "Xen's default",
		.sample = "system_u:system_r:dm_dom_t",
		.brief = "its security label (XSM/FLASK)",
		.help = "Its security label, where Xen enforces a FLASK policy; elsewhere "
			"the start is refused. Say the label of "
			"device_model_stubdomain_seclabel= here, too: libxl keeps that one "
			"to itself.",
	},
	{
		.name = "silence-max",
		.offset = offsetof(struct stubopt, silence_max_s),
		.least = 10,
		.most = 86400,
		.what = "a number of seconds, at least 10",
		.sign = "SECONDS",
		.unset = "no bound",
		.sample = "60",
		.brief = "QEMU that does not answer for longer counts as dead",
		.help = "The time after which a QEMU that does not answer QMP commands "
			"counts as dead: its stub domain is removed, and on_dm_crash= "
			"applies. Time runs only while a client waits for an answer, and "
			"begins anew with each word of QEMU's. A stub domain that is "
			"paused, or a host that is overloaded, looks the same.",
	},
	{
		.name = "timeout",
		.offset = offsetof(struct stubopt, timeout_s),
		.least = 1,
		.most = 86400,
		.what = "a number of seconds, at least 1",
		.sign = "SECONDS",
		.initial = "120",
		.brief = "the time that QEMU has to start",
		.help = "The time that QEMU has until it runs. libxl itself waits for 60 "
			"seconds.",
	},
	{
		FIELD(topology),
		.valid = is_path,
		.what = "an absolute path",
		.sign = "FILE",
		.unset = "each NIC to one of its own",
		.sample = "/etc/qemu-stubdom/topology",
		.brief = "the wiring of its network",
		.help = "The wiring of the guest's network interfaces to the stub domain's.",
	},
	{
		FIELD(type),
		.words = types,
		.what = "pvh or pv",
		.initial = "pvh",
		.brief = "the stub domain's type",
		.help = "The stub domain's type. PVH needs Xen 4.19 or later.",
	},
	{
		.name = "uid-base",
		.offset = offsetof(struct stubopt, uid_base),
		.least = 65536,
		.most = UID_BASE_MAX,
		.what = "a number of at least 65536, and below 2^32 with that of a domain",
		.sign = "N",
		.initial = "2130706432",
		.brief = "the relay of domain D is user N + D",
		.help = "The process in dom0 that reads from a guest's stub domain has a user "
			"and a group of its own. Their number is this one plus the guest's "
			"domain id. "
			"The 32752 numbers from it on must belong to nobody else: no user, "
			"no group, no line of subuid(5). One that is somebody's is refused "
			"when the guest starts. The default is above what adduser(8), "
			"systemd, subuid(5) and FreeIPA give out by default.",
	},
	{
		FIELD(vcpus),
		.least = 1,
		.most = STUBOPT_VCPUS_MAX,
		.what = "a number from 1 to 64",
		.sign = "N",
		.initial = "1",
		.brief = "its virtual CPUs",
		.help = "The number of its virtual CPUs, 1 to 64. nub uses up to eight. More "
			"than one only helps a QEMU that has several busy threads.",
	},
	{
		FIELD(weight),
		.least = 1,
		.most = 65535,
		.what = "a number from 1 to 65535",
		.sign = "N",
		.unset = "its guest's",
		.sample = "256",
		.brief = "its share of the CPU beside others",
		.help = "Its share of the CPU beside other domains, 1 to 65535.",
	},
};

const size_t n_stubopt_keys = sizeof(stubopt_keys) / sizeof(stubopt_keys[0]);

const char *stubopt_kernel_name(enum stubopt_kernel kernel)
{
	return kernels[kernel];
}

const char *stubopt_type_name(enum stubopt_type type)
{
	return types[type];
}

const char *stubopt_on_crash_name(enum stubopt_on_crash action)
{
	return crashes[action];
}

static int read_word(const struct stubopt_key *key, const char *value, unsigned *out)
{
	for (unsigned i = 0; key->words[i]; i++) {
		if (strcmp(key->words[i], value) == 0) {
			*out = i;
			return 0;
		}
	}
	return -1;
}

static int read_text(const struct stubopt_key *key, const char *value, char **out)
{
	if (!key->valid(value))
		return -1;
	free(*out);
	*out = xstrdup(value);
	return 0;
}

int stubopt_key_set(struct stubopt *opt, const struct stubopt_key *key, const char *value,
		    struct err *err)
{
	void *at = (char *)opt + key->offset;
	int rc;

	if (key->words)
		rc = read_word(key, value, at);
	else if (key->most)
		rc = decimal_parse_unsigned(value, key->least, key->most, at);
	else
		rc = read_text(key, value, at);
	if (rc < 0)
		return err_set(err, ERR_USAGE, "%s: '%.200s' is not %s", key->name, value,
			       key->what);
	return 0;
}

char *stubopt_key_values(const struct stubopt_key *key, const char *between)
{
	char *text = xstrdup(key->words ? key->words[0] : key->sign);

	for (size_t i = 1; key->words && key->words[i]; i++) {
		char *longer = xasprintf("%s%s%s", text, between, key->words[i]);

		free(text);
		text = longer;
	}
	return text;
}

const char *stubopt_key_default(const struct stubopt_key *key)
{
	return key->initial ? key->initial : key->unset;
}

void stubopt_print_keys(FILE *out)
{
	for (size_t i = 0; i < n_stubopt_keys; i++) {
		const struct stubopt_key *key = &stubopt_keys[i];
		char *values = stubopt_key_values(key, "|");
		int width = fprintf(out, "    %s=%s", key->name, values);

		fprintf(out, "%*s%s (%s)\n", width < 30 ? 30 - width : 1, "", key->brief,
			stubopt_key_default(key));
		free(values);
	}
}
