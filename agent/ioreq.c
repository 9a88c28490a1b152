/* SPDX-License-Identifier: MIT */
/* The guest's accesses to devices: who answers them. */
#include "ioreq.h"

#include <errno.h>
#include <string.h>
#include <xendevicemodel.h>

#include "report.h"

enum { SERVERS_MAX = 8 }; /* of one guest; Xen, MAX_NR_IOREQ_SERVERS */

void ioreq_give_up(uint32_t guest_domid)
{
	xendevicemodel_handle *dm = xendevicemodel_open(NULL, 0);

	if (!dm) {
		report_line("the guest's requests: %s", strerror(errno));
		return;
	}
	/* QEMU knew its number.  Xen refuses those of other domains. */
	for (ioservid_t id = 0; id < SERVERS_MAX; id++)
		xendevicemodel_destroy_ioreq_server(dm, (domid_t)guest_domid, id);
	xendevicemodel_close(dm);
}
