package oodt.cluster.workflow;

import java.util.HashMap;
import java.util.Map;
import java.util.regex.Pattern;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskConfiguration;

/**
 * The configuration of a task: its properties, the variables of its workflow, and those of the container that
 * workflows refer to.
 *
 * <p>For each placeholder like {@code [OODT_HOME]} OODT starts the program {@code env} and polls every 100 ms whether
 * it has ended: three placeholders took a third of a second in each task. If the program ends between two polls, OODT
 * may miss its output, and paths begin with "null". OODT always finds the properties, and at once.
 */
final class TaskSettings {

    /** Variables of the image; others may have names that a workflow gives to metadata of its own. */
    private static final Pattern NAMES = Pattern.compile("OODT_\\w+|PGE_ROOT|FILEMGR_URL|WORKFLOW_URL");

    private TaskSettings() {
    }

    static WorkflowTaskConfiguration of(
            WorkflowTaskConfiguration properties,
            Metadata metadata,
            Map<String, String> environment,
            Map<String, String> variables) {
        Map<String, String> known = new HashMap<>(environment);
        known.keySet().removeIf(name -> !NAMES.matcher(name).matches());
        known.putAll(variables);
        WorkflowTaskConfiguration settings = new WorkflowTaskConfiguration();
        known.forEach((name, value) -> {
            // The properties of a task win over the metadata of a job.
            if (!metadata.containsKey(name)) {
                settings.addConfigProperty(name, value);
            }
        });
        settings.getProperties().putAll(properties.getProperties());
        return settings;
    }
}
