package oodt.cluster.workflow;

import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import junit.framework.TestCase;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.workflow.structs.Workflow;
import org.apache.oodt.cas.workflow.structs.WorkflowCondition;
import org.apache.oodt.cas.workflow.structs.WorkflowInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowTask;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskConfiguration;
import org.apache.oodt.cas.workflow.structs.exceptions.EngineException;

/** How the engine runs workflows, what clients can do with them, and what gets into the journal. */
public class JobEngineTest extends TestCase {

    private static final int POOL_SIZE = 2;
    private static final int SECONDS = 20;

    static {
        System.setProperty("oodt.cluster.stuck.milliseconds", "100");
    }

    private JobInstanceRepository repository;
    private Path journals;
    private JobEngine engine;
    private final AtomicInteger onlyStuckLeft = new AtomicInteger();

    @Override
    protected void setUp() throws Exception {
        journals = Files.createTempDirectory("journals");
        RunJournal journal = new RunJournal(journals);
        repository = new JobInstanceRepository(journal, "boot-1", 20, new History(100, 1_000_000));
        SampleTasks.reportTo(repository);
        engine = new JobEngine(repository, journal, POOL_SIZE, onlyStuckLeft::incrementAndGet);
        engine.setWorkflowManagerUrl(URI.create("http://manager:9001").toURL());
    }

    public void testTasksRunOneAfterTheOtherAndSeeWhereTheyAre() throws Exception {
        WorkflowInstance instance = finish(start("in-order", SampleTasks.Noting.class, SampleTasks.Noting.class));
        assertEquals(
                List.of("task-1 in-order in-order http://manager:9001", "task-2 in-order in-order http://manager:9001"),
                SampleTasks.seen("in-order"));
        assertEquals("task-2", instance.getCurrentTaskId());
        assertTrue(engine.getWallClockMinutes("in-order") >= 0);
        assertEquals(0.0, engine.getWallClockMinutes("nobody"), 0);
    }

    public void testNoMoreRunAtOnceThanThePoolHolds() throws Exception {
        for (String id : List.of("pool-1", "pool-2", "pool-3")) {
            start(id, SampleTasks.Waiting.class);
        }
        await("two to run", () -> "STARTED".equals(status("pool-1")) && "STARTED".equals(status("pool-2")));
        assertEquals("QUEUED", status("pool-3"));
        List.of("pool-1", "pool-2", "pool-3").forEach(SampleTasks::open);
        awaitStatus("pool-3", "FINISHED");
    }

    public void testAfterATaskThatFailedTheRestIsNotRun() throws Exception {
        finish(start("failing", SampleTasks.Failing.class, SampleTasks.Noting.class));
        assertEquals(List.of(), SampleTasks.seen("failing"));
        assertEquals(List.of("task-failed task-1 no luck"), journal("failing", "task-failed"));
        assertEquals(List.of("task-ended task-1 "), journal("failing", "task-ended"));
    }

    public void testTheLogOfATaskThatFailedIsInTheJournal() throws Exception {
        finish(start("logged", SampleTasks.Failing.class));
        String log = Files.readAllLines(journals.resolve("logged.jsonl")).stream()
                .filter(line -> field(line, "kind").equals("log")).findFirst().orElse("");
        assertTrue(log, log.contains("WorkflowTaskInstanceException: no luck"));
    }

    public void testAnErrorEndsItsTaskAndNotTheThreadOfTheEngine() throws Exception {
        for (int i = 0; i <= POOL_SIZE; i++) {
            finish(start("broken-" + i, SampleTasks.Broken.class));
        }
        assertEquals(List.of("task-failed task-1 no/Class"), journal("broken-0", "task-failed"));
    }

    public void testAClassThatIsMissingFailsItsTask() throws Exception {
        WorkflowTask task = task(1, SampleTasks.Noting.class);
        task.setTaskInstanceClassName("no.such.Task");
        finish(start("missing", List.of(task)));
        assertEquals(
                List.of("task-failed task-1 its class no.such.Task cannot be loaded"),
                journal("missing", "task-failed"));
    }

