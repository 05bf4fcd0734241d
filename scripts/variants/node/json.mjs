// SPDX-License-Identifier: MIT
// JSON from a provider into the one layout of PROTOCOL R14. JSON.parse would turn numbers into doubles, so the text
// is read here: a scalar is kept as the text that is written in the end, an array is an Array, an object a
// JsonObject. All text is latin1: UTF-8 as bytes.

import { isUtf8 } from 'node:buffer';

const DEPTH_MAX = 64;
const VALUES_MAX = 100_000;
const LAID_OUT_MAX = 8 << 20; // bytes: indents and escapes can make much of little
const ONE_LINE_MAX = 73; // bytes from [ to ] of an array on one line
const INDENT = '   ';

const STRING = /"[^"\\\x00-\x1f]*(?:\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])[^"\\\x00-\x1f]*)*"/y;
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const [BLANK, TAB, LF, CR, QUOTE] = [...' \t\n\r"'].map((mark) => mark.charCodeAt(0));
const [COMMA, COLON, BRACKET, BRACKET_END, BRACE, BRACE_END] = [...',:[]{}'].map((mark) => mark.charCodeAt(0));

export class JsonError extends Error {}

export class JsonObject {
    /** [{ key, value }], keys as they are written, quotes and all. */
    constructor(members) {
        this.members = members;
    }

    /** All values of that key, which may stand there more than once. */
    all(key) {
        return this.members.filter((member) => member.key === quote(key)).map((member) => member.value);
    }
}

const ESCAPED = { '"': '\\"', '\\': '\\\\', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function escapeCharacter(character) {
    return ESCAPED[character] ?? '\\u' + character.charCodeAt(0).toString(16).padStart(4, '0');
}

function escape(text) {
    return text.replace(/["\\<>\x00-\x1f]/g, escapeCharacter);
}

/** Text as a string of the layout. */
export function quote(text) {
    return `"${escape(text)}"`;
}

/** The text of a string of the layout, where nothing above ASCII is escaped. */
export function unquote(string) {
    return string.includes('\\') ? JSON.parse(string) : string.slice(1, -1);
}

/** What may be written otherwise, as the layout has it: an escape, a pair of them that is one character, < or >. Half
 * a pair becomes U+FFFD. */
function convertEscape(escaped) {
    if (escaped.length === 1)
        return escapeCharacter(escaped);
    if (escaped.length === 2)
        return escaped === '\\/' ? '/' : escaped;
    return escape(Buffer.from(JSON.parse(`"${escaped}"`), 'utf8').toString('latin1'));
}

/** Whether a string may hold something that convertEscape() would change. */
const FOREIGN = /[<>]|\\(?:\/|u(?!003[ce]))/;

function convertString(string) {
    return string.replace(/\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u....|\\.|[<>]/g, convertEscape);
}

class Parser {
    #text;
    #at = 0;
    #values = 0;

    constructor(text) {
        this.#text = text;
    }

    /** The character that comes behind the blanks; NaN at the end. */
    next() {
        for (;;) {
            const character = this.#text.charCodeAt(this.#at);
            if (character !== BLANK && character !== LF && character !== CR && character !== TAB)
                return character;
            this.#at++;
        }
    }

    take(mark) {
        if (this.next() !== mark)
            return false;
        this.#at++;
        return true;
    }

    expect(mark) {
        if (!this.take(mark))
            throw new JsonError('is not JSON');
    }

    token(pattern) {
        const begin = this.#at;
        pattern.lastIndex = begin;
        if (!pattern.test(this.#text))
            throw new JsonError('is not JSON');
        this.#at = pattern.lastIndex;
        return this.#text.slice(begin, this.#at);
    }

    string() {
        const string = this.token(STRING);
        return FOREIGN.test(string) ? convertString(string) : string;
    }

    member(depth) {
        this.next();
        const key = this.string();
        this.expect(COLON);
        return { key, value: this.value(depth) };
    }

    list(end, item) {
        const items = [];
        if (this.take(end))
            return items;
        do
            items.push(item());
        while (this.take(COMMA));
        this.expect(end);
        return items;
    }

    value(depth) {
        if (++this.#values > VALUES_MAX || depth > DEPTH_MAX)
            throw new JsonError('has too many parts');
        if (this.take(BRACKET))
            return this.list(BRACKET_END, () => this.value(depth + 1));
        if (this.take(BRACE))
            return new JsonObject(this.list(BRACE_END, () => this.member(depth + 1)));
        return this.next() === QUOTE ? this.string() : this.token(SCALAR);
    }

    /** The one value that the text is. */
    whole() {
        const value = this.value(1);
        if (!Number.isNaN(this.next()))
            throw new JsonError('is not JSON');
        return value;
    }
}

/** @bytes, a Buffer, as a value. Throws JsonError. */
export function parse(bytes) {
    if (!isUtf8(bytes))
        throw new JsonError('is not JSON');
    return new Parser(bytes.toString('latin1')).whole();
}

/** By the bytes of their keys; most providers write them so. */
function sorted(members) {
    const texts = members.map(({ key }) => unquote(key));
    if (texts.every((text, index) => index === 0 || texts[index - 1] <= text))
        return members;
    const order = [...texts.keys()].sort((a, b) => (texts[a] < texts[b] ? -1 : texts[a] > texts[b] ? 1 : 0));
    return order.map((index) => members[index]);
}

/** A scalar, or empty. */
function isShort(value) {
    return typeof value === 'string' || (value.members ?? value).length === 0;
}

/** Items between brackets, one a line. */
function lines(open, items, close, indent) {
    const begin = '\n' + indent + INDENT;
    return open + begin + items.join(',' + begin) + '\n' + indent + close;
}

function layOutArray(array, indent) {
    if (array.length === 0)
        return '[]';
    const items = array.map((value) => layOutAt(value, indent + INDENT));
    const line = array.every(isShort) ? `[ ${items.join(', ')} ]` : null;
    return line !== null && line.length <= ONE_LINE_MAX ? line : lines('[', items, ']', indent);
}

function layOutObject(object, indent) {
    if (object.members.length === 0)
        return '{}';
    const items = sorted(object.members).map(({ key, value }) => `${key} : ${layOutAt(value, indent + INDENT)}`);
    return lines('{', items, '}', indent);
}

function layOutAt(value, indent) {
    if (typeof value === 'string')
        return value;
    return Array.isArray(value) ? layOutArray(value, indent) : layOutObject(value, indent);
}

/** PROTOCOL R14. Throws JsonError. */
export function layOut(value) {
    const text = layOutAt(value, '');
    if (text.length > LAID_OUT_MAX)
        throw new JsonError('is too large when it is laid out');
    return text;
}
