package oodt.cluster.workflow;

import java.io.File;
import java.lang.reflect.Field;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.apache.oodt.cas.pge.PGETaskInstance;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.PgeConfig;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;

/**
 * Reads the state of a PGE task of any class while the task waits for the answer to a status call.
 *
 * <p>Only the task knows what it will ingest. Its configuration file may contain dates, queries and metadata that the
 * task has changed, so reading the file again could give other paths. OODT keeps the resolved configuration in
 * protected fields without getters, and users choose the class of the task. That leaves reflection.
 */
final class PgeObserver {

    /** The end of OODT's message when a program did not exit with 0, or with what the task's class asks for. */
    private static final String UNSUCCESSFUL = "Pge didn't finish successfully";

    private static final String MEMORY_RAN_OUT = "; memory ran out in its container, and a process was killed:"
            + " give it more (wm_memory), or run fewer jobs at once (max_workflows)";

    private static final Field CONFIG = field("pgeConfig");
    private static final Field METADATA = field("pgeMetadata");

    private final PGETaskInstance task;
    private final Map<String, String> variables;
    private final Optional<Path> fullLog;

    private PgeProgram program;
    private boolean crawling;
    private boolean stopped;

    /** The program gets the variables besides those of this JVM. */
    PgeObserver(PGETaskInstance task, Map<String, String> variables, Optional<Path> fullLog) {
        this.task = task;
        this.variables = variables;
        this.fullLog = fullLog;
    }

    /** Called after the task has written its script and before it starts the shell. Only the first call counts. */
    synchronized void programStarts() {
        PgeConfig config = config();
        if (config == null || program != null) {
            return;
        }
        program = new PgeProgram(variables, fullLog);
        config.setShellType(program.wrap(config.getShellType()));
        if (stopped) {
            program.kill();
        }
    }

    /** What the task is about to ingest; empty after the first call. */
    synchronized Optional<ExpectedProducts> crawlStarts() {
        PgeConfig config = config();
        PgeMetadata metadata = (PgeMetadata) get(METADATA);
        if (config == null || metadata == null || crawling) {
            return Optional.empty();
        }
        crawling = true;
        return Optional.of(new ExpectedProducts(config.getOuputDirs(), metadata));
    }

    /** Why the task failed: OODT's message, or a better one where that is of no use to the user. */
    synchronized String explain(String message) {
        if (message.endsWith(UNSUCCESSFUL)) {
            String memory = program != null && program.sawMemoryRunOut() ? MEMORY_RAN_OUT : "";
            return "its program did not exit with 0" + noted().map(code -> " but with " + code).orElse("") + memory;
        }
        return missingOutputDirectory().orElse(message);
    }

    /** The end of the program's output; empty if there is none or the program has not ended. */
    synchronized String log() {
        return program == null ? "" : program.log();
    }

    /** Kills the program and all that it has started, now or as soon as it begins. */
    synchronized void stop() {
        stopped = true;
        if (program != null) {
            program.kill();
        }
    }

    synchronized void close() {
        if (program != null) {
            program.close();
        }
    }

    private Optional<String> noted() {
        return program == null ? Optional.empty() : program.exitCode();
    }

    /** In this case OODT's message only says that something is null. */
    private Optional<String> missingOutputDirectory() {
        PgeConfig config = config();
        if (config != null) {
            for (OutputDir outputDir : config.getOuputDirs()) {
                if (!new File(outputDir.getPath()).isDirectory()) {
                    return Optional.of("the output directory " + outputDir.getPath() + " does not exist");
                }
            }
        }
        return Optional.empty();
    }

    private PgeConfig config() {
        return (PgeConfig) get(CONFIG);
    }

    private Object get(Field field) {
        try {
            return field.get(task);
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Field field(String name) {
        try {
            Field field = PGETaskInstance.class.getDeclaredField(name);
            field.setAccessible(true);
            return field;
        } catch (NoSuchFieldException e) {
            throw new IllegalStateException("This is not the PGETaskInstance of OODT 0.3", e);
        }
    }
}
