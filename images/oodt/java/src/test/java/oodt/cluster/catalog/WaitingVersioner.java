package oodt.cluster.catalog;

import java.util.concurrent.CountDownLatch;
import org.apache.oodt.cas.filemgr.structs.Product;
import org.apache.oodt.cas.filemgr.structs.exceptions.VersioningException;
import org.apache.oodt.cas.filemgr.versioning.BasicVersioner;
import org.apache.oodt.cas.metadata.Metadata;

/** OODT's basic versioner, which waits in the middle of an ingest when a test wants it to. */
public final class WaitingVersioner extends BasicVersioner {

    private static volatile CountDownLatch reached = new CountDownLatch(0);
    private static volatile CountDownLatch goOn = new CountDownLatch(0);

    /** From now on an ingest waits in the middle. */
    static void holdUp() {
        reached = new CountDownLatch(1);
        goOn = new CountDownLatch(1);
    }

    /** Returns once an ingest waits. */
    static void awaitIngest() throws InterruptedException {
        reached.await();
    }

    /** Lets the ingest go on. */
    static void release() {
        goOn.countDown();
    }

    @Override
    public void createDataStoreReferences(Product product, Metadata metadata) throws VersioningException {
        reached.countDown();
        try {
            goOn.await();
        } catch (InterruptedException e) {
            throw new VersioningException(e);
        }
        super.createDataStoreReferences(product, metadata);
    }
}
