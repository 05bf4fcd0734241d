// SPDX-License-Identifier: MIT
package herd;

import java.io.IOException;
import java.nio.channels.Selector;
import java.util.concurrent.atomic.AtomicBoolean;

/** Wakes the thread that selects, but only if it sleeps: Selector.wakeup() is a system call every time. */
final class Wakeup {
    private final Selector selector;
    private final AtomicBoolean asleep = new AtomicBoolean();

    Wakeup(Selector selector) {
        this.selector = selector;
    }

    /** The selecting thread, for at most @ms milliseconds, without end if 0, not at all if @hasWork is true then. */
    void select(long ms, Condition hasWork) throws IOException {
        asleep.set(true); // before looking: who brings work from now on wakes us
        try {
            if (hasWork.isTrue()) {
                selector.selectNow();
            } else {
                selector.select(ms);
            }
        } finally {
            asleep.set(false);
        }
    }

    /** Any thread, after it has brought the work: a change of interest, an entry in a queue. */
    void wake() {
        if (asleep.get() && asleep.compareAndSet(true, false)) {
            selector.wakeup();
        }
    }

    interface Condition {
        boolean isTrue();
    }
}
