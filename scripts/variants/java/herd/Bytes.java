// SPDX-License-Identifier: MIT
package herd;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.Arrays;

/** Bytes that are being written: a byte[] that grows. Belongs to one thread at a time. */
final class Bytes {
    byte[] array;
    int length;

    Bytes(int capacity) {
        array = new byte[capacity];
    }

    Bytes add(int b) {
        reserve(1);
        array[length++] = (byte) b;
        return this;
    }

    Bytes add(byte[] from) {
        return add(from, 0, from.length);
    }

    Bytes add(byte[] from, int begin, int end) {
        int count = end - begin;
        reserve(count);
        System.arraycopy(from, begin, array, length, count);
        length += count;
        return this;
    }

    /** One byte a character: ASCII, or bytes that were kept as ISO 8859-1. */
    Bytes add(String text) {
        return add(text.getBytes(ISO_8859_1));
    }

    void clear() {
        length = 0;
    }

    byte[] toArray() {
        return Arrays.copyOf(array, length);
    }

    private void reserve(int count) {
        if (array.length - length < count) {
            array = Arrays.copyOf(array, Math.max(length + count, 2 * array.length));
        }
    }
}
