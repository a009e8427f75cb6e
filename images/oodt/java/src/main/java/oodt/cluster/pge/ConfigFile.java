package oodt.cluster.pge;

import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.pge.config.DynamicConfigFile;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.PgeConfig;
import org.apache.oodt.cas.pge.config.PgeConfigMetKeys;
import org.apache.oodt.cas.pge.config.RegExprOutputFiles;
import org.apache.oodt.cas.pge.config.RenamingConv;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;
import org.apache.oodt.cas.pge.metadata.PgeTaskMetadataKeys;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/**
 * The configuration file of a PGE task, as OODT 0.3 defines it, with the files that it imports.
 *
 * <p>Placeholders are the policy's: the file's own, and those in the task's properties. A job's values are data, and
 * stand in the result as they were sent, whatever brackets they have.
 */
public final class ConfigFile {

    /** A name that no metadata have. OODT fills in the names of files anew, for each file. */
    private static final String LITERAL_BRACKET = "oodt.cluster.bracket";

    private final PgeConfig config = new PgeConfig();

    /** The task's, which is given what the files define. */
    private final PgeMetadata metadata;

    /** The same with marks in a job's values. */
    private final PgeMetadata marked;

    private ConfigFile(PgeMetadata metadata) throws IOException {
        this.metadata = metadata;
        this.marked = CustomMetadata.copy(metadata);
        Metadata job = metadata.getMetadata(PgeMetadata.DYN);
        for (String key : job.getAllKeys()) {
            marked.addDynamicMetadata(key, Marks.hide(job.getAllMetadata(key)));
        }
    }

    /** Reads the file that the metadata name, and adds what it defines to them. */
    public static PgeConfig read(PgeMetadata metadata) throws IOException {
        ConfigFile file = new ConfigFile(metadata);
        Metadata all = file.marked.getMetadata();
        String path = file.marked.getMetadataValue(PgeTaskMetadataKeys.CONFIG_FILE_PATH);
        if (path == null) {
            throw new IOException("the task has no property " + PgeTaskMetadataKeys.CONFIG_FILE_PATH);
        }
        file.read(text(path, all), null);
        return file.config;
    }

    private void read(String path, String namespace) throws IOException {
        Element root = parse(new File(path));
        for (Element each : elements(root, PgeConfigMetKeys.IMPORT_TAG)) {
            Metadata known = marked.getMetadata();
            String inner = text(each.getAttribute(PgeConfigMetKeys.NAMESPACE_ATTR), known);
            String file = text(each.getAttribute(PgeConfigMetKeys.FILE_ATTR), known);
            // Not resolved against the folder if it is absolute.
            read(file.startsWith("/") ? file : new File(path).getParent() + "/" + file, inner.isEmpty() ? null : inner);
        }
        CustomMetadata custom = new CustomMetadata(marked);
        Element listed = first(root, PgeConfigMetKeys.CUSTOM_METADATA_TAG);
        for (Element each : elements(listed, PgeConfigMetKeys.METADATA_TAG)) {
            custom.add(each);
        }
        PgeMetadata own = CustomMetadata.copy(marked);
        own.addPgeMetadata(custom.marked());
        configure(root, own.getMetadata());
        // A file sees what it defines by plain names; who imports it, below its namespace.
        metadata.addPgeMetadata(custom.plain(), namespace);
        marked.addPgeMetadata(custom.marked(), namespace);
    }

