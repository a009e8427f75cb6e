package oodt.cluster.workflow;

import org.apache.oodt.cas.workflow.engine.WorkflowEngine;
import org.apache.oodt.cas.workflow.engine.WorkflowEngineFactory;
import org.apache.oodt.cas.workflow.util.GenericWorkflowObjectFactory;

/** Named in workflow.properties as {@code workflow.engine.factory}; OODT creates one at start-up. */
public final class JobEngineFactory implements WorkflowEngineFactory {

    /** The key of the factory of the instance repository, as OODT's own engines read it. */
    private static final String REPOSITORY = "workflow.engine.instanceRep.factory";

    private static final String POOL_SIZE = "org.apache.oodt.cas.workflow.engine.maxPoolSize";

    private static final int DEFAULT_POOL_SIZE = 10;

    @Override
    public WorkflowEngine createWorkflowEngine() {
        String factory = System.getProperty(REPOSITORY);
        if (GenericWorkflowObjectFactory.getWorkflowInstanceRepositoryFromClassName(factory)
                instanceof JobInstanceRepository repository) {
            return new JobEngine(
                    repository, RunJournal.ofThisContainer(), Integer.getInteger(POOL_SIZE, DEFAULT_POOL_SIZE));
        }
        throw new IllegalStateException(
                REPOSITORY + " is " + factory + ": it must be " + JobInstanceRepositoryFactory.class.getName());
    }
}
