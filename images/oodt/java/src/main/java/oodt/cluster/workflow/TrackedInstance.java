package oodt.cluster.workflow;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.pge.PGETaskInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowStatus;
import org.apache.oodt.cas.workflow.structs.WorkflowTask;

/** One workflow instance and what its journal has of it, so that each change is written once. */
final class TrackedInstance {

    /** Memory besides the characters of OODT's metadata: a map's entry with a list for a key, a string for a value. */
    private static final int BYTES_A_KEY = 300;
    private static final int BYTES_A_VALUE = 50;

    private final RunJournal journal;
    private final boolean openedHere;
    private WorkflowInstance instance;
    private String status;
    private String task;
    private boolean taskEnded;

    TrackedInstance(WorkflowInstance instance, RunJournal journal, String boot) {
        this.instance = instance;
        this.journal = journal;
        this.openedHere = !journal.exists(instance.getId());
        journal.begin(
                instance.getId(),
                "instance",
                Map.of("wm", boot, "workflow", instance.getWorkflow().getId(), "tasks", tasks()));
    }

    WorkflowInstance instance() {
        return instance;
    }

    /** A task that goes on after a stop still reports its status, so the time of the end decides. */
    boolean isOver() {
        return WallClock.isSet(instance.getEndDateTimeIsoStr())
                || WorkflowStatus.FINISHED.equals(status)
                || WorkflowStatus.METADATA_MISSING.equals(status);
    }

    /** About the bytes of memory that the metadata take. Not to be called while a task may change them. */
    long size() {
        Metadata metadata = instance.getSharedContext();
        long size = 0;
        for (String key : metadata.getAllKeys()) {
            size += BYTES_A_KEY;
            for (String value : metadata.getAllMetadata(key)) {
                size += BYTES_A_VALUE + (value == null ? 0 : (long) Character.BYTES * value.length());
            }
        }
        return size;
    }

    /** Takes the instance as it is now (the engine's object, or a client's copy) and writes what has changed. */
    void update(WorkflowInstance now) {
        instance = now;
        boolean ended = WallClock.isSet(now.getCurrentTaskEndDateTimeIsoStr());
        boolean statusChanged = !Objects.equals(now.getStatus(), status);
        // Between two tasks the engine names the next one while status and end are still those of the last. To
        // write "Crawling" then would say that the next task's program has succeeded before the task has begun.
        boolean taskChanged = !ended && !Objects.equals(now.getCurrentTaskId(), task);
        if (statusChanged || taskChanged) {
            status = now.getStatus();
            task = now.getCurrentTaskId();
            append("status", statusFields());
        }
        if (ended && !taskEnded) {
            append("task-ended", Map.of("task", String.valueOf(now.getCurrentTaskId())));
        }
        taskEnded = ended;
    }

    /** Removes the journal if this object has opened it: then nobody else removes it. */
    void forget() {
        if (openedHere) {
            journal.remove(instance.getId());
        }
    }

    private Map<String, Object> statusFields() {
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("status", status);
        fields.put("task", task);
        if (WorkflowStatus.METADATA_MISSING.equals(status)) {
            fields.put("missing", missingMetadata());
        }
        return fields;
    }

    private List<String> missingMetadata() {
        List<String> missing = new ArrayList<>();
        for (WorkflowTask workflowTask : workflowTasks()) {
            List<?> required = workflowTask.getRequiredMetFields();
            if (workflowTask.getTaskId().equals(task) && required != null) {
                required.forEach(field -> missing.add(field.toString()));
            }
        }
        missing.removeIf(instance.getSharedContext()::containsKey);
        return missing;
    }

    @SuppressWarnings("unchecked")
    private List<WorkflowTask> workflowTasks() {
        return instance.getWorkflow().getTasks();
    }

    private List<Map<String, Object>> tasks() {
        List<Map<String, Object>> described = new ArrayList<>();
        for (WorkflowTask workflowTask : workflowTasks()) {
            Map<String, Object> description = new LinkedHashMap<>();
            description.put("id", workflowTask.getTaskId());
            description.put("class", workflowTask.getTaskInstanceClassName());
            description.put("pge", countsAsPge(workflowTask.getTaskInstanceClassName()));
            described.add(description);
        }
        return described;
    }

    /** A task whose class cannot be loaded counts as a PGE, which needs evidence that it succeeded. */
    private static boolean countsAsPge(String className) {
        try {
            return PGETaskInstance.class.isAssignableFrom(
                    Class.forName(className, false, TrackedInstance.class.getClassLoader()));
        } catch (ClassNotFoundException | LinkageError e) {
            return true;
        }
    }

    private void append(String kind, Map<String, ?> fields) {
        journal.append(instance.getId(), kind, fields);
    }
}
