/* SPDX-License-Identifier: MIT */
/* The image that a stub domain is started from, read and checked. */
#include "check/image_load.h"

int image_load(const char *dir, const char *kernel, struct manifest *out, struct err *err)
{
	if (image_check_owner(dir, err) < 0 || manifest_load(dir, out, err) < 0)
		return -1;
	if (manifest_find_kernel(out, kernel))
		return 0;
	return err_set(err, ERR_HOST,
		       "%s: no kernel '%s' in this image; choose another with -stubdom "
		       "kernel=, or rebuild the image",
		       dir, kernel);
}

int image_load_checked(const char *dir, const char *kernel, struct manifest *out,
		       struct image_files *files, struct err *err)
{
	if (image_load(dir, kernel, out, err) < 0)
		return -1;
	return image_check_kernel(out->fd, manifest_find_kernel(out, kernel),
				  IMAGE_SUMS_DIR, files, err);
}
