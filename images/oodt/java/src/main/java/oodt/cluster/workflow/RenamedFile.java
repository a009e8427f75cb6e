package oodt.cluster.workflow;

import java.util.regex.Pattern;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.metadata.util.PathUtils;
import org.apache.oodt.cas.pge.config.RenamingConv;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;

/** The names that OODT may have given to a file by a renaming convention. */
final class RenamedFile {

    /** Placeholders that OODT replaces by the current time or one computed from it: that time has passed. */
    private static final Pattern TIME = Pattern.compile("\\[\\s*(DATE|FORMAT|UTC_TO_TAI)\\b.*|\\[\\s*DATE_.*");

    private RenamedFile() {
    }

    static Pattern pattern(RenamingConv convention, PgeMetadata pgeMetadata) {
        Metadata metadata = pgeMetadata.getMetadata();
        metadata.replaceMetadata(convention.getTmpReplaceMet());
        String naming = convention.getRenamingString();
        StringBuilder expression = new StringBuilder();
        int position = 0;
        while (position < naming.length()) {
            int end = naming.charAt(position) == '[' ? endOfPlaceholder(naming, position) : position + 1;
            expression.append(expression(naming.substring(position, end), metadata));
            position = end;
        }
        return Pattern.compile(expression.toString());
    }

    private static String expression(String part, Metadata metadata) {
        if (TIME.matcher(part).matches()) {
            return ".+";
        }
        try {
            return Pattern.quote(PathUtils.doDynamicReplacement(part, metadata));
        } catch (Exception e) {
            // OODT cannot resolve it either.
            return Pattern.quote(part);
        }
    }

    /** Placeholders of times may contain others. */
    private static int endOfPlaceholder(String naming, int start) {
        int depth = 0;
        for (int i = start; i < naming.length(); i++) {
            depth += naming.charAt(i) == '[' ? 1 : naming.charAt(i) == ']' ? -1 : 0;
            if (depth == 0) {
                return i + 1;
            }
        }
        return naming.length();
    }
}
