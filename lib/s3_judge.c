// SPDX-License-Identifier: BSD-3-Clause
/* What an answer means, and how to say it. */
#include "lib/s3_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "lib/err.h"
#include "lib/util.h"
#include "lib/xml.h"

struct complaint {
	bool is_said; /* in the body, not only by the status */
	char code[64], message[256], region[SIGV4_NAME_MAX];
};

/* By the code in the answer's body. "%s": the bucket, or what else the row's kind says. */
static const struct meaning {
	const char *code;
	enum s3_meaning meaning;
	int errno_code;
	const char *words, *hint;
} meanings[] = {
	{"NoSuchKey", S3_FAILED, ENOENT, "no such key", NULL},
	{"NoSuchBucket", S3_FAILED, ENXIO, "there is no such bucket",
	 "check the bucket's name and the endpoint, or make it: aws s3 mb s3://BUCKET"},
	{"SignatureDoesNotMatch", S3_FAILED, EACCES, "the secret key is wrong",
	 "check the secret key; 'tapedeck doctor' says where it comes from"},
	{"InvalidAccessKeyId", S3_FAILED, EACCES, "the access key is not known there",
	 "check the access key and the endpoint; 'tapedeck doctor' says where it comes from"},
	{"AccessDenied", S3_FAILED, EACCES, "access is denied",
	 "check the keys, and the policy of the bucket; 'tapedeck doctor' says where the keys come from"},
	{"AllAccessDisabled", S3_FAILED, EACCES, "access is denied", NULL},
	{"AccountProblem", S3_FAILED, EACCES, "there is a problem with the account", NULL},
	{"InvalidPayer", S3_FAILED, EACCES, "access is denied", NULL},
	{"ExpiredToken", S3_RENEW, EACCES, "the session token has expired",
	 "get new credentials; 'tapedeck doctor' says where these come from"},
	{"TokenRefreshRequired", S3_RENEW, EACCES, "the session token has expired",
	 "get new credentials; 'tapedeck doctor' says where these come from"},
	{"InvalidToken", S3_RENEW, EACCES, "the session token is wrong",
	 "get new credentials; 'tapedeck doctor' says where these come from"},
	{"InvalidArgument", S3_RENEW, EINVAL,
	 "it takes a part of the request for invalid", /* Ceph: the token */
	 "check the parameters of the URL, and the session token"},
	{"RequestTimeTooSkewed", S3_RESIGN, EACCES, "this machine's clock is wrong",
	 "set it, by NTP if possible"},
	{"RequestExpired", S3_RESIGN, EACCES, "this machine's clock is wrong", "set it, by NTP if possible"},
	{"AuthorizationHeaderMalformed", S3_RESIGN, EINVAL, "the region is wrong",
	 "name the bucket's region with region= in the URL"},
	{"PermanentRedirect", S3_RESIGN, EINVAL, "the bucket is in another region",
	 "name the bucket's region with region= in the URL"},
	{"IllegalLocationConstraintException", S3_RESIGN, EINVAL, "the bucket is in another region",
	 "name the bucket's region with region= in the URL"},
	{"QuotaExceeded", S3_FAILED, EDQUOT, "the quota is used up", "free some, or raise the quota"},
	{"InvalidStorageClass", S3_FAILED, EINVAL, "it has no such storage class",
	 "change or leave out storage-class= and what sets it"},
	{"PreconditionFailed", S3_FAILED, EEXIST, "it is there already", NULL},
	{"InvalidRange", S3_FAILED, ERANGE, "there are no such bytes", NULL},
	{"EntityTooLarge", S3_FAILED, EFBIG, "it is too large", NULL},
	{"KeyTooLongError", S3_FAILED, ENAMETOOLONG, "its key is too long", NULL},
	{"InvalidObjectName", S3_FAILED, EINVAL, "it takes no such key", NULL},
	{"NotImplemented", S3_FAILED, ENOTSUP, "it cannot do this", NULL},
	{"NoSuchUpload", S3_FAILED, ESTALE, "there is no such upload", NULL},
	{"SlowDown", S3_THROTTLE, EBUSY, "it is throttling", "write less at a time, or try later"},
	{"Throttling", S3_THROTTLE, EBUSY, "it is throttling", "write less at a time, or try later"},
	{"ThrottlingException", S3_THROTTLE, EBUSY, "it is throttling", "write less at a time, or try later"},
	{"RequestLimitExceeded", S3_THROTTLE, EBUSY, "it is throttling", NULL},
	{"ServiceUnavailable", S3_THROTTLE, EBUSY, "it is not available", "try later"},
	{"OperationAborted", S3_LATER, EBUSY, "another writer is at it", "try later"},
	{"ConditionalRequestConflict", S3_LATER, EBUSY, "another writer is at it", "try later"},
	{"RequestTimeout", S3_LATER, ETIMEDOUT, "it did not get the request in time", NULL},
	{"InternalError", S3_LATER, EIO, "it failed inside", "try later"},
	{"XAmzContentSHA256Mismatch", S3_LATER, EIO, "the bytes were changed on their way", NULL},
	{"BadDigest", S3_LATER, EIO, "the bytes were changed on their way", NULL},
};

