package oodt.cluster.workflow;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** How many processes of this container the kernel has killed because memory ran out. */
final class MemoryKills {

    /** Of cgroup 2 and of cgroup 1. */
    private static final List<Path> COUNTERS = List.of(
            Path.of("/sys/fs/cgroup/memory.events"), Path.of("/sys/fs/cgroup/memory/memory.oom_control"));

    private static final String KILLED = "oom_kill ";

    private MemoryKills() {
    }

    /** 0 where the kernel does not tell. */
    static long count() {
        return COUNTERS.stream().filter(Files::isReadable).mapToLong(MemoryKills::count).findFirst().orElse(0);
    }

    static long count(Path counter) {
        try {
            return Files.readAllLines(counter).stream()
                    .filter(line -> line.startsWith(KILLED))
                    .mapToLong(line -> Long.parseLong(line.substring(KILLED.length())))
                    .sum();
        } catch (IOException e) {
            return 0;
        }
    }
}
