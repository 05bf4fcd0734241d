// SPDX-License-Identifier: MIT
package herd;

import java.io.IOException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;

/** The flooding thread: it takes what workers have stored from a queue, and owns the links to the neighbours. */
final class Flood {
    /** A record that is new here. @from: the link whose neighbour told it, null if a client did. */
    record Update(LocationRecord record, Link from) {}

    private static final int QUEUE_MAX = 1 << 16; // a worker that finds it full waits
    private static final int FINISH_MS = 1000; // for neighbours to take what is on its way
    private static final int JOIN_MS = 2000;

    private final Log log;
    private final Selector selector = Selector.open();
    private final Wakeup wakeup = new Wakeup(selector);
    private final Map<String, Link> links = new LinkedHashMap<>(); // by neighbour; read-only after new
    private final BlockingQueue<Update> queue = new ArrayBlockingQueue<>(QUEUE_MAX);
    private final List<Update> taken = new ArrayList<>();
    private final Thread thread = new Thread(this::run, "flood");
    private volatile boolean stopping;

    Flood(Config config, Store store, Log log) throws IOException {
        this.log = log;
        for (String neighbour : config.self.neighbours()) {
            Config.Member member = config.members.get(neighbour);
            links.put(neighbour, new Link(config.self.name(), member, selector, wakeup, store, log));
        }
    }

    boolean hasLinks() {
        return !links.isEmpty();
    }

    /** Null: there is no such neighbour. */
    Link link(String neighbour) {
        return links.get(neighbour);
    }

    void start() {
        thread.setDaemon(true);
        thread.start();
    }

    /** Takes the updates out of @updates. Waits while the queue is full. Any worker. */
    void offer(List<Update> updates) {
        if (updates.isEmpty()) {
            return;
        }
        try {
            for (Update update : updates) {
                if (!queue.offer(update)) {
                    wakeup.wake();
                    queue.put(update);
                }
            }
            wakeup.wake();
        } catch (InterruptedException e) { // nobody does
            Thread.currentThread().interrupt();
        }
        updates.clear();
    }

    /** No more updates come; what there is leaves if the neighbours take it soon, and the links are closed. */
    void finish() throws InterruptedException {
        stopping = true;
        wakeup.wake();
        thread.join(JOIN_MS);
    }

    private void run() {
        long end = 0;
        try {
            while (end == 0 || hasUnsent() && System.nanoTime() - end < 0) {
                long next = Long.MAX_VALUE;
                for (Link link : links.values()) {
                    next = Math.min(next, link.tick(System.nanoTime()));
                }
                long wait = end != 0 ? 10 : next == Long.MAX_VALUE ? 0 : TimeUnit.NANOSECONDS.toMillis(next) + 1;
                boolean finishing = end != 0;
                wakeup.select(wait, () -> stopping != finishing || hasNews());
                if (stopping && end == 0) {
                    end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(FINISH_MS);
                }
                for (SelectionKey key : selector.selectedKeys()) {
                    ((Link) key.attachment()).ready();
                }
                selector.selectedKeys().clear();
                takeUpdates();
            }
        } catch (IOException e) {
            log.warning("flood ends: " + e.getMessage());
        }
        for (Link link : links.values()) {
            link.close();
        }
    }

    private boolean hasNews() {
        return !queue.isEmpty() || links.values().stream().anyMatch(Link::isPoked);
    }

    private boolean hasUnsent() {
        return !queue.isEmpty() || links.values().stream().anyMatch(Link::hasUnsent);
    }

    /** What has become due meanwhile leaves in one write a link. */
    private void takeUpdates() {
        queue.drainTo(taken);
        for (Update update : taken) {
            for (Link link : links.values()) {
                link.offer(update);
            }
        }
        taken.clear();
        for (Link link : links.values()) {
            link.send();
        }
    }
}
