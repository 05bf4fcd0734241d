// SPDX-License-Identifier: MIT
// herd-node: one member of a herd of location servers on Node.js. See README.md.

import { parseArgs } from 'node:util';
import { ConfigError, loadConfig } from './config.mjs';
import { Log } from './log.mjs';
import { Member } from './member.mjs';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2; // wrong use or a bad configuration

const HELP = `Usage: herd-node --config FILE [--check] NAME

Runs member NAME of a herd in the foreground, until SIGTERM or SIGINT.

  --config FILE  the configuration of the herd, the same for every member
  --check        read it, say whether it is good, and exit
  --version      print the versions and exit

Examples:
  herd-node --config conf/herd.conf Bailey
  herd-node --config conf/herd.conf --check Bailey
  printf 'IAMAT kiwi +34.068930-118.445127 1621464827.959498503\\n' | nc -N 127.0.0.1 10000

Exit status: 0 stopped by a signal, or the check is good; 1 it cannot run, as when its port is
taken; 2 wrong use, or the configuration is wrong.
`;

function fail(status, message) {
    process.stderr.write(`herd-node: ${message}\n`);
    process.exit(status);
}

function readArguments() {
    try {
        return parseArgs({
            allowPositionals: true,
            options: {
                config: { type: 'string' },
                check: { type: 'boolean' },
                version: { type: 'boolean' },
                help: { type: 'boolean' },
            },
        });
    } catch (error) {
        return fail(EXIT_USAGE, `${error.message.split('\n')[0]}; see herd-node --help`);
    }
}

function readConfig(path, name) {
    try {
        return loadConfig(path, name);
    } catch (error) {
        if (!(error instanceof ConfigError))
            throw error;
        return fail(EXIT_USAGE, error.message);
    }
}

function signalled() {
    return new Promise((resolve) => {
        for (const signal of ['SIGTERM', 'SIGINT'])
            process.on(signal, resolve);
    });
}

async function run(config) {
    const stop = signalled();
    const log = await Log.open(config.logDirectory, config.name, config.logMessages);
    const member = new Member(config, log);
    await member.start();
    process.stdout.write(`herdd: ${config.name} listening on ${config.listen.map(({ text }) => text).join(', ')}\n`);
    await stop;
    await member.stop();
    await log.close();
}

const { values, positionals } = readArguments();
if (values.help) {
    process.stdout.write(HELP);
} else if (values.version) {
    const { node, v8, uv } = process.versions;
    process.stdout.write(`herd-node, Node.js ${node}, V8 ${v8}, libuv ${uv}\n`);
} else if (values.config === undefined || positionals.length !== 1) {
    fail(EXIT_USAGE, 'name a configuration and one member: herd-node --config FILE [--check] NAME; see --help');
} else {
    const config = readConfig(values.config, positionals[0]);
    if (!values.check)
        await run(config).catch((error) => fail(EXIT_FAILURE, error.message));
    process.exit();
}