    public void testATaskWithoutItsMetadataIsNotRun() throws Exception {
        WorkflowTask task = task(1, SampleTasks.Noting.class);
        task.setRequiredMetFields(List.of("JobKey", "Run"));
        start("met-miss", List.of(task));
        awaitStatus("met-miss", "METMISS");
        assertEquals(List.of(), SampleTasks.seen("met-miss"));
    }

    public void testAWorkflowWithoutTasksIsRefused() throws Exception {
        try {
            start("empty", List.of());
            fail("expected an exception");
        } catch (EngineException e) {
            assertTrue(e.getMessage(), e.getMessage().contains("[urn:test:Workflow] has no tasks"));
        }
    }

    public void testAPausedInstanceWaitsBeforeItsNextTaskUntilItIsResumed() throws Exception {
        start("paused", SampleTasks.Waiting.class, SampleTasks.Noting.class);
        awaitStatus("paused", "STARTED");
        engine.pauseWorkflowInstance("paused");
        SampleTasks.open("paused");
        await("end of the first task", () -> !journal("paused", "task-ended").isEmpty());
        assertEquals("PAUSED", status("paused"));
        assertEquals(List.of(), SampleTasks.seen("paused"));
        engine.resumeWorkflowInstance("paused");
        awaitStatus("paused", "FINISHED");
        assertEquals(1, SampleTasks.seen("paused").size());
    }

    public void testAStoppedInstanceIsFinishedAtOnceAndBeginsNothingMore() throws Exception {
        start("stopped", SampleTasks.Waiting.class, SampleTasks.Noting.class);
        awaitStatus("stopped", "STARTED");
        engine.stopWorkflow("stopped");
        assertEquals("FINISHED", status("stopped"));
        await("end of the first task", () -> !journal("stopped", "task-ended").isEmpty()); // it was interrupted
        finish(start("after-it", SampleTasks.Noting.class));
        assertEquals(List.of(), SampleTasks.seen("stopped"));
    }

    public void testARunThatIsSubmittedAgainTakesThePlaceOfAStoppedOneWhenItsTaskHasEnded() throws Exception {
        start("again", SampleTasks.Deaf.class);
        awaitStatus("again", "STARTED");
        engine.stopWorkflow("again");
        openJournal("again");
        String other = finish(start("again", SampleTasks.Noting.class)).getId();
        assertTrue(other, other.startsWith("again~"));
        SampleTasks.open("again");
        for (int i = 0; i < POOL_SIZE; i++) {
            start("all-threads-" + i, SampleTasks.Waiting.class);
        }
        awaitStatus("all-threads-0", "STARTED");
        awaitStatus("all-threads-1", "STARTED"); // so the thread that ran "again" first has left it
        openJournal("again");
        assertEquals("again", start("again", SampleTasks.Noting.class));
        SampleTasks.open("all-threads-0");
        SampleTasks.open("all-threads-1");
        finish("again");
        assertEquals(List.of("task-1 again again http://manager:9001"), SampleTasks.seen("again"));
    }

    public void testATaskThatDoesNotStopIsOnRecordOnceWithThePlaceWhereItIs() throws Exception {
        start("stuck", SampleTasks.Deaf.class);
        awaitStatus("stuck", "STARTED");
        engine.stopWorkflow("stuck");
        assertEquals(List.of(), journal("stuck", "stuck"));
        await("the line", () -> {
            engine.stopWorkflow("stuck");
            return !journal("stuck", "stuck").isEmpty();
        });
        engine.stopWorkflow("stuck");
        assertEquals(List.of("stuck task-1 "), journal("stuck", "stuck"));
        String line = journal("stuck", "").stream().filter(each -> each.contains("Deaf.run")).findFirst().orElse("");
        assertTrue(line, line.startsWith("{\"kind\":\"stuck\""));
        SampleTasks.open("stuck");
        await("its end", () -> !journal("stuck", "task-ended").isEmpty());
    }

