package oodt.cluster.workflow;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import junit.framework.TestCase;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.structs.Workflow;
import org.apache.oodt.cas.workflow.structs.WorkflowInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowInstancePage;
import org.apache.oodt.cas.workflow.structs.WorkflowTask;
import org.apache.oodt.cas.workflow.structs.exceptions.InstanceRepositoryException;

/** Ids, history, pages and journal of the instance repository. */
public class JobInstanceRepositoryTest extends TestCase {

    private static final int PAGE_SIZE = 2;
    private static final int HISTORY = 3;
    private static final int HISTORY_BYTES = 1_000_000;

    private Path journals;
    private JobInstanceRepository repository;

    @Override
    protected void setUp() throws Exception {
        journals = Files.createTempDirectory("journals");
        History history = new History(HISTORY, HISTORY_BYTES);
        repository = new JobInstanceRepository(new RunJournal(journals), "boot-1", PAGE_SIZE, history);
    }

    public void testTheJobKeyIsTheIdOfTheInstance() throws Exception {
        WorkflowInstance instance = add("job-1");
        assertEquals("job-1", instance.getId());
        assertSame(instance, repository.getWorkflowInstanceById("job-1"));
    }

    public void testAnInstanceWithoutJobKeyGetsOneOfItsOwn() {
        WorkflowInstance instance = add(null);
        assertEquals(instance.getId(), instance.getSharedContext().getMetadata("JobKey"));
    }

    public void testAJobKeyThatIsNoFileNameIsNotUsed() {
        assertFalse(add("../../etc/passwd").getId().contains("/"));
    }

    public void testASecondInstanceOfOneJobKeyHasAnIdOfItsOwn() {
        add("job-1");
        WorkflowInstance second = add("job-1");
        assertTrue(second.getId(), second.getId().startsWith("job-1~"));
        assertEquals(2, repository.getNumWorkflowInstances());
    }

    public void testARunThatIsSubmittedAgainTakesThePlaceOfTheOneThatIsOver() throws Exception {
        open("job-1");
        finish(add("job-1"));
        add("job-2");
        open("job-1");
        WorkflowInstance again = add("job-1");
        assertEquals("job-1", again.getId());
        assertSame(again, repository.getWorkflowInstanceById("job-1"));
        assertEquals(List.of("job-2", "job-1"), ids(repository.getFirstPage()));
        setStatus(again, "STARTED");
        assertEquals(
                List.of("opened", "instance task-1,task-2", "status CREATED task-1", "status STARTED task-1"),
                journal("job-1"));
    }

    public void testARunThatWasSubmittedAgainIsLive() throws Exception {
        open("job-1");
        finish(add("job-1"));
        open("job-1");
        WorkflowInstance again = add("job-1");
        for (int i = 2; i < 10; i++) {
            finish(add("job-" + i));
        }
        assertSame(again, repository.getWorkflowInstanceById("job-1"));
        assertTrue(Files.exists(journals.resolve("job-1.jsonl")));
    }

    public void testEachWorkflowOfAnEventHasAnIdOfItsOwnThoughTheOthersAreOver() throws Exception {
        open("job-1");
        finish(add("job-1"));
        WorkflowInstance second = add("job-1");
        finish(second);
        WorkflowInstance third = add("job-1");
        assertTrue(second.getId(), second.getId().startsWith("job-1~"));
        assertTrue(third.getId(), third.getId().startsWith("job-1~"));
        assertEquals(3, repository.getNumWorkflowInstances());
    }

    public void testEachWorkflowOfAnEventThatIsSubmittedAgainHasAnIdOfItsOwn() throws Exception {
        for (int i = 0; i < 2; i++) {
            open("job-1");
            WorkflowInstance first = add("job-1");
            finish(first);
            assertEquals("job-1", first.getId());
            assertTrue(add("job-1").getId().startsWith("job-1~"));
        }
        assertEquals(3, repository.getNumWorkflowInstances());
    }

