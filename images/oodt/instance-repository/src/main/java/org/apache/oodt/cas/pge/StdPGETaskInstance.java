package org.apache.oodt.cas.pge;

import java.io.File;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import oodt.cluster.workflow.ExpectedProducts;
import oodt.cluster.workflow.RunJournal;
import org.apache.oodt.cas.crawl.StdProductCrawler;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.RenamingConv;
import org.apache.oodt.cas.pge.metadata.PcsMetadataKeys;
import org.apache.oodt.cas.workflow.metadata.CoreMetKeys;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskConfiguration;
import org.apache.oodt.cas.workflow.structs.exceptions.WorkflowTaskInstanceException;

/**
 * The task class that every PGE workflow names, with a journal: it stands before OODT's own on the class path.
 *
 * <p>OODT's is an empty subclass. Only the task itself knows for sure what it will ingest: its configuration may hold
 * dates, queries and metadata that the task changed, so to read it a second time would give other paths.
 */
public class StdPGETaskInstance extends PGETaskInstance {

    private final RunJournal journal = RunJournal.ofThisContainer();

    private String run;
    private String task;
    private int exitCode;
    private ExpectedProducts expected;

    @Override
    public void run(Metadata metadata, WorkflowTaskConfiguration config) throws WorkflowTaskInstanceException {
        run = metadata.getMetadata(CoreMetKeys.WORKFLOW_INST_ID);
        task = metadata.getMetadata(CoreMetKeys.TASK_ID);
        try {
            super.run(metadata, config);
        } catch (WorkflowTaskInstanceException e) {
            // OODT's engine logs it and goes on to the next task.
            journal.append(run, "task-failed", Map.of("task", task, "error", reason(e)));
            throw e;
        }
    }

    @Override
    protected boolean wasPgeSuccessful(int returnCode) {
        exitCode = returnCode;
        return super.wasPgeSuccessful(returnCode);
    }

    @Override
    protected void processOutput() throws IOException {
        for (OutputDir outputDir : pgeConfig.getOuputDirs()) {
            if (!new File(outputDir.getPath()).isDirectory()) {
                throw new IOException("the output directory " + outputDir.getPath() + " does not exist");
            }
        }
        expected = new ExpectedProducts(
                pgeConfig.getOuputDirs(), pgeMetadata.getMetadataValue(PcsMetadataKeys.MET_FILE_EXT));
        super.processOutput();
    }

    @Override
    protected File renameFile(File file, RenamingConv convention) throws Exception {
        File renamed = super.renameFile(file, convention);
        expected.renamed(file, renamed);
        return renamed;
    }

    @Override
    protected void runIngestCrawler(StdProductCrawler crawler, List<File> directories) {
        journal.append(run, "expects", Map.of(
                "task", task,
                "files", expected.toIngest(crawler.isCrawlForDirs(), !crawler.isNoRecur()),
                "problems", expected.problems()));
        super.runIngestCrawler(crawler, directories);
    }

    private String reason(WorkflowTaskInstanceException error) {
        return exitCode == 0
                ? String.valueOf(error.getMessage())
                : "its program did not exit with 0 but with " + exitCode;
    }
}
