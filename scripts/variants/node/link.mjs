// SPDX-License-Identifier: MIT
// What this member tells one neighbour (PROTOCOL R20-R23): a connection of its own that is opened again and again,
// over which go MEMBER, the whole store, and each newer record as it comes. Nothing comes back.

import net from 'node:net';
import { getSystemErrorMap } from 'node:util';

const BACKOFF_MIN_MS = 100;
const BACKOFF_MAX_MS = 5000;
const CONNECT_MS = 5000;
const STUCK_MS = 30_000; // for a neighbour to take something of what waits for it
export const KEEPALIVE_MS = 5000; // of silence, until the kernel asks whether the other side is there
const WRITE_SIZE = 256 << 10; // bytes, about: what is handed to the kernel before it has taken it

function reasonOf(error) {
    return getSystemErrorMap().get(error.errno)?.[1] ?? error.message;
}

export class Link {
    #self;
    #neighbour;
    #store;
    #log;
    #socket = null;
    #up = false;
    #upSince = 0;
    #saidDown = null; // the reason that the log has
    #backoff = BACKOFF_MIN_MS;
    #retry = null; // the timer of the next try
    #stopping = false;

    // What the neighbour does not have yet. A newer record replaces an older one, so a neighbour that does not read
    // costs one entry a client.
    #pending = new Map(); // client -> Record
    #stored = null; // an iterator over the store, which also sees what is added behind it
    #flushing = null; // (nullable) Immediate

    /** @neighbour: {name, host, port}; @store: client -> Record. */
    constructor(self, neighbour, store, log) {
        this.#self = self;
        this.#neighbour = neighbour;
        this.#store = store;
        this.#log = log;
    }

    get name() {
        return this.#neighbour.name;
    }

    open() {
        const { host, port } = this.#neighbour;
        let reason = 'closed by the neighbour';
        this.#retry = null;
        this.#socket = net.connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEPALIVE_MS })
            .setTimeout(CONNECT_MS)
            .on('connect', () => this.#greet())
            .on('drain', () => this.#schedule())
            .on('data', () => this.#socket.destroy(new Error('the neighbour does not take us for one')))
            .on('timeout', () => {
                if (!this.#up || this.#socket.writableLength > 0)
                    this.#socket.destroy(new Error(this.#up ? 'the neighbour takes nothing' : 'no connection in time'));
            })
            .on('error', (error) => { reason = reasonOf(error); })
            .on('close', () => this.#takeDown(reason));
    }

    /** The neighbour has shown that it is there. */
    poke() {
        if (this.#retry === null)
            return;
        clearTimeout(this.#retry);
        this.open();
    }

    #greet() {
        this.#up = true;
        this.#upSince = Date.now();
        this.#saidDown = null;
        this.#log.event(`link ${this.name} up`);
        this.#socket.setTimeout(STUCK_MS);
        this.#socket.write(`MEMBER ${this.#self} ${this.name}\n`);
        this.#stored = this.#store.values();
        this.#flush();
    }

    /** What was to be said is forgotten: when the link comes up again, all is said again. */
    #takeDown(reason) {
        if (this.#stopping)
            return;
        if (reason !== this.#saidDown)
            this.#log.event(`link ${this.name} down: ${reason}`, 'warning');
        this.#saidDown = reason;
        if (this.#up && Date.now() - this.#upSince > this.#backoff)
            this.#backoff = BACKOFF_MIN_MS; // not a link that comes up and breaks at once
        this.#up = false;
        this.#pending.clear();
        this.#stored = null;
        // Half of it by chance, so that a herd that lost one member does not come back in step.
        this.#retry = setTimeout(() => this.open(), this.#backoff * (1 + Math.random()) / 2);
        this.#backoff = Math.min(this.#backoff * 2, BACKOFF_MAX_MS);
    }

    /** A record that is newer than what there was. */
    offer(record) {
        if (!this.#up)
            return;
        this.#pending.set(record.client, record);
        this.#schedule();
    }

    /** All that comes in this turn of the event loop goes in one write. */
    #schedule() {
        this.#flushing ??= setImmediate(() => this.#flush());
    }

    /** About WRITE_SIZE bytes of what the neighbour does not have yet. */
    #take() {
        let lines = '';
        for (const record of this.#pending.values()) {
            if (lines.length >= WRITE_SIZE)
                return lines;
            this.#pending.delete(record.client);
            lines += this.#say(record);
        }
        while (this.#stored !== null && lines.length < WRITE_SIZE) {
            const { value: record, done } = this.#stored.next();
            if (done)
                this.#stored = null;
            else
                lines += this.#say(record);
        }
        return lines;
    }

    #say(record) {
        if (this.#log.messages)
            this.#log.message('send', this.name, record.line.slice(0, -1));
        return record.line;
    }

    #flush() {
        this.#flushing = null;
        if (!this.#up || this.#socket.writableNeedDrain)
            return; // 'drain' comes here again
        const lines = this.#take();
        if (lines !== '')
            this.#socket.write(lines, 'latin1');
        if (this.#pending.size > 0 || this.#stored !== null)
            this.#schedule();
        else if (this.#stopping)
            this.#socket.end();
    }

    /** Says what is left, as far as the neighbour takes it in @patience ms. */
    async close(patience) {
        this.#stopping = true;
        clearTimeout(this.#retry);
        if (!this.#up) {
            this.#socket.destroy();
            return;
        }
        const closed = new Promise((resolve) => { this.#socket.once('close', resolve); });
        const timer = setTimeout(() => this.#socket.destroy(), patience);
        this.#flush();
        await closed;
        clearTimeout(timer);
    }
}
