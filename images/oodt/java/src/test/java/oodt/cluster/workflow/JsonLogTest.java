package oodt.cluster.workflow;

import java.util.logging.Level;
import java.util.logging.LogRecord;
import junit.framework.TestCase;

/** What OODT's log looks like. */
public class JsonLogTest extends TestCase {

    private static String line(String message, Throwable thrown) {
        LogRecord record = new LogRecord(Level.WARNING, message);
        record.setParameters(new Object[] {"x"});
        record.setLoggerName("some.Logger");
        record.setThrown(thrown);
        return new JsonLog().format(record);
    }

    public void testARecordIsOneLineThatSaysWhoWhatAndForWhichRun() {
        JsonLog.about("a-1~2");
        String line = line("task [{0}] says \"no\"\nand more", null);
        JsonLog.about(null);
        String begin = "{\"time\":\"[0-9T:.-]+Z\",\"level\":\"warning\",\"process\":\"oodt\",";
        assertTrue(line, line.matches("\\" + begin + ".*\\}\n"));
        assertTrue(line, line.contains("\"message\":\"task [x] says \\\"no\\\"\\nand more\",\"run\":\"a-1~2\""));
        assertFalse(line("of no run", null).contains("\"run\""));
    }

    public void testAnExceptionIsInItsLineAndPasswordsAreNot() {
        String line = line("no answer", new IllegalStateException("http://admin:s3cret@host/"));
        assertTrue(line, line.contains("\"error\":\"java.lang.IllegalStateException: http://...@host/\\n"));
        assertFalse(line, line.contains("s3cret"));
    }
}
