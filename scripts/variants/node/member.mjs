// SPDX-License-Identifier: MIT
// One member of the herd: its store, its listening sockets, the connections they accept, and its links to the
// neighbours.

import { once } from 'node:events';
import net from 'node:net';
import { Link } from './link.mjs';
import { copy, isLater, isNewer } from './message.mjs';
import { Places } from './places.mjs';
import { Session } from './session.mjs';

const BACKLOG = 4096; // the kernel's own limit is the last word
const STOP_MS = 5000; // for lookups that are under way, and for clients that read slowly
const STOP_LINK_MS = 1000;

const turn = () => new Promise(setImmediate);

export class Member {
    #config;
    #links;
    #servers = [];
    #sessions = new Set();
    #idle = () => {}; // called when there is no session left

    constructor(config, log) {
        this.#config = config;
        this.log = log;
        this.name = config.name;
        this.maxLine = config.maxLine;
        this.store = new Map(); // client -> Record
        this.places = new Places(config.places, log);
        this.#links = config.neighbours.map((neighbour) => new Link(config.name, neighbour, this.store, log));
    }

    /** Resolves when connections are accepted; rejects if an address is not to be had. */
    async start() {
        for (const { host, port } of this.#config.listen) {
            const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
            await once(server.listen({ host, port, backlog: BACKLOG, ipv6Only: true }), 'listening');
            server.on('error', (error) => this.log.event(`accept: ${error.message}`, 'error'));
            this.#servers.push(server);
        }
        for (const link of this.#links)
            link.open();
    }

    #accept(socket) {
        if (this.#sessions.size >= this.#config.maxConnections) {
            socket.destroy();
            return;
        }
        const session = new Session(this, socket, () => {
            this.#sessions.delete(session);
            if (this.#sessions.size === 0)
                this.#idle();
        });
        this.#sessions.add(session);
    }

    /** What has come is answered, what was acknowledged is passed on, as far as the others take it in time. */
    async stop() {
        for (const server of this.#servers)
            server.close();
        // After two turns of the event loop everything has been read that was in the sockets before.
        await turn();
        await turn();
        const idle = new Promise((resolve) => { this.#idle = resolve; });
        for (const session of [...this.#sessions])
            session.stop();
        if (this.#sessions.size > 0)
            await Promise.race([idle, new Promise((resolve) => setTimeout(resolve, STOP_MS))]);
        await Promise.all(this.#links.map((link) => link.close(STOP_LINK_MS)));
    }

    /** PROTOCOL R8: a phone whose clock is far ahead would hold its client's place for as long. */
    isTooFarAhead(time, received) {
        const most = this.#config.maxFutureSkew;
        return most > 0 && isLater(time, { ...received, seconds: received.seconds + most });
    }

    /** Stores @record if it is newer and passes it on to every neighbour but @from (nullable). PROTOCOL R9, R20, R21 */
    put(record, from) {
        const known = this.store.get(record.client);
        if (known !== undefined && !isNewer(record, known))
            return;
        record.client = known === undefined ? copy(record.client) : known.client;
        this.store.set(record.client, record);
        for (const link of this.#links) {
            if (link.name !== from)
                link.offer(record);
        }
    }

    /** Whether @name is a neighbour, which is there now. */
    hears(name) {
        const link = this.#links.find((one) => one.name === name);
        link?.poke();
        return link !== undefined;
    }
}
