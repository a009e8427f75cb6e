package oodt.cluster.catalog;

import static oodt.cluster.catalog.TestPolicy.ICE;
import static oodt.cluster.catalog.TestPolicy.RAIN;
import static oodt.cluster.catalog.TestPolicy.SNOW;

import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import junit.framework.TestCase;
import org.apache.oodt.cas.filemgr.structs.BooleanQueryCriteria;
import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.ProductPage;
import org.apache.oodt.cas.filemgr.structs.ProductType;
import org.apache.oodt.cas.filemgr.structs.Query;
import org.apache.oodt.cas.filemgr.structs.QueryCriteria;
import org.apache.oodt.cas.filemgr.structs.RangeQueryCriteria;
import org.apache.oodt.cas.filemgr.structs.Reference;
import org.apache.oodt.cas.filemgr.structs.TermQueryCriteria;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;
import org.apache.oodt.cas.filemgr.validation.ValidationLayer;
import org.apache.oodt.cas.metadata.Metadata;

/** What OODT's File Manager does with a catalogue. */
public class SqliteCatalogTest extends TestCase {

    private static final int PAGE_SIZE = 2;

    private Path folder;
    private SqliteCatalog catalog;

    @Override
    protected void setUp() throws Exception {
        folder = Files.createTempDirectory("catalogue");
        catalog = open(TestPolicy.write(folder.resolve("policy")));
    }

    @Override
    protected void tearDown() throws Exception {
        catalog.close();
    }

    public void testAProductIsFoundWithAllThatItWasGiven() throws Exception {
        Product product = ingest("a", SNOW, "white", "2026-01-01T00:00:00.000Z");
        Product found = catalog.getProductById(product.getProductId());
        assertEquals("a", found.getProductName());
        assertEquals(Product.STATUS_RECEIVED, found.getTransferStatus());
        assertEquals("urn:snow", found.getProductType().getProductTypeId());
        assertEquals("file:///archive", found.getProductType().getProductRepositoryPath());
        assertEquals(List.of("white"), catalog.getMetadata(product).getAllMetadata("Colour"));
        Reference reference = catalog.getProductReferences(product).get(0);
        assertEquals("file:/jobs/a", reference.getOrigReference());
        assertEquals("file:/archive/a", reference.getDataStoreReference());
        assertEquals(7, reference.getFileSize());
        assertEquals("text/plain", reference.getMimeType().getName());
    }

    public void testMetadataThatThePolicyDoesNotGiveToTheTypeIsNotKept() throws Exception {
        Product product = ingest("a", SNOW, "white", null);
        assertEquals(List.of("Colour"), catalog.getMetadata(product).getAllKeys());
    }

    public void testAnElementKeepsAllItsValuesInTheirOrder() throws Exception {
        Product product = ingest("a", SNOW, "white", null);
        catalog.addMetadata(colours("blue", "black"), product);
        assertEquals(List.of("white", "blue", "black"), catalog.getMetadata(product).getAllMetadata("Colour"));
        catalog.removeMetadata(colours("blue"), product);
        assertEquals(List.of("white", "black"), catalog.getMetadata(product).getAllMetadata("Colour"));
    }

    public void testReducedMetadataHaveTheElementsAskedForThatAreThere() throws Exception {
        Product product = ingest("a", SNOW, "white", null);
        Metadata reduced = catalog.getReducedMetadata(product, List.of("Colour", "Taste"));
        assertEquals(List.of("Colour"), reduced.getAllKeys());
    }

    public void testAFileManagerThatStartsAgainHasAllProducts() throws Exception {
        Product product = ingest("a", SNOW, "white", null);
        catalog.close();
        catalog = open(catalog.getValidationLayer());
        assertEquals("a", catalog.getProductById(product.getProductId()).getProductName());
        assertEquals(1, catalog.getNumProducts(SNOW));
    }

