// SPDX-License-Identifier: MIT
package herd;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Arrays;

/** One line, split and checked. Every worker has one, into which it parses line after line: nothing is allocated. */
final class Command {
    enum Kind { IAMAT, WHATSAT, AT, MEMBER, INVALID }

    private static final byte[] IAMAT = "IAMAT".getBytes(ISO_8859_1);
    private static final byte[] WHATSAT = "WHATSAT".getBytes(ISO_8859_1);
    private static final byte[] AT = "AT".getBytes(ISO_8859_1);
    private static final byte[] MEMBER = "MEMBER".getBytes(ISO_8859_1);
    private static final int FIELDS_MAX = 6;

    private static final int TIME_DIGITS = 12; // PROTOCOL R8
    private static final int SKEW_DIGITS = 13; // the span between two such times
    private static final int RADIUS_MAX_KM = 50; // PROTOCOL R10
    private static final int BOUND_MAX = 20;

    byte[] line;
    final int[] begin = new int[FIELDS_MAX];
    final int[] end = new int[FIELDS_MAX];
    long seconds; // of IAMAT and AT: the client's time
    int nanos;
    long radius; // of WHATSAT, in millimetres
    int bound;
    private final Decimal decimal = new Decimal();

    Kind parse(byte[] text, int from, int to) {
        line = text;
        int count = split(from, to);
        if (count == 4 && is(0, IAMAT)) {
            return isLocation(2) && parseTime(3) ? Kind.IAMAT : Kind.INVALID;
        }
        if (count == 6 && is(0, AT)) {
            return isSkew(2) && isLocation(4) && parseTime(5) ? Kind.AT : Kind.INVALID;
        }
        if (count == 4 && is(0, WHATSAT)) {
            return parseRadius(2) && parseBound(3) ? Kind.WHATSAT : Kind.INVALID;
        }
        return count == 3 && is(0, MEMBER) ? Kind.MEMBER : Kind.INVALID;
    }

    String text(int field) {
        return new String(line, begin[field], end[field] - begin[field], ISO_8859_1);
    }

    /** PROTOCOL R2. How many fields there are, FIELDS_MAX + 1 if more; 0 if there is a NUL (R4). */
    private int split(int at, int to) {
        int count = 0;
        boolean inside = false;
        for (; at < to; at++) {
            byte b = line[at];
            if (b == 0) {
                return 0;
            }
            boolean white = b == ' ' || b >= '\t' && b <= '\r';
            if (inside && white) {
                end[count++] = at;
            } else if (!inside && !white) {
                if (count == FIELDS_MAX) {
                    return FIELDS_MAX + 1;
                }
                begin[count] = at;
            }
            inside = !white;
        }
        if (inside) {
            end[count++] = to;
        }
        return count;
    }

    private boolean is(int field, byte[] word) {
        return Arrays.equals(line, begin[field], end[field], word, 0, word.length);
    }

    private boolean parseDecimal(int field) {
        return decimal.parse(line, begin[field], end[field]);
    }

    /** PROTOCOL R7. */
    private boolean isLocation(int field) {
        int split = longitude(line, begin[field], end[field]);
        return isDegrees(begin[field], split, 90) && isDegrees(split, end[field], 180);
    }

    /** Where the longitude of a location begins. */
    static int longitude(byte[] line, int from, int to) {
        int at = from + 1;
        while (at < to && line[at] != '+' && line[at] != '-') {
            at++;
        }
        return at;
    }

    private boolean isDegrees(int from, int to, int limit) {
        return decimal.parse(line, from, to) && decimal.sign != 0 && decimal.wholeDigits <= 3 && !decimal.exceeds(limit);
    }

    private boolean isSkew(int field) {
        return parseDecimal(field) && decimal.sign != 0 && decimal.fractionDigits == 9
            && decimal.wholeDigits <= SKEW_DIGITS;
    }

    /** PROTOCOL R8. */
    private boolean parseTime(int field) {
        if (!parseDecimal(field) || decimal.wholeDigits > TIME_DIGITS) {
            return false;
        }
        seconds = decimal.floorSeconds();
        nanos = decimal.floorNanos();
        return true;
    }

    private boolean parseRadius(int field) {
        if (!parseDecimal(field) || decimal.sign != 0 || decimal.exceeds(RADIUS_MAX_KM)) {
            return false;
        }
        radius = decimal.whole * 1_000_000 + decimal.nanos / 1000;
        return true;
    }

    private boolean parseBound(int field) {
        if (!parseDecimal(field) || decimal.sign != 0 || decimal.fractionDigits > 0 || decimal.whole > BOUND_MAX) {
            return false;
        }
        bound = (int) decimal.whole;
        return true;
    }
}
