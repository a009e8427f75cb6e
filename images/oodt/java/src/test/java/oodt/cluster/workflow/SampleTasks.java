package oodt.cluster.workflow;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.pge.PGETaskInstance;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.PgeConfig;
import org.apache.oodt.cas.pge.config.RegExprOutputFiles;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;
import org.apache.oodt.cas.workflow.structs.WorkflowConditionConfiguration;
import org.apache.oodt.cas.workflow.structs.WorkflowConditionInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowInstance;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskConfiguration;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskInstance;
import org.apache.oodt.cas.workflow.structs.exceptions.WorkflowTaskInstanceException;

/** Tasks and conditions of all kinds, as users name them in tasks.xml. */
public final class SampleTasks {

    private static final int SECONDS = 20;

    /** What the tasks share with the test, by the id of the instance. */
    private static final Map<String, CountDownLatch> GATES = new ConcurrentHashMap<>();
    private static final Map<String, List<String>> SEEN = new ConcurrentHashMap<>();

    private static JobInstanceRepository repository;

    private SampleTasks() {
    }

    /** Sets the repository that the PGEs below report their status to. */
    static void reportTo(JobInstanceRepository newRepository) {
        repository = newRepository;
    }

    /** Lets the waiting task of an instance end. */
    static void open(String id) {
        gate(id).countDown();
    }

    static List<String> seen(String id) {
        return SEEN.getOrDefault(id, List.of());
    }

    /** A task that records what it sees. */
    public static class Noting implements WorkflowTaskInstance {
        @Override
        public void run(Metadata metadata, WorkflowTaskConfiguration config) {
            List<String> values = new ArrayList<>();
            for (String key : List.of("TaskId", "WorkflowInstId", "JobKey", "WorkflowManagerUrl")) {
                values.add(metadata.getMetadata(key));
            }
            SEEN.computeIfAbsent(metadata.getMetadata("WorkflowInstId"), id -> new CopyOnWriteArrayList<>())
                    .add(String.join(" ", values));
        }
    }

    /** A task that ends when the test lets it. */
    public static class Waiting implements WorkflowTaskInstance {
        @Override
        public void run(Metadata metadata, WorkflowTaskConfiguration config) throws WorkflowTaskInstanceException {
            try {
                gate(metadata.getMetadata("WorkflowInstId")).await(SECONDS, TimeUnit.SECONDS);
            } catch (InterruptedException e) {
                throw new WorkflowTaskInstanceException(e);
            }
        }
    }

    /** A task that ends when the test lets it, and not when it is interrupted. */
    public static class Deaf implements WorkflowTaskInstance {
        @Override
        public void run(Metadata metadata, WorkflowTaskConfiguration config) {
            CountDownLatch gate = gate(metadata.getMetadata("WorkflowInstId"));
            while (gate.getCount() > 0) {
                Thread.onSpinWait();
                Thread.yield();
            }
        }
    }

    /** A task that fails in the way that OODT provides for. */
    public static class Failing implements WorkflowTaskInstance {
        @Override
        public void run(Metadata metadata, WorkflowTaskConfiguration config) throws WorkflowTaskInstanceException {
            throw new WorkflowTaskInstanceException("no luck");
        }
    }

    /** A task that fails with an error and not an exception, as one whose jar is missing does. */
    public static class Broken implements WorkflowTaskInstance {
        @Override
        public void run(Metadata metadata, WorkflowTaskConfiguration config) {
            throw new NoClassDefFoundError("no/Class");
        }
    }

    /** A condition that never holds. */
    public static class Never implements WorkflowConditionInstance {
        @Override
        public boolean evaluate(Metadata metadata, WorkflowConditionConfiguration config) {
            return false;
        }
    }

    /** A user's own subclass of the PGE task, whose status calls do not go over the network. */
    public static class OwnPge extends PGETaskInstance {
        @Override
        public void run(Metadata metadata, WorkflowTaskConfiguration config) throws WorkflowTaskInstanceException {
            try {
                metadata.replaceMetadata("PCS_MetFileExtension", "met");
                pgeMetadata = new PgeMetadata(metadata, config);
                pgeConfig = new PgeConfig();
                workflowInstId = metadata.getMetadata("WorkflowInstId");
                OutputDir output = new OutputDir(metadata.getMetadata("Journals") + "/output", true);
                output.addRegExprOutputFiles(new RegExprOutputFiles("b.*", "unused", null, new Object[0]));
                pgeConfig.addOuputDirAndExpressions(output);
                updateStatus("PGETask_Running");
                Path directory = Files.createDirectories(Path.of(output.getPath()));
                Files.createFile(directory.resolve("a.dat"));
                Files.createFile(directory.resolve("a.dat.met"));
                updateStatus("PGETask_Crawling");
            } catch (Exception e) {
                throw new WorkflowTaskInstanceException(e);
            }
        }

        @Override
        protected void updateStatus(String status) {
            setStatus(workflowInstId, status);
        }
    }

    /** A PGE whose program did not exit with 0. */
    public static class FailingPge extends PGETaskInstance {
        @Override
        public void run(Metadata metadata, WorkflowTaskConfiguration config) throws WorkflowTaskInstanceException {
            throw new WorkflowTaskInstanceException("PGETask failed : Pge didn't finish successfully");
        }
    }

    private static CountDownLatch gate(String id) {
        return GATES.computeIfAbsent(id, each -> new CountDownLatch(1));
    }

    /** Sets the status as OODT's XML-RPC server does for a PGE. */
    private static void setStatus(String id, String status) {
        try {
            WorkflowInstance instance = repository.getWorkflowInstanceById(id);
            instance.setStatus(status);
            repository.updateWorkflowInstance(instance);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }
}
