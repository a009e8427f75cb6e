package oodt.cluster.workflow;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import junit.framework.TestCase;

/** The journal's lines are JSON whatever is in them. */
public class JsonTest extends TestCase {

    public void testNestedValues() {
        assertEquals("{\"a\":[1,true,null,\"x\"]}", Json.encode(Map.of("a", Arrays.asList(1, true, null, "x"))));
    }

    public void testALineBreakNeverBreaksALine() {
        assertEquals("[\"a\\nb\\u0001\\\"\\\\\"]", Json.encode(List.of("a\nb\u0001\"\\")));
    }

    public void testAnUndecodableFileNameIsStillValid() {
        assertEquals("[\"\\udc80é\"]", Json.encode(List.of("\udc80é")));
    }
}