    public void testTheJvmIsGivenUpWhenNoTaskIsLeftButThoseThatDoNotStop() throws Exception {
        start("deaf", SampleTasks.Deaf.class);
        start("useful", SampleTasks.Waiting.class);
        awaitStatus("deaf", "STARTED");
        awaitStatus("useful", "STARTED");
        await("the line", () -> {
            engine.stopWorkflow("deaf");
            return !journal("deaf", "stuck").isEmpty();
        });
        assertEquals(0, onlyStuckLeft.get());
        SampleTasks.open("useful");
        await("the end of the other", () -> !journal("useful", "task-ended").isEmpty());
        await("the word that only it is left", () -> {
            engine.stopWorkflow("deaf");
            return onlyStuckLeft.get() > 0;
        });
        SampleTasks.open("deaf");
        await("its end", () -> !journal("deaf", "task-ended").isEmpty());
    }

    public void testAPausedInstanceCanBeStopped() throws Exception {
        start("both", SampleTasks.Waiting.class, SampleTasks.Noting.class);
        awaitStatus("both", "STARTED");
        engine.pauseWorkflowInstance("both");
        SampleTasks.open("both");
        engine.stopWorkflow("both");
        assertEquals("FINISHED", status("both"));
        for (int i = 0; i < POOL_SIZE; i++) {
            finish(start("free-" + i, SampleTasks.Noting.class)); // all threads are free again
        }
        assertEquals(List.of(), SampleTasks.seen("both"));
    }

    public void testNewMetadataReachTheNextTaskAndTheJobKeepsItsName() throws Exception {
        start("updated", SampleTasks.Waiting.class, SampleTasks.Noting.class);
        awaitStatus("updated", "STARTED");
        Metadata metadata = new Metadata();
        metadata.addMetadata("JobKey", "another");
        metadata.addMetadata("Added", "yes");
        assertTrue(engine.updateMetadata("updated", metadata));
        SampleTasks.open("updated");
        awaitStatus("updated", "FINISHED");
        assertEquals("yes", engine.getWorkflowInstanceMetadata("updated").getMetadata("Added"));
        assertEquals(List.of("task-2 updated updated http://manager:9001"), SampleTasks.seen("updated"));
        assertFalse(engine.updateMetadata("nobody", metadata));
    }

    public void testAnInstanceThatIsOverIsNoLongerTheEnginesButCanStillBeAnnotated() throws Exception {
        finish(start("ended", SampleTasks.Noting.class));
        await("its last line", () -> journal("ended", "").stream().anyMatch(line -> line.contains("FINISHED")));
        engine.pauseWorkflowInstance("ended");
        assertEquals("FINISHED", status("ended"));
        Metadata metadata = new Metadata();
        metadata.addMetadata("Added", "yes");
        assertTrue(engine.updateMetadata("ended", metadata));
        assertEquals("yes", engine.getWorkflowInstanceMetadata("ended").getMetadata("Added"));
        assertEquals("ended", engine.getWorkflowInstanceMetadata("ended").getMetadata("JobKey"));
    }

    public void testATaskWaitsForItsConditionsUntilAClientResumesIt() throws Exception {
        start("conditional", List.of(conditional(SampleTasks.Never.class)));
        awaitStatus("conditional", "PAUSED");
        assertEquals(List.of(), SampleTasks.seen("conditional"));
        engine.resumeWorkflowInstance("conditional");
        awaitStatus("conditional", "FINISHED");
        assertEquals(1, SampleTasks.seen("conditional").size());
    }

    public void testAConditionThatCannotBeEvaluatedFailsItsTask() throws Exception {
        finish(start("bad-condition", List.of(conditional(SampleTasks.Noting.class)))); // no condition at all
        assertTrue(journal("bad-condition", "task-failed").get(0).contains("its conditions cannot be evaluated"));
    }

