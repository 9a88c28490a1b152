/* SPDX-License-Identifier: MIT */
/* The PV devices of the guest that libxl expects a QEMU of dom0 to serve. */
#include "domain/backends.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xen/sched.h>

#include "cleanup.h"
#include "clock.h"
#include "domain/backend_offer.h"
#include "log.h"
#include "plan/builder.h"
#include "xenstore_util.h"

static const char no_vfb[] =
	"QEMU has no PV framebuffer for HVM guests; use the emulated screen";
static const char no_9pfs[] =
	"the stub domain has no directory of dom0; write p9=['type=xen_9pfsd,...'] (a "
	"daemon in dom0 then serves it)";
static const char no_qusb[] =
	"the stub domain has no USB device of the host; write "
	"usbctrl=['type=devicemodel,...'], or usbdevice= for an emulated one";

static const struct {
	const char *type;
	const char *option; /* of xl.cfg: the guest does not run with it; NULL: it does */
	const char *refusal; /* NULL: QEMU in the stub domain serves it */
	const char *late;    /* the refusal of one that comes while the guest runs */
	bool stays;	     /* QEMU's node of one that is closed, until QEMU ends */
} types[] = {
	{"qdisk", NULL, NULL, NULL, false},
	/* QEMU 10 ends when one comes or its node goes: none of this kind can be plugged. */
	{"vkbd", NULL, NULL, "QEMU takes PV keyboards at its start only, and none later",
	 true},
	{"console", NULL, NULL, NULL, false},
	{"vfb", NULL, no_vfb, no_vfb, false},
	{"9pfs", "p9", no_9pfs, no_9pfs, false},
	{"qusb", "usbctrl", no_qusb, no_qusb, false},
};

enum {
	TYPES = sizeof(types) / sizeof(types[0]),
	MANY = 3, /* a keyboard, which xl gives each guest, and two disks */
};

/*
 * An emulated drive, too: no PV driver of a guest takes it, and its medium is changed in
 * the emulated one.
 */
static bool is_emulated_cd(const struct domain_backends *backends,
			   const struct backend_device *device, const char *path)
{
	cleanup_free char *type =
		backend_device_read(device, &backends->place, "device-type");
	const struct plan_disk *disk = plan_find_disk(backends->plan, path);

	return type && strcmp(type, "cdrom") == 0 && (!*path || (disk && !disk->pv_only));
}

/* The stub domain's disk for a qdisk; NULL: QEMU cannot serve it. */
static const struct plan_disk *disk_of(const struct domain_backends *backends,
				       const struct backend_device *device, bool *silent)
{
	cleanup_free char *params =
		backend_device_read(device, &backends->place, "params");
	const struct plan_disk *disk;
	char format[16];
	const char *path;

	if (!params)
		return NULL;
	path = backend_params_split(params, format);
	*silent = is_emulated_cd(backends, device, path);
	disk = *silent ? NULL : plan_find_disk(backends->plan, path);
	/* Params cannot name backing files. */
	return disk && !disk->has_backing ? disk : NULL;
}

/* xenconsoled serves the guest's first console, and does it in dom0. */
static bool is_dom0s(const struct domain_backends *backends,
		     const struct backend_device *device)
{
	cleanup_free char *frontend =
		backend_device_read(device, &backends->place, "frontend");
	cleanup_free char *type =
		frontend ? xenstore_read(backends->place.host->xs, "%s/type", frontend)
			 : NULL;

	return !frontend || (strcmp(device->type, "console") == 0 &&
			     (!type || strcmp(type, "ioemu") != 0));
}

static bool stays(const struct backend_device *device)
{
	for (size_t i = 0; i < TYPES; i++) {
		if (strcmp(types[i].type, device->type) == 0)
			return types[i].stays;
	}
	return false;
}

/* Nobody ever answers here; neither guest nor libxl has to wait for it. */
static void close_device(struct domain_backends *backends, struct backend_device *device)
{
	if (!stays(device))
		xenstore_remove(backends->place.host->xs, "%s", device->to);
	backend_device_show(device, &backends->place, BACKEND_CLOSED_STATE, true);
	device->phase = BACKEND_CLOSED;
}

