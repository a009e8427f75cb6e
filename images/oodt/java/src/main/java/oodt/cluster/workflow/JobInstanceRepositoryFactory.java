package oodt.cluster.workflow;

import java.util.UUID;
import org.apache.oodt.cas.workflow.instrepo.WorkflowInstanceRepository;
import org.apache.oodt.cas.workflow.instrepo.WorkflowInstanceRepositoryFactory;

/** Named in workflow.properties as {@code workflow.engine.instanceRep.factory}; OODT creates one at start-up. */
public final class JobInstanceRepositoryFactory implements WorkflowInstanceRepositoryFactory {

    /** How many ended instances stay visible to OODT's clients. */
    private static final int DEFAULT_HISTORY = 500;

    /** They may take the heap's size divided by this: a job's metadata may have megabytes. */
    private static final int HISTORY_PART = 8;

    private static final int DEFAULT_PAGE_SIZE = 20;

    @Override
    public WorkflowInstanceRepository createInstanceRepository() {
        String boot = UUID.randomUUID().toString();
        RunJournal journal = RunJournal.ofThisContainer();
        journal.removeUnopened();
        RunJournal.announceBoot(boot);
        return new JobInstanceRepository(
                journal,
                boot,
                Integer.getInteger("org.apache.oodt.cas.workflow.instanceRep.pageSize", DEFAULT_PAGE_SIZE),
                new History(
                        Integer.getInteger("oodt.cluster.history", DEFAULT_HISTORY),
                        Runtime.getRuntime().maxMemory() / HISTORY_PART));
    }
}
