// SPDX-License-Identifier: MIT
package herd;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.math.BigDecimal;
import java.time.Instant;
import java.util.Arrays;

/** Where a client was at a time: its AT line, as it is answered, kept and flooded (PROTOCOL R5, R12, R20). Immutable. */
final class LocationRecord {
    private static final int ORIGIN = 1;
    private static final int SKEW = 2;
    private static final int LOCATION = 4;

    final String client; // its bytes as ISO 8859-1
    final byte[] line;
    private final long seconds;
    private final int nanos;

    private LocationRecord(String client, byte[] line, long seconds, int nanos) {
        this.client = client;
        this.line = line;
        this.seconds = seconds;
        this.nanos = nanos;
    }

    /** Of an IAMAT that member @origin has received. */
    static LocationRecord ofIamat(Command iamat, byte[] origin, Instant received, Bytes scratch) {
        scratch.clear();
        scratch.add("AT ").add(origin).add(' ');
        addSkew(scratch, received.getEpochSecond() - iamat.seconds, received.getNano() - iamat.nanos);
        return of(iamat, 1, scratch);
    }

    /** Of an update of a neighbour. */
    static LocationRecord ofAt(Command at, Bytes scratch) {
        scratch.clear();
        scratch.add("AT ").add(at.line, at.begin[1], at.end[1]).add(' ').add(at.line, at.begin[2], at.end[2]);
        return of(at, 3, scratch);
    }

    /** @first: which field of @command is the client; location and time follow it. */
    private static LocationRecord of(Command command, int first, Bytes line) {
        for (int field = first; field < first + 3; field++) {
            line.add(' ').add(command.line, command.begin[field], command.end[field]);
        }
        return new LocationRecord(command.text(first), line.add('\n').toArray(), command.seconds, command.nanos);
    }

    private static void addSkew(Bytes line, long seconds, int nanos) {
        if (nanos < 0) {
            seconds--;
            nanos += Decimal.NANO;
        }
        boolean negative = seconds < 0;
        if (negative) {
            seconds = nanos == 0 ? -seconds : -seconds - 1;
            nanos = nanos == 0 ? 0 : Decimal.NANO - nanos;
        }
        line.add(negative ? '-' : '+');
        addDigits(line, seconds, digits(seconds));
        line.add('.');
        addDigits(line, nanos, 9);
    }

    private static int digits(long number) {
        int count = 1;
        while ((number /= 10) > 0) {
            count++;
        }
        return count;
    }

    private static void addDigits(Bytes line, long number, int count) {
        for (int i = 0; i < count; i++) {
            line.add('0');
        }
        for (int at = line.length - 1; number > 0; at--, number /= 10) {
            line.array[at] += (byte) (number % 10);
        }
    }

    /** PROTOCOL R21: a total order, the same on every member. */
    boolean isNewerThan(LocationRecord other) {
        int order = Long.compare(seconds, other.seconds);
        if (order == 0) {
            order = Integer.compare(nanos, other.nanos);
        }
        if (order == 0) {
            order = compareField(other, ORIGIN);
        }
        if (order == 0) {
            order = compareField(other, LOCATION);
        }
        if (order == 0) {
            order = skew().compareTo(other.skew());
        }
        return order > 0;
    }

    private int compareField(LocationRecord other, int field) {
        return Arrays.compareUnsigned(line, begin(field), end(field), other.line, other.begin(field), other.end(field));
    }

    private BigDecimal skew() {
        return new BigDecimal(new String(line, begin(SKEW), end(SKEW) - begin(SKEW), ISO_8859_1));
    }

    /** Latitude and longitude in nanodegrees. */
    long[] degrees() {
        int split = Command.longitude(line, begin(LOCATION), end(LOCATION));
        return new long[] {degrees(begin(LOCATION), split), degrees(split, end(LOCATION))};
    }

    private long degrees(int from, int to) {
        Decimal decimal = new Decimal();
        decimal.parse(line, from, to); // or it would not have become a record
        long size = decimal.whole * Decimal.NANO + decimal.nanos;
        return decimal.sign == '-' ? -size : size;
    }

    private int begin(int field) {
        int at = 0;
        while (field > 0) {
            if (line[at++] == ' ') {
                field--;
            }
        }
        return at;
    }

    private int end(int field) {
        int at = begin(field);
        while (line[at] != ' ') {
            at++;
        }
        return at;
    }
}