/*
 * A console on a pty, which is dom0's: in the stub domain it is the channel that libxl
 * named for it.  QEMU in dom0 would write the pty's name here, for the toolstack.
 */
static int name_pty(const struct domain_backends *backends,
		    const struct backend_device *device, struct err *err)
{
	struct xs_handle *xs = backends->place.host->xs;
	cleanup_free char *frontend =
		backend_device_read(device, &backends->place, "frontend");
	cleanup_free char *output =
		frontend ? xenstore_read(xs, "%s/output", frontend) : NULL;
	char label[40], text[60];
	const char *at = backends->ptys;
	unsigned n;

	if (!output || strcmp(output, "pty") != 0)
		return 0;
	snprintf(label, sizeof(label), PLAN_CONSOLE_LABEL "%s ", device->id);
	while (at && strncmp(at, label, strlen(label)) != 0) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (!at || sscanf(at + strlen(label), "/dev/pts/%u", &n) != 1)
		return 0;
	snprintf(text, sizeof(text), "/dev/pts/%u", n);
	if (xenstore_write(xs, err, text, "%s/tty", frontend) < 0)
		return -1;
	snprintf(text, sizeof(text), "chardev:" PLAN_CONSOLE_LABEL "%s", device->id);
	return xenstore_write(xs, err, text, "%s/output", frontend);
}

static int start_one(struct domain_backends *backends, struct backend_device *device,
		     const char *refusal, struct err *err)
{
	bool is_disk = strcmp(device->type, "qdisk") == 0;
	bool silent = false;
	const struct plan_disk *disk =
		is_disk ? disk_of(backends, device, &silent) : NULL;

	/* Nobody else uses it: it goes with the device. */
	if (disk && disk->pv_only)
		snprintf(device->added, sizeof(device->added), "%s", disk->dev);
	if (strcmp(device->type, "console") == 0 && name_pty(backends, device, err) < 0)
		return -1;
	if (!refusal && (!is_disk || disk))
		return backend_device_move(device, &backends->place,
					   disk ? disk->dev : NULL, err);
	if (!silent)
		log_warn("the guest's PV device %s %s is not served: %s", device->type,
			 device->id,
			 refusal ? refusal
				 : "its disk has backing files, of which QEMU's PV disk "
				   "cannot be told; the emulated one can be used "
				   "(xen_platform_pci=0 keeps the guest to that)");
	close_device(backends, device);
	return 0;
}

static struct backend_device *add_device(struct domain_backends *backends,
					 const char *type, const char *id)
{
	struct backend_device *more =
		reallocarray(backends->list, backends->n + 1, sizeof(*more));

	if (!more)
		return NULL;
	backends->list = more;
	backend_device_init(&more[backends->n], &backends->place, type, id);
	return &more[backends->n++];
}

int domain_backends_start(struct domain_backends *backends, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; i < TYPES && rc == 0; i++) {
		unsigned n;
		char **ids =
			backend_device_list_ids(backends->place.host->xs, types[i].type,
						backends->place.guest, &n);

		for (unsigned k = 0; k < n && rc == 0; k++) {
			struct backend_device *device =
				add_device(backends, types[i].type, ids[k]);

			if (!device)
				rc = err_set(err, ERR_HOST, "out of memory");
			else if (is_dom0s(backends, device))
				backends->n--;
			else
				rc = start_one(backends, device, types[i].refusal, err);
		}
		free(ids);
	}
	return rc;
}

bool domain_backends_are_many(const struct domain_backends *backends)
{
	size_t served = 0;

	for (size_t i = 0; i < backends->n; i++)
		served += backends->list[i].phase == BACKEND_SERVED;
	return served >= MANY;
}

