package oodt.cluster.workflow;

import java.io.File;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.RegExprOutputFiles;
import org.apache.oodt.cas.pge.config.RenamingConv;
import org.apache.oodt.cas.pge.metadata.PcsMetadataKeys;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;

/**
 * The files that one PGE task is about to ingest, and the problems with those that its configuration names.
 *
 * <p>It has to be made after OODT has renamed the files and written their metadata, and before its crawler runs.
 */
final class ExpectedProducts {

    private final Set<String> files = new LinkedHashSet<>();
    private final Set<String> problems = new LinkedHashSet<>();

    private final PgeMetadata metadata;
    private final String metadataSuffix;
    private final boolean directories;
    private final boolean recursive;

    ExpectedProducts(List<OutputDir> outputDirs, PgeMetadata metadata) {
        this.metadata = metadata;
        metadataSuffix = "." + metadata.getMetadataValue(PcsMetadataKeys.MET_FILE_EXT);
        directories = "true".equalsIgnoreCase(metadata.getMetadataValue(PcsMetadataKeys.CRAWLER_CRAWL_FOR_DIRS));
        String recursion = metadata.getMetadataValue(PcsMetadataKeys.CRAWLER_RECUR);
        recursive = recursion == null || recursion.equalsIgnoreCase("true");
        for (OutputDir outputDir : outputDirs) {
            collect(new File(outputDir.getPath()));
            check(outputDir);
        }
    }

    /** The files that the crawler will find. */
    Collection<String> files() {
        return files;
    }

    Collection<String> problems() {
        return problems;
    }

    /** Walks as OODT's crawler does: whatever has a metadata file beside it is a product. */
    private void collect(File directory) {
        Set<String> names = list(directory);
        for (String name : names) {
            File file = new File(directory, name);
            if (names.contains(name + metadataSuffix) && (directories ? file.isDirectory() : file.isFile())) {
                files.add(file.getAbsolutePath());
            }
            if (recursive && file.isDirectory()) {
                collect(file);
            }
        }
    }

    private void check(OutputDir outputDir) {
        File directory = new File(outputDir.getPath());
        Set<String> names = list(directory);
        for (RegExprOutputFiles expression : outputDir.getRegExprOutputFiles()) {
            Predicate<String> expected = names(expression);
            List<String> matching = new ArrayList<>(names);
            matching.removeIf(name -> !expected.test(name) || isMetadata(name, names));
            if (matching.isEmpty()) {
                problems.add("no file matches " + expression.getRegExp() + " in " + directory);
            }
            matching.removeIf(name -> names.contains(name + metadataSuffix));
            for (String name : matching) {
                problems.add(new File(directory, name) + " matches " + expression.getRegExp()
                        + " but its metadata could not be written");
            }
        }
    }

    /** Matches the names that OODT gives and those that the program gave, which remain if OODT cannot rename a file. */
    private Predicate<String> names(RegExprOutputFiles expression) {
        Predicate<String> names = Pattern.compile(expression.getRegExp()).asMatchPredicate();
        RenamingConv renaming = expression.getRenamingConv();
        return renaming == null ? names : names.or(RenamedFile.pattern(renaming, metadata).asMatchPredicate());
    }

    private boolean isMetadata(String name, Set<String> names) {
        return name.endsWith(metadataSuffix)
                && names.contains(name.substring(0, name.length() - metadataSuffix.length()));
    }

    private static Set<String> list(File directory) {
        String[] names = directory.list();
        return names == null ? Set.of() : new TreeSet<>(List.of(names));
    }
}
