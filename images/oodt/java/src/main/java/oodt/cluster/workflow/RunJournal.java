package oodt.cluster.workflow;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.channels.SeekableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.logging.Level;
import java.util.logging.Logger;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The journals of this container's runs: a file for each run, a JSON object on each line, written by several processes.
 *
 * <p>Each line is one write to a file opened for append, so lines of different writers never mix. If a journal
 * cannot be written, the verdict is lost but the workflow goes on: errors are only logged.
 */
final class RunJournal {

    /** Names of journal files: a run id that does not look like this cannot have a journal. */
    private static final Pattern SAFE_NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._~-]{0,199}");

    /** Readable and writable by the group: the consumer and the gateway run as another user. */
    private static final FileAttribute<?> MODE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-rw----"));

    /** The line with which an instance begins: the first of a journal that the Workflow Manager has opened itself. */
    private static final String INSTANCE = "{\"kind\":\"instance\"";

    private static final Logger LOG = Logger.getLogger(RunJournal.class.getName());

    private final Path directory;

    RunJournal(Path directory) {
        this.directory = directory;
    }

    /** The journals of this JVM, below the directory that the system property {@code oodt.cluster.run.dir} names. */
    static RunJournal ofThisContainer() {
        return new RunJournal(runDirectory().resolve("runs"));
    }

    /** Tells the container that a new Workflow Manager is up, so that runs of an earlier one have ended. */
    static void announceBoot(String boot) {
        Path target = runDirectory().resolve("wm-boot");
        Path draft = runDirectory().resolve("wm-boot.new");
        try {
            Files.writeString(draft, boot);
            Files.move(draft, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            LOG.log(Level.SEVERE, "Cannot write " + target + ": interrupted runs will not be noticed", e);
        }
    }

    private static Path runDirectory() {
        return Path.of(System.getProperty("oodt.cluster.run.dir", "/run/oodt"));
    }

    static boolean canName(String runId) {
        return runId != null && SAFE_NAME.matcher(runId).matches();
    }

    boolean exists(String runId) {
        return Files.exists(file(runId));
    }

    /** Whether somebody has opened the run's journal, and no instance has begun in it yet. */
    boolean awaitsInstance(String runId) {
        try (Stream<String> lines = Files.lines(file(runId))) {
            Iterator<String> each = lines.iterator();
            boolean opened = each.hasNext();
            while (each.hasNext()) {
                if (each.next().startsWith(INSTANCE)) {
                    return false;
                }
            }
            return opened;
        } catch (IOException | UncheckedIOException e) {
            return false;
        }
    }

    /** Writes a line; makes the journal if nobody has opened it yet. */
    void begin(String runId, String kind, Map<String, ?> fields) {
        write(runId, kind, fields, Set.of(StandardOpenOption.CREATE, StandardOpenOption.APPEND));
    }

    /** Writes a line, unless the journal is closed: it is removed when the verdict is known. */
    void append(String runId, String kind, Map<String, ?> fields) {
        write(runId, kind, fields, Set.of(StandardOpenOption.APPEND));
    }

    private void write(String runId, String kind, Map<String, ?> fields, Set<StandardOpenOption> how) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("kind", kind);
        line.put("at", BigDecimal.valueOf(System.currentTimeMillis(), 3));
        line.putAll(fields);
        ByteBuffer bytes = ByteBuffer.wrap((Json.encode(line) + "\n").getBytes(StandardCharsets.UTF_8));
        try (SeekableByteChannel channel = Files.newByteChannel(file(runId), how, MODE)) {
            channel.write(bytes);
        } catch (NoSuchFileException e) {
            LOG.log(Level.FINE, "The journal of run {0} is closed: {1}", new Object[] {runId, line});
        } catch (IOException e) {
            LOG.log(Level.SEVERE, "Cannot write the journal of run " + runId + " (" + line + "): " + e);
        }
    }

    void remove(String runId) {
        remove(file(runId));
    }

    /** Removes the journals that an earlier Workflow Manager left and that no consumer waits for. */
    void removeUnopened() {
        try (DirectoryStream<Path> files = Files.newDirectoryStream(directory, "*.jsonl")) {
            for (Path file : files) {
                try (Stream<String> lines = Files.lines(file)) {
                    if (lines.findFirst().filter(line -> line.startsWith(INSTANCE)).isPresent()) {
                        remove(file);
                    }
                }
            }
        } catch (IOException | UncheckedIOException e) {
            LOG.log(Level.WARNING, "Cannot clean up " + directory, e);
        }
    }

    private static void remove(Path file) {
        try {
            Files.deleteIfExists(file);
        } catch (IOException e) {
            LOG.log(Level.WARNING, "Cannot remove " + file, e);
        }
    }

    private Path file(String runId) {
        return directory.resolve(runId + ".jsonl");
    }
}
