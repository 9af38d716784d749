/* SPDX-License-Identifier: BSD-3-Clause */
/* A private copy of the git repository that we stand in, to build its commits in: the user's work tree is
 * left alone. */
#pragma once

#include <stddef.h>

struct err;
struct git_clone;

#define GIT_COMMITS_MAX 100000
#define GIT_ID_MAX	64

/* Shares the repository's objects; takes as much disk as a work tree. */
int git_clone_new(struct git_clone **out, struct err *err);
/* Removes it. */
void git_clone_free(struct git_clone *clone);
/* Where in the copy the folder is that we stand in. */
const char *git_clone_folder(const struct git_clone *clone);
/* The commits behind @good up to @bad, along first parents, the oldest first: merged branches count as their
 * merge. -EINVAL, a usage error: one is no commit, or @good is no ancestor. The ids are the clone's. */
int git_clone_commits(struct git_clone *clone, const char *good, const char *bad, char *const **ids,
		      size_t *cnt, struct err *err);
int git_clone_checkout(struct git_clone *clone, const char *id, struct err *err);
/* "1a2b3c4 the subject of the commit" */
int git_clone_title(struct git_clone *clone, const char *id, char *text, size_t len, struct err *err);
