/* SPDX-License-Identifier: BSD-3-Clause */
/* Every subcommand, a file each. */
#pragma once

#include "tools/opts.h"

extern const struct command cmd_doctor, cmd_schema, cmd_init, cmd_check, cmd_record, cmd_ls, cmd_show,
	cmd_replay, cmd_equalize, cmd_studio, cmd_bisect, cmd_export, cmd_cp, cmd_rm, cmd_du, cmd_verify,
	cmd_flush, cmd_compact;