int domain_backends_check_taken(const struct domain_backends *backends, struct err *err)
{
	for (size_t i = 0; i < backends->n; i++) {
		const struct backend_device *device = &backends->list[i];
		cleanup_free char *state =
			xenstore_read(backends->place.host->xs, "%s/state", device->to);

		if (device->phase == BACKEND_SERVED && state &&
		    strcmp(state, BACKEND_INITIALISING) == 0)
			return err_set(err, ERR_STUB,
				       "QEMU has not taken the guest's PV device %s %s",
				       device->type, device->id);
	}
	return 0;
}

int domain_backends_let_run(struct domain_backends *backends, struct err *err)
{
	const struct backend_place *place = &backends->place;
	unsigned n = 0;

	if (backends->let_run)
		return 0;
	for (size_t i = 0; i < TYPES && n == 0; i++) {
		if (!types[i].option)
			continue;
		free(backend_device_list_ids(place->host->xs, types[i].type, place->guest,
					     &n));
		if (n > 0)
			err_set(err, ERR_USAGE,
				"the guest does not run, its %s= cannot be served: %s",
				types[i].option, types[i].refusal);
	}
	if (n == 0) {
		backends->let_run = true;
		return 0;
	}
	if (xc_domain_shutdown(place->host->xc, place->guest, SHUTDOWN_poweroff) < 0)
		log_warn("the guest, domain %u, is not shut down: %s", place->guest,
			 strerror(errno));
	return -1;
}

int domain_backends_watch(const struct domain_backends *backends, const char *token,
			  struct err *err)
{
	const struct backend_place *place = &backends->place;
	char path[XENSTORE_PATH_MAX];

	for (size_t i = 0; i < TYPES; i++) {
		snprintf(path, sizeof(path), "/local/domain/0/backend/%s/%u",
			 types[i].type, place->guest);
		if (!xs_watch(place->host->xs, path, token))
			return err_errno(err, ERR_HOST, errno, "xenstore: watching %s",
					 path);
	}
	return 0;
}

/* A disk that came while the guest runs. */
static int attach_disk(struct domain_backends *backends, struct backend_device *device,
		       struct err *err)
{
	const struct backend_place *place = &backends->place;
	cleanup_free char *params = backend_device_read(device, place, "params");
	cleanup_free char *mode = backend_device_read(device, place, "mode");
	const char *path;
	char format[16];

	if (!params || !mode)
		return err_set(err, ERR_HOST, "xenstore: it is not described");
	path = backend_params_split(params, format);
	if (!*path)
		return err_set(err, ERR_USAGE,
			       "it has no medium, and QEMU's PV drives are never empty");
	if (build_check_path(path, err) < 0 ||
	    domain_hotplug_add(backends->hotplug, path, format, mode[0] == 'r',
			       device->added, err) < 0)
		return -1;
	return backend_device_move(device, place, device->added, err);
}

static void take_new(struct domain_backends *backends, struct backend_device *device,
		     const char *refusal)
{
	cleanup_free char *vdev = backend_device_read(device, &backends->place, "dev");
	struct err err;
	int rc;

	device->phase = BACKEND_SERVED;
	if (refusal)
		rc = err_set(&err, ERR_USAGE, "%s", refusal);
	else
		backend_device_hide(device, &backends->place);
	if (!refusal && strcmp(device->type, "qdisk") == 0)
		rc = attach_disk(backends, device, &err);
	else if (!refusal)
		rc = backend_device_move(device, &backends->place, NULL, &err);
	if (rc == 0) {
		backend_offer_begin(device, clock_ms());
		return;
	}
	log_error("the guest's new PV device %s %s is not served: %s", device->type,
		  vdev ? vdev : device->id, err.msg);
	if (device->added[0])
		domain_hotplug_drop(backends->hotplug, device->added);
	device->added[0] = '\0';
	close_device(backends, device);
}

/* It is closed on the guest's side: dom0's file is free before the toolstack hears. */
static void let_go(struct domain_backends *backends, struct backend_device *device)
{
	if (device->added[0])
		domain_hotplug_drop(backends->hotplug, device->added);
	device->added[0] = '\0';
	close_device(backends, device);
}

