/* SPDX-License-Identifier: MIT */
/* The user that a guest's relay runs as: one that is nobody else's. */
#include "check/uid.h"

#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"

static int refuse(uid_t uid, const char *whose, const char *name, struct err *err)
{
	return err_set(
		err, ERR_HOST,
		"%u, the user number of this guest's relay, is %s %.64s; choose other "
		"numbers with uid-base= in " STUBDOM_CONFDIR "/stubdom.conf",
		uid, whose, name);
}

bool relay_uid_in_line(const char *line, uid_t uid)
{
	const char *at = strchr(line, ':');
	uint64_t first;
	uint64_t count;

	return at && sscanf(at, ":%" SCNu64 ":%" SCNu64, &first, &count) == 2 &&
	       uid >= first && uid - first < count;
}

static int check_file(const char *path, uid_t uid, struct err *err)
{
	cleanup_file FILE *f = fopen(path, "re");
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (relay_uid_in_line(line, uid))
			return refuse(uid, "in the file", path, err);
	}
	return 0;
}

int relay_uid_check(uid_t uid, struct err *err)
{
	const struct passwd *user = getpwuid(uid);
	const struct group *group = getgrgid(uid);

	if (user)
		return refuse(uid, "user", user->pw_name, err);
	if (group)
		return refuse(uid, "group", group->gr_name, err);
	if (check_file("/etc/subuid", uid, err) < 0)
		return -1;
	return check_file("/etc/subgid", uid, err);
}
