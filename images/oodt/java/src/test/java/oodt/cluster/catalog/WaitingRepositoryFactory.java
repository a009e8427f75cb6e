package oodt.cluster.catalog;

import java.util.concurrent.CountDownLatch;
import org.apache.oodt.cas.filemgr.repository.RepositoryManager;
import org.apache.oodt.cas.filemgr.repository.RepositoryManagerFactory;
import org.apache.oodt.cas.filemgr.repository.XMLRepositoryManagerFactory;

/** OODT's repository of product types, whose loading waits for a test. */
public final class WaitingRepositoryFactory implements RepositoryManagerFactory {

    private static final CountDownLatch REACHED = new CountDownLatch(1);
    private static final CountDownLatch GO_ON = new CountDownLatch(1);

    /** Returns once a File Manager loads it. */
    static void awaitLoading() throws InterruptedException {
        REACHED.await();
    }

    /** Lets the loading go on. */
    static void release() {
        GO_ON.countDown();
    }

    @Override
    public RepositoryManager createRepositoryManager() {
        REACHED.countDown();
        try {
            GO_ON.await();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return new XMLRepositoryManagerFactory().createRepositoryManager();
    }
}