    public void testARunThatIsSubmittedAgainDoesNotTakeThePlaceOfALiveOne() throws Exception {
        repository.atWork("at-work"::equals);
        WorkflowInstance atWork = add("at-work");
        finish(atWork);
        WorkflowInstance live = add("live");
        for (WorkflowInstance each : List.of(live, atWork)) {
            open(each.getId());
            assertTrue(add(each.getId()).getId().startsWith(each.getId() + "~"));
            assertSame(each, repository.getWorkflowInstanceById(each.getId()));
        }
    }

    public void testAnUnknownInstanceIsAnErrorThatNamesIt() {
        try {
            repository.getWorkflowInstanceById("nobody");
            fail("expected an exception");
        } catch (InstanceRepositoryException e) {
            assertTrue(e.getMessage(), e.getMessage().contains("[nobody]"));
        }
    }

    public void testHistoryIsBoundedAndLiveInstancesStay() throws Exception {
        WorkflowInstance live = add("live");
        for (int i = 0; i < 10; i++) {
            finish(add("job-" + i));
        }
        add("last");
        assertEquals(HISTORY, repository.getNumWorkflowInstancesByStatus("FINISHED"));
        assertSame(live, repository.getWorkflowInstanceById("live"));
        assertEquals(HISTORY + 2, repository.getNumWorkflowInstances());
    }

    public void testHistoryIsBoundedBySizeToo() throws Exception {
        WorkflowInstance live = add("live");
        enlarge(live, HISTORY_BYTES);
        for (int i = 0; i < 10; i++) {
            WorkflowInstance instance = add("job-" + i);
            enlarge(instance, HISTORY_BYTES / 5); // two bytes a character: two of them are within the limit
            finish(instance);
        }
        assertEquals(List.of("live", "job-8", "job-9"), ids(repository.getWorkflowInstances()));
    }

    public void testManySmallValuesAreLargeToo() throws Exception {
        for (int i = 0; i < 2; i++) {
            WorkflowInstance instance = add("job-" + i);
            instance.getSharedContext().addMetadata("Values", Collections.nCopies(HISTORY_BYTES / 50, ""));
            finish(instance);
        }
        assertEquals(List.of("job-1"), ids(repository.getWorkflowInstances()));
    }

    public void testMetadataThatReplaceThoseOfAnInstanceThatIsOverCount() throws Exception {
        WorkflowInstance first = add("job-1");
        finish(first);
        WorkflowInstance second = add("job-2");
        finish(second);
        enlarge(second, HISTORY_BYTES);
        repository.updateWorkflowInstance(second);
        assertEquals(List.of("job-2"), ids(repository.getWorkflowInstances()));
    }

    public void testTheInstanceThatEndedLastIsRememberedHoweverLarge() throws Exception {
        WorkflowInstance large = add("large");
        enlarge(large, HISTORY_BYTES);
        finish(large);
        assertSame(large, repository.getWorkflowInstanceById("large"));
        finish(add("small"));
        assertEquals(List.of("small"), ids(repository.getWorkflowInstances()));
    }

    public void testAnInstanceThatWasResumedIsLiveAgain() throws Exception {
        WorkflowInstance resumed = add("resumed");
        finish(resumed);
        setStatus(resumed, "STARTED");
        for (int i = 0; i < 10; i++) {
            finish(add("job-" + i));
        }
        assertSame(resumed, repository.getWorkflowInstanceById("resumed"));
    }

    public void testAnInstanceThatWasStoppedIsOverWhateverItsProgramStillReports() throws Exception {
        WorkflowInstance stopped = add("stopped");
        stopped.setEndDateTimeIsoStr("2024-01-01T00:00:00.000Z");
        finish(stopped);
        setStatus(stopped, "PGETask_Crawling");
        for (int i = 0; i < HISTORY; i++) {
            finish(add("job-" + i));
        }
        add("last");
        assertEquals(HISTORY + 1, repository.getNumWorkflowInstances());
    }

    public void testJournalsThatNobodyElseOpenedGoWithTheirInstance() throws Exception {
        open("opened");
        finish(add("opened"));
        finish(add("direct"));
        for (int i = 0; i < HISTORY + 1; i++) {
            finish(add("job-" + i));
        }
        add("last");
        assertTrue(Files.exists(journals.resolve("opened.jsonl")));
        assertFalse(Files.exists(journals.resolve("direct.jsonl")));
    }

