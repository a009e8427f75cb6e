package oodt.cluster.workflow;

import java.util.Map;
import org.apache.oodt.cas.workflow.engine.ThreadPoolWorkflowEngine;
import org.apache.oodt.cas.workflow.engine.ThreadPoolWorkflowEngineFactory;
import org.apache.oodt.cas.workflow.engine.WorkflowEngine;

/**
 * OODT's own engine, which forgets an instance when the repository does; by itself it keeps each one for ever.
 *
 * <p>Named in workflow.properties as {@code workflow.engine.factory}.
 */
public final class JobEngineFactory extends ThreadPoolWorkflowEngineFactory {

    public JobEngineFactory() throws InstantiationException {
    }

    @Override
    public WorkflowEngine createWorkflowEngine() {
        WorkflowEngine engine = super.createWorkflowEngine();
        if (engine.getInstanceRepository() instanceof JobInstanceRepository repository) {
            // The repository forgets only while it adds, which the engine asks of it under its own lock.
            repository.onForget(workers(engine)::remove);
        }
        return engine;
    }

    private static Map<?, ?> workers(WorkflowEngine engine) {
        try {
            var field = ThreadPoolWorkflowEngine.class.getDeclaredField("workerMap");
            field.setAccessible(true);
            return (Map<?, ?>) field.get(engine);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("This is not the engine of OODT 0.3", e);
        }
    }
}
