package oodt.cluster.workflow;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.logging.Formatter;
import java.util.logging.LogRecord;
import java.util.regex.Pattern;

/**
 * Makes each record of OODT's log one JSON object on a line, with the keys that the cluster's other processes use, and
 * without the names and passwords in URLs.
 */
public final class JsonLog extends Formatter {

    private static final Pattern LOGIN = Pattern.compile("(?<=://)[^\\s/:@]*:[^\\s/@]+@");

    /** The workflow instance that the thread works for, which is the id of a run. */
    private static final ThreadLocal<String> RUN = new ThreadLocal<>();

    private final String process = System.getProperty("oodt.cluster.process", "oodt");
    private final String node = System.getenv("NODE_NAME");

    /** From now on what this thread logs is about the run, or about none. */
    static void about(String runId) {
        RUN.set(runId);
    }

    @Override
    public String format(LogRecord record) {
        Map<String, Object> line = new LinkedHashMap<>();
        line.put("time", record.getInstant().truncatedTo(ChronoUnit.MILLIS).toString());
        line.put("level", record.getLevel().getName().toLowerCase(Locale.ROOT));
        line.put("process", process);
        line.put("message", withoutLogins(formatMessage(record)));
        putIfKnown(line, "run", RUN.get());
        putIfKnown(line, "node", node);
        line.put("logger", record.getLoggerName());
        if (record.getThrown() != null) {
            StringWriter trace = new StringWriter();
            record.getThrown().printStackTrace(new PrintWriter(trace));
            line.put("error", withoutLogins(trace.toString()));
        }
        return Json.encode(line) + "\n";
    }

    private static void putIfKnown(Map<String, Object> line, String key, String value) {
        if (value != null) {
            line.put(key, value);
        }
    }

    private static String withoutLogins(String text) {
        return LOGIN.matcher(text).replaceAll("...@");
    }
}
