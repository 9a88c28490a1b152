/* SPDX-License-Identifier: MIT */
/* Grant table (version 1): frames of ours that we let another domain use, and theirs. */
#ifndef NUB_XEN_GRANT_H
#define NUB_XEN_GRANT_H

#include <nub/types.h>

#include <xen/xen.h>

#include <xen/grant_table.h>

void grant_init(void);
/* Lets `dom` use the frame; a reference, or 0 when there is none free. */
grant_ref_t grant_access(domid_t dom, u64 pfn, bool readonly);
/* Takes it back: true, and the reference is free again; false while dom still uses the
 * frame, which then must not be reused. */
bool grant_end(grant_ref_t ref);
/* As grant_end of a frame that was allocated for this use: it is freed now, or as soon as
 * the other domain lets it go. `owner` is the grant's owner, for grant_held(). */
struct page;
void grant_end_page(grant_ref_t ref, struct page *p, const void *owner);
/* The number of owner's pages that other domains still hold though their use is over. An
 * owner of more than GRANT_HELD_MAX gives its back end no more. */
unsigned grant_held(const void *owner);
#define GRANT_HELD_MAX 512u

/* Maps frames that others granted to us at gfn.. (from gfn_alloc): 0 or negative errno,
 * then none is mapped. handles[] is for grant_unmap. */
struct grant_source {
	u32 dom, ref;
};
int grant_map(const struct grant_source *src, u32 n, u64 gfn, bool readonly,
	      u32 *handles);
void grant_unmap(const u32 *handles, u32 n, u64 gfn);

#endif
