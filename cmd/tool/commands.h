/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The commands of herd that ask members. Each gets its own arguments from @argv[1] on, which it may
 * change, with the name in argv[0], and returns the exit status. Called from main.
 */

int command_iamat(int argc, char **argv);
int command_whatsat(int argc, char **argv);
int command_where(int argc, char **argv);
int command_status(int argc, char **argv);
int command_watch(int argc, char **argv);
int command_check(int argc, char **argv);
