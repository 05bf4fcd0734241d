// SPDX-License-Identifier: MIT
// The herd's configuration, a GKeyFile that all members and all implementations share: what is not known here is
// passed over.

import fs from 'node:fs';

const KEY_VARIABLE = 'HERD_PLACES_KEY';
const PROVIDER = 'google-legacy';
const GOOGLE = 'https://maps.googleapis.com';

/** Something in the file is wrong; the message says file, group, key and what. */
export class ConfigError extends Error {}

/** Group -> key -> value. */
function parse(path) {
    let text;
    try {
        text = fs.readFileSync(path, 'utf8');
    } catch (error) {
        throw new ConfigError(`cannot read ${path}: ${error.code}`);
    }
    const groups = new Map();
    let group = null;
    for (const [index, raw] of text.split('\n').entries()) {
        const line = raw.trim();
        const heading = /^\[(.+)\]$/.exec(line);
        const entry = /^([^=]+?)\s*=\s*(.*)$/.exec(line);
        if (line === '' || line.startsWith('#'))
            continue;
        if (heading) {
            const name = heading[1].trim().replace(/\s+/g, ' ');
            group = groups.get(name) ?? new Map();
            groups.set(name, group);
        } else if (entry && group) {
            group.set(entry[1], entry[2]);
        } else {
            throw new ConfigError(`${path}: line ${index + 1} is neither a group, a key = value, nor a comment`);
        }
    }
    return groups;
}

const list = (text) => text.split(';').map((part) => part.trim()).filter((part) => part !== '');

/** The group of one member alone wins over the common one. */
class Reader {
    constructor(path, name) {
        this.path = path;
        this.name = name;
        this.groups = parse(path);
    }

    fail(group, key, why) {
        throw new ConfigError(`${this.path}: [${group}] ${key}: ${why}`);
    }

    text(group, key, initial) {
        return this.groups.get(`${group} ${this.name}`)?.get(key) ?? this.groups.get(group)?.get(key) ?? initial;
    }

    number(group, key, initial, least, most) {
        const text = this.text(group, key, String(initial));
        const value = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
        if (!(value >= least && value <= most))
            this.fail(group, key, `"${text}" is not a whole number from ${least} to ${most}`);
        return value;
    }

    /** Name -> {listen, neighbours}. */
    members() {
        const members = new Map();
        for (const [group, keys] of this.groups) {
            const name = /^member (.+)$/.exec(group)?.[1];
            if (name === undefined)
                continue;
            const listen = list(keys.get('listen') ?? '').map((text) => this.endpoint(group, text));
            if (listen.length === 0)
                this.fail(group, 'listen', 'is missing: the address of this member, such as 127.0.0.1:10000');
            members.set(name, { listen, neighbours: new Set(list(keys.get('neighbours') ?? '')) });
        }
        for (const [name, member] of members) {
            for (const neighbour of member.neighbours) {
                if (!members.has(neighbour) || neighbour === name)
                    this.fail(`member ${name}`, 'neighbours', `${neighbour} is no other member of this file`);
                members.get(neighbour).neighbours.add(name); // edges are undirected, whichever side names them
            }
        }
        return members;
    }

    endpoint(group, text) {
        const [, v6, name, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
        if (!(port >= 1 && port <= 65535))
            this.fail(group, 'listen', `"${text}" is not host:port or [v6]:port with a port from 1 to 65535`);
        return { text, host: v6 ?? name, port: Number(port) };
    }

    /** The file wins over the environment. */
    key() {
        const file = this.text('places', 'key_file', '');
        let key = process.env[KEY_VARIABLE] ?? '';
        try {
            if (file !== '')
                key = fs.readFileSync(file, 'utf8');
        } catch (error) {
            this.fail('places', 'key_file', `cannot read ${file}: ${error.code}`);
        }
        key = key.trim();
        if (!/^[!-~]+$/.test(key))
            this.fail('places', 'key_file', `an API key is needed, here or in the environment as ${KEY_VARIABLE}`);
        return key;
    }

    url() {
        const text = this.text('places', 'url', '') || GOOGLE;
        try {
            const url = new URL(text);
            if (/^https?:$/.test(url.protocol) && url.href === `${url.origin}/`)
                return url.origin;
        } catch {
            // What was written may hold a password: it is not repeated.
        }
        return this.fail('places', 'url', 'is not http://host:port or https://host:port');
    }
}

/** What member @name is to do. Throws ConfigError. */
export function loadConfig(path, name) {
    const file = new Reader(path, name);
    const members = file.members();
    const self = members.get(name);
    if (self === undefined)
        throw new ConfigError(`${path}: there is no [member ${name}], only ${[...members.keys()].join(', ')}`);

    const provider = file.text('herd', 'places', 'embedded');
    if (provider !== PROVIDER)
        file.fail('herd', 'places', `"${provider}" is not in this program, only ${PROVIDER} is`);
    const messages = file.text('herd', 'log_messages', 'all');
    if (!['all', 'none'].includes(messages))
        file.fail('herd', 'log_messages', `"${messages}" is neither all nor none`);
    return {
        name,
        listen: self.listen,
        neighbours: [...self.neighbours].map((neighbour) => ({ name: neighbour, ...members.get(neighbour).listen[0] })),
        logDirectory: file.text('herd', 'log_dir', 'log'),
        logMessages: messages === 'all',
        maxConnections: file.number('limits', 'max_connections', 10000, 1, 1000000),
        maxLine: file.number('limits', 'max_line', 4096, 256, 32768),
        maxFutureSkew: file.number('limits', 'max_future_skew_s', 0, 0, 31536000),
        places: {
            url: file.url(),
            key: file.key(),
            timeout: file.number('places', 'timeout_ms', 5000, 1, 600000),
            maxLookups: file.number('places', 'max_lookups', 0, 0, 1023),
        },
    };
}
