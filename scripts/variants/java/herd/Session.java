// SPDX-License-Identifier: MIT
package herd;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.time.Instant;

/** Executes lines: what they mean, what is answered. Knows nothing of sockets. Any worker. */
final class Session {
    private static final int TOO_LONG_SHOWN = 64; // PROTOCOL R4
    private static final byte[] NOTHING = Google.nothing();

    /** Who talks over a connection: a client, or after its MEMBER line a neighbour. */
    static final class Peer {
        String name; // "" unless messages are logged
        Link link; // null: a client
        private int epoch;

        Peer(String name) {
            this.name = name;
        }
    }

    /** A WHATSAT that has to ask the provider. */
    record Question(LocationRecord record, long radius, int bound) {}

    private final Config config;
    private final Store store;
    private final Flood flood;
    private final Log log;
    private final byte[] name;

    Session(Config config, Store store, Flood flood, Log log) {
        this.config = config;
        this.store = store;
        this.flood = flood;
        this.log = log;
        name = config.self.name().getBytes(ISO_8859_1);
    }

    /** The reply goes to the worker's output, except that of a question, which is returned. */
    Question execute(Worker worker, Peer peer, int from, int to, Instant received) {
        byte[] line = worker.input;
        Command command = worker.command;
        Command.Kind kind = command.parse(line, from, to);
        if (log.messages) {
            log.received(peer.name, line, from, to);
        }
        if (peer.link != null) {
            if (kind == Command.Kind.AT) { // PROTOCOL R20: never answered
                keep(worker, LocationRecord.ofAt(command, worker.scratch), peer.link.isSameRun(peer.epoch) ? peer.link : null);
            }
            return null;
        }
        switch (kind) {
            case IAMAT:
                if (isTooFarAhead(command, received)) {
                    invalid(worker, peer, from, to);
                } else {
                    LocationRecord record = LocationRecord.ofIamat(command, name, received, worker.scratch);
                    keep(worker, record, null);
                    reply(worker, peer, record.line);
                }
                return null;
            case WHATSAT:
                LocationRecord known = store.get(command.text(1));
                if (known == null) { // PROTOCOL R11
                    invalid(worker, peer, from, to);
                } else if (command.bound == 0 || command.radius == 0) { // PROTOCOL R10
                    places(worker, peer, known, NOTHING);
                } else {
                    return new Question(known, command.radius, command.bound);
                }
                return null;
            case MEMBER: // PROTOCOL R22
                Link link = command.text(2).equals(config.self.name()) ? flood.link(command.text(1)) : null;
                if (link == null) {
                    invalid(worker, peer, from, to);
                } else {
                    peer.link = link;
                    peer.name = command.text(1);
                    peer.epoch = link.joined();
                }
                return null;
            default: // PROTOCOL R16, R17
                invalid(worker, peer, from, to);
                return null;
        }
    }

    /** The reply to a question. */
    void places(Worker worker, Peer peer, LocationRecord record, byte[] json) {
        reply(worker, peer, record.line);
        worker.output.add(json).add('\n').add('\n');
    }

    /** A line that is longer than may be; its first bytes are in the worker's input. */
    void tooLong(Worker worker, Peer peer, int from) {
        if (peer.link == null) {
            invalid(worker, peer, from, from + TOO_LONG_SHOWN);
        }
    }

    private boolean isTooFarAhead(Command command, Instant received) {
        long most = received.getEpochSecond() + config.maxFutureSkew;
        return config.maxFutureSkew > 0
            && (command.seconds > most || command.seconds == most && command.nanos > received.getNano());
    }

    private void keep(Worker worker, LocationRecord record, Link from) {
        if (store.put(record) && flood.hasLinks()) {
            worker.updates.add(new Flood.Update(record, from));
        }
    }

    private void reply(Worker worker, Peer peer, byte[] line) {
        worker.output.add(line);
        if (log.messages) {
            log.sent(peer.name, line, 0, line.length - 1);
        }
    }

    private void invalid(Worker worker, Peer peer, int from, int to) {
        Bytes output = worker.output;
        int begin = output.length;
        output.add('?').add(' ').add(worker.input, from, to).add('\n');
        if (log.messages) {
            log.sent(peer.name, output.array, begin, output.length - 1);
        }
    }
}
