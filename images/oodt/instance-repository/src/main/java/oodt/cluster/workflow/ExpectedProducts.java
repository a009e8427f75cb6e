package oodt.cluster.workflow;

import java.io.File;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.RegExprOutputFiles;

/** What one PGE task is about to ingest, and which files its configuration names but cannot ingest. */
public final class ExpectedProducts {

    private final List<OutputDir> outputDirs;
    private final String metExtension;

    /** The files of the output directories as the program left them, and where each is after OODT's renaming. */
    private final Map<File, File> files = new LinkedHashMap<>();

    /** Takes stock after the program has ended and before OODT writes metadata files and renames. */
    public ExpectedProducts(List<OutputDir> outputDirs, String metExtension) {
        this.outputDirs = outputDirs;
        this.metExtension = metExtension;
        for (OutputDir outputDir : outputDirs) {
            for (File file : list(new File(outputDir.getPath()))) {
                files.put(file, file);
            }
        }
    }

    public void renamed(File from, File to) {
        files.replaceAll((original, current) -> current.equals(from) ? to : current);
    }

    /** Walks as OODT's crawler does: whatever has a metadata file beside it is a product. */
    public Collection<String> toIngest(boolean directories, boolean recursive) {
        Set<String> found = new LinkedHashSet<>();
        for (OutputDir outputDir : outputDirs) {
            collect(new File(outputDir.getPath()), directories, recursive, found);
        }
        return found;
    }

    public Collection<String> problems() {
        Set<String> problems = new LinkedHashSet<>();
        for (OutputDir outputDir : outputDirs) {
            for (RegExprOutputFiles expression : outputDir.getRegExprOutputFiles()) {
                check(new File(outputDir.getPath()), expression.getRegExp(), problems);
            }
        }
        return problems;
    }

    private void check(File directory, String regExp, Set<String> problems) {
        List<File> matching = new ArrayList<>();
        files.forEach((original, current) -> {
            if (directory.equals(original.getParentFile())
                    && (Pattern.matches(regExp, original.getName()) || Pattern.matches(regExp, current.getName()))) {
                matching.add(current);
            }
        });
        if (matching.isEmpty()) {
            problems.add("no file matches " + regExp + " in " + directory);
        }
        for (File file : matching) {
            if (!hasMetadata(file)) {
                problems.add(file + " matches " + regExp + " but its metadata could not be written");
            }
        }
    }

    private void collect(File directory, boolean directories, boolean recursive, Set<String> found) {
        for (File file : list(directory)) {
            if ((directories ? file.isDirectory() : file.isFile()) && hasMetadata(file)) {
                found.add(file.getAbsolutePath());
            }
            if (recursive && file.isDirectory()) {
                collect(file, directories, true, found);
            }
        }
    }

    private boolean hasMetadata(File file) {
        return new File(file.getAbsolutePath() + "." + metExtension).exists();
    }

    private static File[] list(File directory) {
        File[] content = directory.listFiles();
        return content == null ? new File[0] : content;
    }
}
