package oodt.cluster.workflow;

import java.util.List;
import org.apache.oodt.cas.workflow.structs.WorkflowInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowInstancePage;

/** Cuts a list of workflow instances into the numbered pages, from 1, that OODT's clients ask for. */
final class Pages {

    private Pages() {
    }

    static int count(int items, int size) {
        return (items + size - 1) / size;
    }

    /** A page that does not exist is OODT's blank page. */
    static WorkflowInstancePage page(List<WorkflowInstance> all, int number, int size) {
        int total = count(all.size(), size);
        if (number < 1 || number > total) {
            return WorkflowInstancePage.blankPage();
        }
        int start = (number - 1) * size;
        List<WorkflowInstance> content = all.subList(start, Math.min(start + size, all.size()));
        return new WorkflowInstancePage(number, total, size, content);
    }
}