    public void testAProductThatIsNotThereIsAnErrorThatNamesIt() throws Exception {
        Product nobody = product("a", SNOW);
        nobody.setProductId("nobody");
        for (Call call : List.<Call>of(
                () -> catalog.getProductById("nobody"),
                () -> catalog.getMetadata(nobody),
                () -> catalog.getProductReferences(nobody),
                () -> catalog.modifyProduct(nobody),
                () -> catalog.setProductTransferStatus(nobody),
                () -> catalog.addProductReferences(nobody))) {
            try {
                call.run();
                fail("expected an exception");
            } catch (CatalogException e) {
                assertTrue(e.getMessage(), e.getMessage().contains("[nobody]"));
            }
        }
        assertNull(catalog.getProductByName("a"));
    }

    public void testARemovedProductLeavesNothingAndMayBeRemovedAgain() throws Exception {
        Product product = ingest("a", SNOW, "white", null);
        catalog.removeProduct(product);
        catalog.removeProduct(product);
        assertEquals(0, catalog.getNumProducts(SNOW));
        assertNull(catalog.getProductByName("a"));
        assertEquals(List.of(), catalog.query(query(colour("white")), SNOW));
    }

    public void testAModifiedProductKeepsItsMetadataAndTheReferencesThatItComesWithout() throws Exception {
        Product product = ingest("a", SNOW, "white", null);
        Product modified = catalog.getProductById(product.getProductId());
        modified.setProductName("b");
        catalog.modifyProduct(modified);
        assertEquals("b", catalog.getProductById(product.getProductId()).getProductName());
        assertEquals(1, catalog.getProductReferences(product).size());
        modified.setProductReferences(List.of(new Reference("file:/archive/a", "file:/elsewhere/a", 7)));
        catalog.modifyProduct(modified);
        assertEquals("file:/elsewhere/a", catalog.getProductReferences(product).get(0).getDataStoreReference());
        assertEquals("white", catalog.getMetadata(product).getMetadata("Colour"));
    }

    public void testOfProductsOfOneNameTheNewestIsMeant() throws Exception {
        ingest("a", SNOW, "new", "2026-02-01T00:00:00.000Z");
        ingest("a", SNOW, "old", "2026-01-01T00:00:00.000Z");
        assertEquals("new", catalog.getMetadata(catalog.getProductByName("a")).getMetadata("Colour"));
    }

    public void testTheNewestProductsComeFirst() throws Exception {
        ingest("old", SNOW, "white", "2026-01-01T00:00:00.000Z");
        ingest("new", RAIN, "grey", "2026-03-01T00:00:00.000Z");
        ingest("middle", SNOW, "white", "2026-02-01T00:00:00.000Z");
        assertEquals(List.of("new", "middle", "old"), names(catalog.getProducts()));
        assertEquals(List.of("new", "middle"), names(catalog.getTopNProducts(2)));
        assertEquals(List.of("middle"), names(catalog.getTopNProducts(1, SNOW)));
        assertEquals(List.of("middle", "old"), names(catalog.getProductsByProductType(SNOW)));
    }

    public void testPagesHoldEachProductOnce() throws Exception {
        for (String name : List.of("a", "b", "c", "d", "e")) {
            ingest(name, SNOW, "white", null);
        }
        List<String> found = new ArrayList<>();
        ProductPage page = catalog.getFirstPage(SNOW);
        assertEquals(3, page.getTotalPages());
        assertEquals(5, page.getNumOfHits());
        for (; !page.isLastPage(); page = catalog.getNextPage(SNOW, page)) {
            found.addAll(names(page.getPageProducts()));
        }
        found.addAll(names(page.getPageProducts()));
        assertEquals(List.of("e", "d", "c", "b", "a"), found);
        assertEquals(List.of("a"), names(catalog.getLastProductPage(SNOW).getPageProducts()));
        assertEquals(List.of("c", "b"), names(catalog.getPrevPage(SNOW, page).getPageProducts()));
        assertEquals(List.of("c", "b"), names(catalog.pagedQuery(query(colour("white")), SNOW, 2).getPageProducts()));
        assertEquals(0, catalog.getFirstPage(RAIN).getPageProducts().size());
    }

