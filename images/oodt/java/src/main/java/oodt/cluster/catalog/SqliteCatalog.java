package oodt.cluster.catalog;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.apache.oodt.cas.filemgr.catalog.Catalog;
import org.apache.oodt.cas.filemgr.structs.Element;
import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.ProductPage;
import org.apache.oodt.cas.filemgr.structs.ProductType;
import org.apache.oodt.cas.filemgr.structs.Query;
import org.apache.oodt.cas.filemgr.structs.Reference;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;
import org.apache.oodt.cas.filemgr.structs.exceptions.ValidationLayerException;
import org.apache.oodt.cas.filemgr.validation.ValidationLayer;
import org.apache.oodt.cas.metadata.Metadata;

/**
 * The File Manager's catalogue in an SQLite file.
 *
 * <p>An ingest takes the same time however many products there are. A change is on the disk when its call returns.
 * Lists are ordered by the time of receipt, the newest first; where OODT's own catalogues return null, they are empty.
 */
public final class SqliteCatalog implements Catalog, AutoCloseable {

    private static final Query ALL = new Query();

    private final Database database;
    private final ValidationLayer validationLayer;
    private final int pageSize;

    /**
     * Opens the catalogue, or makes it.
     *
     * @param luceneIndex an index whose products a new catalogue copies, if it exists; it is only read
     */
    public SqliteCatalog(Path file, Path luceneIndex, ValidationLayer validationLayer, int pageSize)
            throws CatalogException {
        this.validationLayer = validationLayer;
        this.pageSize = pageSize;
        database = new Database(file, connection -> {
            LuceneIndex.copy(luceneIndex, new ProductRows(connection));
            return null;
        });
    }

    @Override
    public void close() throws CatalogException {
        database.close();
    }

    /** The disk that the catalogue is on. */
    FileStore disk() throws IOException {
        return database.disk();
    }

    /** Refuses all that would bring something of the run into the catalogue, from the moment that it returns. */
    public void closeRun(String run, Instant now) throws CatalogException {
        writeRuns(runs -> runs.close(run, now));
    }

    public void reopenRun(String run) throws CatalogException {
        writeRuns(runs -> runs.reopen(run));
    }

    /** The products of a run with their references, those included whose ingest is not complete. */
    public List<Product> productsOfRun(String run) throws CatalogException {
        return database.read(connection -> {
            ProductRows rows = new ProductRows(connection);
            List<Product> products = new ArrayList<>();
            for (String id : new RunRows(connection).products(run)) {
                for (Product product : rows.select("id = ?", List.of(id))) {
                    product.setProductReferences(rows.references(rows.number(id)));
                    products.add(product);
                }
            }
            return products;
        });
    }

    /** Deletes a file that no product has; false if one has it. No product gets the file meanwhile. */
    public boolean removeUnusedFile(String reference) throws CatalogException {
        String path = ArchivePath.of(reference);
        return write(rows -> {
            if (rows.count("number IN (SELECT product FROM reference WHERE path = ?)", List.of(path)) > 0) {
                return false;
            }
            try {
                Files.deleteIfExists(Path.of(path));
            } catch (IOException e) {
                throw new CatalogException("Cannot remove " + path + ": " + e);
            }
            return true;
        });
    }

    /** While its ingest goes on, a product gets here together with its metadata. */
    @Override
    public void addProduct(Product product) throws CatalogException {
        product.setProductId(UUID.randomUUID().toString());
        Ingest ingest = Ingest.ofThisThread();
        if (ingest != null) {
            ingest.hold(product);
            return;
        }
        write(rows -> {
            rows.insert(product);
            return null;
        });
    }

