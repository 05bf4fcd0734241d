/* SPDX-License-Identifier: MIT */
#pragma once

/* Where the herd's configuration is when nobody names a file. */

#define CONFIG_PATH_LOCAL     "conf/herd.conf"
#define CONFIG_PATH_INSTALLED HERD_SYSCONFDIR "/herd/herd.conf"

/* CONFIG_PATH_LOCAL if there is one, else CONFIG_PATH_INSTALLED. (transfer none) */
const char *config_path_default(void);