    public void testAnInstanceWithATaskThatGoesOnIsNotForgotten() throws Exception {
        repository.atWork("at-work"::equals);
        WorkflowInstance atWork = add("at-work");
        finish(atWork);
        for (int i = 0; i < HISTORY + 1; i++) {
            finish(add("job-" + i));
        }
        add("last");
        assertSame(atWork, repository.getWorkflowInstanceById("at-work"));
        assertEquals(HISTORY + 2, repository.getNumWorkflowInstances());
    }

    public void testOnlyJournalsOfAConsumerOutliveTheWorkflowManager() throws Exception {
        open("opened");
        add("opened");
        add("direct");
        new RunJournal(journals).removeUnopened();
        assertTrue(Files.exists(journals.resolve("opened.jsonl")));
        assertFalse(Files.exists(journals.resolve("direct.jsonl")));
    }

    public void testPagesFollowTheOrderOfSubmission() {
        for (int i = 1; i <= 5; i++) {
            add("job-" + i);
        }
        assertEquals(List.of("job-1", "job-2"), ids(repository.getFirstPage()));
        WorkflowInstancePage second = repository.getNextPage(repository.getFirstPage());
        assertEquals(List.of("job-3", "job-4"), ids(second));
        assertEquals(List.of("job-5"), ids(repository.getLastPage()));
        assertEquals(List.of("job-3", "job-4"), ids(repository.getPrevPage(repository.getLastPage())));
        assertEquals(3, second.getTotalPages());
        assertEquals(List.of(), ids(repository.getPagedWorkflows(4)));
    }

    public void testPagesOfAStatusHoldOnlyThatStatus() throws Exception {
        add("job-1");
        finish(add("job-2"));
        assertEquals(List.of("job-2"), ids(repository.getPagedWorkflows(1, "FINISHED")));
        assertEquals(List.of(), ids(repository.getPagedWorkflows(1, "PAUSED")));
    }

    public void testTheJournalTellsEachTaskFromItsOwnStatusCalls() throws Exception {
        WorkflowInstance instance = add("job-1");
        setStatus(instance, "QUEUED");
        startTask(instance, "task-1");
        setStatus(instance, "PGETask_Crawling");
        endTask(instance);
        enterTask(instance, "task-2");
        startTask(instance, "task-2");
        endTask(instance);
        finish(instance);
        assertEquals(
                List.of(
                        "instance task-1,task-2",
                        "status CREATED task-1",
                        "status QUEUED task-1",
                        "status STARTED task-1",
                        "status PGETask_Crawling task-1",
                        "task-ended task-1",
                        "status STARTED task-2",
                        "task-ended task-2",
                        "status FINISHED task-2"),
                journal("job-1"));
    }

    public void testATaskOfTheSameStatusAsTheOneBeforeIsJournaledToo() throws Exception {
        WorkflowInstance instance = add("job-1");
        startTask(instance, "task-1");
        endTask(instance);
        enterTask(instance, "task-2");
        startTask(instance, "task-2");
        assertTrue(journal("job-1").contains("status STARTED task-2"));
    }

    public void testTheFieldsThatAreMissingAreNamed() throws Exception {
        WorkflowInstance instance = add("job-1");
        ((WorkflowTask) instance.getWorkflow().getTasks().get(0)).setRequiredMetFields(List.of("Run", "JobKey"));
        setStatus(instance, "METMISS");
        List<String> lines = Files.readAllLines(journals.resolve("job-1.jsonl"));
        assertTrue(lines.toString(), lines.get(lines.size() - 1).contains("\"missing\":[\"Run\"]"));
    }

    public void testAJournalThatWasRemovedStaysRemoved() throws Exception {
        WorkflowInstance instance = add("job-1");
        Files.delete(journals.resolve("job-1.jsonl"));
        finish(instance);
        assertFalse(Files.exists(journals.resolve("job-1.jsonl")));
    }

    public void testAJournalThatCannotBeWrittenBreaksNothing() throws Exception {
        Files.delete(journals);
        Files.createFile(journals); // no directory any more
        finish(add("job-1"));
        assertEquals(1, repository.getNumWorkflowInstancesByStatus("FINISHED"));
    }

