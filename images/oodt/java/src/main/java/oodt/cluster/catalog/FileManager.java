package oodt.cluster.catalog;

import java.io.IOException;
import java.nio.file.FileStore;
import java.time.Duration;
import java.time.Instant;
import java.util.Hashtable;
import java.util.List;
import java.util.Vector;
import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.exceptions.CatalogException;
import org.apache.oodt.cas.filemgr.structs.exceptions.DataTransferException;
import org.apache.oodt.cas.filemgr.structs.exceptions.RepositoryManagerException;
import org.apache.oodt.cas.filemgr.structs.exceptions.VersioningException;
import org.apache.oodt.cas.filemgr.system.XmlRpcFileManager;
import org.apache.oodt.cas.filemgr.util.XmlRpcStructFactory;
import org.apache.xmlrpc.Invoker;
import org.apache.xmlrpc.XmlRpcHandler;

/**
 * OODT's File Manager, which knows the runs that its products are of, and can close one.
 *
 * <p>What is public here is an XML-RPC method, {@code filemgr.NAME}.
 */
public final class FileManager extends XmlRpcFileManager implements XmlRpcHandler {

    private static final String IS_ALIVE = "filemgr.isAlive";
    private static final Duration INGESTS_END_WITHIN = Duration.ofSeconds(20);
    private static final long LOADING_POLL_MILLISECONDS = 20;

    private volatile boolean loaded;

    public FileManager(int port) throws Exception {
        super(port);
        loaded = true;
    }

    /** As OODT's own: {@code --portNum PORT}. */
    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 2 || !arguments[0].equals("--portNum")) {
            System.err.println("usage: FileManager --portNum PORT");
            System.exit(2);
        }
        new FileManager(Integer.parseInt(arguments[1]));
        Thread.currentThread().join();
    }

    /**
     * Executes a call once all is loaded. OODT takes calls before, and a client of that moment loses its product. At
     * the end of its loading it asks itself whether it is alive.
     */
    @Override
    @SuppressWarnings("rawtypes") // as the interface has it
    public Object execute(String method, Vector parameters) throws Exception {
        while (!loaded && !method.equals(IS_ALIVE)) {
            Thread.sleep(LOADING_POLL_MILLISECONDS);
        }
        return new Invoker(this).execute(method, parameters);
    }

    @Override
    public String ingestProduct(Hashtable<String, Object> product, Hashtable<String, String> metadata, boolean client)
            throws VersioningException, RepositoryManagerException, DataTransferException, CatalogException {
        Ingest ingest = Ingest.begin(first(metadata.get(Instances.KEY)));
        try {
            return super.ingestProduct(product, metadata, client);
        } finally {
            ingest.end();
        }
    }

    /**
     * Takes nothing of a run into the catalogue any more, from now on, also after a restart; what is executed at this
     * moment is awaited. May be called again.
     *
     * @return the run's products, whole or not, each with its references as far as they are known
     */
    public Vector<Hashtable<String, Object>> closeRun(String run) throws CatalogException, InterruptedException {
        SqliteCatalog catalog = SqliteCatalogFactory.newest();
        catalog.closeRun(run, Instant.now());
        if (!Ingest.awaitNone(run, INGESTS_END_WITHIN)) {
            throw new CatalogException("Run " + run + " is closed, but an ingest of it is still being executed after "
                    + INGESTS_END_WITHIN.toSeconds() + " s: call closeRun again for its products");
        }
        Vector<Hashtable<String, Object>> products = new Vector<>();
        for (Product product : catalog.productsOfRun(run)) {
            products.add(XmlRpcStructFactory.getXmlRpcProduct(product));
        }
        return products;
    }

    /** Takes back that a run was closed, for a job that begins anew under the id that it had. */
    public boolean reopenRun(String run) throws CatalogException {
        SqliteCatalogFactory.newest().reopenRun(run);
        return true;
    }

    /**
     * Removes a file from the archive unless a product has it. Products get their references before their files, so
     * that no product of which this did not know has a file here.
     *
     * @return whether no product has it
     */
    public boolean removeUnusedFile(String path) throws CatalogException {
        return SqliteCatalogFactory.newest().removeUnusedFile(path);
    }

    /**
     * How large the disk of the catalogue is, and how much of it is free, in bytes. XML-RPC's integers are too small.
     */
    public Hashtable<String, Double> catalogueDisk() throws CatalogException, IOException {
        FileStore disk = SqliteCatalogFactory.newest().disk();
        Hashtable<String, Double> bytes = new Hashtable<>();
        bytes.put("size", (double) disk.getTotalSpace());
        bytes.put("free", (double) disk.getUsableSpace());
        return bytes;
    }

    /** Metadata values come as text or as lists of text. */
    private static String first(Object value) {
        if (value instanceof List<?> values) {
            return values.isEmpty() ? null : values.get(0).toString();
        }
        return value == null ? null : value.toString();
    }
}
