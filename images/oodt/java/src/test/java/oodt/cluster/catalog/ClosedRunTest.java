package oodt.cluster.catalog;

import static oodt.cluster.catalog.TestPolicy.SNOW;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import junit.framework.TestCase;
import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.Reference;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;
import org.apache.oodt.cas.filemgr.validation.ValidationLayer;
import org.apache.oodt.cas.metadata.Metadata;

/** What the catalogue takes and refuses of runs that are closed. */
public class ClosedRunTest extends TestCase {

    private static final Instant NOW = Instant.parse("2026-11-29T12:00:00Z");
    private static final String SUFFIX = "~01234567-89ab-cdef-0123-456789abcdef";

    private Path folder;
    private ValidationLayer policy;
    private SqliteCatalog catalog;

    @Override
    protected void setUp() throws Exception {
        folder = Files.createTempDirectory("catalogue");
        policy = TestPolicy.write(folder.resolve("policy"));
        catalog = open();
    }

    @Override
    protected void tearDown() throws Exception {
        catalog.close();
    }

    public void testNothingOfAClosedRunIsTaken() throws Exception {
        catalog.closeRun("job-1", NOW);
        for (String instance : List.of("job-1", "job-1" + SUFFIX)) {
            assertRefused(() -> ingest("a", instance));
            assertRefused(() -> ingestInSteps("a", instance));
        }
        assertEquals(List.of(), catalog.getProducts());
    }

    public void testOtherRunsAreNotConcerned() throws Exception {
        catalog.closeRun("job-1", NOW);
        String dotted = "job-1" + SUFFIX.replace('~', '.'); // which a sender may give to a job
        for (String instance : List.of("job-10", "job", "job-1.5", "job-1~2", "job-1" + SUFFIX + "~2", dotted)) {
            ingest(instance, instance);
        }
        ingest("without a run", null);
        assertEquals(7, catalog.getProducts().size());
        assertEquals(List.of(), catalog.productsOfRun("job-1"));
    }

    public void testTheProductsOfARunAreThereWhateverThePolicyKeepsOfThem() throws Exception {
        Product whole = ingest("whole", "job-1");
        finish(whole);
        Product begun = ingest("begun", "job-1" + SUFFIX);
        ingest("another's", "job-2");
        catalog.closeRun("job-1", NOW);
        List<Product> products = catalog.productsOfRun("job-1");
        assertEquals(List.of("whole", "begun"), products.stream().map(Product::getProductName).toList());
        assertEquals("file:/archive/whole", products.get(0).getProductReferences().get(0).getDataStoreReference());
        assertEquals(List.of(), products.get(1).getProductReferences());
        catalog.removeProduct(begun);
        catalog.closeRun("job-1", NOW);
        assertEquals(1, catalog.productsOfRun("job-1").size());
    }

    public void testAnIngestThatHadBegunGetsNoFurther() throws Exception {
        Product begun = ingest("begun", "job-1");
        Product stored = ingest("stored", "job-1");
        catalog.addProductReferences(stored);
        catalog.closeRun("job-1", NOW);
        assertRefused(() -> catalog.addProductReferences(begun));
        stored.setTransferStatus(Product.STATUS_RECEIVED);
        assertRefused(() -> catalog.setProductTransferStatus(stored));
        assertRefused(() -> catalog.addMetadata(colour("white"), begun));
        assertEquals(2, catalog.productsOfRun("job-1").size());
    }

    public void testAProductThatIsCompleteMayBeChangedAfterItsRun() throws Exception {
        Product product = ingest("a", "job-1");
        finish(product);
        catalog.closeRun("job-1", NOW);
        catalog.addMetadata(colour("blue"), product);
        catalog.addProductReferences(product);
        catalog.modifyProduct(product);
        catalog.setProductTransferStatus(product);
        assertEquals(List.of("white", "blue"), catalog.getMetadata(product).getAllMetadata("Colour"));
    }

    public void testAClosedRunStaysClosedWhenTheFileManagerStartsAgain() throws Exception {
        catalog.closeRun("job-1", NOW);
        catalog.close();
        catalog = open();
        assertRefused(() -> ingest("a", "job-1"));
    }

