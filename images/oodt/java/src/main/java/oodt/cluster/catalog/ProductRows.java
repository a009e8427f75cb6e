package oodt.cluster.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.ProductType;
import org.apache.oodt.cas.filemgr.structs.Reference;
import org.apache.oodt.cas.metadata.Metadata;

/** Products, their metadata and references as rows of the database that a connection leads to. */
final class ProductRows {

    /** The metadata element that products are ordered by, the newest first. */
    static final String RECEIVED_TIME = "CAS.ProductReceivedTime";

    static final String NEWEST_FIRST = " ORDER BY received DESC, number DESC";

    private final Connection connection;

    ProductRows(Connection connection) {
        this.connection = connection;
    }

    void insert(Product product) throws SQLException {
        ProductType type = product.getProductType();
        update("INSERT INTO product_type VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                        + " name = excluded.name, description = excluded.description,"
                        + " repository = excluded.repository, versioner = excluded.versioner",
                type.getProductTypeId(), type.getName(), type.getDescription(), type.getProductRepositoryPath(),
                type.getVersioner());
        update("INSERT INTO product (id, name, structure, status, type) VALUES (?, ?, ?, ?, ?)",
                product.getProductId(), product.getProductName(), product.getProductStructure(),
                product.getTransferStatus(), type.getProductTypeId());
    }

    /** Returns whether there is such a product. */
    boolean update(Product product) throws SQLException {
        return update("UPDATE product SET name = ?, structure = ?, status = ? WHERE id = ?",
                product.getProductName(), product.getProductStructure(), product.getTransferStatus(),
                product.getProductId()) > 0;
    }

    /** Returns whether there is such a product. */
    boolean updateStatus(String id, String status) throws SQLException {
        return update("UPDATE product SET status = ? WHERE id = ?", status, id) > 0;
    }

    void delete(String id) throws SQLException {
        update("DELETE FROM product WHERE id = ?", id);
    }

    /** Adds values to those that an element has. */
    void addValues(long product, String element, Collection<?> values) throws SQLException {
        for (Object value : values) {
            update("INSERT INTO metadata SELECT ?1, ?2, coalesce(max(position), 0) + 1, ?3 FROM metadata"
                    + " WHERE product = ?1 AND element = ?2", product, element, value.toString());
        }
    }

    void removeValues(long product, String element, Collection<?> values) throws SQLException {
        for (Object value : values) {
            update("DELETE FROM metadata WHERE product = ? AND element = ? AND value = ?",
                    product, element, value.toString());
        }
    }

    void setReceivedTime(long product, String time) throws SQLException {
        update("UPDATE product SET received = ? WHERE number = ?", time, product);
    }

    void replaceReferences(long product, List<Reference> references) throws SQLException {
        update("DELETE FROM reference WHERE product = ?", product);
        int position = 0;
        for (Reference each : references) {
            update("INSERT INTO reference VALUES (?, ?, ?, ?, ?, ?, ?)", product, position++, each.getOrigReference(),
                    each.getDataStoreReference(), each.getFileSize(),
                    each.getMimeType() == null ? null : each.getMimeType().getName(),
                    ArchivePath.of(each.getDataStoreReference()));
        }
    }

    /** The row number of a product; null if there is none. */
    Long number(String id) throws SQLException {
        try (PreparedStatement statement = prepare("SELECT number FROM product WHERE id = ?", List.of(id));
                ResultSet row = statement.executeQuery()) {
            return row.next() ? row.getLong(1) : null;
        }
    }

    /** The time of receipt, whether or not the policy has an element for it; empty if it is not known. */
    String receivedTime(long product) throws SQLException {
        try (PreparedStatement statement =
                        prepare("SELECT received FROM product WHERE number = ?", List.of(product));
                ResultSet row = statement.executeQuery()) {
            return row.next() ? row.getString(1) : "";
        }
    }

    int count(String condition, List<?> values) throws SQLException {
        try (PreparedStatement statement = prepare("SELECT count(*) FROM product WHERE " + condition, values);
                ResultSet row = statement.executeQuery()) {
            return row.getInt(1);
        }
    }

    /** Products without their references. */
    List<Product> select(String conditionAndOrder, List<?> values) throws SQLException {
        String query = "SELECT product.id, product.name, structure, status, product_type.id, product_type.name,"
                + " description, repository, versioner"
                + " FROM product JOIN product_type ON product_type.id = product.type"
                + " WHERE number IN (SELECT number FROM product WHERE " + conditionAndOrder + ")" + NEWEST_FIRST;
        List<Product> products = new ArrayList<>();
        try (PreparedStatement statement = prepare(query, values); ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                products.add(product(row));
            }
        }
        return products;
    }

    /** Ids in place of whole products. */
    List<String> ids(String condition, List<?> values) throws SQLException {
        List<String> ids = new ArrayList<>();
        try (PreparedStatement statement =
                        prepare("SELECT id FROM product WHERE " + condition + NEWEST_FIRST, values);
                ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                ids.add(row.getString(1));
            }
        }
        return ids;
    }

    Metadata metadata(long product) throws SQLException {
        Metadata metadata = new Metadata();
        String query = "SELECT element, value FROM metadata WHERE product = ? ORDER BY element, position";
        try (PreparedStatement statement = prepare(query, List.of(product));
                ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                metadata.addMetadata(row.getString(1), row.getString(2));
            }
        }
        return metadata;
    }

    List<Reference> references(long product) throws SQLException {
        List<Reference> references = new ArrayList<>();
        String query = "SELECT original, archived, size, mime_type FROM reference WHERE product = ? ORDER BY position";
        try (PreparedStatement statement = prepare(query, List.of(product));
                ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                Reference reference = new Reference(row.getString(1), row.getString(2), row.getLong(3));
                reference.setMimeType(row.getString(4));
                references.add(reference);
            }
        }
        return references;
    }

    private static Product product(ResultSet row) throws SQLException {
        ProductType type = new ProductType();
        type.setProductTypeId(row.getString(5));
        type.setName(row.getString(6));
        type.setDescription(row.getString(7));
        type.setProductRepositoryPath(row.getString(8));
        type.setVersioner(row.getString(9));
        Product product = new CataloguedProduct();
        product.setProductId(row.getString(1));
        product.setProductName(row.getString(2));
        product.setProductStructure(row.getString(3));
        product.setTransferStatus(row.getString(4));
        product.setProductType(type);
        return product;
    }

    private int update(String sql, Object... values) throws SQLException {
        return Sql.update(connection, sql, values);
    }

    private PreparedStatement prepare(String sql, List<?> values) throws SQLException {
        return Sql.prepare(connection, sql, values);
    }
}
