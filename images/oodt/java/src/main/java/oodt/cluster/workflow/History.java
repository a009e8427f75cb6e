package oodt.cluster.workflow;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Which instances that are over are remembered: so many, and so much memory of them, the newest. */
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

    /** Adds one as the newest; one that is there keeps its place and may have another size. */
    void put(String id, long size) {
        Long before = sizes.put(id, size);
        bytes += size - (before == null ? 0 : before);
    }

    void remove(String id) {
        Long size = sizes.remove(id);
        bytes -= size == null ? 0 : size;
    }

    /** Removes the oldest of those that are too many or too large together; but somebody may yet ask for the newest. */
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
