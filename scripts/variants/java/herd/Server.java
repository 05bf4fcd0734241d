// SPDX-License-Identifier: MIT
package herd;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.channels.CancelledKeyException;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * The acceptor thread with its selector, and the pools. A connection that has something to be read or written is taken out of
 * the selector (no interest) and given to the pool; when its turn has ended the worker arms it again. An idle connection
 * costs no thread. Lookups block, so they have a pool of their own: whatever the provider does, workers are free.
 */
final class Server {
    private static final int BACKLOG = 1024;
    private static final int WAITING_MAX = 1000; // questions that wait for a thread of the lookups' pool
    private static final int PAUSE_MS = 100; // after accept() has failed
    private static final int STOP_MS = 5000;
    private static final byte[] TOO_MANY = Google.failure("OVER_QUERY_LIMIT", "Too many lookups are waiting.");
    private static final byte[] TOO_LATE = Google.failure("OVER_QUERY_LIMIT", "The lookup could not begin in time.");
    private static final byte[] STOPPING = Google.failure("UNKNOWN_ERROR", "The server is stopping.");

    final Config config;
    final Log log;
    final Session session;
    private final Flood flood;
    private final Google google;
    private final ThreadPoolExecutor workers;
    private final ThreadPoolExecutor lookups;
    private final Selector selector;
    private final Wakeup wakeup;
    private final Thread acceptor = new Thread(this::run, "acceptor");
    private final List<ServerSocketChannel> listeners = new ArrayList<>();
    private final Set<Connection> connections = ConcurrentHashMap.newKeySet();
    private final Queue<Connection> lingering = new ConcurrentLinkedQueue<>(); // the first to be closed first
    private boolean paused; // no connections are accepted for a moment: of the acceptor, like pauseEnd
    private long pauseEnd;
    private volatile boolean stopping;

    Server(Config config, String key, Log log) throws IOException {
        this.config = config;
        this.log = log;
        selector = Selector.open();
        wakeup = new Wakeup(selector);
        listen();

        Store store = new Store();
        flood = new Flood(config, store, log);
        session = new Session(config, store, flood, log);
        AtomicInteger number = new AtomicInteger();
        workers = new ThreadPoolExecutor(config.workers, config.workers, 0, TimeUnit.SECONDS, new LinkedBlockingQueue<>(),
            first -> new Worker(first, number.getAndIncrement(), config.maxLine));
        lookups = new ThreadPoolExecutor(config.maxLookups, config.maxLookups, 10, TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(WAITING_MAX), first -> new Thread(first, "lookup"));
        lookups.allowCoreThreadTimeOut(true);
        google = new Google(config, key);
    }

    private void listen() throws IOException {
        for (InetSocketAddress address : config.self.addresses()) {
            ServerSocketChannel listener = ServerSocketChannel.open();
            listeners.add(listener);
            try {
                listener.bind(address, BACKLOG);
            } catch (IOException e) {
                throw new IOException(Address.text(address) + ": " + e.getMessage(), e);
            }
            listener.configureBlocking(false);
            listener.register(selector, SelectionKey.OP_ACCEPT);
        }
    }

    void start() {
        flood.start();
        acceptor.start();
    }

    /** What was received is answered, then everything is closed. */
    void stop() throws InterruptedException {
        stopping = true;
        wakeup.wake();
        acceptor.join(STOP_MS);
        lookups.shutdown(); // questions from now on are answered with a failure
        lookups.awaitTermination(config.timeoutMs + STOP_MS, TimeUnit.MILLISECONDS);
        workers.shutdown();
        workers.awaitTermination(STOP_MS, TimeUnit.MILLISECONDS);
        flood.finish();
        for (Connection connection : connections) {
            connection.close("stop");
        }
    }

    /** The connection's next turn. */
    void execute(Connection connection) {
        try {
            workers.execute(connection);
        } catch (RejectedExecutionException e) { // the pool is being stopped: what has been read is answered here
            if (Thread.currentThread() instanceof Worker) {
                connection.run();
            } else {
                connection.close("stop");
            }
        }
    }

