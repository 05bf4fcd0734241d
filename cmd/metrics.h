/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a member counts and measures, as Prometheus reads it: the text format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/).
 */

#include <glib.h>

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* /metrics: a page's write() (cmd/http.h), with Parts as its self. Any thread, no lock held. */
unsigned metrics_write(const void *parts, GString *body);
