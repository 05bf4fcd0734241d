// SPDX-License-Identifier: MIT
// The wall clock in nanoseconds. Node has the date in milliseconds (Date.now) and nanoseconds without a date
// (process.hrtime), so what lies between the two is measured. Slewing moves both alike; once a second is looked
// whether the date was set.

const CHECK_MS = 1000;
const MEASUREMENTS = 5;
export const NS_PER_S = 1_000_000_000;

let offset = { seconds: 0, nanoseconds: 0 };

/** How far the date is ahead of hrtime. Where a millisecond begins, both are known; of a few such moments the one
 * that was seen best counts. */
function measureOffset() {
    let best = { width: Infinity, nanoseconds: 0n };
    for (let measurement = 0; measurement < MEASUREMENTS; measurement++) {
        const last = Date.now();
        let [before, between, after] = [0n, 0n, 0n];
        let date = last;
        while (date === last || before === 0n) {
            [before, between] = [between, after];
            date = Date.now();
            after = process.hrtime.bigint();
        }
        const width = Number(after - before);
        if (width < best.width)
            best = { width, nanoseconds: BigInt(date) * 1_000_000n - (before + after) / 2n };
    }
    const perSecond = BigInt(NS_PER_S);
    offset = { seconds: Number(best.nanoseconds / perSecond), nanoseconds: Number(best.nanoseconds % perSecond) };
}

const milliseconds = ({ seconds, nanoseconds }) => seconds * 1000 + nanoseconds / 1e6;

function check() {
    const before = milliseconds(now());
    const date = Date.now(); // 5 is anything from 5 to 6
    const after = milliseconds(now());
    if (after - before < 1 && (date > after + 1 || date + 1 < before - 1))
        measureOffset();
}

/** Seconds since 1970 and nanoseconds in that second, both whole. */
export function now() {
    const [seconds, nanoseconds] = process.hrtime();
    const time = { seconds: seconds + offset.seconds, nanoseconds: nanoseconds + offset.nanoseconds };
    if (time.nanoseconds >= NS_PER_S) {
        time.seconds++;
        time.nanoseconds -= NS_PER_S;
    }
    return time;
}

measureOffset();
setInterval(check, CHECK_MS).unref();
