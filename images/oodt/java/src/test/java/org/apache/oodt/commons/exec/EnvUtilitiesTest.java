package org.apache.oodt.commons.exec;

import java.io.ByteArrayInputStream;
import java.nio.charset.Charset;
import junit.framework.TestCase;
import org.apache.oodt.cas.metadata.util.PathUtils;

/** What a policy gets for a variable of the process. */
public class EnvUtilitiesTest extends TestCase {

    public void testAPolicyGetsTheWholeValueOfAVariable() {
        assertEquals("in/first\nsecond=3/null",
                PathUtils.replaceEnvVariables("in/[TWO_LINES]/[NOT_SET]"));
        assertEquals("first\nsecond=3", EnvUtilities.getEnv().getProperty("TWO_LINES"));
        assertEquals(EnvUtilities.getEnv(), EnvUtilities.getEnvUsingWaitFor());
    }

    public void testAStreamIsReadToItsEnd() throws Exception {
        byte[] bytes = "a\nb".repeat(10_000).getBytes(Charset.defaultCharset());
        assertEquals("a\nb".repeat(10_000), EnvUtilities.slurp(new ByteArrayInputStream(bytes)));
    }
}
