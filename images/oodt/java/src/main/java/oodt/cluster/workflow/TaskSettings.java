package oodt.cluster.workflow;

import java.util.Map;
import java.util.regex.Pattern;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskConfiguration;

/**
 * What a task is configured with: its properties, and the container's variables that workflows refer to.
 *
 * <p>OODT resolves a placeholder like {@code [OODT_HOME]} by starting the program {@code env} and asking every 100 ms
 * whether it has ended, each time anew: three of them were a third of a second of each task. And it misses the answer
 * of one that ends between two of its questions: then paths begin with "null". Among the properties they are found at
 * once, and always.
 */
final class TaskSettings {

    /** Variables of the image; others may have names that a workflow gives to metadata of its own. */
    private static final Pattern NAMES = Pattern.compile("OODT_\\w+|FILEMGR_URL|WORKFLOW_URL");

    private TaskSettings() {
    }

    static WorkflowTaskConfiguration of(
            WorkflowTaskConfiguration properties, Metadata metadata, Map<String, String> environment) {
        WorkflowTaskConfiguration settings = new WorkflowTaskConfiguration();
        environment.forEach((name, value) -> {
            // The properties of a task win over the metadata of a job.
            if (NAMES.matcher(name).matches() && !metadata.containsKey(name)) {
                settings.addConfigProperty(name, value);
            }
        });
        settings.getProperties().putAll(properties.getProperties());
        return settings;
    }
}