    public void testARunMayBeClosedAgainAndOpenedAgain() throws Exception {
        catalog.closeRun("job-1", NOW);
        catalog.closeRun("job-1", NOW);
        assertRefused(() -> ingest("a", "job-1"));
        catalog.reopenRun("job-1");
        catalog.reopenRun("job-1");
        ingest("a", "job-1");
    }

    public void testRunsThatWereClosedLongAgoAreForgotten() throws Exception {
        catalog.closeRun("old", NOW);
        catalog.closeRun("asked for again", NOW);
        catalog.closeRun("asked for again", NOW.plus(Duration.ofDays(20)));
        catalog.closeRun("new", NOW.plus(Duration.ofDays(31)));
        ingest("a", "old");
        assertRefused(() -> ingest("b", "asked for again"));
        assertRefused(() -> ingest("c", "new"));
    }

    public void testAProductComesWithItsMetadataOrNotAtAll() throws Exception {
        Product product = product("a");
        Ingest ingest = Ingest.begin("job-1");
        try {
            catalog.addProduct(product);
            assertEquals(List.of(), catalog.getProducts());
            try {
                catalog.addMetadata(null, product); // as OODT does after an extractor has failed
                fail("expected an exception");
            } catch (NullPointerException e) {
                assertEquals(List.of(), catalog.getProducts());
            }
            catalog.addMetadata(colour("white"), product);
            catalog.addMetadata(colour("blue"), product);
        } finally {
            ingest.end();
        }
        assertEquals(List.of("white", "blue"), catalog.getMetadata(product).getAllMetadata("Colour"));
        assertEquals(1, catalog.productsOfRun("job-1").size());
    }

    public void testAnOlderCatalogueLearnsTheRunsOfItsProductsFromTheirMetadata() throws Exception {
        Product known = ingest("known", "forgotten");
        ingest("unknown", null);
        catalog.close();
        try (Connection old = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("catalog.sqlite"));
                Statement statement = old.createStatement()) {
            TestPolicy.makeVersion2(statement);
            statement.execute("INSERT INTO metadata SELECT number, 'WorkflowInstId', 1, 'job-1'"
                    + " FROM product WHERE name = 'known'");
        }
        catalog = open();
        assertEquals(known.getProductId(), catalog.productsOfRun("job-1").get(0).getProductId());
        catalog.closeRun("job-2", NOW);
        assertRefused(() -> ingest("a", "job-2"));
    }

    private SqliteCatalog open() throws CatalogException {
        return new SqliteCatalog(folder.resolve("catalog.sqlite"), folder.resolve("index"), policy, 20);
    }

    /** As the File Manager does it in one call. */
    private Product ingest(String name, String instance) throws CatalogException {
        Product product = product(name);
        Ingest ingest = Ingest.begin(instance);
        try {
            catalog.addProduct(product);
            catalog.addMetadata(colour("white"), product);
        } finally {
            ingest.end();
        }
        return product;
    }

    /** As a client of OODT's may do it, in calls of its own. */
    private void ingestInSteps(String name, String instance) throws CatalogException {
        Product product = product(name);
        catalog.addProduct(product);
        assertEquals(1, catalog.getProducts().size());
        Metadata metadata = colour("white");
        metadata.addMetadata("WorkflowInstId", instance);
        catalog.addMetadata(metadata, product);
    }

    private void finish(Product product) throws CatalogException {
        catalog.addProductReferences(product);
        product.setTransferStatus(Product.STATUS_RECEIVED);
        catalog.setProductTransferStatus(product);
    }

    private static Product product(String name) {
        Reference reference = new Reference("file:/jobs/" + name, "file:/archive/" + name, 7);
        return new Product(name, SNOW, Product.STRUCTURE_FLAT, Product.STATUS_TRANSFER,
                new ArrayList<>(List.of(reference)));
    }

    private static Metadata colour(String value) {
        Metadata metadata = new Metadata();
        metadata.addMetadata("Colour", value);
        return metadata;
    }

    private static void assertRefused(Call call) throws Exception {
        try {
            call.run();
        } catch (CatalogException e) {
            assertTrue(e.getMessage(), e.getMessage().matches("run .+ is closed: .+"));
            return;
        }
        fail("it was not refused");
    }

    private interface Call {
        void run() throws Exception;
    }
}