    public void testManyThreadsShareOneRepository() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        List<Throwable> errors = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            threads.execute(() -> {
                try {
                    WorkflowInstance instance = add(null);
                    repository.getFirstPage();
                    finish(instance);
                    repository.getWorkflowInstances().forEach(each -> each.getStatus());
                } catch (Exception e) {
                    synchronized (errors) {
                        errors.add(e);
                    }
                }
            });
        }
        threads.shutdown();
        assertTrue(threads.awaitTermination(30, TimeUnit.SECONDS));
        assertEquals(List.of(), errors);
        add("last");
        assertEquals(HISTORY + 1, repository.getNumWorkflowInstances());
    }

    /** Opens a journal as a consumer does; the journal of an earlier run with this id is gone by then. */
    private void open(String run) throws IOException {
        Files.writeString(journals.resolve(run + ".jsonl"), "{\"kind\": \"opened\", \"at\": 1.5}\n");
    }

    private WorkflowInstance add(String jobKey) {
        Workflow workflow = new Workflow();
        workflow.setId("urn:test:Workflow");
        List<WorkflowTask> tasks = List.of(task("task-1"), task("task-2"));
        workflow.setTasks(tasks);
        WorkflowInstance instance = new WorkflowInstance();
        instance.setWorkflow(workflow);
        instance.setStatus("CREATED");
        instance.setCurrentTaskId("task-1");
        Metadata metadata = new Metadata();
        if (jobKey != null) {
            metadata.addMetadata("JobKey", jobKey);
        }
        instance.setSharedContext(metadata);
        repository.addWorkflowInstance(instance);
        return instance;
    }

    private static WorkflowTask task(String id) {
        WorkflowTask task = new WorkflowTask();
        task.setTaskId(id);
        task.setTaskInstanceClassName("org.apache.oodt.cas.pge.StdPGETaskInstance");
        return task;
    }

    private static void enlarge(WorkflowInstance instance, int characters) {
        instance.getSharedContext().addMetadata("Large", "x".repeat(characters));
    }

    private void setStatus(WorkflowInstance instance, String status) throws InstanceRepositoryException {
        instance.setStatus(status);
        repository.updateWorkflowInstance(instance);
    }

    private void enterTask(WorkflowInstance instance, String task) throws InstanceRepositoryException {
        instance.setCurrentTaskId(task);
        repository.updateWorkflowInstance(instance);
    }

    private void startTask(WorkflowInstance instance, String task) throws InstanceRepositoryException {
        instance.setCurrentTaskId(task);
        instance.setCurrentTaskEndDateTimeIsoStr(null);
        setStatus(instance, "STARTED");
    }

    private void endTask(WorkflowInstance instance) throws InstanceRepositoryException {
        instance.setCurrentTaskEndDateTimeIsoStr("2024-01-01T00:00:00.000Z");
        repository.updateWorkflowInstance(instance);
    }

    private void finish(WorkflowInstance instance) throws InstanceRepositoryException {
        setStatus(instance, "FINISHED");
    }

    private static List<String> ids(WorkflowInstancePage page) {
        return ids(page.getPageWorkflows());
    }

    private static List<String> ids(List<?> instances) {
        List<String> ids = new ArrayList<>();
        for (Object instance : instances) {
            ids.add(((WorkflowInstance) instance).getId());
        }
        return ids;
    }

    /** Each line as "kind value value": its kind, then its status, task or the ids of its tasks. */
    private List<String> journal(String run) throws Exception {
        List<String> lines = new ArrayList<>();
        for (String line : Files.readAllLines(journals.resolve(run + ".jsonl"))) {
            String text = field(line, "kind");
            if (text.equals("instance")) {
                assertTrue(line, line.contains("\"wm\":\"boot-1\"") && line.contains("\"pge\":true"));
                text += " task-1,task-2";
            }
            for (String name : List.of("status", "task")) {
                if (line.contains("\"" + name + "\":")) {
                    text += " " + field(line, name);
                }
            }
            lines.add(text);
        }
        return lines;
    }

    private static String field(String line, String name) {
        return line.replaceFirst(".*\"" + name + "\": ?\"([^\"]*)\".*", "$1");
    }
}
