package oodt.cluster.catalog;

import static oodt.cluster.catalog.TestPolicy.SNOW;

import java.io.IOException;
import java.net.ServerSocket;
import java.net.URI;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.util.Hashtable;
import java.util.List;
import java.util.Map;
import java.util.Vector;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import junit.framework.TestCase;
import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.Query;
import org.apache.oodt.cas.filemgr.structs.Reference;
import org.apache.oodt.cas.filemgr.structs.TermQueryCriteria;
import org.apache.oodt.cas.filemgr.system.XmlRpcFileManagerClient;
import org.apache.oodt.cas.metadata.Metadata;
import org.apache.xmlrpc.XmlRpcClient;
import org.apache.xmlrpc.XmlRpcException;

/** The File Manager as its clients see it, over XML-RPC. */
public class FileManagerTest extends TestCase {

    private Path folder;
    private Path archive;
    private FileManager manager;
    private URL url;
    private XmlRpcFileManagerClient client;

    @Override
    protected void setUp() throws Exception {
        folder = Files.createTempDirectory("files");
        archive = Files.createDirectory(folder.resolve("archive"));
        Path policy = folder.resolve("policy");
        TestPolicy.write(policy);
        TestPolicy.writeProductTypes(policy, archive);
        String filemgr = "org.apache.oodt.cas.filemgr.";
        System.getProperties().putAll(Map.of(
                "filemgr.repository.factory", filemgr + "repository.XMLRepositoryManagerFactory",
                "filemgr.catalog.factory", SqliteCatalogFactory.class.getName(),
                "filemgr.datatransfer.factory", filemgr + "datatransfer.LocalDataTransferFactory",
                "filemgr.validationLayer.factory", filemgr + "validation.XMLValidationLayerFactory",
                filemgr + "repositorymgr.dirs", policy.toUri().toString(),
                filemgr + "validation.dirs", policy.toUri().toString(),
                filemgr + "catalog.lucene.idxPath", folder.resolve("none").toString(),
                "oodt.cluster.catalog.file", folder.resolve("catalog.sqlite").toString()));
        int port = freePort();
        manager = new FileManager(port);
        url = URI.create("http://localhost:" + port).toURL();
        client = new XmlRpcFileManagerClient(url);
    }

    @Override
    protected void tearDown() throws Exception {
        WaitingVersioner.release();
        manager.shutdown();
        SqliteCatalogFactory.newest().close();
    }

    public void testACallThatComesWhileTheFileManagerLoadsIsAnsweredAfterwards() throws Exception {
        manager.shutdown();
        SqliteCatalogFactory.newest().close();
        System.setProperty("filemgr.repository.factory", WaitingRepositoryFactory.class.getName());
        int port = freePort();
        CompletableFuture<FileManager> start = CompletableFuture.supplyAsync(() -> started(port));
        WaitingRepositoryFactory.awaitLoading();
        CompletableFuture<List<?>> types = CompletableFuture.supplyAsync(() -> productTypes(port));
        try {
            types.get(500, TimeUnit.MILLISECONDS);
            fail("answered before it has loaded");
        } catch (TimeoutException e) {
            WaitingRepositoryFactory.release();
        }
        manager = start.get();
        assertFalse(types.get().isEmpty());
    }

    public void testAProductIsIngestedAndFound() throws Exception {
        ingest("a", "job-1");
        assertTrue(Files.exists(archive.resolve("a/a")));
        Query query = new Query(List.of(new TermQueryCriteria("Colour", "white")));
        Product found = client.query(query, SNOW).get(0);
        assertEquals(Product.STATUS_RECEIVED, found.getTransferStatus());
        assertEquals("white", client.getMetadata(found).getMetadata("Colour"));
    }

    public void testTextGetsFromTheClientToTheCatalogueAndBackAsItIs() throws Exception {
        for (String text : List.of("𠮷野 🛰", "Größe", "a\r\nb\tc", "<&>\"']]>", "\u007f\ufffd", "\ud7ff\ue000",
                "  ", " a ", "\t\n")) {
            Metadata metadata = new Metadata();
            metadata.addMetadata("Colour", text);
            String id = client.ingestProduct(product("a"), metadata, false);
            Product found = client.query(new Query(List.of(new TermQueryCriteria("Colour", text))), SNOW).get(0);
            assertEquals(id, found.getProductId());
            assertEquals(text, client.getMetadata(found).getMetadata("Colour"));
        }
    }

    public void testTextThatXmlCannotHoldIsRefusedByName() throws Exception {
        for (String text : List.of("a\u0001b", "\ud83d", "\ude80 first", "\uffff")) {
            Metadata metadata = new Metadata();
            metadata.addMetadata("Colour", text);
            try {
                client.ingestProduct(product("a"), metadata, false);
                fail("it was not refused");
            } catch (Exception e) {
                assertTrue(e.getMessage(), e.getMessage().contains("Failure writing request"));
            }
            try {
                new XmlRpcClient(url).execute("filemgr.closeRun", new Vector<>(List.of(text)));
                fail("it was not refused");
            } catch (XmlRpcException e) {
                String character = String.format("U+%04X", (int) text.replace("a", "").charAt(0));
                assertTrue(e.getCause().getMessage(), e.getCause().getMessage().contains(character));
            }
        }
        assertEquals(0, client.getNumProducts(SNOW));
    }

