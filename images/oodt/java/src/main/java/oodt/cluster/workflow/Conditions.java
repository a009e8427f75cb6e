package oodt.cluster.workflow;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.structs.WorkflowCondition;
import org.apache.oodt.cas.workflow.structs.WorkflowConditionInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowTask;
import org.apache.oodt.cas.workflow.util.GenericWorkflowObjectFactory;

/** The conditions of one task. Each has one object, which may keep state from one evaluation to the next. */
final class Conditions {

    /** OODT's own setting, in seconds. */
    static final long MILLISECONDS_BETWEEN_EVALUATIONS =
            1000 * Long.getLong("org.apache.oodt.cas.workflow.engine.preConditionWaitTime", 10);

    private final Map<WorkflowCondition, WorkflowConditionInstance> conditions = new LinkedHashMap<>();

    Conditions(WorkflowTask task) {
        List<?> described = task.getConditions();
        for (Object each : described == null ? List.of() : described) {
            WorkflowCondition condition = (WorkflowCondition) each;
            String className = condition.getConditionInstanceClassName();
            WorkflowConditionInstance object = GenericWorkflowObjectFactory.getConditionObjectFromClassName(className);
            if (object == null) {
                throw new IllegalArgumentException("class " + className + " cannot be loaded");
            }
            conditions.put(condition, object);
        }
    }

    boolean areSatisfied(Metadata metadata) {
        return conditions.entrySet().stream()
                .allMatch(each -> each.getValue().evaluate(metadata, each.getKey().getCondConfig()));
    }
}
