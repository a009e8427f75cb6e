package oodt.cluster.pge;

import java.io.IOException;
import java.net.URI;
import java.net.URL;
import java.util.regex.Pattern;
import org.apache.oodt.cas.filemgr.system.XmlRpcFileManagerClient;
import org.apache.oodt.cas.filemgr.util.QueryUtils;
import org.apache.oodt.cas.filemgr.util.SqlParser;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.metadata.util.PathUtils;
import org.apache.oodt.cas.pge.metadata.PcsMetadataKeys;

/** Fills in what a policy's text refers to: metadata, variables, dates, and the answer to a query. */
final class Placeholders {

    /** Metadata of the policy may hold placeholders themselves; none that comes to an end needs so many rounds. */
    private static final int ROUNDS = 50;

    private static final int LONGEST = 1_000_000;

    private static final Pattern QUERY =
            Pattern.compile("\\s*SQL\\s*\\(.*\\)\\s*\\{.*\\}\\s*", Pattern.CASE_INSENSITIVE);

    private Placeholders() {
    }

    /** Fills in a text, and what comes in their place, until there is no placeholder. */
    static String fill(String text, Metadata metadata) throws IOException {
        String filled = text;
        for (int round = 0; round < ROUNDS && filled.length() <= LONGEST; round++) {
            filled = replace(filled, metadata);
            if (!filled.contains("[")) {
                return answer(filled, metadata);
            }
        }
        throw new IOException("the placeholders of \"" + text + "\" lead to placeholders without end:"
                + " a property or a metadata element of the policy refers to itself");
    }

    /** Fills in a text, and leaves alone what comes in their place. */
    static String fillOnce(String text, Metadata metadata) throws IOException {
        return answer(replace(text, metadata), metadata);
    }

    private static String replace(String text, Metadata metadata) throws IOException {
        try {
            return PathUtils.doDynamicReplacement(text, metadata);
        } catch (Exception e) {
            throw new IOException("the placeholders of \"" + Marks.show(text) + "\" cannot be filled in: " + e, e);
        }
    }

    private static String answer(String text, Metadata metadata) throws IOException {
        if (!QUERY.matcher(text).matches()) {
            return text;
        }
        try {
            URL url = URI.create(metadata.getMetadata(PcsMetadataKeys.FILE_MANAGER_URL)).toURL();
            return Marks.hide(QueryUtils.getQueryResultsAsString(new XmlRpcFileManagerClient(url)
                    .complexQuery(SqlParser.parseSqlQueryMethod(Marks.show(text)))));
        } catch (Exception e) {
            throw new IOException("the query \"" + Marks.show(text) + "\" has no answer: " + e, e);
        }
    }
}
