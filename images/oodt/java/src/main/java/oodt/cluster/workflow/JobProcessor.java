package oodt.cluster.workflow;

import java.net.InetAddress;
import java.net.URL;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.metadata.CoreMetKeys;
import org.apache.oodt.cas.workflow.structs.WorkflowInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowStatus;
import org.apache.oodt.cas.workflow.structs.WorkflowTask;
import org.apache.oodt.cas.workflow.structs.exceptions.InstanceRepositoryException;

/**
 * Runs the tasks of one workflow instance, one after the other, as OODT's iterative processor does.
 *
 * <p>It differs from that in two ways. After a failed task it does not run the others: the job has failed anyway, and a
 * later task may lack metadata that the failed one did not write, which would look like a job that can never succeed.
 * The instance still becomes FINISHED, as in OODT. And an instance that is paused, or that waits for conditions, sleeps
 * until something changes; OODT's processor polls.
 */
final class JobProcessor implements Runnable {

    private static final Logger LOG = Logger.getLogger(JobProcessor.class.getName());

    private final WorkflowInstance instance;
    private final Map<String, String> variables;
    private final JobInstanceRepository repository;
    private final RunJournal journal;
    private final URL managerUrl;
    private final Runnable atEnd;

    private volatile TaskRun running;
    private boolean paused;
    private volatile boolean stopped;

    /** {@code atEnd} runs when the last task has ended, before the last update of the repository. */
    JobProcessor(
            WorkflowInstance instance,
            JobInstanceRepository repository,
            RunJournal journal,
            URL managerUrl,
            Runnable atEnd) {
        this.instance = instance;
        this.variables = OwnWorkflow.variables(instance.getWorkflow());
        this.repository = repository;
        this.journal = journal;
        this.managerUrl = managerUrl;
        this.atEnd = atEnd;
    }

    WorkflowInstance instance() {
        return instance;
    }

    synchronized void queued() {
        setStatus(WorkflowStatus.QUEUED);
    }

    @Override
    public void run() {
        JsonLog.about(instance.getId());
        instance.setStartDateTimeIsoStr(WallClock.now());
        persist();
        String end = WorkflowStatus.FINISHED;
        for (WorkflowTask task : tasks()) {
            if (!awaitPermission()) {
                break;
            }
            instance.setCurrentTaskId(task.getTaskId());
            persist();
            if (!hasRequiredMetadata(task)) {
                end = WorkflowStatus.METADATA_MISSING;
                break;
            }
            if (!run(task)) {
                break;
            }
        }
        finish(end);
        JsonLog.about(null);
    }

    /** Called when the running task has reported its status to the Workflow Manager, before others see it. */
    void reports(String status) {
        TaskRun run = running;
        if (run != null) {
            run.reports(status);
        }
    }

    /** Begins no further task, and kills the program that runs. OODT would let it run to its end. */
    synchronized void stop() {
        if (!stopped) {
            end(WorkflowStatus.FINISHED);
            notifyAll();
        }
        TaskRun run = running;
        if (run != null) {
            run.stop();
        }
    }

    /** Whether its task does not stop. */
    boolean isStuck() {
        TaskRun run = running;
        return run != null && run.isStuck();
    }

    synchronized void pause() {
        paused = true;
        setStatus(WorkflowStatus.PAUSED);
    }

    synchronized void resume() {
        if (!paused) {
            LOG.log(Level.WARNING, "Cannot resume workflow instance [{0}]: it is not paused", instance.getId());
            return;
        }
        paused = false;
        setStatus(WorkflowStatus.STARTED);
        notifyAll();
    }

    synchronized void setMetadata(Metadata metadata) {
        instance.setSharedContext(metadata);
        persist();
    }

