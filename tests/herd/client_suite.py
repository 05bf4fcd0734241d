# SPDX-License-Identifier: MIT
"""Which tests any implementation of the protocol has to pass: what clients see of one member and of a herd of them, and
what a provider of places sees (R1-R18 and R20-R23, from outside). Not here: how herdd's own links talk (R22), its options
and limits beyond the protocol, its messages, and what is no rule but a strength.

A program that takes part is started as `PROGRAM --config FILE NAME`, reads the options that it knows from the same
herd.conf and passes over the others, prints herdd's line once it accepts connections, writes `link NAME up` and `link NAME
down: REASON` to its log in the log's format, and ends with 0 on SIGTERM; `PROGRAM --check` exits with 2 if `places` is a
provider that it does not have. One without the built-in places gets a stand-in for Google.
"""

import fnmatch
import unittest

NAMES = [
    'test_lines',
    'test_iamat',
    'test_whatsat.Whatsat',
    'test_mistakes',
    'test_herds.EveryHerd',
    'test_herds.DeathAndReturn',
    'test_herds.Addresses',
    'test_google.Requests.test_r10_the_request_has_metres_and_no_plus',
    'test_google.Requests.test_one_request_for_one_whatsat_and_none_for_the_rest',
    'test_google.Answers',
    'test_google.Failures',
    'test_limits.Bounds.test_one_greedy_client_does_not_starve_the_others',
    'test_lookups.Lookups.test_r3_what_is_pipelined_behind_a_lookup_waits_its_turn',
    'test_lookups.Lookups.test_r3_many_pipelined_lookups_come_in_order',
    'test_lookups.Lookups.test_r1_a_client_that_half_closes_early_gets_its_reply',
    'test_lookups.Lookups.test_clients_that_go_away_while_they_wait_hurt_nobody',
    'test_lookups.Lookups.test_many_slow_lookups_run_beside_each_other',
    'test_lifecycle.StartAndStop.test_it_listens_soon_and_stops_soon',
    'test_lifecycle.StartAndStop.test_a_stop_closes_idle_and_begun_connections',
    'test_lifecycle.StartAndStop.test_a_stop_answers_what_it_has_taken',
    'test_lifecycle.StartAndStop.test_a_restart_takes_the_same_port_at_once',
    'test_lifecycle.StartAndStop.test_it_listens_on_ipv6',
]

# What stands in those classes and is herdd's own: its links' words, its bounds, its messages.
HERDD_ONLY = [
    'test_mistake_12_a_message_loop_without_a_test_for_newness',
    'test_r4_a_line_that_never_ends_costs_no_memory',
    'test_a_key_of_the_new_api_gets_a_hint',
    'test_r15_a_link_in_googles_own_message_is_not_passed_on',
    'test_r15_a_huge_answer_is_refused_and_costs_little',
]


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def load(loader):
    """The suite, of those that match the loader's patterns, which it does not apply to tests that are named one by one."""
    def wanted(test):
        patterns = loader.testNamePatterns or ['*']
        return (test.id().rpartition('.')[2] not in HERDD_ONLY
                and any(fnmatch.fnmatchcase(test.id(), pattern) for pattern in patterns))
    return unittest.TestSuite(test for test in tests_of(loader.loadTestsFromNames(NAMES)) if wanted(test))
