package oodt.cluster.workflow;

import java.util.Map;
import org.apache.oodt.cas.workflow.structs.Workflow;

/** A workflow with the variables of its own, which no other workflow of this JVM sees. */
final class OwnWorkflow extends Workflow {

    private final Map<String, String> variables;

    OwnWorkflow(Workflow workflow, Map<String, String> variables) {
        setId(workflow.getId());
        setName(workflow.getName());
        setTasks(workflow.getTasks()); // OODT's constructor loses them
        this.variables = Map.copyOf(variables);
    }

    /** Those of the workflow; none if it has none of its own. */
    static Map<String, String> variables(Workflow workflow) {
        return workflow instanceof OwnWorkflow own ? own.variables : Map.of();
    }
}
