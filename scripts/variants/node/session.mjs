// SPDX-License-Identifier: MIT
// One connection that was accepted: a client's, or a neighbour's once it has said MEMBER. Lines are executed in their
// order, one reply each (PROTOCOL R3); the replies to what one read has brought leave in one write.

import { now } from './clock.mjs';
import { KEEPALIVE_MS } from './link.mjs';
import { AT, IAMAT, MEMBER, Record, WHATSAT, copy, formatSkew, parseTime } from './message.mjs';
import { NOTHING, metres } from './places.mjs';

const TOO_LONG_SHOWN = 64; // bytes, PROTOCOL R4
const LINK_LINE_MAX = 32768 + 256; // bytes: an AT of the longest IAMAT that any member may take
const OUTPUT_SIZE = 32 << 10; // bytes of replies that are gathered in one turn of the event loop, about
const LINGER_MS = 2000; // to read a reply to its end: closing with input unread would reset the connection

function addressOf(socket) {
    const host = socket.remoteFamily === 'IPv6' ? `[${socket.remoteAddress}]` : socket.remoteAddress;
    return `${host}:${socket.remotePort}`;
}

export class Session {
    #member;
    #socket;
    #log;
    #peer = '';
    #neighbour = null; // (nullable) the name of the one that this is
    #input = ''; // has come and is not executed
    #received = null; // when the last of it came
    #output = ''; // replies that are not sent
    #waits = 0; // for a lookup, a client that does not read, its turn: until there is none, nothing is read or executed
    #ended = false; // the other side has said all
    #stopping = false;
    #closing = false; // no line is executed any more
    #linger = null;

