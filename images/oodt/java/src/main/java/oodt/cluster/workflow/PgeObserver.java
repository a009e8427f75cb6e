package oodt.cluster.workflow;

import java.io.File;
import java.lang.reflect.Field;
import java.util.Optional;
import org.apache.oodt.cas.pge.PGETaskInstance;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.PgeConfig;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;

/**
 * Looks into a PGE task of any class while it waits for the answer to a status call.
 *
 * <p>Only the task itself knows for sure what it will ingest: its configuration may hold dates, queries and metadata
 * that the task changed, so to read it a second time would give other paths. OODT keeps the resolved one in protected
 * fields without getters, and the class of the task is the user's choice: hence reflection.
 */
final class PgeObserver {

    /** How OODT's message ends when a program did not exit with 0, or not with what the task's class asks for. */
    private static final String UNSUCCESSFUL = "Pge didn't finish successfully";

    private static final Field CONFIG = field("pgeConfig");
    private static final Field METADATA = field("pgeMetadata");

    private final PGETaskInstance task;

    private PgeProgram program;
    private boolean crawling;
    private boolean stopped;

    PgeObserver(PGETaskInstance task) {
        this.task = task;
    }

    /** Once for each task, from a status call between the writing of its script and the start of the shell. */
    synchronized void programStarts() {
        PgeConfig config = config();
        if (config == null || program != null) {
            return;
        }
        program = new PgeProgram();
        config.setShellType(program.wrap(config.getShellType()));
        if (stopped) {
            program.kill();
        }
    }

    /** What the task is about to ingest, the first time that it says so. */
    synchronized Optional<ExpectedProducts> crawlStarts() {
        PgeConfig config = config();
        PgeMetadata metadata = (PgeMetadata) get(METADATA);
        if (config == null || metadata == null || crawling) {
            return Optional.empty();
        }
        crawling = true;
        return Optional.of(new ExpectedProducts(config.getOuputDirs(), metadata));
    }

    /** Why the task failed, in the words of its user where OODT's message is of no use to him. */
    synchronized String explain(String message) {
        if (message.endsWith(UNSUCCESSFUL)) {
            return "its program did not exit with 0" + noted().map(code -> " but with " + code).orElse("");
        }
        return missingOutputDirectory().orElse(message);
    }

    /** The last of what the program wrote; empty if it wrote nothing or has not ended. */
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

    /** Where OODT only says that something is null. */
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
