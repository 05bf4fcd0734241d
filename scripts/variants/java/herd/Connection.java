// SPDX-License-Identifier: MIT
package herd;

import java.io.IOException;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.SocketChannel;
import java.time.Instant;
import java.util.Arrays;
import jdk.net.ExtendedSocketOptions;

/**
 * A connection that others have opened. It is the pool's task: run() is its turn, in which it reads once, executes all whole
 * lines, and writes all replies at once. It belongs to one at a time: the worker that runs it, or the selector in which it is
 * armed, or the lookup it waits for; whoever hands it on does that last.
 */
final class Connection implements Runnable {
    private static final int OUTPUT_MAX = 64 << 10; // of a turn; the lines behind that wait for the next one
    private static final int LINGER_MS = 2000; // for a client to take what it was sent last
    private static final byte[] NONE = {};

    final SocketChannel channel;
    SelectionKey key; // set by the acceptor before it is armed
    long deadline; // System.nanoTime() at which a lingering connection is closed
    private final Server server;
    private final Session.Peer peer;
    private byte[] rest = NONE; // input that has come and is not executed
    private boolean restHasLines; // there may be a whole one in it
    private ByteBuffer unsent; // output that the socket did not take
    private boolean atEnd; // of the input
    private boolean closing; // nothing more is executed
    private boolean lingering;
    private Session.Question question; // that waits for its answer,
    private byte[] answer; // which is set by the thread that looks it up

    Connection(Server server, SocketChannel channel) throws IOException {
        this.server = server;
        this.channel = channel;
        peer = new Session.Peer(Address.text(channel.getRemoteAddress()));
        server.log.info("open " + peer.name);
    }

    @Override
    public void run() {
        try {
            turn((Worker) Thread.currentThread());
        } catch (IOException e) {
            close(e.getMessage());
        }
    }

    /** The lookup has ended; the next turn sends its answer. */
    void answered(byte[] json) {
        answer = json;
        server.execute(this);
    }

    /** Any thread, any number of times. */
    void close(String reason) {
        if (server.remove(this)) {
            try {
                channel.close();
            } catch (IOException e) {
                reason = e.getMessage();
            }
            server.log.info("close " + peer.name + " " + reason);
        }
    }

    private void turn(Worker worker) throws IOException {
        worker.output.clear();
        if (question != null) {
            server.session.places(worker, peer, question.record(), answer);
            question = null;
            answer = null;
        }
        if (unsent != null && !sendUnsent(worker)) {
            arm(SelectionKey.OP_WRITE);
            return;
        }
        if (lingering) {
            discardInput(worker);
            return;
        }
        if (!closing) {
            int length = takeRest(worker);
            if (!restHasLines && !atEnd) {
                length = read(worker, length);
            }
            execute(worker, length);
            server.flood(worker.updates); // first, so that what is acknowledged is on its way
            send(worker);
        }
        handOn();
    }

    private int takeRest(Worker worker) {
        int length = rest.length;
        System.arraycopy(rest, 0, worker.input, 0, length);
        rest = NONE;
        return length;
    }

    /** Reads behind what is there; returns how much there is then. */
    private int read(Worker worker, int length) throws IOException {
        worker.inputBuffer.limit(worker.input.length).position(length);
        int count = channel.read(worker.inputBuffer);
        atEnd = count < 0;
        return length + Math.max(count, 0);
    }

    /** Executes the lines in the input, up to a question or a full output; the rest is kept. */
    private void execute(Worker worker, int length) throws IOException {
        byte[] input = worker.input;
        Instant received = Instant.now();
        int at = 0;
        restHasLines = false;
        while (at < length && !closing && question == null) {
            if (worker.output.length >= OUTPUT_MAX) {
                restHasLines = true;
                break;
            }
            int lf = at;
            while (lf < length && input[lf] != '\n') {
                lf++;
            }
            if (lf - at >= server.config.maxLine) { // PROTOCOL R4
                server.session.tooLong(worker, peer, at);
                closing = true;
            } else if (lf < length) {
                int end = lf > at && input[lf - 1] == '\r' ? lf - 1 : lf;
                boolean wasClient = peer.link == null;
                question = server.session.execute(worker, peer, at, end, received);
                at = lf + 1;
                if (wasClient && peer.link != null) {
                    watch();
                }
            } else if (atEnd) { // PROTOCOL R1
                question = server.session.execute(worker, peer, at, length, received);
                at = length;
            } else {
                break;
            }
        }
        if (!closing) {
            restHasLines |= question != null && at < length;
            rest = at < length ? Arrays.copyOfRange(input, at, length) : NONE;
        }
    }

    /** A neighbour that is gone without a word has to be noticed, though nothing is ever sent to it here. */
    private void watch() throws IOException {
        channel.setOption(StandardSocketOptions.SO_KEEPALIVE, true);
        channel.setOption(ExtendedSocketOptions.TCP_KEEPIDLE, Link.KEEPALIVE_S);
        channel.setOption(ExtendedSocketOptions.TCP_KEEPINTERVAL, Link.KEEPALIVE_S);
        channel.setOption(ExtendedSocketOptions.TCP_KEEPCOUNT, Link.KEEPALIVE_COUNT);
    }

    /** Writes the output of the turn; what the socket does not take is kept. */
    private void send(Worker worker) throws IOException {
        if (worker.output.length == 0) {
            return;
        }
        ByteBuffer output = ByteBuffer.wrap(worker.output.array, 0, worker.output.length);
        channel.write(output);
        if (output.hasRemaining()) {
            unsent = ByteBuffer.wrap(Arrays.copyOfRange(output.array(), output.position(), output.limit()));
        }
        worker.output.clear();
    }

    /** Writes what is left of earlier turns; whether that was all. If not the output of this turn goes behind it. */
    private boolean sendUnsent(Worker worker) throws IOException {
        channel.write(unsent);
        if (!unsent.hasRemaining()) {
            unsent = null;
            return true;
        }
        if (worker.output.length > 0) { // an answer, of which there is one at a time
            ByteBuffer both = ByteBuffer.allocate(unsent.remaining() + worker.output.length);
            unsent = both.put(unsent).put(worker.output.array, 0, worker.output.length).flip();
        }
        return false;
    }

    /** The last thing of a turn: from here on the connection may be in other hands. */
    private void handOn() throws IOException {
        if (question != null) {
            server.look(this, question);
        } else if (unsent != null) { // who does not read is not read from
            arm(SelectionKey.OP_WRITE);
        } else if (closing) {
            linger();
        } else if (restHasLines) {
            server.execute(this); // behind those that wait
        } else if (atEnd) {
            close("end of input");
        } else {
            arm(SelectionKey.OP_READ);
        }
    }

    private void arm(int operations) {
        server.arm(this, operations);
    }

    /** Closing at once would take back, by a reset, what has been sent while input is unread. */
    private void linger() throws IOException {
        channel.shutdownOutput();
        lingering = true;
        deadline = System.nanoTime() + LINGER_MS * 1_000_000L;
        server.linger(this);
        arm(SelectionKey.OP_READ);
    }

    private void discardInput(Worker worker) throws IOException {
        if (channel.read(worker.inputBuffer.clear()) < 0) {
            close("line too long");
        } else {
            arm(SelectionKey.OP_READ);
        }
    }
}
