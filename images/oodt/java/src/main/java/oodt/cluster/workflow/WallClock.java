package oodt.cluster.workflow;

import java.text.ParseException;
import java.util.Date;
import org.apache.oodt.commons.util.DateConvert;

/** Times as OODT keeps them in a workflow instance: ISO text, empty while there is none. */
final class WallClock {

    private static final double MILLISECONDS_A_MINUTE = 60_000;

    private WallClock() {
    }

    static String now() {
        return DateConvert.isoFormat(new Date());
    }

    static boolean isSet(String time) {
        // OODT's XML-RPC clients send no null.
        return time != null && !time.isEmpty() && !time.equals("null");
    }

    /** From start to end, or until now if there is no end; 0 if there is no start. */
    static double minutes(String start, String end) {
        if (!isSet(start)) {
            return 0;
        }
        try {
            Date until = isSet(end) ? DateConvert.isoParse(end) : new Date();
            return Math.max(0, (until.getTime() - DateConvert.isoParse(start).getTime()) / MILLISECONDS_A_MINUTE);
        } catch (ParseException e) {
            return 0;
        }
    }
}
