package oodt.cluster.workflow;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.pge.PGETaskInstance;
import org.apache.oodt.cas.pge.metadata.PgeTaskMetadataKeys;
import org.apache.oodt.cas.workflow.structs.WorkflowTask;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskInstance;
import org.apache.oodt.cas.workflow.util.GenericWorkflowObjectFactory;

/** Runs one task of a workflow instance, and writes to the journal what the task expects and why it failed. */
final class TaskRun {

    private static final Logger LOG = Logger.getLogger(TaskRun.class.getName());

    private static final int FRAMES = 5;

    /** A task that still runs so long after it was told to stop will not stop. */
    private static final long STUCK_AFTER_MILLISECONDS = Long.getLong("oodt.cluster.stuck.milliseconds", 60_000);

    private final String instanceId;
    private final WorkflowTask task;
    private final Map<String, String> variables;
    private final RunJournal journal;

    /** Set while a PGE runs; it reports from a thread of the XML-RPC server. */
    private volatile PgeObserver pge;

    /** The thread that the task runs in, while it may be interrupted. */
    private Thread thread;

    /** When the task was first told to stop, by the clock that only goes forward; null before. */
    private Long stoppedAt;

    private boolean stuck;
    private boolean failed;

    /** The variables are the workflow's own. */
    TaskRun(String instanceId, WorkflowTask task, Map<String, String> variables, RunJournal journal) {
        this.instanceId = instanceId;
        this.task = task;
        this.variables = variables;
        this.journal = journal;
    }

    /** Runs the task to its end, whatever that is. */
    void execute(Metadata metadata) {
        String className = task.getTaskInstanceClassName();
        LOG.log(Level.INFO, "Workflow instance [{0}]: running task [{1}]", new Object[] {instanceId, task.getTaskId()});
        try {
            WorkflowTaskInstance object = GenericWorkflowObjectFactory.getTaskObjectFromClassName(className);
            if (object == null) {
                fail("its class " + className + " cannot be loaded");
                return;
            }
            if (object instanceof PGETaskInstance pgeTask) {
                Optional<Path> log = RunLog.of(System.getenv("OODT_JOBS"), instanceId, task.getTaskId());
                pge = new PgeObserver(pgeTask, variables, log);
            }
            begin();
            try {
                object.run(metadata, TaskSettings.of(task.getTaskConfig(), metadata, System.getenv(), variables));
            } finally {
                end();
            }
        } catch (Throwable e) { // an error (a class that is missing, a stack overflow) ends this task and no more
            LOG.log(Level.WARNING, "Workflow instance [" + instanceId + "]: task [" + task.getTaskId() + "] failed", e);
            fail(pge == null ? reason(e) : pge.explain(reason(e)));
            log(pge == null || pge.log().isEmpty() ? stackTrace(e) : pge.log());
        } finally {
            close();
        }
    }

    /**
     * Stops the task as far as possible: kills its program, or interrupts the thread of a task without one. Java cannot
     * end a thread that ignores an interruption. If such a task is told again after a while, the journal says so. Only
     * the end of this JVM frees the thread.
     */
    synchronized void stop() {
        if (stoppedAt == null) {
            stoppedAt = System.nanoTime();
        }
        if (pge != null) {
            pge.stop();
        } else if (thread != null) {
            thread.interrupt();
        }
        long milliseconds = (System.nanoTime() - stoppedAt) / 1_000_000;
        if (thread != null && !stuck && milliseconds >= STUCK_AFTER_MILLISECONDS) {
            stuck = true;
            journal.append(instanceId, "stuck", Map.of(
                    "task", task.getTaskId(), "seconds", milliseconds / 1000, "stack", frames(thread.getStackTrace())));
        }
    }

    /** Whether it still runs a minute after it was told to stop, and was told again. */
    synchronized boolean isStuck() {
        return stuck && thread != null;
    }

    boolean hasFailed() {
        return failed;
    }

    void fail(String reason) {
        failed = true;
        journal.append(instanceId, "task-failed", Map.of("task", task.getTaskId(), "error", reason));
    }

    /** Called when a PGE reports its next step; the PGE goes on when this returns. */
    void reports(String status) {
        PgeObserver observer = pge;
        if (observer == null) {
            return;
        }
        if (PgeTaskMetadataKeys.RUNNING_PGE.equals(status)) {
            observer.programStarts();
        } else if (PgeTaskMetadataKeys.CRAWLING.equals(status)) {
            observer.crawlStarts().ifPresent(expected -> journal.append(instanceId, "expects", Map.of(
                    "task", task.getTaskId(), "files", expected.files(), "problems", expected.problems())));
        }
    }

    private synchronized void begin() {
        thread = Thread.currentThread();
        if (stoppedAt != null) {
            stop();
        }
    }

    private synchronized void end() {
        thread = null;
        // An interruption that comes late must not reach what this thread does next.
        Thread.interrupted();
    }

    private void close() {
        if (pge != null) {
            if (!failed && !pge.log().isEmpty()) {
                log(pge.log());
            }
            pge.close();
        }
    }

    /** Writes what a person needs to see if the run turns out to have failed. */
    private void log(String text) {
        journal.append(instanceId, "log", Map.of("task", task.getTaskId(), "text", text));
    }

    /** The exception and its causes, each with the first frames of its stack. */
    private static String stackTrace(Throwable error) {
        StringBuilder text = new StringBuilder();
        for (Throwable each = error; each != null; each = each.getCause()) {
            text.append(each).append('\n').append(frames(each.getStackTrace()));
        }
        return text.toString();
    }

    private static String frames(StackTraceElement[] stack) {
        return Stream.of(stack).limit(FRAMES).map(frame -> "  at " + frame + "\n").collect(Collectors.joining());
    }

    private static String reason(Throwable error) {
        return error.getMessage() != null ? error.getMessage() : error.toString();
    }
}
