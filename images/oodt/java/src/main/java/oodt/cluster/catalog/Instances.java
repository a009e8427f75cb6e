package oodt.cluster.catalog;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What the ids of workflow instances say of their run.
 *
 * <p>The first workflow that an event starts has the run's id; each further one has a suffix of its own behind it,
 * which no job's id can have.
 */
final class Instances {

    /** The metadata key that a product's instance comes with. */
    static final String KEY = "WorkflowInstId";

    private static final Pattern FURTHER =
            Pattern.compile("(.+)~[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", Pattern.DOTALL);

    private Instances() {
    }

    /** The run that an instance is of, if it is not the run's first. */
    static String run(String instance) {
        Matcher further = FURTHER.matcher(instance);
        return further.matches() ? further.group(1) : instance;
    }

    static boolean isOf(String instance, String run) {
        return instance.equals(run) || run(instance).equals(run);
    }
}
