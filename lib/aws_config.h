/* SPDX-License-Identifier: BSD-3-Clause */
/* ~/.aws/config and ~/.aws/credentials: sections of settings, as AWS's own programs read them. */
#pragma once

#include <stddef.h>

struct aws_config;
struct err;

#define AWS_CONFIG_TEXT_MAX (1024 * 1024) /* bytes of a file */
#define AWS_CONFIG_SETTINGS 16384

/* Of AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, else of ~/.aws. Files that are not there are empty;
 * -EINVAL with the line where one is not understood. */
int aws_config_load(struct aws_config **out, struct err *err);
void aws_config_free(struct aws_config *config);

/* A setting of @profile, of the credentials file where both have it; NULL when there is none.
 * "s3.endpoint_url" is one that is indented below "s3 =". Borrowed. */
const char *aws_config_get(const struct aws_config *config, const char *profile, const char *name);
/* As well, of "[services NAME]". */
const char *aws_config_service(const struct aws_config *config, const char *services, const char *name);
/* The file that @profile's setting @name comes from; NULL without one. */
const char *aws_config_file(const struct aws_config *config, const char *profile, const char *name);
/* Whether either file has the profile. */
int aws_config_has(const struct aws_config *config, const char *profile);
