/* SPDX-License-Identifier: MIT */

/*
 * How updates travel, as a model that spin searches through all its states: the links between
 * members (net/link.c), the comparing of stores by digests (net/comparison.c), the flood thread
 * (net/flood.c), and what a member does with a neighbour's line (net/session.c). tests/model/run
 * says which herds it is searched for and how many disturbances of each kind a search holds.
 *
 * What is smaller here than there, and why it shows the same:
 *
 * - A record is the number of its client's report. The greater is newer (PROTOCOL R21); 0 is none.
 * - A sum is the records themselves: equal sums of different stores are left out.
 * - The dialogue asks about a leaf at once. Root and shards only spare questions: what is found
 *   equal with them would be found equal here at that moment. A member that has nothing in a leaf
 *   does not ask: it has nothing to send.
 * - The greeting is one step: an opener that has not read its answer has not told anything yet.
 * - When a connection breaks its opener knows at once: what it would still say is lost either way.
 *   What is in flight is kept in `late`, to be executed later or lost.
 * - A member that stops is back at once, with nothing. One that is away differs from one that no
 *   client asks and whose links wait only by its name.
 * - PING and PONG take a link down: a cut may come at any time, whatever its reason.
 * - All members are there and all links up at the beginning; whatever else there may be at a
 *   beginning comes about by cuts and crashes.
 *
 * The mistakes (MISTAKE_...) are made on purpose, one at a time, and have to be found.
 */

/* The herd: a line, or with TRIANGLE all are neighbours of each other. */
#ifndef MEMBERS
#define MEMBERS 2
#endif
#ifndef CLIENTS
#define CLIENTS 1 /* or 2 */
#endif
#ifndef LEAVES
#define LEAVES CLIENTS /* or 1: two clients share it */
#endif

/* What may disturb it, and how often; when and where is for the search to choose. */
#ifndef UPDATES
#define UPDATES 0 /* a client reports to a member */
#endif
#ifndef CRASHES
#define CRASHES 0 /* a member ends and runs anew, with an empty store */
#endif
#ifndef CRASHING
#define CRASHING MEMBERS /* it is one of the first so many; the others are like these */
#endif
#ifndef CUTS
#define CUTS 0 /* a connection breaks */
#endif
#ifndef RESYNCS
#define RESYNCS 0 /* a link that is up compares again */
#endif

/* Small bounds, so that they are reached. */
#define OUTPUT 2 /* lines on their way from a link to the neighbour's worker */
#define QUEUE  2 /* updates on their way to the flood thread */

#ifdef TRIANGLE
#define NEIGHBOURS(a, b) ((a) != (b))
#else
#define NEIGHBOURS(a, b) ((a) == (b) + 1 || (b) == (a) + 1)
#endif
#define CLIENT MEMBERS /* in place of a neighbour, where a record came from */

#define LINKS      (MEMBERS * (MEMBERS - 1))
#define LINK(a, b) ((a) * (MEMBERS - 1) + (b) - ((b) > (a))) /* the one that a opens to b */
#define LEAF(c)    ((c) % LEAVES)

#define STORED(m, c)       stored[(m) * CLIENTS + (c)]
#define PENDING(l, c)      pending[(l) * CLIENTS + (c)]
#define PENDING_KIND(l, c) pending_kind[(l) * CLIENTS + (c)]
#define MARKED(l, leaf)    marked[(l) * LEAVES + (leaf)]

#if LEAVES == CLIENTS
#define SUM(m, leaf) STORED(m, leaf)
#else
#define SUM(m, leaf) (STORED(m, 0) + 16 * STORED(m, 1))
#endif
#define NOTHING_PENDING(l) (PENDING(l, 0) == 0 && PENDING(l, CLIENTS - 1) == 0)

mtype = { AT, SYNC, DIGEST };

/* A member. */
byte stored[MEMBERS * CLIENTS];
byte incarnation[MEMBERS];
/* FloodUpdate: by AT or SYNC, client, record, from whom, and which run of that one. */
chan queue[MEMBERS] = [QUEUE] of { mtype, byte, byte, byte, byte };

/* A link, and its connection. */
bool up[LINKS];
byte pending[LINKS * CLIENTS];
mtype pending_kind[LINKS * CLIENTS];
bool marked[LINKS * LEAVES]; /* to be compared */
bool asked[LINKS];           /* one question at a time */
chan output[LINKS] = [OUTPUT] of { mtype, byte, byte }; /* client and record, or leaf and 0 */
chan answer[LINKS] = [1] of { byte, byte };             /* leaf, sum */

/* Of its connections that broke, unread: AT or SYNC, client, record, which run of the opener. */
chan late[LINKS] = [OUTPUT] of { mtype, byte, byte, byte };

byte updates = UPDATES;
byte crashes = CRASHES;
byte cuts = CUTS;
byte resyncs = RESYNCS;
byte newest[CLIENTS]; /* that any member had when the disturbances ended */

