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
        assertEquals(expected, TaskSettings.of(properties, metadata, ENVIRONMENT).getProperties());
        assertEquals(1, properties.getProperties().size()); // all instances of the workflow share it
    }
}
