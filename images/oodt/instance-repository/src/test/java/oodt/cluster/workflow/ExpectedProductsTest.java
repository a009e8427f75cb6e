package oodt.cluster.workflow;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import junit.framework.TestCase;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.RegExprOutputFiles;

/** Which files a PGE task is expected to ingest, and which are missing. */
public class ExpectedProductsTest extends TestCase {

    private Path directory;

    @Override
    protected void setUp() throws Exception {
        directory = Files.createTempDirectory("output");
    }

    public void testEveryFileWithAMetadataFileBesideItIsIngested() throws Exception {
        create("a.dat", "a.dat.met", "b.dat", "below/c.dat", "below/c.dat.met");
        ExpectedProducts expected = expected();
        assertEquals(Set.of(path("a.dat"), path("below/c.dat")), Set.copyOf(expected.toIngest(false, true)));
        assertEquals(Set.of(path("a.dat")), Set.copyOf(expected.toIngest(false, false)));
    }

    public void testADirectoryIsAProductWhereTheCrawlerLooksForThem() throws Exception {
        create("set/a.dat", "set.met");
        assertEquals(List.of(path("set")), List.copyOf(expected().toIngest(true, false)));
    }

    public void testAnOutputThatMatchesNothingIsAProblem() throws Exception {
        create("a.dat");
        assertEquals(Set.of("no file matches b.* in " + directory), expected("b.*").problems());
    }

    public void testAMatchWithoutMetadataIsAProblem() throws Exception {
        create("a.dat");
        assertEquals(
                Set.of(path("a.dat") + " matches a.* but its metadata could not be written"),
                expected("a.*").problems());
    }

    public void testARenamedFileIsLookedForUnderItsNewName() throws Exception {
        create("a.dat");
        ExpectedProducts expected = expected("a.*");
        create("new.dat.met");
        Files.move(directory.resolve("a.dat"), directory.resolve("new.dat"));
        expected.renamed(new File(path("a.dat")), new File(path("new.dat")));
        assertEquals(Set.of(), expected.problems());
        assertEquals(List.of(path("new.dat")), List.copyOf(expected.toIngest(false, true)));
    }

    public void testNoOutputMeansNothingToIngest() {
        ExpectedProducts expected = new ExpectedProducts(List.of(), "met");
        assertTrue(expected.toIngest(false, true).isEmpty());
        assertTrue(expected.problems().isEmpty());
    }

    private ExpectedProducts expected(String... regExps) {
        OutputDir outputDir = new OutputDir(directory.toString(), false);
        for (String regExp : regExps) {
            outputDir.addRegExprOutputFiles(new RegExprOutputFiles(regExp, "unused", null, new Object[0]));
        }
        return new ExpectedProducts(List.of(outputDir), "met");
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
