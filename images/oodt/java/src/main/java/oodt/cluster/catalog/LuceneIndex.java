package oodt.cluster.catalog;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Enumeration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import java.util.logging.Logger;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.index.IndexReader;
import org.apache.lucene.store.FSDirectory;
import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.ProductType;
import org.apache.oodt.cas.filemgr.structs.Reference;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;

/** The index that OODT's own catalogue keeps its products in. */
final class LuceneIndex {

    private static final Logger LOG = Logger.getLogger(LuceneIndex.class.getName());

    private LuceneIndex() {
    }

    /** Copies all products of the index, if there is one, into an empty catalogue. */
    static void copy(Path index, ProductRows rows) throws CatalogException, SQLException {
        if (!Files.exists(index.resolve("segments"))) {
            return;
        }
        // No File Manager writes the index any more. A lock is left from one that was killed.
        FSDirectory.setDisableLocks(true);
        try {
            IndexReader reader = IndexReader.open(index.toString());
            try {
                LOG.log(Level.INFO, "Taking {0} products over from {1}", new Object[] {reader.numDocs(), index});
                for (int i = 0; i < reader.maxDoc(); i++) {
                    if (!reader.isDeleted(i)) {
                        copy(reader.document(i), rows);
                    }
                }
            } finally {
                reader.close();
            }
        } catch (IOException e) {
            throw new CatalogException("The Lucene index " + index + " cannot be read: " + e.getMessage()
                    + "; move it away to begin with an empty catalogue");
        }
    }

    private static void copy(Document document, ProductRows rows) throws SQLException {
        Product product = product(document);
        rows.delete(product.getProductId()); // a File Manager that was killed may have left two versions of one
        rows.insert(product);
        long number = rows.number(product.getProductId());
        for (Map.Entry<String, List<String>> element : metadata(document).entrySet()) {
            rows.addValues(number, element.getKey(), element.getValue());
        }
        String received = document.get(ProductRows.RECEIVED_TIME);
        if (received != null) {
            rows.setReceivedTime(number, received);
        }
        rows.replaceReferences(number, references(document));
    }

    private static Product product(Document document) {
        ProductType type = new ProductType();
        type.setProductTypeId(document.get("product_type_id"));
        type.setName(document.get("product_type_name"));
        type.setDescription(document.get("product_type_desc"));
        type.setProductRepositoryPath(document.get("product_type_repoPath"));
        type.setVersioner(document.get("product_type_versioner"));
        Product product = new Product();
        product.setProductId(document.get("product_id"));
        product.setProductName(document.get("product_name"));
        product.setProductStructure(document.get("product_structure"));
        product.setTransferStatus(document.get("product_transfer_status"));
        product.setProductType(type);
        return product;
    }

    /** All fields but those in which OODT keeps the product itself and its references. */
    private static Map<String, List<String>> metadata(Document document) {
        Map<String, List<String>> metadata = new LinkedHashMap<>();
        for (Enumeration<?> fields = document.fields(); fields.hasMoreElements(); ) {
            Field field = (Field) fields.nextElement();
            if (!field.name().startsWith("product_") && !field.name().startsWith("reference_")) {
                metadata.computeIfAbsent(field.name(), name -> new ArrayList<>()).add(field.stringValue());
            }
        }
        return metadata;
    }

    private static List<Reference> references(Document document) {
        List<Reference> references = new ArrayList<>();
        String[] originals = document.getValues("reference_orig");
        if (originals != null) {
            String[] archived = document.getValues("reference_data_store");
            String[] sizes = document.getValues("reference_fileSize");
            String[] mimeTypes = document.getValues("reference_mimeType");
            for (int i = 0; i < originals.length; i++) {
                Reference reference = new Reference(originals[i], archived[i], Long.parseLong(sizes[i]));
                reference.setMimeType(mimeTypes[i]);
                references.add(reference);
            }
        }
        return references;
    }
}
