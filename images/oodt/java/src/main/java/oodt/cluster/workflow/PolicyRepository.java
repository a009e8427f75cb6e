package oodt.cluster.workflow;

import java.io.File;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.apache.oodt.cas.workflow.repository.XMLWorkflowRepository;
import org.apache.oodt.cas.workflow.structs.Workflow;
import org.apache.oodt.cas.workflow.structs.exceptions.RepositoryException;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/**
 * OODT's repository of workflows in XML files, which refuses an event that cannot be done as its policy says.
 *
 * <p>OODT leaves out what a policy names and nothing defines: a workflow runs without that task, a task without that
 * condition, an event without that workflow; and the job has succeeded.
 */
final class PolicyRepository extends XMLWorkflowRepository {

    private static final Logger LOG = Logger.getLogger(PolicyRepository.class.getName());

    /** In a policy's folder: the variables of its workflows, each as NAME=VALUE, ended by a zero byte. */
    private static final String VARIABLES_FILE = ".variables";

    /** By event, the first thing that is missing. */
    private final Map<String, String> problems = new HashMap<>();

    /** By the id of the workflow. */
    private final Map<String, Map<String, String>> variables = new HashMap<>();

    PolicyRepository(List<String> folders) {
        super(folders);
        Map<String, Element> conditions = new HashMap<>();
        Map<String, Element> tasks = new HashMap<>();
        Map<String, Element> workflows = new HashMap<>();
        Map<String, Element> events = new LinkedHashMap<>();
        for (String each : folders) {
            File folder = new File(URI.create(each));
            define(conditions, folder, "conditions.xml", "condition", "id");
            define(tasks, folder, "tasks.xml", "task", "id");
            define(events, folder, "events.xml", "event", "name");
            Map<String, String> own = variablesIn(folder);
            File[] files = folder.listFiles((parent, name) -> name.endsWith(".workflow.xml"));
            for (File file : files == null ? new File[0] : files) {
                Element workflow = parse(file);
                if (workflow != null) {
                    workflows.putIfAbsent(workflow.getAttribute("id"), workflow); // as OODT, the first of an id
                    variables.putIfAbsent(workflow.getAttribute("id"), own);
                }
            }
        }
        events.forEach((event, element) -> {
            List<String> missing = new ArrayList<>();
            List<String> named = ids(element, "workflow");
            if (named.isEmpty()) {
                missing.add("the event names no workflow");
            }
            for (String workflow : named) {
                check(workflow, workflows, tasks, conditions, missing);
            }
            if (!missing.isEmpty()) {
                problems.put(event, missing.get(0));
                LOG.log(Level.SEVERE, "Event [{0}] is refused: {1}", new Object[] {event, missing});
            }
        });
    }

    @Override
    public List<?> getWorkflowsForEvent(String event) throws RepositoryException {
        String problem = problems.get(event);
        if (problem != null) {
            throw new RepositoryException(problem);
        }
        List<?> found = super.getWorkflowsForEvent(event);
        return found == null ? null : found.stream().map(each -> withVariables((Workflow) each)).toList();
    }

    private Workflow withVariables(Workflow workflow) {
        return new OwnWorkflow(workflow, variables.getOrDefault(workflow.getId(), Map.of()));
    }

    private void check(
            String workflow,
            Map<String, Element> workflows,
            Map<String, Element> tasks,
            Map<String, Element> conditions,
            List<String> missing) {
        if (!workflows.containsKey(workflow)) {
            missing.add("the event names workflow " + workflow + ", which no *.workflow.xml defines");
            return;
        }
        List<String> named = ids(workflows.get(workflow), "task");
        if (named.isEmpty()) {
            missing.add("workflow " + workflow + " names no task");
        }
        for (String task : named) {
            if (!tasks.containsKey(task)) {
                missing.add("workflow " + workflow + " names task " + task + ", which no tasks.xml defines");
                continue;
            }
            for (String condition : ids(tasks.get(task), "condition")) {
                if (!conditions.containsKey(condition)) {
                    missing.add("task " + task + " of workflow " + workflow + " names condition " + condition
                            + ", which no conditions.xml defines");
                }
            }
        }
        int read = tasksOf(workflow);
        if (missing.isEmpty() && read != named.size()) {
            missing.add("workflow " + workflow + " names " + named.size() + " tasks, of which OODT reads " + read
                    + ": list them all in one element <tasks>");
        }
    }

    /** How many tasks the workflow has as OODT has read it. */
    private int tasksOf(String workflow) {
        try {
            return getWorkflowById(workflow).getTasks().size();
        } catch (RepositoryException e) {
            throw new IllegalStateException(e);
        }
    }

    private static void define(Map<String, Element> defined, File folder, String file, String tag, String key) {
        Element root = parse(new File(folder, file));
        if (root != null) {
            for (Element each : elements(root, tag)) {
                defined.put(each.getAttribute(key), each); // as OODT, the last of an id
            }
        }
    }

    private static List<String> ids(Element parent, String tag) {
        return elements(parent, tag).stream().map(each -> each.getAttribute("id")).toList();
    }

    private static List<Element> elements(Element parent, String tag) {
        List<Element> elements = new ArrayList<>();
        NodeList nodes = parent.getElementsByTagName(tag);
        for (int i = 0; i < nodes.getLength(); i++) {
            elements.add((Element) nodes.item(i));
        }
        return elements;
    }

    private static Map<String, String> variablesIn(File folder) {
        File file = new File(folder, VARIABLES_FILE);
        Map<String, String> variables = new HashMap<>();
        try {
            for (String each : file.exists() ? Files.readString(file.toPath()).split("\0") : new String[0]) {
                String[] parts = each.split("=", 2);
                variables.put(parts[0], parts[1]);
            }
        } catch (IOException e) {
            throw new IllegalStateException(file + " cannot be read", e);
        }
        return variables;
    }

    /** The file's root; null if it cannot be read, of which OODT has told by then. */
    private static Element parse(File file) {
        try {
            return DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(file).getDocumentElement();
        } catch (IOException | SAXException | ParserConfigurationException e) {
            LOG.log(Level.SEVERE, "{0} cannot be read: {1}", new Object[] {file, e});
            return null;
        }
    }
}