    /** From here on the selector has the connection, until it is ready. */
    void arm(Connection connection, int operations) {
        try {
            connection.key.interestOps(operations);
            wakeup.wake();
        } catch (CancelledKeyException e) {
            connection.close("stop"); // it was closed by another thread
        }
    }

    /** Closes a connection that is armed, or soon will be, at its deadline. */
    void linger(Connection connection) {
        lingering.add(connection);
    }

    /** False: it was closed before. */
    boolean remove(Connection connection) {
        return connections.remove(connection);
    }

    void flood(List<Flood.Update> updates) {
        flood.offer(updates);
    }

    /** Has a question answered. The answer is the connection's next turn. */
    void look(Connection connection, Session.Question question) {
        long begin = System.nanoTime();
        try {
            lookups.execute(() -> connection.answered(answer(question, begin)));
        } catch (RejectedExecutionException e) {
            connection.answered(stopping ? STOPPING : TOO_MANY);
        }
    }

    private byte[] answer(Session.Question question, long begin) {
        if (stopping) {
            return STOPPING;
        }
        if (System.nanoTime() - begin > TimeUnit.MILLISECONDS.toNanos(config.timeoutMs)) {
            return TOO_LATE;
        }
        return google.nearby(question.record(), question.radius(), question.bound());
    }

    private void run() {
        try {
            while (!stopping) {
                wakeup.select(untilNextDeadline(), () -> stopping);
                for (SelectionKey key : selector.selectedKeys()) {
                    if (key.attachment() instanceof Connection) {
                        hand((Connection) key.attachment());
                    } else {
                        accept((ServerSocketChannel) key.channel());
                    }
                }
                selector.selectedKeys().clear();
                closeLingering();
                if (paused && System.nanoTime() - pauseEnd >= 0) {
                    setAccepting(true);
                }
            }
            for (ServerSocketChannel listener : listeners) {
                listener.close();
            }
            selector.selectNow(); // which is when they are really closed
        } catch (IOException e) {
            log.warning("acceptor ends: " + e.getMessage());
        }
    }

    /** A connection is ready: out of the selector, into the pool. */
    private void hand(Connection connection) {
        try {
            connection.key.interestOps(0);
            execute(connection);
        } catch (CancelledKeyException e) {
            connection.close("stop");
        }
    }

    /** Accepts all that wait. */
    private void accept(ServerSocketChannel listener) {
        try {
            SocketChannel channel;
            while ((channel = listener.accept()) != null) {
                add(channel);
            }
        } catch (IOException e) { // no descriptors, most likely, and it would say so again at once
            log.warning("accept: " + e.getMessage());
            setAccepting(false);
        }
    }

    private void add(SocketChannel channel) throws IOException {
        if (connections.size() >= config.maxConnections) {
            channel.close();
            return;
        }
        Connection connection = new Connection(this, channel);
        connections.add(connection);
        try {
            channel.configureBlocking(false);
            channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
            connection.key = channel.register(selector, SelectionKey.OP_READ, connection);
        } catch (IOException e) {
            connection.close(e.getMessage()); // it has gone already
        }
    }

    private void setAccepting(boolean on) {
        for (ServerSocketChannel listener : listeners) {
            listener.keyFor(selector).interestOps(on ? SelectionKey.OP_ACCEPT : 0);
        }
        paused = !on;
        pauseEnd = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(PAUSE_MS);
    }

    private void closeLingering() {
        Connection first;
        while ((first = lingering.peek()) != null && System.nanoTime() - first.deadline >= 0) {
            lingering.remove().close("line too long");
        }
    }

    /** Milliseconds, 0 if there is none. */
    private long untilNextDeadline() {
        Connection first = lingering.peek();
        if (paused) {
            return PAUSE_MS;
        }
        return first == null ? 0 : Math.max(1, TimeUnit.NANOSECONDS.toMillis(first.deadline - System.nanoTime()) + 1);
    }
}
