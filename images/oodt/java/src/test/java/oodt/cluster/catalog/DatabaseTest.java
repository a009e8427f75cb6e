package oodt.cluster.catalog;

import java.nio.file.Files;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import junit.framework.TestCase;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;

/** What is said of a change that failed, and whether the next one is made. */
public class DatabaseTest extends TestCase {

    private static final String LARGE = "INSERT INTO product_type VALUES ('large', zeroblob(1000000), '', '', '')";

    private Database database;

    @Override
    protected void setUp() throws Exception {
        database = new Database(Files.createTempDirectory("database").resolve("c.sqlite"), connection -> null);
    }

    @Override
    protected void tearDown() throws Exception {
        database.close();
    }

    public void testAFullDiskIsCalledThatAndOnceItHasRoomChangesAreMade() throws Exception {
        String said = failureOf("PRAGMA max_page_count = 1", LARGE);
        assertTrue(said, said.endsWith("c.sqlite failed: its disk is full"));
        write("PRAGMA max_page_count = 100000", LARGE);
    }

    public void testWhatSqliteHasRolledBackByItselfDoesNotHideTheCause() throws Exception {
        String said = failureOf("ROLLBACK", "INSERT INTO unknown VALUES (1)");
        assertTrue(said, said.contains("no such table: unknown"));
        write(LARGE);
    }

    private String failureOf(String... statements) {
        try {
            write(statements);
        } catch (CatalogException e) {
            return e.getMessage();
        }
        fail("it did not fail");
        return null;
    }

    private void write(String... statements) throws CatalogException {
        database.write(connection -> execute(connection, statements));
    }

    private static Void execute(Connection connection, String... statements) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String each : statements) {
                statement.execute(each);
            }
        }
        return null;
    }
}
