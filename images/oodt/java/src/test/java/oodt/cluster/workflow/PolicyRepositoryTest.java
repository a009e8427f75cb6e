package oodt.cluster.workflow;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import junit.framework.TestCase;
import org.apache.oodt.cas.workflow.structs.Workflow;
import org.apache.oodt.cas.workflow.structs.WorkflowTask;
import org.apache.oodt.cas.workflow.structs.exceptions.RepositoryException;

/** Which events a policy can do. */
public class PolicyRepositoryTest extends TestCase {

    private Path folder;
    private PolicyRepository repository;

    @Override
    protected void setUp() throws Exception {
        folder = Files.createTempDirectory("policy");
        write("conditions.xml", "<conditions><condition id='urn:c:Ready' name='Ready' class='C'/></conditions>");
        write("tasks.xml", """
                <tasks>
                  <task id='urn:t:One' name='One' class='T'>
                    <conditions><condition id='urn:c:Ready'/></conditions>
                  </task>
                  <task id='urn:t:Two' name='Two' class='T'><conditions/></task>
                  <task id='urn:t:Hasty' name='Hasty' class='T'>
                    <conditions><condition id='urn:c:No'/></conditions>
                  </task>
                </tasks>""");
        workflow("whole", "urn:t:One", "urn:t:Two");
        workflow("short", "urn:t:One", "urn:t:Absent");
        workflow("hasty", "urn:t:Hasty");
        workflow("empty");
        write("parted.workflow.xml", "<workflow id='urn:w:parted' name='parted'>"
                + "<tasks><task id='urn:t:One'/></tasks><tasks><task id='urn:t:Two'/></tasks></workflow>");
        write("events.xml", """
                <events>
                  <event name='good'><workflow id='urn:w:whole'/></event>
                  <event name='short'><workflow id='urn:w:whole'/><workflow id='urn:w:short'/></event>
                  <event name='hasty'><workflow id='urn:w:hasty'/></event>
                  <event name='lost'><workflow id='urn:w:absent'/></event>
                  <event name='empty'><workflow id='urn:w:empty'/></event>
                  <event name='parted'><workflow id='urn:w:parted'/></event>
                  <event name='idle'/>
                </events>""");
        repository = new PolicyRepository(List.of(folder.toUri().toString()));
    }

    public void testAnEventWhosePolicyIsWholeStartsItsWorkflows() throws Exception {
        Workflow workflow = (Workflow) repository.getWorkflowsForEvent("good").get(0);
        assertEquals("urn:t:Two", ((WorkflowTask) workflow.getTasks().get(1)).getTaskId());
        assertNull(repository.getWorkflowsForEvent("unknown"));
        assertEquals(6, repository.getRegisteredEvents().size());
    }

    public void testAWorkflowHasTheVariablesOfItsOwnFolderAndNoOthers() throws Exception {
        Path first = folder;
        write(".variables", "MODEL=m 1=a\n\0EMPTY=\0");
        setUp();
        write("events.xml", "<events><event name='hasty'><workflow id='urn:w:other'/></event></events>");
        for (String each : List.of("whole", "short", "hasty", "empty", "parted")) {
            Files.delete(folder.resolve(each + ".workflow.xml"));
        }
        workflow("other", "urn:t:One");
        repository = new PolicyRepository(List.of(first.toUri().toString(), folder.toUri().toString()));
        assertEquals(Map.of("MODEL", "m 1=a\n", "EMPTY", ""), variables("good"));
        assertEquals(Map.of(), variables("hasty"));
    }

    private Map<String, String> variables(String event) throws RepositoryException {
        return OwnWorkflow.variables((Workflow) repository.getWorkflowsForEvent(event).get(0));
    }

    public void testAnEventIsRefusedWhosePolicyNamesWhatIsNotThere() {
        assertRefused("short", "workflow urn:w:short names task urn:t:Absent, which no tasks.xml defines");
        assertRefused("hasty", "task urn:t:Hasty of workflow urn:w:hasty names condition urn:c:No,"
                + " which no conditions.xml defines");
        assertRefused("lost", "the event names workflow urn:w:absent, which no *.workflow.xml defines");
    }

    public void testAnEventIsRefusedThatWouldSucceedWithoutAllOfItsTasks() {
        assertRefused("empty", "workflow urn:w:empty names no task");
        assertRefused("parted", "workflow urn:w:parted names 2 tasks, of which OODT reads 1:"
                + " list them all in one element <tasks>");
        assertRefused("idle", "the event names no workflow");
    }

    private void assertRefused(String event, String problem) {
        try {
            repository.getWorkflowsForEvent(event);
        } catch (RepositoryException e) {
            assertEquals(problem, e.getMessage());
            return;
        }
        fail("it was not refused");
    }

    private void workflow(String name, String... tasks) throws IOException {
        StringBuilder list = new StringBuilder();
        for (String each : tasks) {
            list.append("<task id='").append(each).append("'/>");
        }
        write(name + ".workflow.xml",
                "<workflow id='urn:w:" + name + "' name='" + name + "'><tasks>" + list + "</tasks></workflow>");
    }

    private void write(String name, String content) throws IOException {
        Files.writeString(folder.resolve(name), content);
    }
}