    public void testTheJournalKnowsWhatAPgeOfTheUsersOwnClassExpects() throws Exception {
        finish(start("own-pge", SampleTasks.OwnPge.class));
        Path output = journals.resolve("output");
        assertEquals(
                List.of("status STARTED", "status PGETask_Running", "expects", "status PGETask_Crawling", "task-ended"),
                journal("own-pge", "").subList(3, 8).stream().map(JobEngineTest::brief).toList());
        String expects = Files.readAllLines(journals.resolve("own-pge.jsonl")).get(5);
        assertTrue(expects, expects.contains("\"files\":[\"" + output.resolve("a.dat") + "\"]"));
        assertTrue(expects, expects.contains("\"problems\":[\"no file matches b.* in " + output + "\"]"));
    }

    public void testAPgeWhoseProgramFailedSaysSoInPlainWords() throws Exception {
        finish(start("bad-pge", SampleTasks.FailingPge.class));
        assertEquals(
                List.of("task-failed task-1 its program did not exit with 0"), journal("bad-pge", "task-failed"));
    }

    private void openJournal(String id) throws Exception {
        Files.writeString(journals.resolve(id + ".jsonl"), "{\"kind\": \"opened\", \"at\": 1.5}\n");
    }

    private String start(String id, Class<?>... tasks) throws EngineException {
        List<WorkflowTask> list = new ArrayList<>();
        for (Class<?> each : tasks) {
            list.add(task(list.size() + 1, each));
        }
        return start(id, list);
    }

    private String start(String id, List<WorkflowTask> tasks) throws EngineException {
        Workflow workflow = new Workflow();
        workflow.setId("urn:test:Workflow");
        workflow.setTasks(tasks);
        Metadata metadata = new Metadata();
        metadata.addMetadata("JobKey", id);
        metadata.addMetadata("Journals", journals.toString());
        return engine.startWorkflow(workflow, metadata).getId();
    }

    private static WorkflowTask task(int number, Class<?> taskClass) {
        WorkflowTask task = new WorkflowTask();
        task.setTaskId("task-" + number);
        task.setTaskInstanceClassName(taskClass.getName());
        task.setTaskConfig(new WorkflowTaskConfiguration());
        return task;
    }

    private static WorkflowTask conditional(Class<?> conditionClass) {
        WorkflowCondition condition = new WorkflowCondition();
        condition.setConditionId("condition");
        condition.setConditionInstanceClassName(conditionClass.getName());
        WorkflowTask task = task(1, SampleTasks.Noting.class);
        task.setConditions(List.of(condition));
        return task;
    }

    private WorkflowInstance finish(String id) throws Exception {
        awaitStatus(id, "FINISHED");
        return repository.getWorkflowInstanceById(id);
    }

    private String status(String id) {
        try {
            return repository.getWorkflowInstanceById(id).getStatus();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private void awaitStatus(String id, String status) throws Exception {
        await(id + " to be " + status, () -> status(id).equals(status));
    }

    private static void await(String what, BooleanSupplier condition) throws Exception {
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
        while (!condition.getAsBoolean()) {
            assertTrue("waited in vain for " + what, System.nanoTime() < deadline);
            Thread.onSpinWait();
            Thread.yield();
        }
    }

    /** The lines of a kind (all, if it is empty), as "kind task error". */
    private List<String> journal(String id, String kind) {
        try {
            List<String> lines = new ArrayList<>();
            for (String line : Files.readAllLines(journals.resolve(id + ".jsonl"))) {
                if (kind.isEmpty()) {
                    lines.add(line);
                } else if (field(line, "kind").equals(kind)) {
                    lines.add(kind + " " + field(line, "task") + " " + field(line, "error"));
                }
            }
            return lines;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static String brief(String line) {
        return (field(line, "kind") + " " + field(line, "status")).strip();
    }

    private static String field(String line, String name) {
        String pattern = ".*\"" + name + "\":\"([^\"]*)\".*";
        return line.matches(pattern) ? line.replaceFirst(pattern, "$1") : "";
    }
}
