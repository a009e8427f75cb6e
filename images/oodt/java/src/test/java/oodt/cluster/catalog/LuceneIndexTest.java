package oodt.cluster.catalog;

import static oodt.cluster.catalog.TestPolicy.SNOW;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import junit.framework.TestCase;
import org.apache.oodt.cas.filemgr.catalog.LuceneCatalog;
import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.Reference;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;
import org.apache.oodt.cas.filemgr.validation.ValidationLayer;
import org.apache.oodt.cas.metadata.Metadata;

/** An index that OODT's own catalogue has written becomes ours, once. */
public class LuceneIndexTest extends TestCase {

    private Path folder;
    private ValidationLayer policy;

    @Override
    protected void setUp() throws Exception {
        folder = Files.createTempDirectory("catalogue");
        policy = TestPolicy.write(folder.resolve("policy"));
    }

    public void testAllProductsAreTakenOver() throws Exception {
        Product product = new Product("a", SNOW, Product.STRUCTURE_FLAT, Product.STATUS_TRANSFER, null);
        LuceneCatalog old = new LuceneCatalog(index().toString(), policy, 20, 60, 60, 20);
        ingest(old, product);
        ingest(old, new Product("b", SNOW, Product.STRUCTURE_FLAT, Product.STATUS_TRANSFER, null));
        try (SqliteCatalog catalog = open()) {
            assertEquals(2, catalog.getNumProducts(SNOW));
            Product found = catalog.getProductById(product.getProductId());
            assertEquals("a", found.getProductName());
            assertEquals(Product.STATUS_RECEIVED, found.getTransferStatus());
            assertEquals("a.Versioner", found.getProductType().getVersioner());
            Metadata metadata = catalog.getMetadata(product);
            assertEquals(List.of("white", "blue"), metadata.getAllMetadata("Colour"));
            assertEquals(List.of("Colour"), metadata.getAllKeys());
            Reference reference = catalog.getProductReferences(product).get(0);
            assertEquals("file:/archive/a", reference.getDataStoreReference());
            assertEquals("text/plain", reference.getMimeType().getName());
        }
    }

    public void testWhatWasRemovedAfterwardsDoesNotComeBack() throws Exception {
        Product product = new Product("a", SNOW, Product.STRUCTURE_FLAT, Product.STATUS_TRANSFER, null);
        ingest(new LuceneCatalog(index().toString(), policy, 20, 60, 60, 20), product);
        try (SqliteCatalog catalog = open()) {
            catalog.removeProduct(product);
        }
        try (SqliteCatalog catalog = open()) {
            assertEquals(0, catalog.getNumProducts(SNOW));
        }
    }

    public void testAnIndexThatCannotBeReadIsAnErrorThatNamesIt() throws Exception {
        Files.createDirectory(index());
        Files.writeString(index().resolve("segments"), "no index");
        try {
            open();
            fail("expected an exception");
        } catch (CatalogException e) {
            assertTrue(e.getMessage(), e.getMessage().contains(index().toString()));
        }
    }

    private Path index() {
        return folder.resolve("index");
    }

    private SqliteCatalog open() throws CatalogException {
        return new SqliteCatalog(folder.resolve("catalog.sqlite"), index(), policy, 20);
    }

    private static void ingest(LuceneCatalog catalog, Product product) throws CatalogException {
        catalog.addProduct(product);
        Metadata metadata = new Metadata();
        metadata.addMetadata("Colour", List.of("white", "blue"));
        catalog.addMetadata(metadata, product);
        Reference reference = new Reference("file:/jobs/a", "file:/archive/a", 7);
        reference.setMimeType("text/plain");
        product.setProductReferences(List.of(reference));
        catalog.addProductReferences(product);
        product.setTransferStatus(Product.STATUS_RECEIVED);
        catalog.setProductTransferStatus(product);
    }
}
