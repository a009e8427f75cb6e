package oodt.cluster.pge;

import java.util.ArrayList;
import java.util.List;

/**
 * Hides what begins a placeholder or a query in a text that is data, by characters that Unicode keeps out of texts.
 *
 * <p>So a policy's text and a job's values can be put together and the policy's placeholders still be told apart.
 */
final class Marks {

    static final String BRACKET = "\uFDD0";
    static final String BRACE = "\uFDD1";

    private Marks() {
    }

    static String hide(String data) {
        return data == null ? null : data.replace("[", BRACKET).replace("{", BRACE);
    }

    static List<String> hide(List<String> data) {
        List<String> hidden = new ArrayList<>();
        data.forEach(each -> hidden.add(hide(each)));
        return hidden;
    }

    static String show(String hidden) {
        return hidden.replace(BRACKET, "[").replace(BRACE, "{");
    }

    static List<String> show(List<String> hidden) {
        List<String> data = new ArrayList<>();
        hidden.forEach(each -> data.add(show(each)));
        return data;
    }

    /** The text within a regular expression, where it stands for itself. */
    static String quote(String hidden) {
        return hidden.replace(BRACKET, "\\[").replace(BRACE, "\\{");
    }
}
