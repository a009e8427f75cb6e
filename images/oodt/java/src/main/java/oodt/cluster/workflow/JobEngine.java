package oodt.cluster.workflow;

import java.net.URL;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.engine.WorkflowEngine;
import org.apache.oodt.cas.workflow.instrepo.WorkflowInstanceRepository;
import org.apache.oodt.cas.workflow.structs.Workflow;
import org.apache.oodt.cas.workflow.structs.WorkflowInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowStatus;
import org.apache.oodt.cas.workflow.structs.WorkflowTask;
import org.apache.oodt.cas.workflow.structs.exceptions.EngineException;
import org.apache.oodt.cas.workflow.structs.exceptions.InstanceRepositoryException;

/**
 * Runs workflow instances, as many at once as the pool has threads; the others wait in order.
 *
 * <p>It replaces OODT's thread pool engine, and answers OODT's clients in the same way. Unlike OODT's, it knows the
 * task object that each instance runs, so that the journal can have what the task expects and why it failed. And it
 * forgets an instance when the last task has ended.
 */
public final class JobEngine implements WorkflowEngine {

    private static final Logger LOG = Logger.getLogger(JobEngine.class.getName());

    private final JobInstanceRepository repository;
    private final RunJournal journal;
    private final ExecutorService pool;
    private final Runnable onlyStuckLeft;

    /** By id: of instances that wait, that run, or that were stopped while their task goes on. */
    private final Map<String, JobProcessor> processors = new ConcurrentHashMap<>();

    private volatile URL url;

    /** {@code onlyStuckLeft} runs when only tasks that do not stop are left: only a new JVM frees their threads. */
    public JobEngine(JobInstanceRepository repository, RunJournal journal, int poolSize, Runnable onlyStuckLeft) {
        this.repository = repository;
        this.onlyStuckLeft = onlyStuckLeft;
        this.journal = journal;
        this.pool = Executors.newFixedThreadPool(poolSize);
        repository.atWork(processors::containsKey);
        repository.onUpdate((id, status) -> {
            JobProcessor processor = processors.get(id);
            if (processor != null) {
                processor.reports(status);
            }
        });
    }

    @Override
    public WorkflowInstance startWorkflow(Workflow workflow, Metadata metadata) throws EngineException {
        List<?> tasks = workflow.getTasks();
        if (tasks == null || tasks.isEmpty()) {
            throw new EngineException("Workflow [" + workflow.getId() + "] has no tasks");
        }
        WorkflowInstance instance = new WorkflowInstance();
        instance.setWorkflow(workflow);
        instance.setCurrentTaskId(((WorkflowTask) tasks.get(0)).getTaskId());
        instance.setSharedContext(metadata);
        instance.setStatus(WorkflowStatus.CREATED);
        repository.addWorkflowInstance(instance);

        String id = instance.getId();
        JobProcessor processor = new JobProcessor(instance, repository, journal, url, () -> processors.remove(id));
        processors.put(id, processor);
        processor.queued();
        pool.execute(processor);
        return instance;
    }

    @Override
    public void stopWorkflow(String id) {
        find(id, "stop").ifPresent(JobProcessor::stop);
        if (!processors.isEmpty() && processors.values().stream().allMatch(JobProcessor::isStuck)) {
            onlyStuckLeft.run();
        }
    }

    @Override
    public void pauseWorkflowInstance(String id) {
        find(id, "pause").ifPresent(JobProcessor::pause);
    }

    @Override
    public void resumeWorkflowInstance(String id) {
        find(id, "resume").ifPresent(JobProcessor::resume);
    }

    /** Replaces all metadata of an instance for its next task, except the key of the job. */
    @Override
    public boolean updateMetadata(String id, Metadata metadata) {
        metadata.replaceMetadata(JobInstanceRepository.JOB_KEY, id);
        JobProcessor processor = processors.get(id);
        if (processor != null) {
            processor.setMetadata(metadata);
            return true;
        }
        return replaceMetadata(id, metadata);
    }

    @Override
    public Metadata getWorkflowInstanceMetadata(String id) {
        JobProcessor processor = processors.get(id);
        WorkflowInstance instance = processor != null ? processor.instance() : lookUp(id);
        return instance != null ? instance.getSharedContext() : new Metadata();
    }

    @Override
    public double getWallClockMinutes(String id) {
        WorkflowInstance instance = lookUp(id);
        return instance == null
                ? 0
                : WallClock.minutes(instance.getStartDateTimeIsoStr(), instance.getEndDateTimeIsoStr());
    }

    @Override
    public double getCurrentTaskWallClockMinutes(String id) {
        WorkflowInstance instance = lookUp(id);
        return instance == null
                ? 0
                : WallClock.minutes(
                        instance.getCurrentTaskStartDateTimeIsoStr(), instance.getCurrentTaskEndDateTimeIsoStr());
    }

    @Override
    public WorkflowInstanceRepository getInstanceRepository() {
        return repository;
    }

    @Override
    public void setWorkflowManagerUrl(URL url) {
        this.url = url;
    }

    private Optional<JobProcessor> find(String id, String operation) {
        JobProcessor processor = processors.get(id);
        if (processor == null) {
            LOG.log(Level.WARNING, "Cannot {0} workflow instance [{1}]: it does not run here (any more)",
                    new Object[] {operation, id});
        }
        return Optional.ofNullable(processor);
    }

    /** Replaces the metadata of an instance that has ended; false if there is none. */
    private boolean replaceMetadata(String id, Metadata metadata) {
        try {
            WorkflowInstance instance = repository.getWorkflowInstanceById(id);
            instance.setSharedContext(metadata);
            repository.updateWorkflowInstance(instance);
            return true;
        } catch (InstanceRepositoryException e) {
            LOG.log(Level.WARNING, "Cannot update its metadata: {0}", e.getMessage());
            return false;
        }
    }

    private WorkflowInstance lookUp(String id) {
        try {
            return repository.getWorkflowInstanceById(id);
        } catch (InstanceRepositoryException e) {
            return null;
        }
    }
}
