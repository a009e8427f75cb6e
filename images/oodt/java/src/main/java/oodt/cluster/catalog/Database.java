package oodt.cluster.catalog;

import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Deque;
import java.util.Properties;
import java.util.concurrent.ConcurrentLinkedDeque;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;
import org.sqlite.Function;
import org.sqlite.SQLiteConfig;
import org.sqlite.SQLiteErrorCode;

/**
 * The catalogue's SQLite file, with one writer at a time and any number of readers.
 *
 * <p>A change is on the disk when {@link #write} returns. If the process or the machine dies before that, the file has
 * the whole change or nothing of it.
 */
final class Database implements AutoCloseable {

    /** Work on a connection, within a transaction. */
    @FunctionalInterface
    interface Work<T> {
        T on(Connection connection) throws SQLException, CatalogException;
    }

    private static final int VERSION = 3;

    private static final String[] SCHEMA = {
        """
        CREATE TABLE product_type (
            id TEXT PRIMARY KEY, name TEXT, description TEXT, repository TEXT, versioner TEXT
        ) WITHOUT ROWID""",
        // Numbers grow and are never used again: of two products received at one time, the newer has the higher number.
        """
        CREATE TABLE product (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            structure TEXT,
            status TEXT,
            type TEXT NOT NULL REFERENCES product_type,
            received TEXT NOT NULL DEFAULT ''
        )""",
        "CREATE INDEX product_by_time ON product (received, number)",
        "CREATE INDEX product_by_type ON product (type, received, number)",
        "CREATE INDEX product_by_name ON product (name, received, number)",
        """
        CREATE TABLE metadata (
            product INTEGER NOT NULL REFERENCES product ON DELETE CASCADE,
            element TEXT NOT NULL,
            position INTEGER NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (product, element, position)
        ) WITHOUT ROWID""",
        "CREATE INDEX metadata_by_value ON metadata (element, value)",
        """
        CREATE TABLE reference (
            product INTEGER NOT NULL REFERENCES product ON DELETE CASCADE,
            position INTEGER NOT NULL,
            original TEXT,
            archived TEXT,
            size INTEGER NOT NULL,
            mime_type TEXT,
            PRIMARY KEY (product, position)
        ) WITHOUT ROWID""",
    };

    /** Version 2 can find products by the paths of their files. */
    private static final String[] PATHS = {
        "ALTER TABLE reference ADD COLUMN path TEXT",
        "UPDATE reference SET path = archive_path(archived)",
        "CREATE INDEX reference_by_path ON reference (path)",
    };

    /** Since version 3 the catalogue knows the run of each product, and which runs are closed. */
    private static final String[] RUNS = {
        "ALTER TABLE product ADD COLUMN run TEXT",
        "UPDATE product SET run = (SELECT value FROM metadata"
                + " WHERE product = number AND element = '" + Instances.KEY + "' ORDER BY position LIMIT 1)",
        "CREATE INDEX product_by_run ON product (run) WHERE run IS NOT NULL",
        "CREATE TABLE closed_run (run TEXT PRIMARY KEY, closed INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE INDEX closed_run_by_time ON closed_run (closed)",
    };

    private static final int BUSY_MILLISECONDS = 30_000;

    /** Of SQLite's error codes; the other bits tell more. */
    private static final int PRIMARY_CODE = 0xff;

    private final Path file;
    private final String url;
    private final Properties settings;
    private final Connection writer;
    private final Deque<Connection> idleReaders = new ConcurrentLinkedDeque<>();

    /**
     * Opens the file. A new one gets its tables, and what {@code fill} puts into them, in one transaction. A file of
     * an older version is upgraded.
     */
    Database(Path file, Work<Void> fill) throws CatalogException {
        this.file = file;
        url = "jdbc:sqlite:" + file;
        SQLiteConfig config = new SQLiteConfig();
        config.setJournalMode(SQLiteConfig.JournalMode.WAL);
        config.setSynchronous(SQLiteConfig.SynchronousMode.FULL);
        config.setBusyTimeout(BUSY_MILLISECONDS);
        config.enforceForeignKeys(true);
        settings = config.toProperties();
        try {
            writer = DriverManager.getConnection(url, settings);
        } catch (SQLException e) {
            throw failure(e);
        }
        write(connection -> {
            create(connection, fill);
            return null;
        });
    }

    private void create(Connection connection, Work<Void> fill) throws SQLException, CatalogException {
        try (Statement statement = connection.createStatement()) {
            int version;
            try (ResultSet row = statement.executeQuery("PRAGMA user_version")) {
                version = row.getInt(1);
            }
            if (version > VERSION) {
                throw new CatalogException(url + " has version " + version + ", this File Manager knows only "
                        + VERSION + ": start the newer one again");
            }
            if (version == 0) {
                execute(statement, SCHEMA);
            }
            if (version < 2) {
                Function.create(connection, "archive_path", new ArchivePathFunction());
                execute(statement, PATHS);
            }
            if (version == 0) {
                fill.on(connection);
            }
            if (version < 3) {
                execute(statement, RUNS);
            }
            if (version < VERSION) {
                statement.execute("PRAGMA user_version = " + VERSION);
            }
        }
    }

    private static void execute(Statement statement, String[] changes) throws SQLException {
        for (String change : changes) {
            statement.execute(change);
        }
    }

    private static final class ArchivePathFunction extends Function {
        @Override
        protected void xFunc() throws SQLException {
            String path = ArchivePath.of(value_text(0));
            if (path == null) {
                result();
            } else {
                result(path);
            }
        }
    }

    /** Commits all of the work; nothing of it if it fails. */
    <T> T write(Work<T> work) throws CatalogException {
        synchronized (writer) {
            try {
                execute("BEGIN IMMEDIATE");
                T result = work.on(writer);
                execute("COMMIT");
                return result;
            } catch (SQLException e) {
                rollBack(e);
                throw failure(e);
            } catch (CatalogException | RuntimeException | Error e) {
                rollBack(e);
                throw e;
            }
        }
    }

    /**
     * On a full disk SQLite has rolled back by itself and refuses to do it again. The driver's own transactions would
     * never begin again after that.
     */
    private void rollBack(Throwable cause) {
        try {
            execute("ROLLBACK");
        } catch (SQLException e) {
            cause.addSuppressed(e);
        }
    }

    private void execute(String statement) throws SQLException {
        try (Statement made = writer.createStatement()) {
            made.execute(statement);
        }
    }

    /** Reads what has been committed; writers do not wait for readers. */
    <T> T read(Work<T> work) throws CatalogException {
        try {
            Connection reader = idleReaders.poll();
            if (reader == null) {
                reader = DriverManager.getConnection(url, settings);
            }
            try {
                return work.on(reader);
            } finally {
                idleReaders.push(reader);
            }
        } catch (SQLException e) {
            throw failure(e);
        }
    }

    /** The disk that the file is on. */
    FileStore disk() throws IOException {
        return Files.getFileStore(file);
    }

    @Override
    public void close() throws CatalogException {
        try {
            for (Connection reader; (reader = idleReaders.poll()) != null; ) {
                reader.close();
            }
            writer.close();
        } catch (SQLException e) {
            throw failure(e);
        }
    }

    private CatalogException failure(SQLException e) {
        boolean full = (e.getErrorCode() & PRIMARY_CODE) == SQLiteErrorCode.SQLITE_FULL.code;
        String problem = full ? "its disk is full" : e.getMessage();
        CatalogException failure = new CatalogException("The catalogue " + url + " failed: " + problem);
        failure.initCause(e);
        return failure;
    }
}
