package oodt.cluster.workflow;

import java.util.logging.Logger;
import org.apache.oodt.cas.workflow.engine.WorkflowEngine;
import org.apache.oodt.cas.workflow.engine.WorkflowEngineFactory;
import org.apache.oodt.cas.workflow.util.GenericWorkflowObjectFactory;

/** Named in workflow.properties as {@code workflow.engine.factory}; OODT creates one at start-up. */
public final class JobEngineFactory implements WorkflowEngineFactory {

    /** The key of the factory of the instance repository, as OODT's own engines read it. */
    private static final String REPOSITORY = "workflow.engine.instanceRep.factory";

    private static final String POOL_SIZE = "org.apache.oodt.cas.workflow.engine.maxPoolSize";

    private static final Logger LOG = Logger.getLogger(JobEngineFactory.class.getName());

    private static final int DEFAULT_POOL_SIZE = 10;
    private static final int EXIT_STUCK = 3;

    @Override
    public WorkflowEngine createWorkflowEngine() {
        String factory = System.getProperty(REPOSITORY);
        if (GenericWorkflowObjectFactory.getWorkflowInstanceRepositoryFromClassName(factory)
                instanceof JobInstanceRepository repository) {
            return new JobEngine(
                    repository,
                    RunJournal.ofThisContainer(),
                    Integer.getInteger(POOL_SIZE, DEFAULT_POOL_SIZE),
                    JobEngineFactory::endJvm);
        }
        throw new IllegalStateException(
                REPOSITORY + " is " + factory + ": it must be " + JobInstanceRepositoryFactory.class.getName());
    }

    /** Shutdown hooks could wait for the tasks that do not stop, so none is run. */
    private static void endJvm() {
        LOG.severe("All tasks that run here do not stop: this JVM ends, to be started again");
        Runtime.getRuntime().halt(EXIT_STUCK);
    }
}
