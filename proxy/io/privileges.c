/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/io/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

struct identity {
	uid_t uid;
	gid_t gid;
};

static bool find_user(const struct conf *conf, struct identity *to, struct conf_errors *errors)
{
	const struct passwd *user = getpwnam(conf->user);
	if (!user) {
		conf_errors_add(errors, &conf->at.user, "user",
			"\"%s\" is no user of this host, expected one that \"getent passwd\" lists",
			conf->user);
		return false;
	}
	to->uid = user->pw_uid;
	to->gid = user->pw_gid;
	if (to->uid != 0)
		return true;
	conf_errors_add(errors, &conf->at.user, "user",
		"\"%s\" is root, which is to be given up; expected another user, or \"\"",
		conf->user);
	return false;
}

static bool find_group(const struct conf *conf, struct identity *to, struct conf_errors *errors)
{
	const struct group *group = *conf->group ? getgrnam(conf->group) : NULL;
	if (group)
		to->gid = group->gr_gid;
	if (group || !*conf->group)
		return true;
	conf_errors_add(errors, &conf->at.group, "group",
		"\"%s\" is no group of this host, expected one that \"getent group\" lists",
		conf->group);
	return false;
}

static bool find_identity(const struct conf *conf, struct identity *to, struct conf_errors *errors)
{
	bool has_user = find_user(conf, to, errors);
	return find_group(conf, to, errors) && has_user;
}

bool privileges_check(const struct conf *conf, struct conf_errors *errors)
{
	struct identity identity;
	return !*conf->user || find_identity(conf, &identity, errors);
}

static bool become(const char *user, const struct identity *to)
{
	return initgroups(user, to->gid) == 0 && setresgid(to->gid, to->gid, to->gid) == 0 &&
	       setresuid(to->uid, to->uid, to->uid) == 0;
}

/* There are kernels and containers in which it seems to work and does not. */
static bool is_for_good(const struct identity *to)
{
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;
	if (getresuid(&real, &effective, &saved) != 0 ||
		getresgid(&real_group, &effective_group, &saved_group) != 0)
		return false;
	return real == to->uid && effective == to->uid && saved == to->uid &&
	       real_group == to->gid && effective_group == to->gid && saved_group == to->gid &&
	       setuid(0) != 0 && seteuid(0) != 0;
}

static void look_at_file(const struct conf *conf, struct conf_errors *errors)
{
	if (access(conf->place.file, R_OK) != 0)
		conf_errors_warn(errors, &conf->at.user, "user",
			"\"%s\" cannot read this file: %s; every reload will fail until it can",
			conf->user, strerror(errno));
}

bool privileges_drop(const struct conf *conf, struct conf_errors *errors)
{
	struct identity to;
	if (!*conf->user)
		return true;
	if (!find_identity(conf, &to, errors))
		return false;
	bool is_it = geteuid() == to.uid && (!*conf->group || getegid() == to.gid);
	if (!is_it && geteuid() != 0) {
		conf_errors_add(errors, &conf->at.user, "user",
			"only root can become \"%s\", and this is user %u; start it as root, or "
			"remove the option",
			conf->user, (unsigned)geteuid());
		return false;
	}
	if (!is_it && !(become(conf->user, &to) && is_for_good(&to))) {
		conf_errors_add(errors, &conf->at.user, "user",
			"the host does not let root become \"%s\" for good: %s", conf->user,
			strerror(errno));
		return false;
	}
	look_at_file(conf, errors);
	return true;
}