/* By the status, when there is no body that says more. */
static const struct {
	int status;
	const char *code;
} statuses[] = {
	{301, "PermanentRedirect"}, {307, "PermanentRedirect"},	 {403, "AccessDenied"},
	{404, "NoSuchKey"},	    {408, "RequestTimeout"},	 {412, "PreconditionFailed"},
	{416, "InvalidRange"},	    {429, "SlowDown"},		 {500, "InternalError"},
	{501, "NotImplemented"},    {502, "ServiceUnavailable"}, {503, "ServiceUnavailable"},
	{504, "RequestTimeout"},
};

static int on_element(const char *path, const char *text, void *ctx)
{
	struct complaint *complaint = ctx;
	const char *name = strrchr(path, '/');

	/* "Error/Code" of S3, "ErrorResponse/Error/Code" of some. */
	if (!name || strncmp(path, "Error", 5) != 0)
		return 0;
	if (strcmp(name, "/Code") == 0)
		snprintf(complaint->code, sizeof(complaint->code), "%s", text);
	else if (strcmp(name, "/Message") == 0)
		snprintf(complaint->message, sizeof(complaint->message), "%s", text);
	else if (strcmp(name, "/Region") == 0)
		snprintf(complaint->region, sizeof(complaint->region), "%s", text);
	return 0;
}

static void read_complaint(struct complaint *complaint, const struct http_answer *answer)
{
	*complaint = (struct complaint){};
	if (answer->body.len)
		xml_each(answer->body.data, answer->body.len, on_element, complaint, NULL);
	complaint->is_said = *complaint->code;
	for (size_t i = 0; !*complaint->code && i < ARRAY_SIZE(statuses); i++)
		if (statuses[i].status == answer->status)
			snprintf(complaint->code, sizeof(complaint->code), "%s", statuses[i].code);
	if (!*complaint->region)
		http_header(answer, "x-amz-bucket-region", complaint->region, sizeof(complaint->region));
}

/* An answer with a body that is not XML comes from something else than S3. */
static bool is_foreign(const struct complaint *complaint, const struct http_answer *answer)
{
	char type[128] = "", id[128];

	http_header(answer, "content-type", type, sizeof(type));
	return answer->status < 500 && answer->body.len && !complaint->is_said && !strstr(type, "xml") &&
	       !http_header(answer, "x-amz-request-id", id, sizeof(id));
}

static bool learn_region(struct s3 *s3, const struct complaint *complaint)
{
	if (!*complaint->region || strcmp(complaint->region, s3->url.region) == 0)
		return false;
	snprintf(s3->url.region, sizeof(s3->url.region), "%s", complaint->region);
	return s3_locate(s3, NULL) == 0;
}

