package oodt.cluster.pge;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import junit.framework.TestCase;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.oodt.cas.metadata.util.PathUtils;
import org.apache.oodt.cas.pge.config.OutputDir;
import org.apache.oodt.cas.pge.config.PgeConfig;
import org.apache.oodt.cas.pge.config.RegExprOutputFiles;
import org.apache.oodt.cas.pge.config.RenamingConv;
import org.apache.oodt.cas.pge.config.XmlFilePgeConfigBuilder;
import org.apache.oodt.cas.pge.metadata.PgeMetadata;
import org.apache.oodt.cas.workflow.structs.WorkflowTaskConfiguration;

/** What becomes of a PGE's configuration file, whatever the job's values are. */
public class ConfigFileTest extends TestCase {

    private Path folder;
    private final Metadata job = new Metadata();
    private final WorkflowTaskConfiguration properties = new WorkflowTaskConfiguration();
    private PgeMetadata metadata;

    @Override
    protected void setUp() throws Exception {
        folder = Files.createTempDirectory("config");
        properties.addConfigProperty("PGETask_ConfigFilePath", folder.resolve("main.xml").toString());
    }

    public void testAJobsValuesAreData() throws Exception {
        for (String value : List.of("[Run]", "5[x]", "[", "]", "a[b", "[[Run]", "[DATE.UTC]", "[Home]", "[PATH]",
                "SQL(FORMAT='$a'){SELECT a FROM b}", " sql (a) {select b from c} ", "𠮷野 [🛰]", "\\[x\\] $1 {2,3}")) {
            job.replaceMetadata("Run", value);
            properties.addConfigProperty("Home", "/home/[Run]");
            PgeConfig config = read("""
                    <exe dir="[Home]" shellType="/bin/sh"><cmd>echo '[Run]' [Whole] [Raw]</cmd></exe>
                    <customMetadata>
                      <metadata key="Whole" val="-[Run]-"/>
                      <metadata key="Once" val="-[Run]-" envReplace-NoRecur="true"/>
                      <metadata key="Raw" val="[Run]" envReplace="false"/>
                      <metadata key="Copy" key-ref="Run"/>
                    </customMetadata>""");
            assertEquals("/home/" + value, config.getExeDir());
            assertEquals(List.of("echo '" + value + "' -" + value + "- " + value), config.getExeCmds());
            String whole = "-" + value + "-";
            assertEquals(value, metadata.getMetadataValue("Run"));
            assertEquals(value, metadata.getMetadataValue("Copy"));
            assertEquals("[Run]", metadata.getMetadataValue("Raw"));
            if (!value.contains(",")) { // which OODT takes for several values
                assertEquals(whole, metadata.getMetadataValue("Whole"));
                assertEquals(whole, metadata.getMetadataValue("Once"));
            }
        }
    }

    public void testFilesMayHaveAJobsValueInTheirNames() throws Exception {
        job.replaceMetadata("Run", "[1]{2}");
        OutputDir directory = read("""
                <output><dir path="/jobs/[Run]" createBeforeExe="true">
                  <files name="a_[Run]\\.dat" metFileWriterClass="W" args="a,[Run]">
                    <renamingConv namingExpr="b_[Run]_[Kind].dat"><metadata key="Kind" val="c"/></renamingConv>
                  </files>
                  <files regExp="[a-z]+" metFileWriterClass="W" args=""/>
                </dir></output>""").getOuputDirs().get(0);
        assertEquals("/jobs/[1]{2}", directory.getPath());
        assertTrue(directory.isCreateBeforeExe());
        RegExprOutputFiles files = directory.getRegExprOutputFiles().get(0);
        assertTrue("a_[1]{2}.dat".matches(files.getRegExp()));
        assertEquals(List.of("a", "[1]{2}"), List.of(files.getArgs()));
        assertEquals("[a-z]+", directory.getRegExprOutputFiles().get(1).getRegExp());
        // As OODT renames each file.
        RenamingConv renaming = files.getRenamingConv();
        Metadata known = metadata.getMetadata();
        known.replaceMetadata("Kind", "c");
        known.replaceMetadata(renaming.getTmpReplaceMet());
        assertEquals("b_[1]{2}_c.dat", PathUtils.doDynamicReplacement("b_[Run]_[Kind].dat", known));
        assertTrue(renaming.getRenamingString(), PathUtils.doDynamicReplacement(renaming.getRenamingString(), known)
                .startsWith("b_[1]{2}_"));
    }