/* link.c: link_offer(). Into the buffer, or else into the pending set, where the newer stays. */
inline say(l, kind, c, record)
{
    if
    :: NOTHING_PENDING(l) && len(output[l]) < OUTPUT -> output[l]!kind, c, record
    :: else ->
#ifdef MISTAKE_NOTHING_PENDS
        skip
#else
        if
        :: record > PENDING(l, c) -> PENDING(l, c) = record; PENDING_KIND(l, c) = kind
        :: else
        fi
#endif
    fi
}

/* link.c: append_waiting(). */
inline say_pending(l, c)
{
    output[l]!PENDING_KIND(l, c), c, PENDING(l, c);
    PENDING(l, c) = 0;
    PENDING_KIND(l, c) = 0
}

/* comparison.c: asks now, or when it can. */
inline compare(a, l, leaf)
{
    if
    :: SUM(a, leaf) == 0 -> MARKED(l, leaf) = false
    :: SUM(a, leaf) != 0 && !asked[l] && len(output[l]) < OUTPUT ->
        MARKED(l, leaf) = false;
        asked[l] = true;
        output[l]!DIGEST, leaf, 0
    :: else -> MARKED(l, leaf) = true
    fi
}

inline compare_all(a, l)
{
    compare(a, l, 0);
#if LEAVES > 1
    compare(a, l, 1)
#endif
}

/* session.c: store_and_flood(). PROTOCOL R20: what is not newer goes nowhere. */
inline store_and_flood(m, kind, c, record, from, from_incarnation)
{
    if
#if defined(MISTAKE_DUPLICATES_ARE_FLOODED)
    :: record >= STORED(m, c) ->
#elif defined(MISTAKE_OLDER_REPLACES)
    :: record != STORED(m, c) ->
#else
    :: record > STORED(m, c) ->
#endif
        STORED(m, c) = record;
        queue[m]!kind, c, record, from, from_incarnation
    :: else
    fi
}

/* link.c: take_down(). What the link had still to say is forgotten. */
inline take_down(l)
{
    up[l] = false;
    asked[l] = false;
    do
    :: i < CLIENTS -> PENDING(l, i) = 0; PENDING_KIND(l, i) = 0; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < LEAVES -> MARKED(l, i) = false; i++
    :: else -> break
    od;
    i = 0;
    do
    :: len(answer[l]) > 0 -> answer[l]?_, _
    :: else -> break
    od
}

/* What was written is still to be read. Beyond OUTPUT lines of several connections it is lost. */
inline leave_behind(a, l)
{
    do
    :: len(output[l]) > 0 ->
        output[l]?kind, c, record;
        if
        :: kind != DIGEST && len(late[l]) < OUTPUT -> late[l]!kind, c, record, incarnation[a]
        :: else
        fi
    :: else -> break
    od;
    kind = 0; c = 0; record = 0
}

/* Nobody is left to read it. */
inline lose(l)
{
    do
    :: len(output[l]) > 0 -> output[l]?_, _, _
    :: else -> break
    od;
    do
    :: len(late[l]) > 0 -> late[l]?_, _, _, _
    :: else -> break
    od
}

/* The link that a opens to b: a's flood thread at one end, a worker of b's at the other. */
proctype Link(byte a, b)
{
    byte l = LINK(a, b);
    byte c, record, from_incarnation, i;
    mtype kind;

end:
    do
    /* link.c: come_up(); session.c: execute_hello(). PROTOCOL R23: b shall have all that a has. */
    :: d_step {
        !up[l] ->
        up[l] = true;
#ifndef MISTAKE_NO_COMPARING
        compare_all(a, l)
#endif
    }

    /* a: there is room for what waits. */
    :: d_step { PENDING(l, 0) != 0 && nfull(output[l]) -> say_pending(l, 0) }
    :: d_step { MARKED(l, 0) && !asked[l] && nfull(output[l]) -> compare(a, l, 0) }
#if CLIENTS > 1
    :: d_step { PENDING(l, 1) != 0 && nfull(output[l]) -> say_pending(l, 1) }
#endif
#if LEAVES > 1
    :: d_step { MARKED(l, 1) && !asked[l] && nfull(output[l]) -> compare(a, l, 1) }
#endif

    /* b, session.c: execute_link(). A worker waits while the flood thread's queue is full. */
    :: d_step {
        nempty(output[l]) && nfull(queue[b]) ->
        output[l]?kind, c, record;
        if
        :: kind == DIGEST -> answer[l]!c, SUM(b, c)
        :: else -> store_and_flood(b, kind, c, record, a, incarnation[a])
        fi;
        kind = 0; c = 0; record = 0
    }

    /* b: the same on a connection that broke, which the worker has come to only now. */
    :: d_step {
        nempty(late[l]) && nfull(queue[b]) ->
        late[l]?kind, c, record, from_incarnation;
        store_and_flood(b, kind, c, record, a, from_incarnation);
        kind = 0; c = 0; record = 0; from_incarnation = 0
    }
    :: d_step {
        nempty(late[l]) ->
        do
        :: len(late[l]) > 0 -> late[l]?_, _, _, _
        :: else -> break
        od;
        skip
    }

    /* a, comparison.c: what b had when it answered, beside what a has now. */
    :: d_step {
        nempty(answer[l]) ->
        answer[l]?c, record;
        asked[l] = false;
        if
        :: record != SUM(a, c) ->
            do
            :: i < CLIENTS ->
                if
                :: LEAF(i) == c && STORED(a, i) != 0 -> say(l, SYNC, i, STORED(a, i))
                :: else
                fi;
                i++
            :: else -> break
            od
        :: else
        fi;
        c = 0; record = 0; i = 0
    }

    /* resync_interval_s has passed. */
    :: d_step { resyncs > 0 && up[l] -> resyncs--; compare_all(a, l) }

    :: d_step { cuts > 0 && up[l] -> cuts--; take_down(l); leave_behind(a, l) }
    od
}