    private void configure(Element root, Metadata known) throws IOException {
        for (Element each : elements(first(root, PgeConfigMetKeys.DYN_INPUT_FILES_TAG), PgeConfigMetKeys.FILE_TAG)) {
            config.addDynamicConfigFile(new DynamicConfigFile(
                    attribute(each, PgeConfigMetKeys.PATH_ATTR, known),
                    attribute(each, PgeConfigMetKeys.WRITER_CLASS_ATTR, known),
                    arguments(each, known)));
        }
        Element program = first(root, PgeConfigMetKeys.EXE_TAG);
        if (program != null) {
            config.setExeDir(attribute(program, PgeConfigMetKeys.DIR_ATTR, known));
            config.setShellType(attribute(program, PgeConfigMetKeys.SHELL_TYPE_ATTR, known));
            List<String> commands = new ArrayList<>(config.getExeCmds());
            for (Element each : elements(program, PgeConfigMetKeys.CMD_TAG)) {
                commands.add(text(each.getTextContent(), known));
            }
            config.setExeCmds(commands);
        }
        for (Element each : elements(first(root, PgeConfigMetKeys.OUTPUT_TAG), PgeConfigMetKeys.DIR_TAG)) {
            config.addOuputDirAndExpressions(outputDirectory(each, known));
        }
    }

    private static OutputDir outputDirectory(Element element, Metadata known) throws IOException {
        OutputDir directory = new OutputDir(
                attribute(element, PgeConfigMetKeys.PATH_ATTR, known),
                attribute(element, PgeConfigMetKeys.CREATE_BEFORE_EXEC_ATTR, known).equals("true"));
        for (Element each : elements(element, PgeConfigMetKeys.FILES_TAG)) {
            String expression = each.getAttribute(PgeConfigMetKeys.REGEX_ATTR);
            if (expression.isEmpty()) {
                expression = Marks.quote(Placeholders.fill(each.getAttribute(PgeConfigMetKeys.NAME_ATTR), known));
            }
            Element renaming = first(each, PgeConfigMetKeys.RENAMING_CONV_TAG);
            directory.addRegExprOutputFiles(new RegExprOutputFiles(
                    expression,
                    attribute(each, PgeConfigMetKeys.MET_FILE_WRITER_CLASS_ATTR, known),
                    renaming == null ? null : convention(renaming, known),
                    arguments(each, known)));
        }
        return directory;
    }

    private static RenamingConv convention(Element element, Metadata known) throws IOException {
        String naming = element.getAttribute(PgeConfigMetKeys.NAMING_EXPR_ATTR);
        String replace = element.getAttribute(PgeConfigMetKeys.ENV_REPLACE_ATTR);
        if (replace.equalsIgnoreCase("true")) {
            naming = Placeholders.fillOnce(naming, known);
        } else if (!replace.equalsIgnoreCase("false")) {
            naming = Placeholders.fill(naming, known);
        }
        RenamingConv convention =
                new RenamingConv(Marks.show(naming.replace(Marks.BRACKET, "[" + LITERAL_BRACKET + "]")));
        convention.addTmpReplaceMet(LITERAL_BRACKET, List.of("["));
        for (Element each : elements(element, PgeConfigMetKeys.METADATA_TAG)) {
            convention.addTmpReplaceMet(
                    each.getAttribute(PgeConfigMetKeys.KEY_ATTR),
                    Arrays.asList(each.getAttribute(PgeConfigMetKeys.VAL_ATTR).split(",")));
        }
        return convention;
    }

    private static Object[] arguments(Element element, Metadata known) throws IOException {
        return attribute(element, PgeConfigMetKeys.ARGS_ATTR, known).split(",");
    }

    private static String attribute(Element element, String name, Metadata known) throws IOException {
        return text(element.getAttribute(name), known);
    }

    private static String text(String text, Metadata known) throws IOException {
        return Marks.show(Placeholders.fill(text, known));
    }

    private static Element parse(File file) throws IOException {
        try {
            return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file).getDocumentElement();
        } catch (SAXException | ParserConfigurationException e) {
            throw new IOException(file + " is no XML: " + e.getMessage(), e);
        }
    }

    private static Element first(Element parent, String name) {
        return elements(parent, name).stream().findFirst().orElse(null);
    }

    /** All of that name within the parent, at any depth; none if there is no parent. */
    private static List<Element> elements(Element parent, String name) {
        List<Element> elements = new ArrayList<>();
        if (parent != null) {
            NodeList nodes = parent.getElementsByTagName(name);
            for (int i = 0; i < nodes.getLength(); i++) {
                elements.add((Element) nodes.item(i));
            }
        }
        return elements;
    }
}
