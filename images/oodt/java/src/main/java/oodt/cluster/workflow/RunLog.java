package oodt.cluster.workflow;

import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The file on the share for all that the program of a task writes: JOBS/.logs/INSTANCE/TASK.gz. A job that has several
 * runs has an instance for each of them.
 */
final class RunLog {

    private static final String FOLDER = ".logs";
    private static final Pattern NOT_IN_A_NAME = Pattern.compile("^\\.|[^A-Za-z0-9._-]");
    private static final int NAME_LENGTH = 200;

    private RunLog() {
    }

    /** Empty if there is no folder for jobs, or the id of the instance cannot name a folder. */
    static Optional<Path> of(String jobs, String instanceId, String taskId) {
        if (jobs == null || jobs.isEmpty() || !RunJournal.canName(instanceId)) {
            return Optional.empty();
        }
        String task = NOT_IN_A_NAME.matcher(taskId).replaceAll("_");
        String name = task.substring(0, Math.min(task.length(), NAME_LENGTH)) + ".gz";
        return Optional.of(Path.of(jobs, FOLDER, instanceId, name));
    }
}
