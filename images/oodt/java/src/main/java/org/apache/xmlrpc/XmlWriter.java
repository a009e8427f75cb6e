package org.apache.xmlrpc;

import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.util.Base64;
import java.util.Date;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.Vector;
import java.util.logging.Logger;
import org.apache.xmlrpc.util.DateTool;

/**
 * Writes XML-RPC calls and answers; stands before the class of this name of Apache XML-RPC 2.0, which OODT 0.3 uses.
 *
 * <p>That one writes a character above U+FFFF as references to its two halves, and one that XML cannot hold as a
 * reference to it: no XML parser takes either. Here the former is written as it is, which the library's own parser
 * takes too, and the latter is an error.
 */
@SuppressWarnings("visibilitymodifier") // the library uses the fields
class XmlWriter extends OutputStreamWriter {

    protected static TypeDecoder typeDecoder = new DefaultTypeDecoder();

    /** Java's names, which the library uses. */
    static final String UTF8 = "UTF8";
    static final String ISO8859_1 = "ISO8859_1";
    static final String UTF16 = "UTF-16";

    private static final Logger LOG = Logger.getLogger(XmlWriter.class.getName());

    private static final int EXCERPT = 100;

    private static final Map<String, String> XML_NAMES = Map.of(UTF8, "UTF-8", ISO8859_1, "ISO-8859-1");

    /** The library sets its time zone. */
    DateTool dateTool = new DateTool();

    /** Whatever is not Unicode becomes UTF-8. */
    XmlWriter(OutputStream out, String encoding) throws IOException {
        super(out, encoding == null || !encoding.toUpperCase().startsWith("UTF") ? UTF8 : encoding);
        write("<?xml version=\"1.0\"?>");
    }

    protected static String canonicalizeEncoding(String javaName) {
        return XML_NAMES.getOrDefault(javaName, javaName);
    }

    protected static void setTypeDecoder(TypeDecoder decoder) {
        typeDecoder = decoder;
    }

    public void writeObject(Object value) throws XmlRpcException, IOException {
        startElement("value");
        if (value == null) {
            throw new XmlRpcException(0, "null values not supported by XML-RPC");
        } else if (value instanceof String text) {
            chardata(text);
        } else if (typeDecoder.isXmlRpcI4(value)) {
            element("int", value.toString());
        } else if (value instanceof Boolean flag) {
            element("boolean", flag ? "1" : "0");
        } else if (typeDecoder.isXmlRpcDouble(value)) {
            element("double", value.toString());
        } else if (value instanceof Date date) {
            element("dateTime.iso8601", dateTool.format(date));
        } else if (value instanceof byte[] bytes) {
            element("base64", Base64.getEncoder().encodeToString(bytes));
        } else if (value instanceof Object[] items) {
            writeArray(List.of(items));
        } else if (value instanceof Vector<?> items) {
            writeArray(items);
        } else if (value instanceof Hashtable<?, ?> members) {
            writeStruct(members);
        } else {
            throw new XmlRpcException(0, "XML-RPC has no type for " + value.getClass());
        }
        endElement("value");
    }

    protected void startElement(String name) throws IOException {
        write("<" + name + ">");
    }

    protected void endElement(String name) throws IOException {
        write("</" + name + ">");
    }

    /** Clients of before 2003 take ASCII only: other characters are references, as far as a reference can be read. */
    protected void chardata(String text) throws XmlRpcException, IOException {
        StringBuilder written = new StringBuilder(text.length());
        boolean isBlank = text.isBlank(); // and would be dropped by the library's parser
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            i += Character.charCount(c);
            switch (c) {
                case '<' -> written.append("&lt;");
                case '>' -> written.append("&gt;");
                case '&' -> written.append("&amp;");
                default -> {
                    if (!isInXml(c)) {
                        throw unwritable(c, text);
                    }
                    if (!isBlank && c >= ' ' && c <= '~' || c > 0xFFFF) {
                        written.appendCodePoint(c);
                    } else {
                        written.append("&#").append(c).append(';');
                    }
                }
            }
        }
        write(written.toString());
    }

    private void writeArray(Iterable<?> items) throws XmlRpcException, IOException {
        startElement("array");
        startElement("data");
        for (Object item : items) {
            writeObject(item);
        }
        endElement("data");
        endElement("array");
    }

    private void writeStruct(Map<?, ?> members) throws XmlRpcException, IOException {
        startElement("struct");
        for (Map.Entry<?, ?> member : members.entrySet()) {
            startElement("member");
            startElement("name");
            chardata((String) member.getKey());
            endElement("name");
            writeObject(member.getValue());
            endElement("member");
        }
        endElement("struct");
    }

    private void element(String name, String plain) throws IOException {
        startElement(name);
        write(plain);
        endElement(name);
    }

    private static boolean isInXml(int c) {
        boolean isHalf = c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE;
        return c == '\t' || c == '\n' || c == '\r' || c >= ' ' && !isHalf && c != 0xFFFE && c != 0xFFFF;
    }

    private static XmlRpcException unwritable(int c, String text) {
        String excerpt = text.codePoints().limit(EXCERPT).map(each -> isInXml(each) ? each : '?')
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append).toString();
        String reason = String.format("text holds the character U+%04X, which XML cannot hold: %s", c, excerpt);
        LOG.warning(reason); // the library's clients say "Failure writing request" and no more
        return new XmlRpcException(0, reason);
    }
}
