// SPDX-License-Identifier: MIT
package herd;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;

/** NAME.log. Whoever logs adds to a buffer in memory and goes on; the disk is the affair of a thread of its own. */
final class Log {
    private static final int BUFFER_MAX = 4 << 20; // what does not go in is dropped and counted
    private static final int GATHER_MS = 50;
    private static final int STOP_MS = 2000; // for a disk that takes nothing any more
    private static final byte[] HEX = "0123456789abcdef".getBytes(ISO_8859_1);
    private static final DateTimeFormatter SECOND =
        DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.").withZone(ZoneOffset.UTC);

    final boolean messages; // the lines of messages are wanted, too
    private final OutputStream file;
    private final Thread thread = new Thread(this::run, "log");
    private Bytes waiting = new Bytes(64 << 10); // this and the rest: guarded by this
    private long dropped;
    private boolean stopping;
    private long second = Long.MIN_VALUE;
    private String secondText;

    Log(Config config) throws IOException {
        messages = config.logMessages;
        Files.createDirectories(config.logDir);
        Path path = config.logDir.resolve(config.self.name() + ".log");
        file = new FileOutputStream(path.toFile(), true);
        thread.setDaemon(true);
        thread.start();
    }

    void info(String what) {
        byte[] text = what.getBytes(UTF_8);
        add("info", text, 0, text.length, null, null);
    }

    void warning(String what) {
        byte[] text = what.getBytes(UTF_8);
        add("warning", text, 0, text.length, null, null);
    }

    void received(String peer, byte[] line, int from, int to) {
        add("info", line, from, to, "recv ", peer);
    }

    void sent(String peer, byte[] line, int from, int to) {
        add("info", line, from, to, "send ", peer);
    }

    private synchronized void add(String level, byte[] text, int from, int to, String verb, String peer) {
        if (waiting.length > BUFFER_MAX) {
            dropped++;
            return;
        }
        boolean first = waiting.length == 0;
        begin(level);
        if (verb != null) {
            waiting.add(verb).add(peer).add(' ');
        }
        for (int i = from; i < to; i++) {
            byte b = text[i];
            if (b >= ' ' && b < 127) {
                waiting.add(b);
            } else { // an event is one line whatever a client sends
                waiting.add('\\').add('x').add(HEX[b >> 4 & 15]).add(HEX[b & 15]);
            }
        }
        waiting.add('\n');
        if (first || waiting.length > BUFFER_MAX / 2) {
            notify();
        }
    }

    private void begin(String level) {
        Instant now = Instant.now();
        if (now.getEpochSecond() != second) {
            second = now.getEpochSecond();
            secondText = SECOND.format(now);
        }
        waiting.add(secondText);
        for (int unit = Decimal.NANO / 10, rest = now.getNano(); unit > 0; rest %= unit, unit /= 10) {
            waiting.add('0' + rest / unit);
        }
        waiting.add("Z ").add(level).add(' ').add(Thread.currentThread().getName()).add(' ');
    }

    private void run() {
        Bytes writing = new Bytes(64 << 10);
        try (file) {
            while (true) {
                synchronized (this) {
                    while (waiting.length == 0 && !stopping) {
                        wait();
                    }
                    if (waiting.length == 0) {
                        return;
                    }
                    if (!stopping && waiting.length < BUFFER_MAX / 2) {
                        wait(GATHER_MS);
                    }
                    Bytes full = waiting;
                    waiting = writing;
                    writing = full;
                    if (dropped > 0) {
                        String lost = "log dropped " + dropped + " lines";
                        dropped = 0;
                        warning(lost);
                    }
                }
                file.write(writing.array, 0, writing.length);
                writing.clear();
            }
        } catch (IOException | InterruptedException e) {
            System.err.println("herd-java: the log ends: " + e.getMessage());
        }
    }

    /** Writes what is waiting. Nobody logs any more. */
    void close() throws InterruptedException {
        synchronized (this) {
            stopping = true;
            notify();
        }
        thread.join(STOP_MS);
    }
}
