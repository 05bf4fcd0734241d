# SPDX-License-Identifier: MIT
"""NAME.log: one line an event. Lines are gathered in memory and written a few times a second by a thread of their own,
since no event loop can wait for a disk. What comes while there is no room is dropped and counted."""
import asyncio
import concurrent.futures
import os
import re
import sys
import time

FLUSH_S = 0.05
WAITING_MAX = 4 << 20  # bytes


def _escape(match):
    return b"\\x%02x" % match[0][0]


_unprintable = re.compile(rb"[^ -\[\]-~\n]")


def stamped(text, level=b"info"):
    """A line of the log. LF cannot be in @text: it is what lines are split at."""
    seconds, nanoseconds = divmod(time.time_ns(), 10**9)
    date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)).encode()
    return b"%b.%09dZ %b main %b\n" % (date, nanoseconds, level, text)


class EventLog:
    """Belongs to the event loop; only _save() runs in the other thread."""

    def __init__(self, directory, name, messages):
        """@messages: whether lines of messages are wanted."""
        os.makedirs(directory, exist_ok=True)
        self.messages = messages
        self.path = os.path.join(directory, name + ".log")
        self.descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self.waiting, self.size, self.dropped = [], 0, 0
        self.saving = None  # the task that is about to write, or at it
        self.writer = concurrent.futures.ThreadPoolExecutor(1)
        self.failed = False

    def event(self, text, level=b"info"):
        self._append(stamped(text.encode(errors="surrogateescape"), level))

    def exchange(self, peer, received, sent):
        """Lines of @peer's, and the replies to them, of which the last may not be there yet."""
        texts = []
        for number, line in enumerate(received):
            texts.append(b"recv %b %b" % (peer, line.removesuffix(b"\r")))
            if number < len(sent):
                reply, _, places = sent[number].partition(b"\n")
                texts.append(b"send %b %b (+%d bytes of places)" % (peer, reply, len(places) - 2) if places else
                             b"send %b %b" % (peer, reply))
        self.lines(texts)

    def lines(self, texts):
        if texts:
            begin, _, end = stamped(b"\0").partition(b"\0")
            self._append(begin + (end + begin).join(texts) + end)

    def _append(self, lines):
        if self.size + len(lines) > WAITING_MAX:
            self.dropped += lines.count(b"\n")
            return
        self.waiting.append(lines)
        self.size += len(lines)
        if self.saving is None:
            self.saving = asyncio.get_running_loop().create_task(self._flush_soon())

    async def _flush_soon(self):
        while self.waiting:
            await asyncio.sleep(FLUSH_S)
            await self._flush()
        self.saving = None

    async def _flush(self):
        if self.dropped:
            self.waiting.append(stamped(b"the log dropped %d lines" % self.dropped, b"warning"))
        waiting, self.waiting, self.size, self.dropped = self.waiting, [], 0, 0
        await asyncio.get_running_loop().run_in_executor(self.writer, self._save, waiting)

    def _save(self, waiting):
        text = _unprintable.sub(_escape, b"".join(waiting))
        try:
            while text:
                text = text[os.write(self.descriptor, text):]
            self.failed = False
        except OSError as error:
            if not self.failed:  # said once
                print(f"herd-asyncio: cannot write {self.path}: {error.strerror}", file=sys.stderr)
            self.failed = True

    async def close(self):
        if self.saving:
            await self.saving
        self.writer.shutdown()
        os.close(self.descriptor)
