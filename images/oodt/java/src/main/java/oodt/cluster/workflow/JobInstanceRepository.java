package oodt.cluster.workflow;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.instrepo.WorkflowInstanceRepository;
import org.apache.oodt.cas.workflow.structs.WorkflowInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowInstancePage;
import org.apache.oodt.cas.workflow.structs.exceptions.InstanceRepositoryException;

/**
 * Workflow instances in memory, named by the job that they run.
 *
 * <p>The id of an instance is the value of its metadata key {@code JobKey}, or a UUID if there is none. Job folders,
 * status calls and products of every workflow have this id, also when a job is submitted again. Every change is in the
 * run's journal before the call returns. Live instances are always kept, ended ones up to a number and a size.
 */
public final class JobInstanceRepository implements WorkflowInstanceRepository {

    /** The metadata key that carries the run's id through OODT, which overwrites JobId. */
    static final String JOB_KEY = "JobKey";

    private final RunJournal journal;
    private final String boot;
    private final int pageSize;

    /** By id, in the order of submission, which is the order of the pages. */
    private final Map<String, TrackedInstance> instances = new LinkedHashMap<>();

    /** Those that have ended and whose last task has ended too. */
    private final History history;

    private Predicate<String> atWork = id -> false;
    private BiConsumer<String, String> onUpdate = (id, status) -> { };

    JobInstanceRepository(RunJournal journal, String boot, int pageSize, History history) {
        this.journal = journal;
        this.boot = boot;
        this.pageSize = pageSize;
        this.history = history;
    }

    /** Sets who tells, by id, whether a task of an instance still runs although its status says that it has ended. */
    void atWork(Predicate<String> engine) {
        atWork = engine;
    }

    /** Sets a listener, which gets id and status of an instance before the call that updates it returns. */
    void onUpdate(BiConsumer<String, String> listener) {
        onUpdate = listener;
    }

    @Override
    public synchronized void addWorkflowInstance(WorkflowInstance instance) {
        instance.setId(newId(instance.getSharedContext()));
        makeWayFor(instance.getId());
        instance.getSharedContext().replaceMetadata(JOB_KEY, instance.getId());
        TrackedInstance tracked = new TrackedInstance(instance, journal, boot);
        instances.put(instance.getId(), tracked);
        tracked.update(instance);
    }

    @Override
    public void updateWorkflowInstance(WorkflowInstance instance) throws InstanceRepositoryException {
        // Outside the lock, because the listener may read a slow share.
        onUpdate.accept(instance.getId(), instance.getStatus());
        update(instance);
    }

    @Override
    public synchronized void removeWorkflowInstance(WorkflowInstance instance) {
        history.remove(instance.getId());
        TrackedInstance tracked = instances.remove(instance.getId());
        if (tracked != null) {
            tracked.forget();
        }
    }

    @Override
    public synchronized WorkflowInstance getWorkflowInstanceById(String id) throws InstanceRepositoryException {
        return find(id).instance();
    }

    @Override
    public List<WorkflowInstance> getWorkflowInstances() {
        return select(null);
    }

    @Override
    public List<WorkflowInstance> getWorkflowInstancesByStatus(String status) {
        return select(status);
    }

    @Override
    public synchronized int getNumWorkflowInstances() {
        return instances.size();
    }

    @Override
    public int getNumWorkflowInstancesByStatus(String status) {
        return select(status).size();
    }

    @Override
    public WorkflowInstancePage getFirstPage() {
        return getPagedWorkflows(1, null);
    }

    @Override
    public WorkflowInstancePage getLastPage() {
        return getPagedWorkflows(Pages.count(getNumWorkflowInstances(), pageSize), null);
    }

    @Override
    public WorkflowInstancePage getNextPage(WorkflowInstancePage page) {
        return page == null ? getFirstPage() : getPagedWorkflows(page.getPageNum() + 1, null);
    }

    @Override
    public WorkflowInstancePage getPrevPage(WorkflowInstancePage page) {
        return page == null ? getFirstPage() : getPagedWorkflows(page.getPageNum() - 1, null);
    }

    @Override
    public WorkflowInstancePage getPagedWorkflows(int number) {
        return getPagedWorkflows(number, null);
    }

    @Override
    public WorkflowInstancePage getPagedWorkflows(int number, String status) {
        return Pages.page(select(status), number, pageSize);
    }

    private synchronized void update(WorkflowInstance instance) throws InstanceRepositoryException {
        TrackedInstance tracked = find(instance.getId());
        tracked.update(instance);
        if (tracked.isOver() && !atWork.test(instance.getId())) {
            history.put(instance.getId(), tracked.size());
            history.removeExcess().forEach(id -> instances.remove(id).forget());
        } else {
            history.remove(instance.getId());
        }
    }

    private String newId(Metadata metadata) {
        String jobKey = metadata.getMetadata(JOB_KEY);
        if (!RunJournal.canName(jobKey)) {
            return UUID.randomUUID().toString();
        }
        boolean free = !instances.containsKey(jobKey) || isSubmittedAgain(jobKey);
        return free ? jobKey : jobKey + "~" + UUID.randomUUID();
    }

    /**
     * Whether the instance of that id belongs to an earlier submission. One event may start several workflows with the
     * same metadata, and the first may end before the second begins. They share a journal, in which the first has begun
     * by then. Each submission has a journal of its own.
     */
    private boolean isSubmittedAgain(String jobKey) {
        return history.contains(jobKey) && journal.awaitsInstance(jobKey);
    }

    /** Forgets an earlier instance of the id; the journal belongs to the new one. */
    private void makeWayFor(String id) {
        history.remove(id);
        instances.remove(id);
    }

    private TrackedInstance find(String id) throws InstanceRepositoryException {
        TrackedInstance tracked = instances.get(id);
        if (tracked == null) {
            throw new InstanceRepositoryException("There is no workflow instance [" + id + "] here (any more)");
        }
        return tracked;
    }

    private synchronized List<WorkflowInstance> select(String status) {
        List<WorkflowInstance> selected = new ArrayList<>(instances.size());
        for (TrackedInstance tracked : instances.values()) {
            if (status == null || status.equals(tracked.instance().getStatus())) {
                selected.add(tracked.instance());
            }
        }
        return selected;
    }
}