    public void testQueriesFindTheProductsOfTheTypeThatMeetAllCriteria() throws Exception {
        ingest("a", SNOW, "white", "1");
        ingest("b", SNOW, "blue", "2");
        ingest("c", RAIN, "white", "3");
        ingest("d", SNOW, "it's 100% \"grey\"; --", "4");
        assertEquals("[d, b, a]", found(SNOW));
        assertEquals("[a]", found(SNOW, colour("white")));
        assertEquals("[]", found(SNOW, colour("white"), time("2", "")));
        assertEquals("[d]", found(SNOW, colour("it's 100% \"grey\"; --")));
        assertEquals("[d, b]", found(SNOW, time("2", "")));
        assertEquals("[b]", found(SNOW, time("2", "3")));
        assertEquals("[b]", found(SNOW, new RangeQueryCriteria("CAS.ProductReceivedTime", "1", "4", false)));
        assertEquals("[b]", found(SNOW, new TermQueryCriteria("product_name", "b")));
    }

    public void testBooleanCriteriaCombineOthers() throws Exception {
        ingest("a", SNOW, "white", "1");
        ingest("b", SNOW, "blue", "2");
        ingest("c", SNOW, "grey", "3");
        ingest("d", RAIN, "grey", "4");
        QueryCriteria either = both(BooleanQueryCriteria.OR, colour("white"), colour("grey"));
        assertEquals("[c, a]", found(SNOW, either));
        assertEquals("[c]", found(SNOW, both(BooleanQueryCriteria.AND, either, time("2", ""))));
        assertEquals("[c, b]", found(SNOW, both(BooleanQueryCriteria.NOT, colour("white"))));
        assertEquals("[c, b]", found(SNOW, both(BooleanQueryCriteria.OR, colour("blue"), both(
                BooleanQueryCriteria.AND, either, both(BooleanQueryCriteria.NOT, colour("white"))))));
    }

    public void testProductsAreFoundByWhereTheirFileIsHoweverThatIsSpelled() throws Exception {
        ingest("a", SNOW, "white", "1");
        for (String spelling : List.of("/archive/a", "file:///archive/a", "file:/archive//./%61", "/archive/b/../a")) {
            assertEquals("[a]", found(SNOW, place(spelling)));
        }
        assertEquals("[]", found(SNOW, place("/archive/b")));
        assertEquals("[]", found(SNOW, place("")));
        Product moved = catalog.getProductByName("a");
        moved.setProductReferences(List.of(new Reference("file:/jobs/a", "file:/archive//c", 7)));
        catalog.addProductReferences(moved);
        assertEquals("[]", found(SNOW, place("/archive/a")));
        assertEquals("[a]", found(SNOW, place("/archive/c"), colour("white")));
    }

    public void testAPlaceInTheArchiveIsThatOfProductsOfAllTypes() throws Exception {
        ingest("a", SNOW, "white", "1");
        ingest("a", RAIN, "grey", "2");
        assertEquals("[a, a]", found(SNOW, place("/archive/a")));
        assertEquals(2, catalog.pagedQuery(query(place("/archive/a")), RAIN, 1).getPageProducts().size());
    }

    public void testACatalogueOfTheFirstVersionLearnsWhereItsFilesAre() throws Exception {
        ingest("a", SNOW, "white", "1");
        catalog.close();
        try (Connection old = DriverManager.getConnection("jdbc:sqlite:" + folder.resolve("catalog.sqlite"));
                Statement statement = old.createStatement()) {
            statement.execute("DROP INDEX reference_by_path");
            statement.execute("ALTER TABLE reference DROP COLUMN path");
            TestPolicy.makeVersion2(statement);
            statement.execute("PRAGMA user_version = 1");
        }
        catalog = open(catalog.getValidationLayer());
        assertEquals("[a]", found(SNOW, place("/archive/a")));
        ingest("b", SNOW, "white", "1");
        assertEquals("[b]", found(SNOW, place("/archive/b")));
    }

