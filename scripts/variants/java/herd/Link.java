// SPDX-License-Identifier: MIT
package herd;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import jdk.net.ExtendedSocketOptions;

/**
 * Our connection to one neighbour, over which we tell it what is new; it tells us over its own. All of it is the flooding
 * thread's but for joined() and isSameRun(). A neighbour that does not take what it is sent costs an entry a client.
 */
final class Link {
    static final int KEEPALIVE_S = 2;
    static final int KEEPALIVE_COUNT = 5;

    private static final long CONNECT_NS = TimeUnit.SECONDS.toNanos(5);
    private static final long BACKOFF_MIN_NS = TimeUnit.MILLISECONDS.toNanos(100);
    private static final long BACKOFF_MAX_NS = TimeUnit.SECONDS.toNanos(5);
    private static final int BUFFER_SIZE = 128 << 10; // the longest line is less than half of it
    private static final int WRITES_MAX = 16; // before the other links have their turn

    private enum State { DOWN, CONNECTING, UP }

    private final String self;
    private final Config.Member neighbour;
    private final Selector selector;
    private final Wakeup wakeup;
    private final Store store;
    private final Log log;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER_SIZE).flip(); // being sent
    private final Map<String, LocationRecord> pending = new LinkedHashMap<>(); // by client; sent when there is room
    private Iterator<LocationRecord> backlog = Collections.emptyIterator(); // what we had when the link came up
    private State state = State.DOWN;
    private boolean saidDown;
    private SocketChannel channel; // null: down
    private SelectionKey key;
    private long deadline = System.nanoTime(); // of connecting, or of the next try
    private long backoff = BACKOFF_MIN_NS;
    private volatile int epoch; // how often the link has gone down
    private volatile boolean poked; // the neighbour is there: try at once

    Link(String self, Config.Member neighbour, Selector selector, Wakeup wakeup, Store store, Log log) {
        this.self = self;
        this.neighbour = neighbour;
        this.selector = selector;
        this.wakeup = wakeup;
        this.store = store;
        this.log = log;
    }

    /** The neighbour has said MEMBER on a connection of its own. Returns what isSameRun() wants to know. Any thread. */
    int joined() {
        poked = true;
        wakeup.wake();
        return epoch;
    }

    /**
     * Whether the neighbour that joined at @epoch is the one our link leads to. What it told us is not sent back to it.
     * But what an earlier run of it had sent may be read after the next run was told all we had, which must then hear
     * of it. Any thread.
     */
    boolean isSameRun(int epoch) {
        return this.epoch == epoch;
    }

    boolean isPoked() {
        return poked;
    }

    /** Does what is due; returns the nanoseconds until more will be. */
    long tick(long now) {
        if (poked) {
            poked = false;
            if (state == State.DOWN) {
                deadline = now;
                backoff = BACKOFF_MIN_NS;
            }
        }
        if (state == State.DOWN && now - deadline >= 0) {
            connect(now);
        } else if (state == State.CONNECTING && now - deadline >= 0) {
            down("no connection in time");
        }
        return state == State.UP ? Long.MAX_VALUE : Math.max(0, deadline - now);
    }

    void offer(Flood.Update update) {
        if (state != State.UP) {
            return; // it is in the store, and so in the backlog of when the link comes up
        }
        LocationRecord record = update.record();
        LocationRecord waiting = pending.get(record.client);
        if (waiting != null && !record.isNewerThan(waiting)) {
            return; // two workers may queue what they have stored in the other order
        }
        if (update.from() == this) {
            pending.remove(record.client); // the neighbour has this one
        } else {
            pending.put(record.client, record);
        }
    }

    boolean hasUnsent() {
        return state == State.UP && (buffer.hasRemaining() || backlog.hasNext() || !pending.isEmpty());
    }

    /** Sends what there is, as far as the neighbour takes it. */
    void send() {
        if (!hasUnsent()) {
            return;
        }
        try {
            for (int i = 0; i < WRITES_MAX && hasUnsent(); i++) {
                fill();
                channel.write(buffer);
                if (buffer.hasRemaining()) {
                    break;
                }
            }
            key.interestOps(hasUnsent() ? SelectionKey.OP_READ | SelectionKey.OP_WRITE : SelectionKey.OP_READ);
        } catch (IOException e) {
            down(e.getMessage());
        }
    }

    void ready() {
        try {
            if (state == State.CONNECTING && key.isConnectable() && channel.finishConnect()) {
                up();
            } else if (state == State.UP && key.isReadable()) {
                hear();
            } // send() comes after this anyway
        } catch (IOException e) {
            down(e.getMessage());
        }
    }

    void close() {
        if (channel != null) {
            try {
                channel.close();
            } catch (IOException e) {
                log.warning("link " + neighbour.name() + " close: " + e.getMessage());
            }
            channel = null;
        }
    }

    private void connect(long now) {
        try {
            channel = SocketChannel.open();
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
            channel.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, KEEPALIVE_S);
            channel.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, KEEPALIVE_S);
            channel.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, KEEPALIVE_COUNT);
            state = State.CONNECTING;
            deadline = now + CONNECT_NS;
            if (channel.connect(neighbour.addresses().get(0))) {
                up();
            } else {
                key = channel.register(selector, SelectionKey.OP_CONNECT, this);
            }
        } catch (IOException e) {
            down(e.getMessage());
        }
    }

    /** PROTOCOL R22, R23: the hello, then all we have. */
    private void up() throws IOException {
        key = channel.register(selector, SelectionKey.OP_READ, this);
        state = State.UP;
        saidDown = false;
        backoff = BACKOFF_MIN_NS;
        backlog = store.snapshot().iterator(); // what is put from here on comes through the queue
        byte[] hello = ("MEMBER " + self + " " + neighbour.name() + "\n").getBytes(ISO_8859_1);
        buffer.clear().put(hello).flip();
        channel.write(buffer);
        log.info("link " + neighbour.name() + " up");
    }

    private void down(String reason) {
        close();
        if (state == State.UP) {
            epoch++;
        }
        state = State.DOWN;
        pending.clear();
        backlog = Collections.emptyIterator();
        buffer.clear().flip();
        deadline = System.nanoTime() + backoff / 2 + ThreadLocalRandom.current().nextLong(backoff / 2);
        backoff = Math.min(2 * backoff, BACKOFF_MAX_NS);
        if (!saidDown) { // once, not at every try
            saidDown = true;
            log.warning("link " + neighbour.name() + " down: " + reason);
        }
    }

    /** The neighbour says nothing here, unless it does not take us for one: then "? " and our hello. */
    private void hear() throws IOException {
        ByteBuffer heard = ByteBuffer.allocate(256);
        int count = channel.read(heard);
        if (count != 0) {
            String said = new String(heard.array(), 0, Math.max(count, 0), ISO_8859_1).strip();
            down(count < 0 ? "closed by the neighbour" : "the neighbour says: " + said);
        }
    }

    /** Adds lines to the buffer while they fit. */
    private void fill() {
        buffer.compact();
        while (backlog.hasNext() && buffer.remaining() > BUFFER_SIZE / 2) {
            put(backlog.next());
        }
        Iterator<LocationRecord> next = pending.values().iterator();
        while (next.hasNext() && buffer.remaining() > BUFFER_SIZE / 2) {
            put(next.next());
            next.remove();
        }
        buffer.flip();
    }

    private void put(LocationRecord record) {
        buffer.put(record.line);
        if (log.messages) {
            log.sent(neighbour.name(), record.line, 0, record.line.length - 1);
        }
    }
}
