# SPDX-License-Identifier: MIT
"""One client's connection: lines in, one reply each, in their order (PROTOCOL R1-R18)."""
import asyncio
import decimal

import messages
from config import shown
from links import Inbound
from messages import invalid, match_iamat, match_whatsat, record_of_iamat
from places import NOTHING

LINES_A_TURN = 512
READ_AHEAD = 64 << 10  # bytes of commands that wait, above which nothing more is read
TOO_LONG_SHOWN = 64    # bytes
LINGER_S = 2.0


class Session(asyncio.BufferedProtocol):
    """What need not wait is answered right in buffer_updated(), all replies of a turn in one write. Only a lookup
    gets a task.

    `held` counts the reasons why no line may be answered now: a lookup, a client that does not take its replies,
    another turn that is scheduled. Meanwhile what comes is kept, up to READ_AHEAD, and then left to the kernel,
    which holds the client up.
    """

    __slots__ = ("member", "transport", "peer", "unread", "held", "lookup", "fresh", "ended", "closing")

    def __init__(self, member):
        self.member = member
        self.unread = b""
        self.held = 0
        self.lookup = None     # the task, while there is one
        self.fresh = True      # nothing has been read yet
        self.ended = False     # the client has ended its side
        self.closing = False   # what it still sends is thrown away

    def connection_made(self, transport):
        self.transport = transport
        self.peer = shown(*transport.get_extra_info("peername", ("gone", 0))[:2]).encode()
        if not self.member.admit(self):
            self.closing = True
            transport.abort()

    def connection_lost(self, error):
        self.closing = True
        if self.lookup:
            self.lookup.cancel()
        self.member.dismiss(self, "ended" if self.ended else "is gone")

    def pause_writing(self):
        self.held += 1

    def resume_writing(self):
        self.release()

    def get_buffer(self, sizehint):
        return self.member.buffer

    def buffer_updated(self, count):
        if self.closing:
            return
        self.unread += bytes(self.member.buffer[:count])
        if not self.held:
            self.advance()
        if len(self.unread) > READ_AHEAD:
            self.transport.pause_reading()

    def eof_received(self):
        """PROTOCOL R1: the end of the client's side ends a line too; but if we are stopping that is not its end."""
        self.ended = True
        if self.member.stopping:
            self.unread = self.unread[:self.unread.rfind(b"\n") + 1]
        elif self.unread and not self.unread.endswith(b"\n"):
            self.unread += b"\n"
        if not self.held:
            self.advance()
        return True  # advance() closes, when all is answered

    def release(self):
        self.held -= 1
        if self.held or self.closing:
            return
        self.advance()
        if not self.ended and len(self.unread) <= READ_AHEAD:
            self.transport.resume_reading()

    def advance(self):
        """A turn: answers the lines that are there, up to LINES_A_TURN of them or a lookup."""
        *lines, self.unread = self.unread.split(b"\n", LINES_A_TURN)
        if self.fresh and lines:
            self.fresh = False
            if self.become_link(lines):
                return
        member = self.member
        name, store, max_line = member.name, member.store, member.config.max_line
        received = messages.now()
        latest = received + member.max_future_skew
        replies, news = [], {}
        left = iter(lines)
        for line in left:
            if len(line) >= max_line:
                replies.append(self.refuse(line))
                break
            match = match_iamat(line)
            if match:
                client, place, at = match.groups()
                record = record_of_iamat(name, received, client, place, at)
                if record[0] > latest:
                    replies.append(invalid(line))
                    continue
                known = store.get(client)
                if known is None or record > known:  # PROTOCOL R9
                    store[client] = record
                    news[client] = record[4]
                replies.append(record[4])
            else:
                reply = self.answer(line)
                if reply is None:
                    break
                replies.append(reply)
        left = list(left)
        if news:
            member.flood(news)  # before the reply: what is acknowledged is on its way
        if member.log.messages:
            member.log.exchange(self.peer, lines[:len(lines) - len(left)], replies)
        self.transport.write(b"".join(replies))

        if left:
            self.unread = b"\n".join((*left, self.unread))
        elif not self.held and b"\n" not in self.unread and len(self.unread) >= max_line:
            self.transport.write(self.refuse(self.unread))
        if self.closing:
            self.linger()
        elif len(lines) == LINES_A_TURN and not self.held:
            self.held += 1
            member.loop.call_soon(self.release)
        elif self.ended and not self.held:
            self.transport.close()

    def answer(self, line):
        """The reply to a line that is not IAMAT's, or None: it comes later."""
        match = match_whatsat(line)
        record = match and self.member.store.get(match[1])
        if not record:
            return invalid(line)
        _, _, place, _, at_line = record
        bound = int(match[3])
        if bound == 0 or decimal.Decimal(match[2].decode()) == 0:
            return b"%b%b\n\n" % (at_line, NOTHING)
        self.held += 1
        self.lookup = self.member.loop.create_task(self.look_up(at_line, place, match[2], bound))
        return None

    async def look_up(self, at_line, place, radius, bound):
        found = await self.member.places.nearby(place, radius, bound)
        reply = b"%b%b\n\n" % (at_line, found)
        if self.member.log.messages:
            self.member.log.exchange(self.peer, (), (reply,))
        self.lookup = None
        self.transport.write(reply)
        self.release()

    def refuse(self, line):
        """PROTOCOL R4: the reply to a line that is too long, and the last one."""
        self.closing = True
        return b"? %b\n" % line[:TOO_LONG_SHOWN]

    def linger(self):
        """Closes, but reads on for a while: closed with input unread a connection is reset, and the reply lost."""
        self.unread = b""
        self.transport.write_eof()
        if self.ended:
            self.transport.close()
        else:
            self.transport.resume_reading()
            self.member.loop.call_later(LINGER_S, self.transport.abort)

    def become_link(self, lines):
        """Whether the first line is a neighbour's hello (PROTOCOL R22): then what follows are its updates."""
        match = messages.match_member(lines[0])
        if not match or match[2] != self.member.name or match[1] not in self.member.links:
            return False
        self.member.leave(self)
        inbound = Inbound(self.member, match[1], self.transport)
        self.transport.set_protocol(inbound)
        behind, self.unread = b"\n".join((*lines[1:], self.unread)), b""
        inbound.begin(self.peer, behind)
        return True
