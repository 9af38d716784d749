// SPDX-License-Identifier: BSD-3-Clause
#include "tools/git_clone.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/util.h"
#include "tools/program_run.h"

#define TALK_MAX   65536
#define OUTPUT_MAX (GIT_COMMITS_MAX * (GIT_ID_MAX + 1))
#define FTW_FDS	   32

struct git_clone {
	char root[4096];   /* of the copy */
	char folder[8192]; /* in it */
	char *text;	   /* behind ids */
	char **ids;
};

/* Run git; *@answer is what it prints without the last newline, the caller's. */
static int git(char **answer, const char *const argv[], const char *folder, struct err *err)
{
	auto_buf struct buf out = {}, talk = {};
	int status, r;

	buf_init(&out, OUTPUT_MAX);
	buf_init(&talk, TALK_MAX);
	r = program_run(argv, folder, &out, &talk, &status, err);
	if (r < 0)
		return r;
	if (status)
		return err_set(err, -EINVAL, "git %s: %.*s", argv[1],
			       (int)strcspn((const char *)talk.data ?: "", "\n"),
			       (const char *)talk.data ?: "");
	while (out.len && out.data[out.len - 1] == '\n')
		out.len--;
	if (answer)
		*answer = strndup((const char *)out.data ?: "", out.len);
	return answer && !*answer ? err_nomem(err) : 0;
}

#define GIT(...) ((const char *const[]){"git", __VA_ARGS__, NULL})

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	return remove(path);
}

void git_clone_free(struct git_clone *clone)
{
	if (!clone)
		return;
	if (*clone->root)
		nftw(clone->root, remove_entry, FTW_FDS, FTW_DEPTH | FTW_PHYS);
	free(clone->ids);
	free(clone->text);
	free(clone);
}

static int make(struct git_clone *clone, const char *from, const char *prefix, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(clone->root, sizeof(clone->root), "%s/tapedeck-bisect-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(clone->root)) {
		int error = errno;

		err_set(err, -error, "cannot make '%s': %s", clone->root, strerror(error));
		*clone->root = '\0';
		return -error;
	}
	snprintf(clone->folder, sizeof(clone->folder), "%s/%s", clone->root, prefix);
	return git(NULL, GIT("clone", "--quiet", "--shared", "--no-checkout", from, clone->root), NULL, err);
}

int git_clone_new(struct git_clone **out, struct err *err)
{
	struct git_clone *clone = calloc(1, sizeof(*clone));
	autofree char *top = NULL, *prefix = NULL;
	int r = clone ? git(&top, GIT("rev-parse", "--show-toplevel"), NULL, err) : err_nomem(err);

	if (r == 0)
		r = git(&prefix, GIT("rev-parse", "--show-prefix"), NULL, err);
	if (r == 0)
		r = make(clone, top, prefix, err);
	if (r < 0)
		git_clone_free(clone);
	else
		*out = clone;
	return r;
}

const char *git_clone_folder(const struct git_clone *clone)
{
	return clone->folder;
}

static int split(struct git_clone *clone, size_t *cnt, struct err *err)
{
	size_t lines = 1;

	for (const char *at = clone->text; *at; at++)
		lines += *at == '\n';
	clone->ids = calloc(lines + 1, sizeof(*clone->ids));
	if (!clone->ids)
		return err_nomem(err);
	*cnt = 0;
	for (char *at = strtok(clone->text, "\n"); at; at = strtok(NULL, "\n"))
		clone->ids[(*cnt)++] = at;
	return 0;
}

/* A commit as the user's own repository names it. */
static int name(char **id, const char *text, struct err *err)
{
	autofree char *commit = NULL;

	if (asprintf(&commit, "%s^{commit}", text) < 0) {
		commit = NULL;
		return err_nomem(err);
	}
	if (*text == '-' || git(id, GIT("rev-parse", "--verify", "--quiet", commit), NULL, NULL) < 0)
		return err_usage(err, -EINVAL, "'%s' is no commit of this repository", text);
	return 0;
}

int git_clone_commits(struct git_clone *clone, const char *good, const char *bad, char *const **ids,
		      size_t *cnt, struct err *err)
{
	autofree char *from = NULL, *to = NULL, *range = NULL;
	int r = name(&from, good, err);

	if (r == 0)
		r = name(&to, bad, err);
	if (r < 0)
		return r;
	if (git(NULL, GIT("merge-base", "--is-ancestor", from, to), NULL, NULL) < 0)
		return err_usage(err, -EINVAL, "'%s' is no ancestor of '%s'", good, bad);
	if (asprintf(&range, "%s..%s", from, to) < 0) {
		range = NULL;
		return err_nomem(err);
	}
	r = git(&clone->text, GIT("rev-list", "--reverse", "--first-parent", range), NULL, err);
	if (r == 0)
		r = split(clone, cnt, err);
	if (r == 0 && !*cnt)
		return err_usage(err, -EINVAL, "there is no commit between '%s' and '%s'", good, bad);
	*ids = clone->ids;
	return r;
}

int git_clone_checkout(struct git_clone *clone, const char *id, struct err *err)
{
	return git(NULL, GIT("checkout", "--quiet", "--force", "--detach", id), clone->root, err);
}

int git_clone_title(struct git_clone *clone, const char *id, char *text, size_t len, struct err *err)
{
	autofree char *title = NULL;
	int r = git(&title, GIT("log", "-1", "--format=%h %s", id), clone->root, err);

	if (r == 0)
		snprintf(text, len, "%s", title);
	return r;
}