static bool learn_skew(struct s3 *s3, const struct http_answer *answer)
{
	char date[64];
	int64_t there_s, skew_s;

	if (!http_header(answer, "date", date, sizeof(date)))
		return false;
	there_s = curl_getdate(date, NULL);
	skew_s = there_s - time(NULL);
	if (there_s < 0 || llabs(skew_s - s3->skew_s) < 2)
		return false;
	s3->skew_s = skew_s;
	return true;
}

static void say(struct s3 *s3, const struct s3_call *call, const struct meaning *meaning,
		const struct complaint *complaint, int status, struct err *err)
{
	const char *message = *complaint->message ? complaint->message : "";

	if (meaning)
		err_set(err, -meaning->errno_code, "bucket '%s' at '%s': %s (%d %s%s%s)", s3->url.bucket,
			s3->base, meaning->words, status, complaint->code, *message ? ": " : "", message);
	else
		err_set(err, -EIO, "bucket '%s' at '%s' answered %d%s%s%s%s to %s", s3->url.bucket, s3->base,
			status, *complaint->code ? " " : "", complaint->code, *message ? ": " : "", message,
			call->method);
	if (meaning && meaning->hint)
		err_hint(err, "%s", meaning->hint);
	if (meaning && strcmp(meaning->words, "this machine's clock is wrong") == 0)
		err_hint(err, "set it, by NTP if possible; it and the store's differ by %lld s",
			 (long long)s3->skew_s);
}

static enum s3_meaning judge_complaint(struct s3 *s3, struct s3_call *call, const struct http_answer *answer,
				       struct err *err)
{
	const struct meaning *meaning = NULL;
	struct complaint complaint;

	read_complaint(&complaint, answer);
	for (size_t i = 0; !meaning && i < ARRAY_SIZE(meanings); i++)
		if (strcmp(meanings[i].code, complaint.code) == 0)
			meaning = &meanings[i];
	if (is_foreign(&complaint, answer)) {
		call->result =
			err_set(err, -EPROTO, "'%s' is no S3 server: it answered %d with what is not XML",
				s3->base, answer->status);
		err_hint(err, "check endpoint= in the URL");
		return S3_FAILED;
	}
	say(s3, call, meaning, &complaint, answer->status, err);
	call->result = meaning ? -meaning->errno_code : -EIO;
	if (!meaning)
		return answer->status >= 500 ? S3_LATER : S3_FAILED;
	if (meaning->meaning == S3_RESIGN) {
		bool is_skew = strstr(meaning->code, "Request") == meaning->code;

		return (is_skew ? learn_skew(s3, answer) : learn_region(s3, &complaint)) ? S3_RESIGN
											 : S3_FAILED;
	}
	return meaning->meaning;
}

/* Some calls answer 200 before they know, and say in the body what went wrong. */
static bool hides_complaint(const struct s3_call *call, const struct http_answer *answer)
{
	struct complaint complaint = {};

	if (strcmp(call->method, "POST") != 0 || !answer->body.len)
		return false;
	xml_each(answer->body.data, answer->body.len, on_element, &complaint, NULL);
	return *complaint.code;
}

static enum s3_meaning judge_silence(struct s3_call *call, const struct http_answer *answer, struct err *err)
{
	static const int passing[] = {ECONNREFUSED, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, EIO};

	call->result = answer->code;
	if (err)
		*err = *answer->err;
	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (answer->code == -passing[i])
			return answer->code == -ETIMEDOUT ? S3_THROTTLE : S3_LATER;
	return S3_FAILED;
}

enum s3_meaning s3_judge(struct s3 *s3, struct s3_call *call, const struct http_answer *answer,
			 struct err *err)
{
	if (answer->code)
		return judge_silence(call, answer, err);
	if (answer->status / 100 != 2 || hides_complaint(call, answer))
		return judge_complaint(s3, call, answer, err);
	call->result = 0;
	return S3_DONE;
}
