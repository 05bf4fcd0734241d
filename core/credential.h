/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Credentials of a service: files with secrets that systemd hands to one service alone, in a folder
 * that it names in $CREDENTIALS_DIRECTORY (systemd.exec(5), LoadCredential=).
 */

/* Where the file that an option names is: a bare name, without a slash, is that of a credential if
 * this process was handed one of that name; all else is the path that it says. (transfer full) */
char *credential_path(const char *value);
