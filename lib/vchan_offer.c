/* SPDX-License-Identifier: MIT */
/* Opens a libxenvchan server's offer: maps its grants, binds its event port. */
#include <errno.h>
#include <fcntl.h>
#include <libxenvchan.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#include "cleanup.h"
#include "vchan_stream.h"

enum {
	PAGE = 4096,
	ORDER_SMALL = 10, /* ring inside the page, at 1024 */
	ORDER_LARGE = 11, /* ring inside the page, at 2048 */
	ORDER_PAGE = 12,
	ORDER_MAX = 20,
};

static unsigned order_pages(unsigned order)
{
	return order >= ORDER_PAGE ? 1u << (order - ORDER_PAGE) : 0;
}

bool vchan_orders_valid(unsigned write_order, unsigned read_order)
{
	unsigned lowest = write_order < read_order ? write_order : read_order;
	size_t limit = PAGE;

	if (lowest < ORDER_SMALL || write_order > ORDER_MAX || read_order > ORDER_MAX)
		return false;
	if (write_order == read_order && lowest < ORDER_PAGE)
		return false;
	/* The grant list ends where the first ring inside the page begins. */
	if (lowest < ORDER_PAGE)
		limit = (size_t)1 << lowest;
	return sizeof(struct vchan_interface) +
		       sizeof(uint32_t) *
			       (order_pages(write_order) + order_pages(read_order)) <=
	       limit;
}

bool vchan_orders_allowed(unsigned write_order, unsigned read_order,
			  const struct channel_rings *most)
{
	return vchan_orders_valid(write_order, read_order) &&
	       (size_t)1 << write_order <= most->from_dom0 &&
	       (size_t)1 << read_order <= most->to_dom0;
}

/* Adds grants of one domain to fd; *offset is for mmap. */
static int map_grants(int fd, unsigned domid, const uint32_t *refs, unsigned n,
		      uint64_t *offset)
{
	cleanup_free struct ioctl_gntdev_map_grant_ref *op =
		calloc(1, sizeof(*op) + n * sizeof(op->refs[0]));

	if (!op)
		return -1;
	op->count = n;
	for (unsigned i = 0; i < n; i++) {
		op->refs[i].domid = domid;
		op->refs[i].ref = refs[i];
	}
	if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, op) < 0)
		return -1;
	*offset = op->index;
	return 0;
}

/* One copy of the shared page, from a mapping of its own.  The peer can change the page
 * at any time, and nothing is read from it twice. */
static int copy_page(unsigned domid, uint32_t ring_ref, void *out)
{
	cleanup_fd int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	uint64_t offset;
	void *page;

	if (fd < 0)
		return -1;
	if (map_grants(fd, domid, &ring_ref, 1, &offset) < 0)
		return 1;
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (off_t)offset);
	if (page == MAP_FAILED)
		return 1;
	memcpy(out, page, PAGE);
	munmap(page, PAGE);
	return 0;
}

static int bind_event(unsigned domid, uint32_t port, struct vchan_offer *out)
{
	struct ioctl_evtchn_bind_interdomain bind = {
		.remote_domain = domid,
		.remote_port = port,
	};
	struct ioctl_evtchn_restrict_domid restrict_to = {.domid = (domid_t)domid};
	int local;

	out->event_fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (out->event_fd < 0)
		return -1;
	local = ioctl(out->event_fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
	if (local < 0)
		return 1;
	out->event_port = (uint32_t)local;
	/* Older kernels lack it; the ioctl filter of the user is the first wall. */
	ioctl(out->event_fd, IOCTL_EVTCHN_RESTRICT_DOMID, &restrict_to);
	return 0;
}

static int map_rings(unsigned domid, uint32_t ring_ref, const uint32_t *grants,
		     struct vchan_offer *out)
{
	unsigned n_write = order_pages(out->write_order);
	unsigned n_read = order_pages(out->read_order);
	struct ioctl_gntdev_unmap_notify notify = {
		.action = UNMAP_NOTIFY_CLEAR_BYTE | UNMAP_NOTIFY_SEND_EVENT,
		.event_channel_port = out->event_port,
	};

	out->grant_fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);
	if (out->grant_fd < 0)
		return -1;
	if (map_grants(out->grant_fd, domid, &ring_ref, 1, &out->ring_offset) < 0)
		return 1;
	/* However the user of the rings dies, the server sees it go. */
	notify.index = out->ring_offset + offsetof(struct vchan_interface, cli_live);
	if (ioctl(out->grant_fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify) < 0)
		return -1;
	if (n_write &&
	    map_grants(out->grant_fd, domid, grants, n_write, &out->write_offset) < 0)
		return 1;
	if (n_read && map_grants(out->grant_fd, domid, grants + n_write, n_read,
				 &out->read_offset) < 0)
		return 1;
	return 0;
}

int vchan_offer_open(unsigned domid, uint32_t ring_ref, uint32_t port,
		     const struct channel_rings *most, struct vchan_offer *out,
		     struct err *err)
{
	union {
		struct vchan_interface header;
		uint8_t bytes[PAGE];
	} page;
	int rc;

	*out = (struct vchan_offer){.grant_fd = -1, .event_fd = -1};
	rc = copy_page(domid, ring_ref, &page);
	/* 2: no client has connected yet (libxenvchan.h). */
	if (rc == 0 && (page.header.cli_live != 2 || page.header.srv_live != 1))
		rc = 1;
	if (rc == 0 &&
	    !vchan_orders_allowed(page.header.left_order, page.header.right_order, most))
		return err_set(
			err, ERR_STUB,
			"a vchan of domain %u has rings of sizes that it may not have (2^%u, "
			"2^%u)",
			domid, page.header.left_order, page.header.right_order);
	if (rc == 0) {
		out->write_order = (uint8_t)page.header.left_order;
		out->read_order = (uint8_t)page.header.right_order;
		rc = bind_event(domid, port, out);
	}
	if (rc == 0)
		rc = map_rings(domid, ring_ref, page.header.grants, out);
	if (rc < 0)
		err_errno(err, ERR_HOST, errno,
			  "opening a vchan of domain %u (are the modules xen-gntdev and "
			  "xen-evtchn loaded?)",
			  domid);
	if (rc != 0)
		vchan_offer_close(out);
	return rc;
}

void vchan_offer_close(struct vchan_offer *offer)
{
	if (offer->grant_fd >= 0)
		close(offer->grant_fd);
	if (offer->event_fd >= 0)
		close(offer->event_fd);
	offer->grant_fd = -1;
	offer->event_fd = -1;
}
