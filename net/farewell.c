/* SPDX-License-Identifier: MIT */
#include "net/farewell.h"

#include <errno.h>
#include <glib.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#define SILENCE_MS 500 /* in which a peer that is talking would have said more */

/* Whether nothing has come from the peer for so long that its last reply has reached it, and it is
 * about to say nothing: it may be left without a farewell. */
static bool is_quiet(const Connection *connection)
{
    return timestamp_now().seconds - connection->received.seconds > LINGER_MS / 1000 + 1;
}

bool farewell_receive(Connection *connection, char *bytes, size_t size, size_t *ret_received)
{
    size_t received = 0;

    if (!connection->counted) {
        if (ioctl(connection->stream.descriptor, SIOCINQ, &connection->unread) != 0)
            return false; /* it is no socket that could have input */
        connection->counted = true;
        connection->quiet = connection->unread == 0 && is_quiet(connection);
        if (connection->stream.tls != NULL)
            connection->unread += STREAM_AHEAD;
    }
    while (received < size) {
        size_t room = MIN(size - received, (size_t)connection->unread);
        char beyond;
        ssize_t n = room > 0 ? stream_receive(&connection->stream, bytes + received, room)
                             : recv(connection->stream.descriptor, &beyond, 1, MSG_PEEK);

        if (n < 0 && errno == EINTR)
            continue;
        if (room > 0 && n > 0) {
            received += (size_t)n;
            connection->unread -= (int)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && received == 0)
            return false;
        if (room > 0 && n < 0 && errno == EAGAIN && stream_is_paused(&connection->stream))
            break; /* the rest has another turn */
        connection->end_of_input = true;
        connection->truncated = n != 0 || atomic_load(&connection->cut);
        connection->quiet &= n <= 0;
        break;
    }
    *ret_received = received;
    return true;
}

bool farewell_is_due(const Connection *connection)
{
    return connection->counted && connection->truncated && !connection->quiet;
}

int64_t farewell_deadline(Connection *connection, int64_t now)
{
    return atomic_load(&connection->ending) ? MIN(connection->linger_until, now + SILENCE_MS)
                                            : connection->linger_until;
}