    /** Runs the task when its conditions hold; false if no other task may follow. */
    private boolean run(WorkflowTask task) {
        TaskRun run = new TaskRun(instance.getId(), task, variables, journal);
        try {
            if (!awaitConditions(new Conditions(task))) {
                return false;
            }
        } catch (RuntimeException e) {
            run.fail("its conditions cannot be evaluated: " + e);
            return false;
        }
        Metadata context = begin(task);
        running = run;
        if (stopped) {
            run.stop();
        }
        run.execute(context);
        running = null;
        instance.setCurrentTaskEndDateTimeIsoStr(WallClock.now());
        persist();
        return !run.hasFailed();
    }

    /** The metadata for the task. If a client replaces the instance's meanwhile, the next task gets the new ones. */
    private Metadata begin(WorkflowTask task) {
        Metadata context = instance.getSharedContext();
        context.replaceMetadata(CoreMetKeys.TASK_ID, task.getTaskId());
        context.replaceMetadata(CoreMetKeys.WORKFLOW_INST_ID, instance.getId());
        context.replaceMetadata(CoreMetKeys.JOB_ID, instance.getId());
        context.replaceMetadata(CoreMetKeys.PROCESSING_NODE, hostName());
        context.replaceMetadata(CoreMetKeys.WORKFLOW_MANAGER_URL, String.valueOf(managerUrl));
        synchronized (this) {
            instance.setCurrentTaskStartDateTimeIsoStr(WallClock.now());
            instance.setCurrentTaskEndDateTimeIsoStr(null);
            setStatus(WorkflowStatus.STARTED);
        }
        return context;
    }

    /** Waits while the instance is paused; false if it was stopped. */
    private synchronized boolean awaitPermission() {
        if (paused && !stopped) {
            setStatus(WorkflowStatus.PAUSED); // the task that went on has reported other statuses since
        }
        while (paused && !stopped) {
            await(0);
        }
        return !stopped;
    }

    /** Pauses the instance until the conditions hold, or a client resumes it without them; false if it was stopped. */
    private boolean awaitConditions(Conditions conditions) {
        while (!conditions.areSatisfied(instance.getSharedContext())) {
            synchronized (this) {
                if (stopped) {
                    return false;
                }
                if (!paused) {
                    pause();
                }
                await(Conditions.MILLISECONDS_BETWEEN_EVALUATIONS);
                if (!paused) {
                    break;
                }
            }
        }
        synchronized (this) {
            if (paused && !stopped) {
                resume();
            }
            return !stopped;
        }
    }

    private void await(long milliseconds) {
        try {
            wait(milliseconds);
        } catch (InterruptedException e) {
            throw new IllegalStateException("Nobody interrupts the threads of this engine", e);
        }
    }

    private synchronized void finish(String status) {
        atEnd.run();
        if (stopped) {
            persist();
        } else {
            end(status);
        }
    }

    private void end(String status) {
        stopped = true;
        instance.setEndDateTimeIsoStr(WallClock.now());
        setStatus(status);
    }

    private boolean hasRequiredMetadata(WorkflowTask task) {
        List<?> required = task.getRequiredMetFields();
        for (Object field : required == null ? List.of() : required) {
            if (!instance.getSharedContext().containsKey(field.toString())) {
                LOG.log(Level.SEVERE, "Workflow instance [{0}]: task [{1}] needs metadata [{2}]",
                        new Object[] {instance.getId(), task.getTaskId(), field});
                return false;
            }
        }
        return true;
    }

    @SuppressWarnings("unchecked")
    private List<WorkflowTask> tasks() {
        // A copy, because OODT gives the instance another workflow object when a client asks for the instance.
        return List.copyOf(instance.getWorkflow().getTasks());
    }

    private void setStatus(String status) {
        instance.setStatus(status);
        persist();
    }

    private void persist() {
        try {
            repository.updateWorkflowInstance(instance);
        } catch (InstanceRepositoryException e) {
            LOG.log(Level.WARNING, "Workflow instance [" + instance.getId() + "]: " + e.getMessage());
        }
    }

    private static String hostName() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (UnknownHostException e) {
            return "unknown";
        }
    }
}