    public void testATypeWithoutIdStandsForAllTypes() throws Exception {
        ingest("a", SNOW, "white", "1");
        ingest("b", RAIN, "grey", "2");
        ingest("c", RAIN, "grey", "3");
        ProductType any = new ProductType();
        any.setProductTypeId("");
        assertEquals(3, catalog.getNumProducts(any));
        ProductPage page = catalog.getFirstPage(any);
        assertEquals(List.of("c", "b"), names(page.getPageProducts()));
        assertEquals(List.of("a"), names(catalog.getNextPage(any, page).getPageProducts()));
        assertEquals("[c, b]", found(any, both(BooleanQueryCriteria.NOT, colour("white"))));
    }

    public void testAProductOfATypeThatThePolicyHasNoMoreKeepsItsType() throws Exception {
        Product found = catalog.getProductById(ingest("a", SNOW, "white", null).getProductId());
        found.setProductType(null); // as OODT's File Manager does before it sends the product
        assertEquals("urn:snow", found.getProductType().getProductTypeId());
        found.setProductType(RAIN);
        assertEquals("urn:rain", found.getProductType().getProductTypeId());
    }

    public void testTheTimeOfReceiptIsThereForThoseWhoAskForIt() throws Exception {
        Product product = ingest("a", ICE, "white", "2026-01-01T00:00:00.000Z");
        assertEquals(List.of("Colour"), catalog.getMetadata(product).getAllKeys());
        Metadata reduced = catalog.getReducedMetadata(product, List.of("Colour", "CAS.ProductReceivedTime"));
        assertEquals("2026-01-01T00:00:00.000Z", reduced.getMetadata("CAS.ProductReceivedTime"));
        Product timeless = ingest("b", ICE, "white", null);
        assertEquals(
                List.of(), catalog.getReducedMetadata(timeless, List.of("CAS.ProductReceivedTime")).getAllKeys());
    }

    private SqliteCatalog open(ValidationLayer policy) throws CatalogException {
        return new SqliteCatalog(folder.resolve("catalog.sqlite"), folder.resolve("index"), policy, PAGE_SIZE);
    }

    /** Ingests a product as the File Manager and its clients do. */
    private Product ingest(String name, ProductType type, String colour, String received) throws CatalogException {
        Product product = product(name, type);
        catalog.addProduct(product);
        Metadata metadata = colours(colour);
        metadata.addMetadata("Secret", "not in the policy");
        if (received != null) {
            metadata.addMetadata("CAS.ProductReceivedTime", received);
        }
        catalog.addMetadata(metadata, product);
        Reference reference = new Reference("file:/jobs/" + name, "file:/archive/" + name, 7);
        reference.setMimeType("text/plain");
        product.setProductReferences(List.of(reference));
        catalog.addProductReferences(product);
        product.setTransferStatus(Product.STATUS_RECEIVED);
        catalog.setProductTransferStatus(product);
        return product;
    }

    private static Product product(String name, ProductType type) {
        return new Product(name, type, Product.STRUCTURE_FLAT, Product.STATUS_TRANSFER, new ArrayList<>());
    }

    private static Metadata colours(String... colours) {
        Metadata metadata = new Metadata();
        metadata.addMetadata("Colour", List.of(colours));
        return metadata;
    }

    private static QueryCriteria colour(String value) {
        return new TermQueryCriteria("Colour", value);
    }

    private static QueryCriteria place(String value) {
        return new TermQueryCriteria("reference_data_store", value);
    }

    private static QueryCriteria time(String from, String to) {
        return new RangeQueryCriteria("CAS.ProductReceivedTime", from, to, true);
    }

    private static QueryCriteria both(int operator, QueryCriteria... terms) throws Exception {
        return new BooleanQueryCriteria(List.of(terms), operator);
    }

    private static Query query(QueryCriteria... criteria) {
        return new Query(List.of(criteria));
    }

    private String found(ProductType type, QueryCriteria... criteria) throws CatalogException {
        List<String> names = new ArrayList<>();
        for (String id : catalog.query(query(criteria), type)) {
            names.add(catalog.getProductById(id).getProductName());
        }
        return names.toString();
    }

    private static List<String> names(List<Product> products) {
        return products.stream().map(Product::getProductName).toList();
    }

    private interface Call {
        void run() throws CatalogException;
    }
}