    public void testPlaceholdersOfThePolicyAreFilledInToTheEnd() throws Exception {
        job.replaceMetadata("Run", List.of("7", "8"));
        properties.addConfigProperty("Base", "[PATH]/[Name]");
        properties.addConfigProperty("Name", "n[Run]");
        PgeConfig config = read("""
                <dynInputFiles><file path="[Base]/in" writerClass="[Class]" args="a,[Run]"/></dynInputFiles>
                <exe dir="[Base]" shellType="/bin/sh"><cmd>[Later] [Unknown]</cmd><cmd>[DATE.YEAR]</cmd></exe>
                <customMetadata>
                  <metadata key="Class" val="some.Class"/>
                  <metadata key="Raw" val="[Base]" envReplace="false"/>
                  <metadata key="Once" val="[Base]" envReplace-NoRecur="true"/>
                  <metadata key="Later" val="[Raw]|[Once]"/>
                  <metadata key-gen="Key[Run]" val="a,b" split="false"/>
                  <metadata key="Text" workflowMet="true">[Name]</metadata>
                </customMetadata>""");
        String base = System.getenv("PATH") + "/n7,8";
        assertEquals(base, config.getExeDir());
        assertEquals(base + "|" + base + " null", config.getExeCmds().get(0));
        assertTrue(config.getExeCmds().get(1).matches("[0-9]{4}"));
        assertEquals(base + "/in", config.getDynamicConfigFiles().get(0).getFilePath());
        assertEquals("some.Class", config.getDynamicConfigFiles().get(0).getWriterClass());
        assertEquals(List.of("a", "7", "8"), List.of(config.getDynamicConfigFiles().get(0).getArgs()));
        assertEquals("[PATH]/[Name]", metadata.getMetadataValue("Once"));
        assertEquals(List.of("a,b"), metadata.getMetadataValues("Key7,8"));
        metadata.commitWorkflowMetadataKeys();
        assertEquals(List.of("n7", "8"), job.getAllMetadata("Text"));
    }

    public void testImportedFilesDefineWhatTheFileUses() throws Exception {
        job.replaceMetadata("Run", "[x]");
        write("common.xml", "<exe dir='/a' shellType='/bin/sh'><cmd>first [Dir]</cmd></exe>"
                + "<customMetadata><metadata key='Dir' val='/d/[Run]'/></customMetadata>");
        PgeConfig config = read("<import file='common.xml'/><import namespace='N' file='" + folder + "/common.xml'/>"
                + "<exe dir='[Dir]' shellType='/bin/sh'><cmd>[N:Dir]/2</cmd></exe>");
        assertEquals("/d/[x]", config.getExeDir());
        assertEquals(List.of("first /d/[x]", "first /d/[x]", "/d/[x]/2"), config.getExeCmds());
        assertEquals("/d/[x]", metadata.getMetadataValue("N:Dir"));
    }

    public void testAPropertyThatRefersToItselfIsAnErrorThatNamesIt() throws Exception {
        for (Map.Entry<String, String> each : Map.of("Self", "[Self]", "Twice", "[Twice][Twice]").entrySet()) {
            properties.addConfigProperty(each.getKey(), each.getValue());
            assertFails("[" + each.getKey() + "]", "<exe dir='[" + each.getKey() + "]' shellType='/bin/sh'/>");
        }
    }

    public void testAFileThatCannotBeReadIsAnErrorThatNamesIt() throws Exception {
        assertFails("main.xml", "<exe>");
        assertFails("absent.xml", "<import file='absent.xml'/>");
    }

    private void assertFails(String named, String content) throws Exception {
        try {
            read(content);
        } catch (IOException e) {
            assertTrue(e.getMessage(), e.getMessage().contains(named));
            return;
        }
        fail("expected an exception");
    }

    private PgeConfig read(String content) throws Exception {
        write("main.xml", content);
        metadata = new PgeMetadata(job, properties);
        return new XmlFilePgeConfigBuilder().build(metadata);
    }

    private void write(String name, String content) throws IOException {
        Files.writeString(folder.resolve(name), "<pgeConfig>" + content + "</pgeConfig>");
    }
}
