/* SPDX-License-Identifier: MIT */
#pragma once

/* herd places import: makes a places file of data in a format of others. */

/* With the command's own arguments from @argv[1] on. Returns the exit status. Called from main. */
int places_import(int argc, char **argv);
