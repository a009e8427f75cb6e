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

/** One workflow instance and what its journal already says, so that each change is written once. */
final class TrackedInstance {

    /** What OODT's metadata take besides the characters: an entry of a map with its list, and a string. */
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

    /** A program that was stopped may go on to report its status: then the time of its end tells. */
    boolean isOver() {
        return WallClock.isSet(instance.getEndDateTimeIsoStr())
                || WorkflowStatus.FINISHED.equals(status)
                || WorkflowStatus.METADATA_MISSING.equals(status);
    }

    /** Bytes in memory, about, that the instance has to itself. Not for one whose task may be changing its metadata. */
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

    /** Takes the instance as it is now (the engine's object, or a client's copy) and writes down what is new. */
    void update(WorkflowInstance now) {
        instance = now;
        boolean ended = WallClock.isSet(now.getCurrentTaskEndDateTimeIsoStr());
        boolean statusChanged = !Objects.equals(now.getStatus(), status);
        // Between two tasks the engine names the next one while status and end are still those of the last:
        // "Crawling" there would say of a task that its program succeeded before it began.
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

    /** Removes a journal that nobody else opened, and so nobody else removes. */
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
            description.put("pge", mustProveItself(workflowTask.getTaskInstanceClassName()));
            described.add(description);
        }
        return described;
    }

    /** A task of a class that cannot be loaded counts as a PGE: it has nothing to show for itself either. */
    private static boolean mustProveItself(String className) {
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