/* What an earlier run of b sent is news to this one. */
#if defined(MISTAKE_RUN_NOT_COMPARED)
#define OFFERED_TO(b, from, from_incarnation) (b != from)
#elif defined(MISTAKE_BACK_TO_SENDER)
#define OFFERED_TO(b, from, from_incarnation) true
#else
#define OFFERED_TO(b, from, from_incarnation) (b != from || incarnation[b] != from_incarnation)
#endif

proctype Member(byte a)
{
    byte b, c, record, from, from_incarnation, i;
    mtype kind;

end:
    do
    /* flood.c: offer(). */
    :: d_step {
        nempty(queue[a]) ->
        queue[a]?kind, c, record, from, from_incarnation;
        do
        :: b < MEMBERS ->
            if
            :: NEIGHBOURS(a, b) && up[LINK(a, b)] && OFFERED_TO(b, from, from_incarnation) ->
                if
                :: kind == AT ->
                    assert(b != from || incarnation[b] != from_incarnation); /* PROTOCOL R20 */
                    say(LINK(a, b), AT, c, record)
                :: else ->
#ifdef MISTAKE_SYNC_NOT_PASSED_ON
                    skip
#else
                    compare(a, LINK(a, b), LEAF(c))
#endif
                fi
            :: else
            fi;
            b++
        :: else -> break
        od;
        b = 0; kind = 0; c = 0; record = 0; from = 0; from_incarnation = 0
    }

    /* session.c: execute_iamat(). */
    :: d_step {
        updates > 0 && nfull(queue[a]) ->
        store_and_flood(a, AT, 0, UPDATES + 1 - updates, CLIENT, 0);
        updates--
    }
#if CLIENTS > 1
    :: d_step {
        updates > 0 && nfull(queue[a]) ->
        store_and_flood(a, AT, 1, UPDATES + 1 - updates, CLIENT, 0);
        updates--
    }
#endif

    /* It ends; what runs from now on is another run. */
    :: d_step {
        crashes > 0 && a < CRASHING ->
        crashes--;
        do
        :: c < CLIENTS -> STORED(a, c) = 0; c++
        :: else -> break
        od;
        do
        :: len(queue[a]) > 0 -> queue[a]?_, _, _, _, _
        :: else -> break
        od;
        do
        :: b < MEMBERS ->
            if
            :: NEIGHBOURS(a, b) ->
                take_down(LINK(a, b));
                leave_behind(a, LINK(a, b));
                take_down(LINK(b, a));
                lose(LINK(b, a))
            :: else
            fi;
            b++
        :: else -> break
        od;
        incarnation[a]++;
        b = 0; c = 0
    }
    od
}

/* At any moment the disturbances end. When nothing can happen any more, all members must agree. */
proctype Rest()
{
    byte a, b, c;

    d_step {
        updates = 0; crashes = 0; cuts = 0; resyncs = 0;
        do
        :: a < MEMBERS ->
            c = 0;
            do
            :: c < CLIENTS ->
                if
                :: STORED(a, c) > newest[c] -> newest[c] = STORED(a, c)
                :: else
                fi;
                c++
            :: else -> break
            od;
            a++
        :: else -> break
        od;
        a = 0; c = 0
    }

    timeout ->
    d_step {
        do
        :: a < MEMBERS ->
            assert(empty(queue[a]));
            b = 0;
            do
            :: b < MEMBERS ->
                if
                :: NEIGHBOURS(a, b) ->
                    assert(up[LINK(a, b)] && !asked[LINK(a, b)] && NOTHING_PENDING(LINK(a, b)))
                :: else
                fi;
                b++
            :: else -> break
            od;
            c = 0;
            do
            :: c < CLIENTS ->
                assert(STORED(a, c) >= newest[c]); /* nothing is lost */
                assert(STORED(a, c) == STORED(0, c)); /* PROTOCOL R23 */
                c++
            :: else -> break
            od;
            a++
        :: else -> break
        od
    }
}

init
{
    byte a, b;

    atomic {
        for (a : 0 .. MEMBERS - 1) {
            run Member(a);
            for (b : 0 .. MEMBERS - 1) {
                if
                :: NEIGHBOURS(a, b) -> up[LINK(a, b)] = true; run Link(a, b)
                :: else
                fi
            }
        }
        a = 0;
        b = 0;
        run Rest()
    }
}
