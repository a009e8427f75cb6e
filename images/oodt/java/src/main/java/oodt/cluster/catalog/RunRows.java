package oodt.cluster.catalog;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.apache.oodt.cas.filemgr.structs.Product;

/** Which run each product is of, and which runs are closed, as rows of the database that a connection leads to. */
final class RunRows {

    /** No run goes on for so long after it was closed: a job has a week. */
    private static final Duration KEPT = Duration.ofDays(30);

    private final Connection connection;

    RunRows(Connection connection) {
        this.connection = connection;
    }

    /** Closes a run, or closes it anew; forgets what was closed long ago. */
    void close(String run, Instant now) throws SQLException {
        Sql.update(connection, "DELETE FROM closed_run WHERE closed < ?", now.minus(KEPT).getEpochSecond());
        Sql.update(connection, "INSERT INTO closed_run VALUES (?, ?)"
                + " ON CONFLICT (run) DO UPDATE SET closed = excluded.closed", run, now.getEpochSecond());
    }

    void reopen(String run) throws SQLException {
        Sql.update(connection, "DELETE FROM closed_run WHERE run = ?", run);
    }

    /** Gives a product to the run of a workflow instance; false if it has one already. */
    boolean assign(String product, String instance) throws SQLException {
        return Sql.update(connection, "UPDATE product SET run = ? WHERE id = ? AND run IS NULL", instance, product) > 0;
    }

    /** The closed run that a product is of whose ingest is not complete; null if there is no such thing. */
    String closedOf(String product) throws SQLException {
        String query = "SELECT run FROM product WHERE id = ? AND run IS NOT NULL AND status IS NOT ?";
        for (String instance : strings(query, List.of(product, Product.STATUS_RECEIVED))) {
            String closed = "SELECT run FROM closed_run WHERE run IN (?, ?)";
            for (String run : strings(closed, List.of(instance, Instances.run(instance)))) {
                return run;
            }
        }
        return null;
    }

    /** The ids of the products of a run, those of its further workflow instances included. */
    List<String> products(String run) throws SQLException {
        List<String> products = new ArrayList<>();
        // Between the tilde, which stands before a further instance's suffix, and the character after it.
        String query = "SELECT id, run FROM product WHERE run = ?1 OR (run > ?1 || '~' AND run < ?1 || char(127))"
                + " ORDER BY number";
        try (PreparedStatement statement = Sql.prepare(connection, query, List.of(run));
                ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                if (Instances.isOf(row.getString(2), run)) {
                    products.add(row.getString(1));
                }
            }
        }
        return products;
    }

    private List<String> strings(String query, List<?> values) throws SQLException {
        List<String> found = new ArrayList<>();
        try (PreparedStatement statement = Sql.prepare(connection, query, values);
                ResultSet row = statement.executeQuery()) {
            while (row.next()) {
                found.add(row.getString(1));
            }
        }
        return found;
    }
}
