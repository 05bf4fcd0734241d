// SPDX-License-Identifier: MIT
package herd;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** A thread of the pool, and the buffers that the connection uses whose turn it is. */
final class Worker extends Thread {
    private static final int READ_MAX = 16 << 10;

    final byte[] input; // a part line of before, and what is read behind it
    final ByteBuffer inputBuffer;
    final Bytes output = new Bytes(16 << 10);
    final Bytes scratch = new Bytes(256);
    final Command command = new Command();
    final List<Flood.Update> updates = new ArrayList<>(); // stored in this turn

    Worker(Runnable first, int number, int maxLine) {
        super(first, "worker/" + number);
        input = new byte[READ_MAX + maxLine];
        inputBuffer = ByteBuffer.wrap(input);
    }
}