    public void testTheDiskOfTheCatalogueIsToldInBytes() throws Exception {
        Map<?, ?> disk = (Map<?, ?>) new XmlRpcClient(url).execute("filemgr.catalogueDisk", new Vector<>());
        assertEquals((double) Files.getFileStore(folder).getTotalSpace(), disk.get("size"));
        assertTrue((double) disk.get("free") <= (double) disk.get("size"));
    }

    public void testAClosedRunAnswersWithItsProductsAndIsRefused() throws Exception {
        ingest("a", "job-1");
        List<Hashtable<String, Object>> products = closeRun("job-1");
        assertEquals("a", products.get(0).get("name"));
        Hashtable<?, ?> reference = (Hashtable<?, ?>) ((Vector<?>) products.get(0).get("references")).get(0);
        assertEquals("file:" + archive + "/a/a", reference.get("dataStoreReference").toString().replace("//", ""));
        assertRefused("b", "job-1");
        assertFalse(Files.exists(archive.resolve("b")));
        assertEquals(1, client.getNumProducts(SNOW));
        assertEquals(List.of(), closeRun("job-2"));
        call("reopenRun", "job-1");
        ingest("b", "job-1");
    }

    public void testAnIngestThatIsBeingExecutedIsAwaited() throws Exception {
        WaitingVersioner.holdUp();
        CompletableFuture<Void> ingest = CompletableFuture.runAsync(() -> assertRefused("a", "job-1"));
        WaitingVersioner.awaitIngest();
        assertEquals(List.of(), closeRun("job-2"));
        CompletableFuture<List<Hashtable<String, Object>>> closing =
                CompletableFuture.supplyAsync(() -> closeRun("job-1"));
        while (!isClosed("job-1")) {
            Thread.sleep(10);
        }
        assertFalse(closing.isDone());
        WaitingVersioner.release();
        ingest.get();
        assertEquals("a", closing.get().get(0).get("name"));
        assertFalse(Files.exists(archive.resolve("a")));
    }

    public void testAFileIsRemovedOnlyWhenNoProductHasIt() throws Exception {
        ingest("a", "job-1");
        Path file = archive.resolve("a/a");
        assertEquals(false, call("removeUnusedFile", "file:" + archive + "//a/./a"));
        assertTrue(Files.exists(file));
        client.removeProduct(client.getProductByName("a"));
        assertEquals(true, call("removeUnusedFile", file.toString()));
        assertFalse(Files.exists(file));
        assertEquals(true, call("removeUnusedFile", file.toString()));
    }

    private boolean isClosed(String run) throws Exception {
        try (Connection catalogue = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("catalog.sqlite"));
                PreparedStatement query = catalogue.prepareStatement("SELECT 1 FROM closed_run WHERE run = ?")) {
            query.setString(1, run);
            return query.executeQuery().next();
        }
    }

    private void ingest(String name, String instance) throws Exception {
        Metadata metadata = new Metadata();
        metadata.addMetadata("Colour", "white");
        metadata.addMetadata("WorkflowInstId", instance);
        new XmlRpcFileManagerClient(url).ingestProduct(product(name), metadata, false);
    }

    private Product product(String name) throws IOException {
        Path file = Files.writeString(folder.resolve(name), "content");
        return new Product(name, SNOW, Product.STRUCTURE_FLAT, Product.STATUS_TRANSFER,
                new Vector<>(List.of(new Reference(file.toUri().toString(), "", 7))));
    }

    private void assertRefused(String name, String instance) {
        try {
            ingest(name, instance);
        } catch (Exception e) {
            assertTrue(e.getMessage(), e.getMessage().contains("run " + instance + " is closed: "));
            return;
        }
        fail("it was not refused");
    }

    @SuppressWarnings("unchecked")
    private List<Hashtable<String, Object>> closeRun(String run) {
        return (List<Hashtable<String, Object>>) call("closeRun", run);
    }

    private Object call(String method, String run) {
        try {
            return new XmlRpcClient(url).execute("filemgr." + method, new Vector<>(List.of(run)));
        } catch (XmlRpcException | IOException e) {
            throw new IllegalStateException(e);
        }
    }

    private static FileManager started(int port) {
        try {
            return new FileManager(port);
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    private static List<?> productTypes(int port) {
        try {
            return (Vector<?>)
                    new XmlRpcClient("localhost", port).execute("filemgr.getProductTypes", new Vector<>());
        } catch (IOException | XmlRpcException e) {
            throw new IllegalStateException(e);
        }
    }

    private static int freePort() throws IOException {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        }
    }
}
