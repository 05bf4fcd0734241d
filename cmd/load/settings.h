/* SPDX-License-Identifier: MIT */
#pragma once

/* What a run is to be. Read-only after options_parse(). */

#include "cmd/load/protocol.h"
#include "core/endpoint.h"
#include "net/tls.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    GPtrArray *targets; /* owned Endpoint */
    Tls *tls;           /* (owned) what TLS is spoken with to those that are tls:// */
    const Protocol *protocol;
    unsigned threads;
    unsigned connections;
    unsigned idle;       /* connections besides */
    unsigned depth;      /* closed loop: requests under way on a connection */
    double rate;         /* open loop: requests a second; 0: closed loop */
    int64_t measured_ns; /* 0: nothing but the fill */
    int64_t warmup_ns;
    int64_t ramp_ns;
    int64_t timeout_ns;
    unsigned weights[REQUEST_KINDS];
    uint32_t clients;
    char *prefix; /* (owned) */
    double step;  /* metres */
    char *area;   /* (owned) "RADIUS BOUND" of WHATSAT */
    bool fill;
    bool reconnect;
    bool retry;
    Endpoint *watch; /* (owned) (nullable) */
    double probes;   /* a second */
    GArray *pids;    /* owned; of pid_t */
    uint64_t seed;
    bool json;
    bool quiet;
} Settings;