    /** @onClose is called once, at the very end. */
    constructor(member, socket, onClose) {
        this.#member = member;
        this.#socket = socket;
        this.#log = member.log;
        this.#peer = addressOf(socket);
        this.#log.event(`open ${this.#peer}`);
        socket.on('data', (chunk) => this.#receive(chunk));
        socket.on('end', () => this.#end());
        socket.on('error', () => {}); // 'close' follows; who is gone wants no answer
        socket.on('close', () => {
            this.#closing = true;
            clearTimeout(this.#linger);
            this.#log.event(`close ${this.#peer}`);
            onClose();
        });
    }

    /** Ends the connection when what has come is answered. */
    stop() {
        this.#stopping = true;
        this.#run();
    }

    #receive(chunk) {
        if (this.#closing)
            return;
        this.#received = now();
        this.#input += chunk.toString('latin1');
        this.#run();
    }

    #end() {
        this.#ended = true;
        this.#run();
    }

    #wait() {
        this.#waits++;
        this.#socket.pause();
    }

    #resume() {
        this.#waits--;
        if (this.#waits === 0)
            this.#socket.resume();
        this.#run();
    }

    /** Executes the complete lines, up to one that has to wait. */
    #run() {
        const input = this.#input;
        let at = 0;
        while (this.#waits === 0 && !this.#closing && at < input.length) {
            const lf = input.indexOf('\n', at);
            const next = lf < 0 ? input.length : lf + 1;
            const most = this.#neighbour === null ? this.#member.maxLine : LINK_LINE_MAX;
            if (next - at > most || (lf < 0 && next - at === most)) {
                this.#refuseLong(input.slice(at, next));
                break;
            }
            if (lf < 0 && !this.#endIsLine())
                break;
            // PROTOCOL R16: LF and CR LF are no part of the line.
            this.#execute(input.slice(at, lf < 0 ? next : lf > at && input[lf - 1] === '\r' ? lf - 1 : lf));
            at = next;
            if (this.#output.length >= OUTPUT_SIZE && this.#waits === 0) { // others had to wait for long enough
                this.#wait();
                setImmediate(() => this.#resume());
            }
        }
        this.#input = at === input.length ? '' : copy(input.slice(at));
        this.#send();
        if (this.#waits === 0 && !this.#closing && (this.#ended || this.#stopping))
            this.#close();
    }

    /** PROTOCOL R1: what ends with a client's connection is a line too. Not what a neighbour left unfinished: half a
     * time is another time. */
    #endIsLine() {
        return this.#ended && this.#neighbour === null;
    }

    #send() {
        if (this.#output === '' || this.#socket.destroyed)
            return;
        this.#socket.write(this.#output, 'latin1');
        this.#output = '';
        // write() says no above its high-water mark, even if the kernel has taken all; what counts is what it has not
        // taken.
        if (this.#socket.writableLength > 0) {
            this.#wait();
            this.#socket.once('drain', () => this.#resume());
        }
    }

    #close() {
        this.#closing = true;
        this.#socket.end(() => this.#stopping && this.#socket.destroy());
        if (!this.#ended)
            this.#linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    }

    /** PROTOCOL R4 */
    #refuseLong(line) {
        this.#logReceived(line);
        if (this.#neighbour === null)
            this.#reply(`? ${line.slice(0, TOO_LONG_SHOWN)}\n`);
        this.#send();
        this.#close();
    }

    #logReceived(line) {
        if (this.#log.messages)
            this.#log.message('recv', this.#neighbour ?? this.#peer, line);
    }

    /** @reply begins with a line, which the log gets. */
    #reply(reply) {
        this.#output += reply;
        if (this.#log.messages)
            this.#log.message('send', this.#peer, reply.slice(0, reply.indexOf('\n')));
    }

    #execute(line) {
        this.#logReceived(line);
        if (this.#neighbour !== null) {
            this.#executeUpdate(line);
            return;
        }
        let fields;
        if ((fields = IAMAT.exec(line)) !== null)
            this.#executeIamat(line, fields);
        else if ((fields = WHATSAT.exec(line)) !== null)
            this.#executeWhatsat(line, fields);
        else if ((fields = MEMBER.exec(line)) !== null)
            this.#executeMember(line, fields);
        else
            this.#replyInvalid(line);
    }

    /** PROTOCOL R16 */
    #replyInvalid(line) {
        this.#reply(`? ${line}\n`);
    }

    /** PROTOCOL R5, R9 */
    #executeIamat(line, [, client, location, text, sign, whole, fraction]) {
        const time = parseTime(sign, whole, fraction);
        if (this.#member.isTooFarAhead(time, this.#received)) {
            this.#replyInvalid(line);
            return;
        }
        const skew = formatSkew(this.#received, time);
        const reply = copy(`AT ${this.#member.name} ${skew} ${client} ${location} ${text}\n`);
        this.#member.put(new Record(client, reply, time), null);
        this.#reply(reply);
    }

    /** PROTOCOL R10-R13 */
    #executeWhatsat(line, [, client, radius, bound]) {
        const record = this.#member.store.get(client);
        if (record === undefined) {
            this.#replyInvalid(line);
        } else if (Number(bound) === 0 || metres(radius) === 0) {
            this.#replyPlaces(record, NOTHING);
        } else {
            this.#wait();
            this.#member.places.nearby(record.location, metres(radius), Number(bound)).then((json) => {
                this.#replyPlaces(record, json);
                this.#resume();
            });
        }
    }

    #replyPlaces(record, json) {
        this.#reply(`${record.line}${json}\n\n`);
    }

    /** PROTOCOL R17: from a stranger it is no command. */
    #executeMember(line, [, from, to]) {
        if (to !== this.#member.name || !this.#member.hears(from)) {
            this.#replyInvalid(line);
            return;
        }
        this.#neighbour = from;
        this.#socket.setKeepAlive(true, KEEPALIVE_MS);
    }

    /** PROTOCOL R20: an update is never answered; what is none is dropped. */
    #executeUpdate(line) {
        const fields = AT.exec(line);
        if (fields === null) {
            this.#log.event(`link ${this.#neighbour} dropped a line that is no update`, 'warning');
            return;
        }
        const [, , , client, , , sign, whole, fraction] = fields;
        this.#member.put(new Record(client, copy(line + '\n'), parseTime(sign, whole, fraction)), this.#neighbour);
    }
}
