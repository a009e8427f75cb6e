package oodt.cluster.workflow;

import java.util.Map;
import java.util.Properties;
import junit.framework.TestCase;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskConfiguration;

/** Which settings a task sees. */
public class TaskSettingsTest extends TestCase {

    private static final Map<String, String> ENVIRONMENT =
            Map.of("OODT_HOME", "/home", "OODT_JOBS", "/jobs", "OODT_CONFIG", "/config", "HOSTNAME", "host");

    public void testTheVariablesOfTheImageAreThereUnlessTaskOrJobSayOtherwise() {
        WorkflowTaskConfiguration properties = new WorkflowTaskConfiguration();
        properties.addConfigProperty("OODT_JOBS", "of the task");
        Metadata metadata = new Metadata();
        metadata.addMetadata("OODT_CONFIG", "of the job");
        Properties expected = new Properties();
        expected.putAll(Map.of("OODT_HOME", "/home", "OODT_JOBS", "of the task"));
        assertEquals(expected, TaskSettings.of(properties, metadata, ENVIRONMENT, Map.of()).getProperties());
        assertEquals(1, properties.getProperties().size()); // all instances of the workflow share it
    }

    public void testTheVariablesOfTheWorkflowAreThereUnlessTaskOrJobSayOtherwise() {
        WorkflowTaskConfiguration properties = new WorkflowTaskConfiguration();
        properties.addConfigProperty("DEPTH", "of the task");
        Metadata metadata = new Metadata();
        metadata.addMetadata("WIDTH", "of the job");
        Map<String, String> container = Map.of("PGE_ROOT", "/pges", "MODEL", "of the container");
        Map<String, String> own = Map.of("PGE_ROOT", "/mine", "MODEL", "m1", "DEPTH", "1", "WIDTH", "2");
        Properties expected = new Properties();
        expected.putAll(Map.of("PGE_ROOT", "/mine", "MODEL", "m1", "DEPTH", "of the task"));
        assertEquals(expected, TaskSettings.of(properties, metadata, container, own).getProperties());
    }
}
