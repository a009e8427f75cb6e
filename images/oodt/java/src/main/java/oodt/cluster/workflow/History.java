package oodt.cluster.workflow;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The ended instances that are remembered: the newest, up to a number and to a size in memory. */
final class History {

    private final int limit;
    private final long limitBytes;

    /** By id, the oldest first. */
    private final Map<String, Long> sizes = new LinkedHashMap<>();
    private long bytes;

    History(int limit, long limitBytes) {
        this.limit = limit;
        this.limitBytes = limitBytes;
    }

    boolean contains(String id) {
        return sizes.containsKey(id);
    }

    /** Adds an instance as the newest. One that is there already keeps its place and gets the new size. */
    void put(String id, long size) {
        Long before = sizes.put(id, size);
        bytes += size - (before == null ? 0 : before);
    }

    void remove(String id) {
        Long size = sizes.remove(id);
        bytes -= size == null ? 0 : size;
    }

    /** Removes the oldest until the rest is within the limits. The newest always stays: a client may yet ask for it. */
    List<String> removeExcess() {
        List<String> excess = new ArrayList<>();
        while (sizes.size() > limit || (bytes > limitBytes && sizes.size() > 1)) {
            String oldest = sizes.keySet().iterator().next();
            remove(oldest);
            excess.add(oldest);
        }
        return excess;
    }
}
