// SPDX-License-Identifier: MIT
// NAME.log: one line an event. Lines gather in a buffer and leave in one write, which a thread of libuv's does; when
// the disk falls behind, lines are dropped and counted.

import fs from 'node:fs/promises';
import path from 'node:path';
import { now } from './clock.mjs';

const GATHER_MS = 20;
const WAITING_MAX = 4 << 20; // bytes
const SHOWN_MAX = 4096; // bytes of a message

const hexadecimal = (character) => '\\x' + character.charCodeAt(0).toString(16).padStart(2, '0');

/** Printable ASCII as it is, so that an event is one line whatever a client sends. */
function printable(text) {
    const shown = text.length > SHOWN_MAX ? text.slice(0, SHOWN_MAX) : text;
    const escaped = shown.replace(/[^ -[\]-~]/g, hexadecimal);
    return shown === text ? escaped : `${escaped} (+${text.length - SHOWN_MAX} bytes)`;
}

export class Log {
    #file;
    #filling = Buffer.allocUnsafe(WAITING_MAX); // lines are added to this one
    #filled = 0;
    #writing = Buffer.allocUnsafe(WAITING_MAX); // while this one is written
    #dropped = 0; // lines, not yet told
    #timer = null;
    #flushing = null; // (nullable) the promise of the write that is under way
    #second = NaN;
    #date = '';

    /** @messages: whether lines of messages are wanted. */
    static async open(directory, name, messages) {
        await fs.mkdir(directory, { recursive: true, mode: 0o750 });
        return new Log(await fs.open(path.join(directory, `${name}.log`), 'a', 0o640), messages);
    }

    constructor(file, messages) {
        this.#file = file;
        this.messages = messages;
    }

    event(what, level = 'info') {
        const { seconds, nanoseconds } = now();
        if (seconds !== this.#second) {
            this.#second = seconds;
            this.#date = new Date(seconds * 1000).toISOString().slice(0, 19);
        }
        const line = `${this.#date}.${String(nanoseconds).padStart(9, '0')}Z ${level} main ${what}\n`;
        if (this.#filled + line.length > WAITING_MAX)
            this.#dropped++;
        else
            this.#filled += this.#filling.write(line, this.#filled, 'latin1');
        this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
    }

    /** "recv PEER LINE" or "send PEER LINE"; ask `messages` before. */
    message(direction, peer, line) {
        this.event(`${direction} ${peer} ${printable(line)}`);
    }

    async #write() {
        const lines = this.#filling.subarray(0, this.#filled);
        const dropped = this.#dropped;
        [this.#filling, this.#writing] = [this.#writing, this.#filling];
        this.#filled = this.#dropped = 0;
        if (dropped > 0)
            this.event(`log dropped ${dropped} lines`, 'warning');
        try {
            await this.#file.appendFile(lines);
        } catch {
            this.#dropped += lines.toString('latin1').split('\n').length - 1; // told when the disk takes lines again
        }
    }

    async #flush() {
        await (this.#flushing = this.#write());
        this.#timer = this.#filled > 0 || this.#dropped > 0 ? setTimeout(() => this.#flush(), GATHER_MS) : null;
    }

    /** Writes what is left, and what there is to say of that. Nobody logs any more. */
    async close() {
        await this.#flushing;
        clearTimeout(this.#timer);
        await this.#write();
        await this.#write();
        await this.#file.close();
    }
}
