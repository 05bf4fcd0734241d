// SPDX-License-Identifier: MIT
package herd;

/** A decimal number of a line, exactly: [+-]d+(.d+)?. It is parsed into the same object over and over. */
final class Decimal {
    static final int NANO = 1_000_000_000;
    private static final long WHOLE_LIMIT = 100_000_000_000_000_000L;

    byte sign; // 0 if there is none
    long whole;
    int wholeDigits;
    int nanos; // the first nine digits of the fraction
    int fractionDigits;
    private boolean fractionIsZero;

    boolean parse(byte[] text, int at, int end) {
        sign = 0;
        whole = 0;
        nanos = 0;
        fractionDigits = 0;
        fractionIsZero = true;
        if (at < end && (text[at] == '+' || text[at] == '-')) {
            sign = text[at++];
        }
        int begin = at;
        for (; at < end && isDigit(text[at]); at++) {
            if (whole >= WHOLE_LIMIT) {
                return false;
            }
            whole = whole * 10 + text[at] - '0';
        }
        wholeDigits = at - begin;
        if (wholeDigits == 0 || at == end) {
            return wholeDigits > 0;
        }
        if (text[at++] != '.' || at == end) {
            return false;
        }
        fractionDigits = end - at;
        for (int unit = NANO / 10; at < end; at++, unit /= 10) {
            if (!isDigit(text[at])) {
                return false;
            }
            nanos += (text[at] - '0') * unit;
            fractionIsZero &= text[at] == '0';
        }
        return true;
    }

    boolean exceeds(long limit) {
        return whole > limit || whole == limit && !fractionIsZero;
    }

    /** Of the number as seconds and nanoseconds, where the nanoseconds count upwards: -0.5 is -1 and 500,000,000. */
    long floorSeconds() {
        return sign != '-' ? whole : nanos == 0 ? -whole : -whole - 1;
    }

    int floorNanos() {
        return sign != '-' || nanos == 0 ? nanos : NANO - nanos;
    }

    private static boolean isDigit(byte b) {
        return b >= '0' && b <= '9';
    }
}
