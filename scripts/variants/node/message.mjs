// SPDX-License-Identifier: MIT
// The lines of the protocol and the records they make. All text here is latin1: one character a byte, so that bytes
// come out as they came in, and strings compare as bytes do.

import { NS_PER_S } from './clock.mjs';

// PROTOCOL R2: not \s, which is also blanks of other alphabets. PROTOCOL R4: a NUL is in no field, so no command has
// one.
const BLANK = '[ \\t\\r\\v\\f]';
const FIELD = '([^ \\t-\\r\\0]+)';
// PROTOCOL R7, R10: the bounds are in the digits, so no number is rounded on its way to a comparison.
const LATITUDE = '[+-](?:0?[0-8]?\\d(?:\\.\\d+)?|0?90(?:\\.0+)?)';
const LONGITUDE = '[+-](?:(?:0?\\d?\\d|1[0-7]\\d)(?:\\.\\d+)?|180(?:\\.0+)?)';
const LOCATION = `(${LATITUDE}${LONGITUDE})`;
const TIME = '(([+-]?)(\\d{1,12})(?:\\.(\\d+))?)'; // PROTOCOL R8
const RADIUS = '0*([0-4]?\\d(?:\\.\\d+)?|50(?:\\.0+)?)';
const BOUND = '0*(1?\\d|20)';
const SKEW = '([+-]\\d{1,13}\\.\\d{9})';

const command = (...fields) => new RegExp(`^${BLANK}*${fields.join(`${BLANK}+`)}${BLANK}*$`);

/** [, client, location, time, sign, whole, fraction] */
export const IAMAT = command('IAMAT', FIELD, LOCATION, TIME);
/** [, client, radius, bound] */
export const WHATSAT = command('WHATSAT', FIELD, RADIUS, BOUND);
/** [, from, to] */
export const MEMBER = command('MEMBER', FIELD, FIELD);
/** [, origin, skew, client, location, time, sign, whole, fraction]; as members write it, with single blanks. */
export const AT = new RegExp(`^AT ${FIELD} ${SKEW} ${FIELD} ${LOCATION} ${TIME}$`);

const scratch = Buffer.allocUnsafe(64 << 10);

/** A copy that keeps nothing else in memory: what V8 cuts out of a string, or puts together, keeps all of its parts. */
export function copy(text) {
    if (text.length > scratch.length)
        return Buffer.from(text, 'latin1').toString('latin1');
    return scratch.toString('latin1', 0, scratch.write(text, 'latin1'));
}

/** PROTOCOL R8: -0.5 is {-1, 500000000}. Digits past the ninth do not count. */
export function parseTime(sign, whole, fraction) {
    const seconds = Number(whole);
    const nanoseconds = fraction === undefined ? 0 : Number(fraction.slice(0, 9).padEnd(9, '0'));
    if (sign !== '-')
        return { seconds, nanoseconds };
    if (nanoseconds === 0)
        return { seconds: -seconds, nanoseconds };
    return { seconds: -seconds - 1, nanoseconds: NS_PER_S - nanoseconds };
}

/** PROTOCOL R5: a - b with its sign and nine decimals. */
export function formatSkew(a, b) {
    let seconds = a.seconds - b.seconds;
    let nanoseconds = a.nanoseconds - b.nanoseconds;
    let sign = '+';
    if (seconds < 0 || (seconds === 0 && nanoseconds < 0)) {
        sign = '-';
        seconds = -seconds;
        nanoseconds = -nanoseconds;
    }
    if (nanoseconds < 0) {
        seconds -= 1;
        nanoseconds += NS_PER_S;
    }
    return sign + seconds + '.' + String(nanoseconds).padStart(9, '0');
}

export function isLater(a, b) {
    return a.seconds !== b.seconds ? a.seconds > b.seconds : a.nanoseconds > b.nanoseconds;
}

/** What is known of a client: its AT line, LF included, and the time in it. */
export class Record {
    constructor(client, line, time) {
        this.client = client;
        this.line = line;
        this.seconds = time.seconds;
        this.nanoseconds = time.nanoseconds;
    }

    get location() {
        return this.line.split(' ', 5)[4];
    }
}

/** PROTOCOL R21, for equal times; the bytes of the line are the last word. */
function winsTie(a, b) {
    const [, originA, skewA, , locationA] = a.split(' ');
    const [, originB, skewB, , locationB] = b.split(' ');
    if (originA !== originB)
        return originA > originB;
    if (locationA !== locationB)
        return locationA > locationB;
    const [nanosecondsA, nanosecondsB] = [skewA, skewB].map((skew) => BigInt(skew.replace('.', '')));
    return nanosecondsA !== nanosecondsB ? nanosecondsA > nanosecondsB : a > b;
}

/** PROTOCOL R21, of records. */
export function isNewer(a, b) {
    if (a.seconds === b.seconds && a.nanoseconds === b.nanoseconds)
        return winsTie(a.line, b.line);
    return isLater(a, b);
}
