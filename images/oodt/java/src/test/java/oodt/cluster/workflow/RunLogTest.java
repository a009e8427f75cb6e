package oodt.cluster.workflow;

import java.nio.file.Path;
import java.util.Optional;
import junit.framework.TestCase;

/** Where the full logs of programs go. */
public class RunLogTest extends TestCase {

    public void testEachTaskOfEachRunHasAFileBelowTheFolderOfJobs() {
        assertEquals(Optional.of(Path.of("/jobs/.logs/a-1~2/urn_oodt_Task_1.gz")),
                RunLog.of("/jobs", "a-1~2", "urn:oodt:Task/1"));
    }

    public void testATaskCannotNameAFileElsewhere() {
        assertEquals(Optional.of(Path.of("/jobs/.logs/a/_._etc_passwd.gz")), RunLog.of("/jobs", "a", "../etc/passwd"));
        assertEquals(255 > RunLog.of("/jobs", "a", "t".repeat(999)).get().getFileName().toString().length(), true);
    }

    public void testWithoutAFolderThereIsNone() {
        assertEquals(Optional.empty(), RunLog.of(null, "a", "b"));
        assertEquals(Optional.empty(), RunLog.of("/jobs", "../a", "b"));
    }
}