/* One digit: the stub domain's text is not passed on as it is. */
static bool is_state(const char *state)
{
	return state && state[0] >= '1' && state[0] <= '8' && state[1] == '\0';
}

static void follow_one(struct domain_backends *backends, struct backend_device *device)
{
	const struct backend_place *place = &backends->place;
	cleanup_free char *wanted = backend_device_read(device, place, "state");
	cleanup_free char *state = xenstore_read(place->host->xs, "%s/state", device->to);
	bool closed = !state || strcmp(state, BACKEND_CLOSED_STATE) == 0;

	if (device->phase == BACKEND_CLOSED) {
		if (wanted && strcmp(wanted, BACKEND_CLOSING_STATE) == 0)
			backend_device_show(device, place, BACKEND_CLOSED_STATE, true);
		return;
	}
	if (device->phase == BACKEND_SERVED &&
	    (!wanted || strcmp(wanted, BACKEND_CLOSING_STATE) == 0)) {
		device->phase = BACKEND_CLOSING;
		backend_offer_end(device, place);
		backend_device_end(device, place);
	} else if (device->phase == BACKEND_CLOSING) {
		/* Taken by force (a guest without a driver): only a disk is waited for. */
		if (closed || (!wanted && !device->added[0]))
			let_go(backends, device);
	} else if (is_state(state) && !device->offer.hidden) {
		backend_device_show(device, place, state, false);
	}
}

static struct backend_device *find_device(struct domain_backends *backends,
					  const char *type, const char *id)
{
	for (size_t i = 0; i < backends->n; i++) {
		if (strcmp(backends->list[i].type, type) == 0 &&
		    strcmp(backends->list[i].id, id) == 0)
			return &backends->list[i];
	}
	return NULL;
}

static void look_for_new(struct domain_backends *backends, size_t type, const char *id)
{
	struct backend_device *device = find_device(backends, types[type].type, id);
	cleanup_free char *state = NULL;
	struct backend_device fresh;

	if (device && device->phase == BACKEND_SERVED)
		return;
	backend_device_init(&fresh, &backends->place, types[type].type, id);
	state = backend_device_read(&fresh, &backends->place, "state");
	/* One that was closed and came again has the same number. */
	if (!state || strcmp(state, BACKEND_INITIALISING) != 0 ||
	    is_dom0s(backends, &fresh))
		return;
	if (device && device->phase == BACKEND_CLOSING) {
		log_error("the guest's new PV device %s %s is not served: the guest has "
			  "not let go of the one before it",
			  device->type, id);
		backend_device_show(device, &backends->place, BACKEND_CLOSED_STATE, true);
		return;
	}
	if (!device)
		device = add_device(backends, types[type].type, id);
	if (device)
		take_new(backends, device, types[type].late);
}

/* The device may be gone from the list afterwards; the last one then has its place. */
static void follow_known(struct domain_backends *backends, struct backend_device *device)
{
	follow_one(backends, device);
	if (device->phase == BACKEND_CLOSED &&
	    !xenstore_exists(backends->place.host->xs, "%s", device->from))
		*device = backends->list[--backends->n];
}

static void follow(struct domain_backends *backends, size_t type, const char *id)
{
	struct backend_device *device;

	look_for_new(backends, type, id);
	device = find_device(backends, types[type].type, id);
	if (device)
		follow_known(backends, device);
}

/* A watch's first event, which names none. */
static void follow_all(struct domain_backends *backends, size_t type)
{
	unsigned n;
	char **ids = backend_device_list_ids(backends->place.host->xs, types[type].type,
					     backends->place.guest, &n);

	for (unsigned k = 0; k < n; k++)
		follow(backends, type, ids[k]);
	free(ids);
}

