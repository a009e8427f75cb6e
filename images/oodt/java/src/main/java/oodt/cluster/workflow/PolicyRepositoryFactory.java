package oodt.cluster.workflow;

import java.util.List;
import org.apache.oodt.cas.workflow.repository.WorkflowRepository;
import org.apache.oodt.cas.workflow.repository.WorkflowRepositoryFactory;

/** Named in workflow.properties as {@code workflow.repo.factory}; OODT creates one at start-up. */
public final class PolicyRepositoryFactory implements WorkflowRepositoryFactory {

    /** OODT's own key: the policy folders as URIs, with commas between. */
    private static final String FOLDERS = "org.apache.oodt.cas.workflow.repo.dirs";

    @Override
    public WorkflowRepository createRepository() {
        String folders = System.getProperty(FOLDERS);
        if (folders == null) {
            throw new IllegalStateException(FOLDERS + " is not set: workflow.properties must name it");
        }
        return new PolicyRepository(List.of(folders.split(",")));
    }
}
