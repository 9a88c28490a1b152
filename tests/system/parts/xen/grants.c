/* SPDX-License-Identifier: MIT */
/* Grants by libxengnttab, and libxenvchan, from this domain to itself. */
#include "check.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <libxenvchan.h>
#include <xengnttab.h>

static void test_share(int dom)
{
	xengntshr_handle *s = xengntshr_open(NULL, 0);
	xengnttab_handle *g = xengnttab_open(NULL, 0);
	uint32_t refs[3], doms[3] = {(uint32_t)dom, (uint32_t)dom, (uint32_t)dom};
	char *ours, *theirs;

	CHECK(s && g);
	if (!s || !g)
		return;
	ours = xengntshr_share_pages(s, (uint32_t)dom, 3, refs, 1);
	CHECK(ours != NULL);
	if (!ours)
		return;
	CHECK(refs[0] && refs[1] && refs[2] && refs[0] != refs[1]);
	NAMED("shared pages start empty", !ours[0] && !ours[3 * 4096 - 1]);
	theirs = xengnttab_map_grant_refs(g, 3, doms, refs, PROT_READ | PROT_WRITE);
	CHECK(theirs != NULL);
	if (theirs) {
		strcpy(ours + 5000, "through");
		CHECK(!strcmp(theirs + 5000, "through"));
		strcpy(theirs + 9000, "back");
		CHECK(!strcmp(ours + 9000, "back"));
		CHECK(!xengnttab_unmap(g, theirs, 3));
	}
	theirs = xengnttab_map_grant_ref(g, (uint32_t)dom, refs[1], PROT_READ);
	CHECK(theirs && !strcmp(theirs + 904, "through"));
	if (theirs)
		CHECK(!xengnttab_unmap(g, theirs, 1));
	CHECK(!xengnttab_map_grant_ref(g, (uint32_t)dom, 60000, PROT_READ));
	{
		static char buf[100];
		xengnttab_grant_copy_segment_t seg = {
			.source.foreign = {refs[1], 904, (domid_t)dom},
			.dest.virt = buf,
			.len = 8,
			.flags = GNTCOPY_source_gref};

		CHECK(!xengnttab_grant_copy(g, 1, &seg));
		CHECK(seg.status == GNTST_okay && !strcmp(buf, "through"));
	}
	CHECK(!xengntshr_unshare(s, ours, 3));
	xengnttab_close(g);
	xengntshr_close(s);
}

/* A byte that is cleared when the other side goes away. */
static void test_notify(int dom)
{
	xengntshr_handle *s = xengntshr_open(NULL, 0);
	xengnttab_handle *g = xengnttab_open(NULL, 0);
	uint32_t ref;
	char *ours, *theirs;

	ours = xengntshr_share_page_notify(s, (uint32_t)dom, &ref, 1, 8,
					   (evtchn_port_t)-1);
	CHECK(ours != NULL);
	if (!ours)
		return;
	theirs = xengnttab_map_grant_ref_notify(
		g, (uint32_t)dom, ref, PROT_READ | PROT_WRITE, 16, (evtchn_port_t)-1);
	CHECK(theirs != NULL);
	if (theirs) {
		ours[8] = ours[16] = ours[17] = 7;
		CHECK(!xengnttab_unmap(g, theirs, 1));
		CHECK(ours[8] == 7 && ours[16] == 0 && ours[17] == 7);
	}
	CHECK(!xengntshr_unshare(s, ours, 1));
	xengnttab_close(g);
	xengntshr_close(s);
}

/* A channel of the kind that the agent serves, with both ends here. */
static void test_vchan(int dom)
{
	char path[64], buf[64];
	struct libxenvchan *srv, *cli;

	snprintf(path, sizeof(path), "/local/domain/%d/data/vchan", dom);
	srv = libxenvchan_server_init(NULL, dom, path, 1024, 8192);
	CHECK(srv != NULL);
	if (!srv)
		return;
	srv->blocking = 1;
	cli = libxenvchan_client_init(NULL, dom, path);
	CHECK(cli != NULL);
	if (cli) {
		cli->blocking = 1;
		CHECK(libxenvchan_write(cli, "ping", 4) == 4);
		CHECK(readable(libxenvchan_fd_for_select(srv), 2000));
		CHECK(libxenvchan_wait(srv) >= 0);
		CHECK(libxenvchan_read(srv, buf, sizeof(buf)) == 4 &&
		      !memcmp(buf, "ping", 4));
		CHECK(libxenvchan_send(srv, "pong!", 5) == 5);
		CHECK(libxenvchan_read(cli, buf, sizeof(buf)) == 5);
		CHECK(libxenvchan_is_open(srv) == 1);
		libxenvchan_close(cli);
		CHECK(libxenvchan_is_open(srv) == 0);
	}
	libxenvchan_close(srv);
}

void test_grants(void)
{
	int dom = own_domid();

	test_share(dom);
	test_notify(dom);
	test_vchan(dom);
}