    /**
     * Adds the values of those elements that the policy gives to products of the type. The run that the metadata name
     * is kept whatever the policy says; a product is not, if this says that its run is closed.
     */
    @Override
    public void addMetadata(Metadata metadata, Product product) throws CatalogException {
        List<String> elements = elements(product);
        Ingest ingest = Ingest.ofThisThread();
        String instance = ingest != null ? ingest.instance() : metadata.getMetadata(Instances.KEY);
        String closed = database.write(connection -> {
            ProductRows rows = new ProductRows(connection);
            RunRows runs = new RunRows(connection);
            if (ingest != null && ingest.holds(product)) {
                rows.insert(product);
            }
            long number = number(rows, product);
            boolean isNew = instance != null && runs.assign(product.getProductId(), instance);
            String run = runs.closedOf(product.getProductId());
            if (run != null) {
                if (isNew) {
                    rows.delete(product.getProductId());
                }
                return run;
            }
            for (String element : elements) {
                List<String> values = metadata.getAllMetadata(element);
                rows.addValues(number, element, values == null ? List.of() : values);
            }
            String received = metadata.getMetadata(ProductRows.RECEIVED_TIME);
            if (received != null) {
                rows.setReceivedTime(number, received);
            }
            return null;
        });
        if (closed != null) {
            throw isClosed(closed);
        }
        if (ingest != null) {
            ingest.hold(null);
        }
    }

    @Override
    public void removeMetadata(Metadata metadata, Product product) throws CatalogException {
        List<String> elements = elements(product);
        write(rows -> {
            long number = number(rows, product);
            for (String element : elements) {
                List<String> values = metadata.getAllMetadata(element);
                rows.removeValues(number, element, values == null ? List.of() : values);
            }
            return null;
        });
    }

    /** A product without references keeps those in the catalogue: OODT's clients get products without them. */
    @Override
    public void modifyProduct(Product product) throws CatalogException {
        write(rows -> {
            long number = number(rows, product);
            rows.update(product);
            List<Reference> references = product.getProductReferences();
            if (references != null && !references.isEmpty()) {
                rows.replaceReferences(number, references);
            }
            return null;
        });
    }

    @Override
    public void removeProduct(Product product) throws CatalogException {
        write(rows -> {
            rows.delete(product.getProductId());
            return null;
        });
    }

    @Override
    public void setProductTransferStatus(Product product) throws CatalogException {
        writeIngest(product, rows -> {
            if (!rows.updateStatus(product.getProductId(), product.getTransferStatus())) {
                throw unknown(product.getProductId());
            }
            return null;
        });
    }

    @Override
    public void addProductReferences(Product product) throws CatalogException {
        writeIngest(product, rows -> {
            rows.replaceReferences(number(rows, product), product.getProductReferences());
            return null;
        });
    }

    @Override
    public Product getProductById(String id) throws CatalogException {
        return read(rows -> rows.select("id = ?", List.of(id))).stream()
                .findFirst()
                .orElseThrow(() -> unknown(id));
    }

    /** Returns the newest product of this name, or null. */
    @Override
    public Product getProductByName(String name) throws CatalogException {
        String condition = "name = ?" + ProductRows.NEWEST_FIRST + " LIMIT 1";
        return read(rows -> rows.select(condition, List.of(name))).stream().findFirst().orElse(null);
    }

    @Override
    public List<Reference> getProductReferences(Product product) throws CatalogException {
        return read(rows -> rows.references(number(rows, product)));
    }

    @Override
    public List<Product> getProducts() throws CatalogException {
        return read(rows -> rows.select("true", List.of()));
    }

    @Override
    public List<Product> getProductsByProductType(ProductType type) throws CatalogException {
        return read(rows -> rows.select("type = ?", List.of(type.getProductTypeId())));
    }

    @Override
    public Metadata getMetadata(Product product) throws CatalogException {
        return read(rows -> rows.metadata(number(rows, product)));
    }

    /** Has the time of receipt, if that is asked for, also when the policy has no such element for the type. */
    @Override
    public Metadata getReducedMetadata(Product product, List<String> elements) throws CatalogException {
        Metadata all = getMetadata(product);
        Metadata reduced = new Metadata();
        for (String element : elements) {
            if (all.containsKey(element)) {
                reduced.addMetadata(element, all.getAllMetadata(element));
            } else if (element.equals(ProductRows.RECEIVED_TIME)) {
                String received = read(rows -> rows.receivedTime(number(rows, product)));
                if (!received.isEmpty()) {
                    reduced.addMetadata(element, received);
                }
            }
        }
        return reduced;
    }

    @Override
    public List<String> query(Query query, ProductType type) throws CatalogException {
        Selection selection = new Selection(query, type);
        return read(rows -> rows.ids(selection.condition(), selection.values()));
    }

