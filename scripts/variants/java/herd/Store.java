// SPDX-License-Identifier: MIT
package herd;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/** The newest record of every client: shards, each a HashMap and its read-write lock. */
final class Store {
    private static final int SHARDS = 64; // a power of two

    private static final class Shard {
        final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
        final Map<String, LocationRecord> records = new HashMap<>(); // guarded by lock
    }

    private final Shard[] shards = new Shard[SHARDS];

    Store() {
        for (int i = 0; i < SHARDS; i++) {
            shards[i] = new Shard();
        }
    }

    /** Keeps @record if it is newer than what is there (PROTOCOL R9, R20); whether it was. */
    boolean put(LocationRecord record) {
        Shard shard = shardOf(record.client);
        shard.lock.writeLock().lock();
        try {
            LocationRecord known = shard.records.get(record.client);
            if (known != null && !record.isNewerThan(known)) {
                return false;
            }
            shard.records.put(record.client, record);
            return true;
        } finally {
            shard.lock.writeLock().unlock();
        }
    }

    /** Null: nobody has reported that client. */
    LocationRecord get(String client) {
        Shard shard = shardOf(client);
        shard.lock.readLock().lock();
        try {
            return shard.records.get(client);
        } finally {
            shard.lock.readLock().unlock();
        }
    }

    /** All records; what is put meanwhile may be missing. */
    List<LocationRecord> snapshot() {
        List<LocationRecord> all = new ArrayList<>();
        for (Shard shard : shards) {
            shard.lock.readLock().lock();
            try {
                all.addAll(shard.records.values());
            } finally {
                shard.lock.readLock().unlock();
            }
        }
        return all;
    }

    /** By other bits of the hash than those that HashMap itself goes by first. */
    private Shard shardOf(String client) {
        int hash = client.hashCode() * 0x9e3779b9;
        return shards[hash >>> 26 & SHARDS - 1];
    }
}
