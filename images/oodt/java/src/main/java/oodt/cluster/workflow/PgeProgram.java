package oodt.cluster.workflow;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.regex.Pattern;

/**
 * The program of a PGE task. A helper runs it, records its exit code, its output and the end of that, and can kill it.
 *
 * <p>OODT starts the shell itself and waits for it without a time limit. The helper is put into the command line of
 * that shell, because OODT gives no other access to the process.
 */
final class PgeProgram {

    private static final Path HELPER = Path.of(
            System.getProperty("oodt.cluster.program.helper", "/usr/local/libexec/oodt/run-program"));

    /** The helper finds in it where the full log goes. The program does not get this variable. */
    private static final String RUN_LOG = "OODT_RUN_LOG";

    private static final Pattern ENDED = Pattern.compile("\\d+\n");

    private static final long MILLISECONDS_BETWEEN_KILLS = 100;

    private static final Logger LOG = Logger.getLogger(PgeProgram.class.getName());

    /**
     * What the helper reads and then writes: the variables of the workflow; the exit code on the first line, then the
     * output.
     */
    private final Path result;

    private final long killsBefore = MemoryKills.count();

    private volatile boolean over;
    private Thread killer;

    /** The program gets the variables besides those of this JVM; without a file for it no full log is kept. */
    PgeProgram(Map<String, String> variables, Optional<Path> fullLog) {
        Map<String, String> all = new HashMap<>(variables);
        fullLog.ifPresent(file -> all.put(RUN_LOG, file.toString()));
        result = newFile(all);
    }

    /** The shell that runs the program's script, as a command of the helper. */
    String wrap(String shell) {
        return result == null ? shell : HELPER + " " + result + " " + shell;
    }

    Optional<String> exitCode() {
        return ended().map(text -> text.substring(0, text.indexOf('\n')));
    }

    /** Whether memory has run out in this container since the program began. */
    boolean sawMemoryRunOut() {
        return MemoryKills.count() > killsBefore;
    }

    String log() {
        return ended().map(text -> text.substring(text.indexOf('\n') + 1).strip()).orElse("");
    }

    /** Has the helper kill until the task has ended: OODT may be about to start it, and children may start others. */
    synchronized void kill() {
        if (killer == null && result != null) {
            killer = new Thread(this::killUntilOver, "kill " + result.getFileName());
            killer.setDaemon(true);
            killer.start();
        }
    }

    void close() {
        over = true;
        if (result != null) {
            result.toFile().delete();
        }
    }

    private void killUntilOver() {
        while (!over) {
            ProcessHandle.current().children().filter(this::isHelper).forEach(ProcessHandle::destroy);
            try {
                TimeUnit.MILLISECONDS.sleep(MILLISECONDS_BETWEEN_KILLS);
            } catch (InterruptedException e) {
                return;
            }
        }
    }

    private boolean isHelper(ProcessHandle process) {
        return process.info().commandLine().filter(line -> line.contains(result.toString())).isPresent();
    }

    /** What the helper has written; empty where it was killed at its start, and the variables are still there. */
    private Optional<String> ended() {
        return Optional.of(read()).filter(text -> ENDED.matcher(text).lookingAt());
    }

    private String read() {
        try {
            // Programs may write in any encoding; what is not UTF-8 is replaced.
            return result == null ? "" : new String(Files.readAllBytes(result), StandardCharsets.UTF_8);
        } catch (IOException e) {
            return "";
        }
    }

    private static Path newFile(Map<String, String> variables) {
        if (!Files.isExecutable(HELPER)) {
            return null;
        }
        try {
            StringBuilder text = new StringBuilder();
            variables.forEach((name, value) -> text.append(name).append('=').append(value).append('\0'));
            return Files.writeString(Files.createTempFile("program-", null), text);
        } catch (IOException e) {
            LOG.log(Level.WARNING, "Exit codes and output stay unknown, and programs cannot be killed: {0}",
                    e.toString());
            return null;
        }
    }
}