    @Override
    public ProductPage pagedQuery(Query query, ProductType type, int pageNumber) throws CatalogException {
        Selection selection = new Selection(query, type);
        return read(rows -> {
            int products = rows.count(selection.condition(), selection.values());
            if (products == 0) {
                return ProductPage.blankPage();
            }
            int pages = (products + pageSize - 1) / pageSize;
            int number = Math.max(1, Math.min(pageNumber, pages));
            List<Product> content = newest(rows, selection, pageSize, (number - 1) * pageSize);
            ProductPage page = new ProductPage(number, pages, pageSize, content);
            page.setNumOfHits(products);
            return page;
        });
    }

    @Override
    public List<Product> getTopNProducts(int n) throws CatalogException {
        return read(rows -> rows.select("true" + ProductRows.NEWEST_FIRST + " LIMIT ?", List.of(n)));
    }

    @Override
    public List<Product> getTopNProducts(int n, ProductType type) throws CatalogException {
        Selection selection = new Selection(ALL, type);
        return read(rows -> newest(rows, selection, n, 0));
    }

    @Override
    public int getNumProducts(ProductType type) throws CatalogException {
        Selection selection = new Selection(ALL, type);
        return read(rows -> rows.count(selection.condition(), selection.values()));
    }

    @Override
    public ValidationLayer getValidationLayer() {
        return validationLayer;
    }

    @Override
    public ProductPage getFirstPage(ProductType type) {
        return page(type, 1);
    }

    @Override
    public ProductPage getLastProductPage(ProductType type) {
        return page(type, Integer.MAX_VALUE);
    }

    @Override
    public ProductPage getNextPage(ProductType type, ProductPage current) {
        return page(type, current == null ? 1 : current.getPageNum() + 1);
    }

    @Override
    public ProductPage getPrevPage(ProductType type, ProductPage current) {
        return page(type, current == null ? 1 : current.getPageNum() - 1);
    }

    private ProductPage page(ProductType type, int number) {
        try {
            return pagedQuery(ALL, type, number);
        } catch (CatalogException e) {
            throw new IllegalStateException(e.getMessage(), e); // OODT's interface declares no exception here
        }
    }

    private static List<Product> newest(ProductRows rows, Selection selection, int limit, int offset)
            throws SQLException {
        List<Object> values = new ArrayList<>(selection.values());
        values.add(limit);
        values.add(offset);
        return rows.select(selection.condition() + ProductRows.NEWEST_FIRST + " LIMIT ? OFFSET ?", values);
    }

    private List<String> elements(Product product) throws CatalogException {
        try {
            List<Element> elements = validationLayer.getElements(product.getProductType());
            return elements.stream().map(Element::getElementName).distinct().toList();
        } catch (ValidationLayerException e) {
            throw new CatalogException("No elements of product type ["
                    + product.getProductType().getProductTypeId() + "]: " + e.getMessage());
        }
    }

    private static long number(ProductRows rows, Product product) throws SQLException, CatalogException {
        Long number = rows.number(product.getProductId());
        if (number == null) {
            throw unknown(product.getProductId());
        }
        return number;
    }

    private static CatalogException isClosed(String run) {
        return new CatalogException("run " + run + " is closed: it does not count any more, and the catalogue takes"
                + " nothing of it");
    }

    private static CatalogException unknown(String id) {
        return new CatalogException("Product [" + id + "] is not in the catalogue");
    }

    /** Work on rows, within a transaction. */
    @FunctionalInterface
    private interface RowWork<T> {
        T on(ProductRows rows) throws SQLException, CatalogException;
    }

    private <T> T read(RowWork<T> work) throws CatalogException {
        return database.read(connection -> work.on(new ProductRows(connection)));
    }

    private <T> T write(RowWork<T> work) throws CatalogException {
        return database.write(connection -> work.on(new ProductRows(connection)));
    }

    /** A step of an ingest. What is complete may be changed also when its run is closed. */
    private void writeIngest(Product product, RowWork<Void> work) throws CatalogException {
        database.write(connection -> {
            String run = new RunRows(connection).closedOf(product.getProductId());
            if (run != null) {
                throw isClosed(run);
            }
            return work.on(new ProductRows(connection));
        });
    }

    /** Work on the table of runs. */
    @FunctionalInterface
    private interface RunWork {
        void on(RunRows runs) throws SQLException;
    }

    private void writeRuns(RunWork work) throws CatalogException {
        database.write(connection -> {
            work.on(new RunRows(connection));
            return null;
        });
    }
}
