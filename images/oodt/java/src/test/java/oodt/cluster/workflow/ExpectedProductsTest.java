package oodt.cluster.workflow;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import junit.framework.TestCase;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.RegExprOutputFiles;
import org.apache.oodt.cas.pge.config.RenamingConv;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;

/** Which files a PGE task is expected to ingest, and which are missing. */
public class ExpectedProductsTest extends TestCase {

    private Path directory;
    private final Metadata metadata = new Metadata();
    private RenamingConv renaming;

    @Override
    protected void setUp() throws Exception {
        directory = Files.createTempDirectory("output");
        metadata.addMetadata("PCS_MetFileExtension", "met");
    }

    public void testEveryFileWithAMetadataFileBesideItIsIngested() throws Exception {
        create("a.dat", "a.dat.met", "b.dat", "below/c.dat", "below/c.dat.met");
        assertEquals(Set.of(path("a.dat"), path("below/c.dat")), Set.copyOf(expected().files()));
        metadata.addMetadata("PCS_CrawlerRecur", "false");
        assertEquals(List.of(path("a.dat")), List.copyOf(expected().files()));
    }

    public void testADirectoryIsAProductWhereTheCrawlerLooksForThem() throws Exception {
        create("set/a.dat", "set.met");
        metadata.addMetadata("PCS_CrawlerCrawlForDirs", "TRUE");
        assertEquals(List.of(path("set")), List.copyOf(expected().files()));
    }

    public void testAnOutputThatMatchesNothingIsAProblem() throws Exception {
        create("a.dat");
        assertEquals(Set.of("no file matches b.* in " + directory), expected("b.*").problems());
    }

    public void testAMatchWithoutMetadataIsAProblem() throws Exception {
        create("a.dat", "ab.dat", "ab.dat.met");
        assertEquals(
                Set.of(path("a.dat") + " matches a.* but its metadata could not be written"),
                expected("a.*").problems());
    }

    public void testARenamedFileIsLookedForUnderItsNewName() throws Exception {
        metadata.addMetadata("Station", "alpine");
        renaming = new RenamingConv("[Station]_[FORMAT(yyyy-MM-dd'T'HH:mm:ss.SSS'Z',[DATE.UTC],yyyy)].dat");
        create("alpine_2024.dat", "alpine_2024.dat.met");
        assertEquals(Set.of(), expected("a.*\\.txt").problems());
        assertEquals(List.of(path("alpine_2024.dat")), List.copyOf(expected().files()));
    }

    public void testARenamedFileWithoutMetadataIsAProblem() throws Exception {
        renaming = new RenamingConv("new.dat");
        create("new.dat");
        assertEquals(
                Set.of(path("new.dat") + " matches a.* but its metadata could not be written"),
                expected("a.*").problems());
    }

    public void testAFileOfAnotherNameIsNotTheRenamedOne() throws Exception {
        metadata.addMetadata("Station", "alpine");
        renaming = new RenamingConv("[Station]_[Number].dat");
        renaming.addTmpReplaceMet("Number", List.of("7"));
        create("alpine_8.dat", "alpine_8.dat.met");
        assertEquals(Set.of("no file matches a.*txt in " + directory), expected("a.*txt").problems());
    }

    public void testNoOutputMeansNothingToIngest() throws Exception {
        ExpectedProducts expected = new ExpectedProducts(List.of(), new PgeMetadata(metadata, null));
        assertTrue(expected.files().isEmpty());
        assertTrue(expected.problems().isEmpty());
    }

    private ExpectedProducts expected(String... regExps) throws Exception {
        OutputDir outputDir = new OutputDir(directory.toString(), false);
        for (String regExp : regExps) {
            outputDir.addRegExprOutputFiles(new RegExprOutputFiles(regExp, "unused", renaming, new Object[0]));
        }
        return new ExpectedProducts(List.of(outputDir), new PgeMetadata(metadata, null));
    }

    private void create(String... names) throws Exception {
        for (String name : names) {
            Files.createDirectories(directory.resolve(name).getParent());
            Files.createFile(directory.resolve(name));
        }
    }

    private String path(String name) {
        return directory.resolve(name).toString();
    }
}
