/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How long a report takes to reach another member: a client of its own reports at the first target,
 * and the member that is watched is asked about it until it has the report. Between two questions
 * there is a pause of an eighth of the time that it takes already, so that a herd that is late is
 * not kept busy with questions: what is measured is at most that and a round trip too long.
 */

#include "cmd/load/outcome.h"
#include "cmd/load/settings.h"

#include <glib.h>
#include <stdint.h>

typedef struct Prober Prober;

/* Connects to both members. NULL with @error set. @settings must outlive it. */
Prober *prober_new(const Settings *settings, GError **error);
void prober_free(Prober *prober);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Prober, prober_free)

/* Probes at the rate of the settings during warm-up and measured time, which start at @begin
 * (now_ns()); blocks. What began in the measured time counts. Ends early if a member fails. */
void prober_run(Prober *prober, int64_t begin);

/* (transfer none) */
Outcome *prober_outcome(Prober *prober);