void domain_backends_hear(struct domain_backends *backends, const char *path)
{
	const char *at = strstr(path, "/backend/");
	char type[16] = "", id[16] = "", key[16] = "";
	unsigned guest = 0;
	int n = at ? sscanf(at, "/backend/%15[^/]/%u/%15[^/]/%15s", type, &guest, id, key)
		   : 0;

	/* Of a device's nodes its state counts, and its presence. */
	if (n < 2 || guest != backends->place.guest ||
	    (n == 4 && strcmp(key, "state") != 0))
		return;
	for (size_t i = 0; i < TYPES; i++) {
		if (strcmp(types[i].type, type) != 0)
			continue;
		if (n == 2)
			follow_all(backends, i);
		else
			follow(backends, i, id);
	}
}

void domain_backends_look(struct domain_backends *backends)
{
	for (size_t i = backends->n; i-- > 0;)
		follow_known(backends, &backends->list[i]);
}

void domain_backends_tick(struct domain_backends *backends, int64_t now_ms)
{
	for (size_t i = 0; i < backends->n; i++)
		backend_offer_tick(&backends->list[i], &backends->place, now_ms);
}

int domain_backends_timeout(const struct domain_backends *backends, int64_t now_ms)
{
	int least = -1;

	for (size_t i = 0; i < backends->n; i++) {
		int left = backend_offer_timeout(&backends->list[i], now_ms);

		if (left >= 0 && (least < 0 || left < least))
			least = left;
	}
	return least;
}

/*
 * A guest that loses its PV keyboard and pointer has the emulated ones: QEMU gives keys to
 * these as soon as there are no others.
 */
static bool can_be_lost(const struct backend_device *device)
{
	return strcmp(device->type, "vkbd") == 0 && device->phase == BACKEND_SERVED;
}

static bool is_unused(const struct domain_backends *backends,
		      const struct backend_device *device)
{
	return device->phase == BACKEND_SERVED && !device->added[0] &&
	       backend_device_unused(device, &backends->place);
}

int domain_backends_check_unused(const struct domain_backends *backends, struct err *err)
{
	for (size_t i = 0; i < backends->n; i++) {
		const struct backend_device *device = &backends->list[i];

		if (device->phase == BACKEND_CLOSED || can_be_lost(device) ||
		    is_unused(backends, device))
			continue;
		return err_set(
			err, ERR_GUEST,
			"the guest uses its PV device %s %s, which its QEMU serves; "
			"a PV driver connects once, and not to another QEMU",
			device->type, device->id);
	}
	return 0;
}

int domain_backends_offer(const struct domain_backends *backends, uint32_t stub,
			  struct err *err)
{
	struct backend_place place = backends->place;

	place.stub = stub;
	for (size_t i = 0; i < backends->n; i++) {
		const struct backend_device *device = &backends->list[i];
		const struct plan_disk *disk = NULL;
		struct backend_device fresh;
		bool silent = false;

		if (!is_unused(backends, device))
			continue;
		if (strcmp(device->type, "qdisk") == 0)
			disk = disk_of(backends, device, &silent);
		backend_device_init(&fresh, &place, device->type, device->id);
		if (backend_device_prepare(&fresh, &place, disk ? disk->dev : NULL, err) <
		    0)
			return -1;
	}
	return 0;
}

int domain_backends_switch(struct domain_backends *backends, uint32_t stub,
			   struct err *err)
{
	struct backend_place place = backends->place;
	int rc = 0;

	place.stub = stub;
	for (size_t i = 0; i < backends->n; i++) {
		struct backend_device *device = &backends->list[i];
		struct backend_device fresh;

		if (device->phase != BACKEND_SERVED)
			continue;
		if (!is_unused(backends, device)) {
			log_info("the guest has its %s %s no more, but the emulated one",
				 device->type, device->id);
			close_device(backends, device);
			continue;
		}
		backend_device_init(&fresh, &place, device->type, device->id);
		if (backend_device_offer(&fresh, &place, err) < 0)
			rc = -1;
		else
			*device = fresh;
	}
	backends->place.stub = stub;
	return rc;
}

void domain_backends_free(struct domain_backends *backends)
{
	free(backends->list);
	backends->list = NULL;
	backends->n = 0;
}
