/* SPDX-License-Identifier: MIT */
/* The users that guests' relays run as: they are nobody else's. */
#include "check/uid.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include <xen/xen.h>

#include "cleanup.h"

static int refuse(uid_t uid, const char *whose, const char *name, struct err *err)
{
	return err_set(
		err, ERR_HOST,
		"%u, the user number of a guest's relay, is %s %.64s; choose other "
		"numbers with uid-base= in " STUBDOM_CONFDIR "/stubdom.conf",
		uid, whose, name);
}

bool relay_uid_in_line(const char *line, uid_t uid, uint32_t n)
{
	const char *at = strchr(line, ':');
	uint64_t first;
	uint64_t count;

	return at && sscanf(at, ":%" SCNu64 ":%" SCNu64, &first, &count) == 2 &&
	       (uid >= first ? uid - first < count : first - uid < n && count > 0);
}

static int check_file(const char *path, uid_t uid, uint32_t n, struct err *err)
{
	cleanup_file FILE *f = fopen(path, "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (relay_uid_in_line(line, uid, n))
			return refuse(uid, "in the file", path, err);
	}
	return 0;
}

static int check_files(uid_t uid, uint32_t n, struct err *err)
{
	if (check_file("/etc/subuid", uid, n, err) < 0)
		return -1;
	return check_file("/etc/subgid", uid, n, err);
}

int relay_uid_check(uid_t uid, struct err *err)
{
	const struct passwd *user = getpwuid(uid);
	const struct group *group = getgrgid(uid);

	if (user)
		return refuse(uid, "user", user->pw_name, err);
	if (group)
		return refuse(uid, "group", group->gr_name, err);
	return check_files(uid, 1, err);
}

int relay_uids_check(uid_t first, struct err *err)
{
	const struct passwd *user;
	const struct group *group;
	int rc = 0;

	setpwent();
	while (rc == 0 && (user = getpwent())) {
		if (user->pw_uid >= first && user->pw_uid - first < DOMID_FIRST_RESERVED)
			rc = refuse(user->pw_uid, "user", user->pw_name, err);
	}
	endpwent();
	setgrent();
	while (rc == 0 && (group = getgrent())) {
		if (group->gr_gid >= first &&
		    group->gr_gid - first < DOMID_FIRST_RESERVED)
			rc = refuse(group->gr_gid, "group", group->gr_name, err);
	}
	endgrent();
	return rc < 0 ? rc : check_files(first, DOMID_FIRST_RESERVED, err);
}
