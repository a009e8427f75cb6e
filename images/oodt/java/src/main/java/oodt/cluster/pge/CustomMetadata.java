package oodt.cluster.pge;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.pge.config.PgeConfigMetKeys;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;
import org.w3c.dom.Element;

/**
 * The metadata that a configuration file defines: as they are, for the task, and with marks, for what the file and
 * others fill in from them.
 */
final class CustomMetadata {

    private final PgeMetadata plain;
    private final PgeMetadata marked;

    /** All that there is, for the elements that come next. */
    private final PgeMetadata known;
    private final Metadata values;

    /** BEFORE are the metadata that were there, with marks. */
    CustomMetadata(PgeMetadata before) throws IOException {
        plain = copy(null);
        marked = copy(null);
        known = copy(before);
        values = known.getMetadata();
    }

    PgeMetadata plain() {
        return plain;
    }

    PgeMetadata marked() {
        return marked;
    }

    /** Reads {@code <metadata>}: a value, several with commas between, or the name of another key. */
    void add(Element element) throws IOException {
        String key = element.getAttribute(PgeConfigMetKeys.KEY_ATTR);
        if (key.isEmpty()) {
            key = Marks.show(Placeholders.fill(element.getAttribute(PgeConfigMetKeys.KEY_GEN_ATTR), values));
        }
        String other = element.getAttribute(PgeConfigMetKeys.KEYREF_ATTR);
        if (other.isEmpty()) {
            define(key, element);
        } else {
            String target = Marks.show(filled(other, element));
            plain.linkKey(key, target);
            marked.linkKey(key, target);
            known.linkKey(key, target);
        }
        if (isSet(element, PgeConfigMetKeys.WORKFLOW_MET_ATTR, "true")) {
            plain.addWorkflowMetadataKey(key);
        }
        values.replaceMetadata(key, known.getMetadataValues(key));
    }

    static PgeMetadata copy(PgeMetadata metadata) throws IOException {
        try {
            PgeMetadata copy = new PgeMetadata();
            if (metadata != null) {
                copy.addPgeMetadata(metadata);
            }
            return copy;
        } catch (Exception e) { // which OODT's constructor declares
            throw new IOException(e);
        }
    }

    private void define(String key, Element element) throws IOException {
        String text = element.getAttribute(PgeConfigMetKeys.VAL_ATTR);
        String value = filled(text.isEmpty() ? element.getTextContent() : text, element);
        List<String> parts = isSet(element, PgeConfigMetKeys.SPLIT_ATTR, "false")
                ? List.of(value)
                : Arrays.asList((value + ",").split(","));
        plain.addCustomMetadata(key, Marks.show(parts));
        marked.addCustomMetadata(key, parts);
        known.addCustomMetadata(key, parts);
    }

    private String filled(String text, Element element) throws IOException {
        if (isSet(element, PgeConfigMetKeys.ENV_REPLACE_NO_RECUR_ATTR, "true")) {
            return Placeholders.fillOnce(text, values);
        }
        return isSet(element, PgeConfigMetKeys.ENV_REPLACE_ATTR, "false") ? text : Placeholders.fill(text, values);
    }

    private static boolean isSet(Element element, String attribute, String value) {
        return element.getAttribute(attribute).equalsIgnoreCase(value);
    }
}
