package oodt.cluster.workflow;

import java.nio.file.Files;
import java.nio.file.Path;
import junit.framework.TestCase;

/** What the kernel tells of processes that it killed for memory. */
public class MemoryKillsTest extends TestCase {

    public void testBothGenerationsOfControlGroupsTellTheNumber() throws Exception {
        assertEquals(3, counted("low 0\nhigh 0\nmax 52\noom 4\noom_kill 3\noom_group_kill 0\n"));
        assertEquals(2, counted("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"));
        assertEquals(0, counted("oom_kill_disable 0\nunder_oom 0\n"));
        assertEquals(0, MemoryKills.count(Path.of("/no/such/file")));
    }

    private static long counted(String text) throws Exception {
        return MemoryKills.count(Files.writeString(Files.createTempFile("memory", null), text));
    }
}
