// SPDX-License-Identifier: MIT
// Google's legacy Nearby Search, and what becomes of its answers and failures (PROTOCOL R13-R15).

import http from 'node:http';
import https from 'node:https';
import { JsonError, JsonObject, layOut, parse, quote, unquote } from './json.mjs';

const PATH = '/maps/api/place/nearbysearch/json';
const BODY_MAX = 4 << 20; // bytes
const IDLE_MAX = 1024; // connections kept for later
const SECRET_MIN = 6; // characters: a shorter key cannot be told from ordinary words
const STATUSES = ['OK', 'ZERO_RESULTS', 'INVALID_REQUEST', 'OVER_QUERY_LIMIT', 'REQUEST_DENIED', 'UNKNOWN_ERROR'];
const STATUS_OF_HTTP = {
    400: 'INVALID_REQUEST',
    401: 'REQUEST_DENIED',
    403: 'REQUEST_DENIED',
    429: 'OVER_QUERY_LIMIT',
};
const REASONS = {
    ECONNREFUSED: 'The places provider does not accept connections.',
    ECONNRESET: 'The places provider closed the connection before its answer was whole.',
    ENOTFOUND: 'The host of the places provider is not known.',
};

/** A lookup that has no good answer; the message, if there is one, is a sentence without key, URL or path. */
class Failure extends Error {
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}

const unknownError = (message) => new Failure('UNKNOWN_ERROR', message);

function emptyAnswer(status, message) {
    const members = [['html_attributions', []], ['results', []], ['status', quote(status)]];
    if (message)
        members.push(['error_message', quote(message)]);
    return layOut(new JsonObject(members.map(([key, value]) => ({ key: quote(key), value }))));
}

/** PROTOCOL R10: what a radius or a bound of 0 finds. */
export const NOTHING = emptyAnswer('ZERO_RESULTS');

/** Kilometres in metres, to the millimetre. */
export function metres(kilometres) {
    const [whole, fraction = ''] = kilometres.split('.');
    return (Number(whole) * 1_000_000 + Number(fraction.slice(0, 6).padEnd(6, '0'))) / 1000;
}

/** "+034.50-118" is "34.5,-118": nine decimals at the most, and no plus, which is a blank in a URL. */
function coordinates(location) {
    return location.match(/[+-][\d.]+/g).map((text) => {
        const [, sign, whole, fraction = ''] = /^([+-])0*(\d+)(?:\.(\d{1,9}))?/.exec(text);
        const digits = fraction.replace(/0+$/, '');
        return (sign === '-' ? '-' : '') + whole + (digits && '.') + digits;
    }).join();
}

const isString = (value) => typeof value === 'string' && value.startsWith('"');

/** The array @key of @root; an empty one is added if there is none and may be none. */
function requireArray(root, key, mayLack) {
    const found = root.all(key);
    if (found.length === 0 && mayLack) {
        root.members.push({ key: quote(key), value: [] });
        return root.members.at(-1).value;
    }
    return found.length === 1 && Array.isArray(found[0]) ? found[0] : null;
}

/** Makes @root a whole answer with at most @bound results. Returns its status, null if it is none in Google's format.
 * */
function complete(root, bound) {
    if (!(root instanceof JsonObject))
        return null;
    const found = root.all('status');
    const status = STATUSES.find((name) => found.length === 1 && found[0] === quote(name));
    const results = status && requireArray(root, 'results', status !== 'OK');
    if (!results || !requireArray(root, 'html_attributions', true))
        return null;
    results.splice(bound);
    return results.every((result) => result instanceof JsonObject) ? status : null;
}

export class Places {
    #url;
    #key;
    #timeout;
    #get;
    #agent;
    #log;

    constructor({ url, key, timeout, maxLookups }, log) {
        const { get, Agent } = url.startsWith('https:') ? https : http;
        this.#url = url + PATH;
        this.#key = key;
        this.#timeout = timeout;
        this.#get = get;
        // What is more than maxLookups waits in the agent.
        this.#agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_MAX, maxSockets: maxLookups || Infinity });
        this.#log = log;
    }

    /** The JSON of an answer, whatever happens. */
    async nearby(location, radius, bound) {
        try {
            const question = `location=${coordinates(location)}&radius=${radius}&key=${encodeURIComponent(this.#key)}`;
            return this.#read(await this.#fetch(`${this.#url}?${question}`), bound);
        } catch (error) {
            if (!(error instanceof Failure))
                throw error;
            this.#log.event(`places lookup failed: ${error.status}: ${error.message}`, 'warning');
            return emptyAnswer(error.status, error.message);
        }
    }

    /** { httpStatus, body }, or a Failure. Redirects are not followed. */
    #fetch(url) {
        return new Promise((resolve, reject) => {
            const fail = (failure) => {
                clearTimeout(timer);
                reject(failure); // the first one counts
                request.destroy();
            };
            const failed = ({ code }) => fail(unknownError(REASONS[code] ?? 'The request to the provider failed.'));
            const request = this.#get(url, { agent: this.#agent }, (response) => {
                const chunks = [];
                let size = 0;
                response.on('data', (chunk) => {
                    chunks.push(chunk);
                    size += chunk.length;
                    if (size > BODY_MAX)
                        fail(unknownError(`The answer of the places provider is larger than ${BODY_MAX} bytes.`));
                });
                response.on('error', failed);
                response.on('end', () => {
                    clearTimeout(timer);
                    resolve({ httpStatus: response.statusCode, body: Buffer.concat(chunks, size) });
                });
            }).on('error', failed);
            const timer = setTimeout(() => {
                fail(unknownError(`The places provider did not answer within ${this.#timeout} ms.`));
            }, this.#timeout);
        });
    }

    /** What the provider says, in our layout. Throws Failure. */
    #read({ httpStatus, body }, bound) {
        let root, status, text;
        let what = 'is not a Nearby Search answer';
        try {
            root = parse(body);
            status = complete(root, bound);
            text = layOut(root);
        } catch (error) {
            if (!(error instanceof JsonError))
                throw error;
            status = null;
            what = error.message;
        }
        const good = status === 'OK' || status === 'ZERO_RESULTS';
        if (status !== null && !good) {
            const message = root.all('error_message').find(isString);
            throw new Failure(status, message && this.#scrub(unquote(message)));
        }
        if (httpStatus !== 200) { // also where the two contradict each other
            throw new Failure(STATUS_OF_HTTP[httpStatus] ?? 'UNKNOWN_ERROR',
                `The places provider answered with HTTP status ${httpStatus}.`);
        }
        if (!good)
            throw unknownError(`The answer of the places provider ${what}.`);
        return this.#hideKey(text);
    }

    #hideKey(text) {
        if (this.#key.length < SECRET_MIN)
            return text;
        return text.replaceAll(this.#key, '[key]').replaceAll(encodeURIComponent(this.#key), '[key]');
    }

    /** A provider may quote what it was asked. */
    #scrub(message) {
        return this.#hideKey(message.replace(/[\w+.-]*:\/\/[^ \t-\r]+/g, '[url]').replaceAll(PATH, '[url]'));
    }
}
