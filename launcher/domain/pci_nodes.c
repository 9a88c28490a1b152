/* SPDX-License-Identifier: MIT */
/* The nodes by which dom0's pciback and the stub domain hear of a PCI device. */
#include "domain/pci_nodes.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/pci.h"
#include "cleanup.h"
#include "decimal.h"
#include "xenstore_util.h"

#define BACK "/local/domain/0/backend/pci/%u/%u"
#define FRONT "/local/domain/%u/device/pci/%u"
/* Linux writes it when a back end of its refuses, and leaves it. */
#define ERROR_OF "/local/domain/0/error/backend/pci/%u"

/* Numbers of XenbusState (xen/io/xenbus.h), as text. */
#define INITIALISING "1"
#define CONNECTED "4"
#define CLOSING "5"
#define CLOSED "6"

enum { TRIES = 16 }; /* of a transaction */

/* A transaction; `ok`: all of it went well so far. */
struct writing {
	struct xs_handle *xs;
	xs_transaction_t t;
	bool ok;
};

struct paths {
	char back[64], front[64];
};

static struct paths paths_of(uint32_t stub, unsigned number)
{
	struct paths p;

	snprintf(p.back, sizeof(p.back), BACK, stub, number);
	snprintf(p.front, sizeof(p.front), FRONT, stub, number);
	return p;
}

static void put(struct writing *w, const char *dir, const char *key, const char *value)
{
	char path[XENSTORE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	w->ok = w->ok && xs_write(w->xs, w->t, path, value, (unsigned)strlen(value));
}

static void make_dir(struct writing *w, const char *dir, unsigned owner, unsigned reader)
{
	struct xs_permissions perms[2] = {
		{.id = owner, .perms = XS_PERM_NONE},
		{.id = reader, .perms = XS_PERM_READ},
	};

	w->ok = w->ok && xs_mkdir(w->xs, w->t, dir) &&
		xs_set_permissions(w->xs, w->t, dir, perms, 2);
}

static void put_both(struct writing *w, const struct paths *p, uint32_t stub,
		     const struct pci_device *device)
{
	char id[16], name[PCI_NAME_SIZE];

	snprintf(id, sizeof(id), "%u", stub);
	pci_device_name(device, name);
	make_dir(w, p->front, stub, 0);
	put(w, p->front, "backend", p->back);
	put(w, p->front, "backend-id", "0");
	put(w, p->front, "state", INITIALISING);
	make_dir(w, p->back, 0, stub);
	put(w, p->back, "frontend", p->front);
	put(w, p->back, "frontend-id", id);
	put(w, p->back, "online", "1");
	put(w, p->back, "dev-0", name);
	put(w, p->back, "state-0", INITIALISING);
	put(w, p->back, STUBDOM_PCI_PHYSFN, device->virtual_function ? "1" : "0");
	put(w, p->back, "num_devs", "1");
	put(w, p->back, "state", INITIALISING);
}

int pci_nodes_make(struct domain_host *host, uint32_t stub, unsigned number,
		   const struct pci_device *device, struct err *err)
{
	const struct paths p = paths_of(stub, number);
	int why = EAGAIN;

	for (int i = 0; i < TRIES && why == EAGAIN; i++) {
		struct writing w = {host->xs, xs_transaction_start(host->xs), true};

		w.ok = w.t != XBT_NULL;
		put_both(&w, &p, stub, device);
		why = errno;
		if (w.t != XBT_NULL && xs_transaction_end(w.xs, w.t, !w.ok) && w.ok)
			return 0;
		why = w.ok ? errno : why;
	}
	return err_errno(err, ERR_HOST, why, "xenstore: writing %s", p.back);
}

/* The front half is the stub domain's own word. */
int pci_nodes_connected(struct domain_host *host, uint32_t stub, unsigned number)
{
	cleanup_free char *back = xenstore_read(host->xs, BACK "/state", stub, number);
	cleanup_free char *front = xenstore_read(host->xs, FRONT "/state", stub, number);

	if (!back || strcmp(back, CLOSING) == 0 || strcmp(back, CLOSED) == 0)
		return -1;
	return strcmp(back, CONNECTED) == 0 && front && strcmp(front, CONNECTED) == 0;
}

int pci_nodes_close(struct domain_host *host, uint32_t stub, unsigned number,
		    struct err *err)
{
	if (xenstore_write(host->xs, err, "0", BACK "/online", stub, number) < 0)
		return -1;
	return xenstore_write(host->xs, err, CLOSING, BACK "/state", stub, number);
}

bool pci_nodes_closed(uint32_t stub, unsigned number)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/pci-%u-%u", stub, number);
	return access(path, F_OK) < 0;
}

int pci_nodes_rom_asked(struct domain_host *host, uint32_t stub, unsigned number)
{
	cleanup_free char *text =
		xenstore_read(host->xs, FRONT "/" STUBDOM_PCI_ROM, stub, number);
	unsigned on;

	return decimal_parse_unsigned(text, 0, 1, &on) == 0 ? (int)on : -1;
}

int pci_nodes_rom_tell(struct domain_host *host, uint32_t stub, unsigned number,
		       unsigned answer, struct err *err)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", answer);
	return xenstore_write(host->xs, err, text, BACK "/" STUBDOM_PCI_ROM, stub,
			      number);
}

void pci_nodes_remove(struct domain_host *host, uint32_t stub, unsigned number)
{
	xenstore_remove(host->xs, FRONT, stub, number);
	xenstore_remove(host->xs, BACK, stub, number);
	xenstore_remove(host->xs, ERROR_OF "/%u", stub, number);
}

void pci_nodes_remove_all(struct domain_host *host, uint32_t stub)
{
	xenstore_remove(host->xs, "/local/domain/0/backend/pci/%u", stub);
	xenstore_remove(host->xs, ERROR_OF, stub);
}
